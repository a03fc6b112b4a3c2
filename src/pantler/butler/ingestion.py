"""Files of other programs become datasets."""

from __future__ import annotations

import functools
import logging
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from uuid import UUID

import polars as pl

from pantler.datasets.collection import CollectionType
from pantler.datasets.identity import make_uuids
from pantler.datasets.records import DatastoreRecord, records_to_frame
from pantler.datasets.ref import DatasetRef
from pantler.errors import AccessError, StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantler.butler.file_dataset import FileDataset
    from pantler.butler.pending_files import PendingFiles
    from pantler.datastores.interface import Datastore
    from pantler.registry.interface import Registry
    from pantler.storage.interface import TransferMode

_LOG = logging.getLogger("pantler.butler")


def ingest_files(
    files: Sequence[FileDataset],
    transfer: TransferMode,
    *,
    registry: Registry,
    datastore: Datastore,
    pending: PendingFiles,
) -> list[DatasetRef]:
    """Make datasets of files, within a transaction that ``pending`` follows.

    A file that is to be moved gets a second link, or is copied where that is not
    possible, and goes from its old place only when everything is committed.
    """
    refs = [
        DatasetRef(
            file.dataset_type,
            registry.dimensions.expand(file.data_id, file.dataset_type.dimensions),
            file.run,
            UUID(bytes=identity.tobytes()),
        )
        for file, identity in zip(files, make_uuids(len(files)), strict=True)
    ]
    _insert(registry, refs)
    records: list[DatastoreRecord] = []
    for file, ref in zip(files, refs, strict=True):
        taken = _take(datastore, file, ref, transfer)
        records.extend(taken)
        if transfer == "direct" or _is_in_place(file.path, datastore.uri(taken[0])):
            continue
        pending.note_written([record.path for record in taken])
        if transfer == "move":
            pending.after_commit(functools.partial(_remove, file.path))
    registry.record_table(datastore.name).insert(records_to_frame(records))
    return refs


def _take(
    datastore: Datastore, file: FileDataset, ref: DatasetRef, transfer: TransferMode
) -> list[DatastoreRecord]:
    formatter = file.formatter or ref.dataset_type.load_storage_class().formatter
    if transfer != "move":
        return datastore.take(ref, file.path, formatter, transfer)
    if not file.path.is_symlink():
        with suppress(
            AccessError, StorageError
        ):  # another file system, or one without links
            return datastore.take(ref, file.path, formatter, "hardlink")
    return datastore.take(ref, file.path, formatter, "copy")


def _is_in_place(source: Path, uri: str) -> bool:
    """Whether a file is where the datastore wants it: it is not ours to remove."""
    parts = urlsplit(uri)
    place = Path(unquote(parts.path))
    return (
        parts.scheme == "file"
        and source.name == place.name
        and source.parent.resolve() == place.parent.resolve()
    )


def _remove(source: Path) -> None:
    try:
        source.unlink(missing_ok=True)
    except OSError as error:
        _LOG.warning("Ingested, but %s cannot be removed: %s", source, error.strerror)


def _insert(registry: Registry, refs: list[DatasetRef]) -> None:
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, ref in enumerate(refs):
        groups[ref.dataset_type.name, ref.run].append(index)
    for (_, run), members in groups.items():
        registry.collections.register(run, CollectionType.RUN)
        dataset_type = refs[members[0]].dataset_type
        rows = [refs[index].data_id.required for index in members]
        ids = pl.Series([refs[index].id.bytes for index in members], dtype=pl.Binary)
        data_ids = pl.DataFrame(rows) if rows[0] else pl.DataFrame(height=len(rows))
        registry.datasets.insert(dataset_type, run, data_ids, ids)
