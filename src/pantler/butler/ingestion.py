"""Files of other programs become datasets."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING
from uuid import UUID

import polars as pl

from pantler.datasets.collection import CollectionType
from pantler.datasets.identity import make_uuids
from pantler.datasets.records import records_to_frame
from pantler.datasets.ref import DatasetRef
from pantler.datastores.interface import SourceFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantler.butler.file_dataset import FileDataset
    from pantler.butler.pending_files import PendingFiles
    from pantler.datastores.interface import Datastore
    from pantler.registry.interface import Registry
    from pantler.storage.interface import TransferMode


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
    staged = datastore.prepare_files(
        [
            SourceFile(
                ref,
                file.path,
                file.formatter or ref.dataset_type.load_storage_class().formatter,
            )
            for file, ref in zip(files, refs, strict=True)
        ],
        transfer,
    )
    if transfer != "direct":
        pending.note_written([record.path for record in staged.records])
    pending.after_commit(staged.remove_sources)
    staged.publish()
    table = registry.record_table(datastore.name)
    table.insert(records_to_frame(staged.records))
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
        data_ids = pl.DataFrame(rows) if rows[0] else pl.DataFrame(height=len(rows))
        registry.datasets.insert(dataset_type, run, data_ids, ids)
