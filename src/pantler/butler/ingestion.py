"""Files of other programs become datasets."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import polars as pl

from pantler.datasets.collection import CollectionType
from pantler.datasets.identity import make_uuids
from pantler.datasets.records import DatastoreRecord, records_to_frame
from pantler.datasets.ref import DatasetRef

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from pantler.butler.file_dataset import FileDataset
    from pantler.datastores.interface import Datastore
    from pantler.registry.interface import Registry
    from pantler.storage.interface import TransferMode


class IngestTarget(Protocol):
    """What ingest needs of a butler."""

    registry: Registry
    datastore: Datastore

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing."""
        ...

    def note_written(self, paths: Sequence[str]) -> None:
        """Remember new files, to be removed if the transaction fails."""
        ...


def ingest_files(
    butler: IngestTarget, files: Sequence[FileDataset], transfer: TransferMode
) -> list[DatasetRef]:
    """Make datasets of files: all of them or none.

    A file that is to be moved is copied (or linked), and removed from its old place
    only after everything is recorded.
    """
    mode: TransferMode = "copy" if transfer == "move" else transfer
    expand = butler.registry.dimensions.expand
    refs = [
        DatasetRef(
            file.dataset_type,
            expand(file.data_id, file.dataset_type.dimensions),
            file.run,
            UUID(bytes=identity.tobytes()),
        )
        for file, identity in zip(files, make_uuids(len(files)), strict=True)
    ]
    with butler.transaction():
        _insert(butler.registry, refs)
        records: list[DatastoreRecord] = []
        for file, ref in zip(files, refs, strict=True):
            formatter = (
                file.formatter or ref.dataset_type.load_storage_class().formatter
            )
            taken = butler.datastore.take(ref, file.path, formatter, mode)
            if mode != "direct":
                butler.note_written([record.path for record in taken])
            records.extend(taken)
        table = butler.registry.record_table(butler.datastore.name)
        table.insert(records_to_frame(records))
    if transfer == "move":
        for file in files:
            file.path.unlink(missing_ok=True)
    return refs


def _insert(registry: Registry, refs: list[DatasetRef]) -> None:
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, ref in enumerate(refs):
        groups[ref.dataset_type.name, ref.run].append(index)
    for (_, run), members in groups.items():
        registry.collections.register(run, CollectionType.RUN)
        dataset_type = refs[members[0]].dataset_type
        rows = [refs[index].data_id.required for index in members]
        ids = pl.Series([refs[index].id.bytes for index in members], dtype=pl.Binary)
        registry.datasets.insert(dataset_type, run, pl.DataFrame(rows), ids)
