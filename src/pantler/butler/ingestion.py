"""Files of other programs become datasets."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

import polars as pl

from pantler.datasets.collection import CollectionType
from pantler.datasets.identity import make_uuids
from pantler.datasets.ref import DatasetRef
from pantler.datastores.interface import SourceFile
from pantler.errors import DataIdError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pantler.butler.file_dataset import FileDataset
    from pantler.dimensions.coordinate import DataCoordinate
    from pantler.dimensions.records import Rows
    from pantler.registry.interface import Registry


class _TryOutError(Exception):
    """Ends a transaction that was only to show whether it would do."""


def make_refs(
    files: Sequence[FileDataset],
    registry: Registry,
    new_records: Mapping[str, Rows],
) -> list[DatasetRef]:
    """Return refs with full data IDs, which may need records that are yet to come.

    Such records are inserted for a moment, and undone: so they are checked, and known,
    while nobody holds a lock for as long as the copying of files takes.
    """
    if not new_records:
        return _expand(files, registry)
    refs: list[DatasetRef] = []
    with suppress(_TryOutError), registry.transaction():
        insert_records(registry, new_records)
        refs = _expand(files, registry)
        raise _TryOutError
    return refs


def make_sources(
    files: Sequence[FileDataset], refs: Sequence[DatasetRef]
) -> list[SourceFile]:
    """Return the files as a datastore takes them."""
    return [
        SourceFile(
            ref,
            file.path,
            file.formatter or ref.dataset_type.load_storage_class().formatter,
        )
        for file, ref in zip(files, refs, strict=True)
    ]


def insert_records(registry: Registry, records: Mapping[str, Rows]) -> None:
    """Insert the records of some elements, in this order."""
    for element, rows in records.items():
        registry.dimensions.insert(element, rows)


def insert_refs(registry: Registry, refs: Sequence[DatasetRef]) -> None:
    """Record datasets, in RUN collections that are made if need be."""
    groups: dict[tuple[str, str], list[DatasetRef]] = defaultdict(list)
    for ref in refs:
        groups[ref.dataset_type.name, ref.run].append(ref)
    for (_, run), members in groups.items():
        registry.collections.register(run, CollectionType.RUN)
        rows = [ref.data_id.required for ref in members]
        registry.datasets.insert(
            members[0].dataset_type,
            run,
            pl.DataFrame(rows) if rows[0] else pl.DataFrame(height=len(rows)),
            pl.Series("dataset_id", [ref.id.bytes for ref in members], dtype=pl.Binary),
        )


def _expand(files: Sequence[FileDataset], registry: Registry) -> list[DatasetRef]:
    return [
        DatasetRef(
            file.dataset_type,
            _data_id(file, registry),
            file.run,
            UUID(bytes=identity.tobytes()),
        )
        for file, identity in zip(files, make_uuids(len(files)), strict=True)
    ]


def _data_id(file: FileDataset, registry: Registry) -> DataCoordinate:
    try:
        return registry.dimensions.expand(file.data_id, file.dataset_type.dimensions)
    except DataIdError as error:
        raise DataIdError(f"'{file.path}' cannot be ingested: {error}") from None
