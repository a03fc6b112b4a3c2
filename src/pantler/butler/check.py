"""What a killed program has left half done, and what has been lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import polars as pl

from pantler.butler.live_runs import find_live_runs
from pantler.datasets.collection import CollectionType
from pantler.datasets.records import RECORD_SCHEMA, DatastoreRecord, frame_to_records
from pantler.errors import ConflictError, InternalError, InvalidInputError
from pantler.queries.query import DatasetSearch, Query
from pantler.storage.location import Location
from pantler.storage.opening import open_storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantler.datasets.records import RecordTable
    from pantler.datasets.ref import DatasetRef
    from pantler.datastores.interface import Datastore
    from pantler.registry.interface import Registry

_BATCH: Final = 10_000


@dataclass(frozen=True, slots=True)
class Damage:
    """A recorded dataset that cannot be read.

    Parameters
    ----------
    ref
        Which.
    uri
        Where its file should be; empty if no file is recorded.
    problem
        What is wrong, in a few words.
    """

    ref: DatasetRef
    uri: str
    problem: str


@dataclass(slots=True)
class CheckReport:
    """What a check has found.

    Parameters
    ----------
    abandoned
        Unfinished files of dead processes, as paths within the datastore.
    beside
        The same in the other folders of the repository, as local paths.
    orphans
        Finished files that no record names, as paths within the datastore.
    damaged
        Recorded datasets whose file is not there, or has another size.
    repaired
        Whether all but the damaged were removed.
    """

    abandoned: list[str] = field(default_factory=list)
    beside: list[Path] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    damaged: list[Damage] = field(default_factory=list)
    repaired: bool = False

    @property
    def remains(self) -> int:
        """How many files there are that nobody needs."""
        return len(self.abandoned) + len(self.beside) + len(self.orphans)


class CheckedRepository(Protocol):
    """What a check needs of a repository."""

    root: str
    registry: Registry
    datastore: Datastore
    records: RecordTable


def check_repository(repository: CheckedRepository, *, repair: bool) -> CheckReport:
    """Compare files with records; see `Repository.check`."""
    root = _local_folder(repository.datastore.root)
    own = Path(repository.root).resolve()
    if root is not None and own.is_relative_to(root.resolve()):
        raise InvalidInputError(
            f"The datastore's root {repository.datastore.root} holds the repository "
            "itself: its files cannot be told from those that no record names."
        )
    if not repair:
        return _look(repository, root)
    # Whoever puts or ingests holds this lock from before the first file until all
    # is recorded. Workers of a run do not: they are known by the run's marker, and
    # a run that begins now waits for the lock before it writes anything.
    with repository.registry.transaction():
        _refuse_live_runs(repository.root)
        report = _look(repository, root)
        repository.datastore.delete([*report.abandoned, *report.orphans])
        for path in report.beside:
            path.unlink(missing_ok=True)
    report.repaired = True
    return report


def _look(repository: CheckedRepository, root: Path | None) -> CheckReport:
    records = repository.records
    return CheckReport(
        abandoned=sorted(repository.datastore.abandoned()),
        beside=sorted(_abandoned_beside(Path(repository.root), root)),
        orphans=sorted(repository.datastore.orphans(records.paths_in_use)),
        damaged=list(_damaged(repository)),
    )


def _refuse_live_runs(root: str) -> None:
    live = find_live_runs(root)
    if live:
        raise ConflictError(
            "A run is at work here, and what its workers have just written looks like "
            f"remains. Repair when it has ended. (Its lease is '{live[0]}'.)"
        )


def _abandoned_beside(repository: Path, datastore: Path | None) -> Iterator[Path]:
    """Yield what dead processes left in the folders that are not the datastore's."""
    for path in open_storage(str(repository)).abandoned():
        place = repository / path
        if datastore is None or not place.is_relative_to(datastore):
            yield place


def _damaged(repository: CheckedRepository) -> Iterator[Damage]:
    table = repository.records
    registry = repository.registry
    for run in registry.collections.all():
        if run.type is not CollectionType.RUN:
            continue
        for name in registry.collections.dataset_types(run.name):
            search = DatasetSearch(registry.dataset_types.get(name), (run.name,))
            group = search.dataset_type.dimensions
            found = registry.query(Query(group, target=search))
            for part in found.select("dataset_id").iter_slices(_BATCH):
                records = table.fetch(part["dataset_id"].to_list())
                for dataset_id in part.join(records, on="dataset_id", how="anti")[
                    "dataset_id"
                ]:
                    ref = _ref(repository, dataset_id)
                    yield Damage(ref, "", "no file is recorded")
                for record in _broken(repository, records):
                    ref, uri = (
                        _ref(repository, record.dataset_id),
                        repository.datastore.uri(record),
                    )
                    yield Damage(ref, uri, "the file is missing or has another size")


def _broken(
    repository: CheckedRepository, records: pl.DataFrame
) -> Iterator[DatastoreRecord]:
    """Yield the records whose file is not as it should be, looking once a file."""
    end = pl.col("offset").fill_null(0) + pl.col("size_bytes")
    last = records.sort(end).unique("path", keep="last")
    broken = [
        record.path
        for record in frame_to_records(last.select(RECORD_SCHEMA.names()))
        if not repository.datastore.exists([record])
    ]
    if broken:
        for record in frame_to_records(records.filter(pl.col("path").is_in(broken))):
            if not repository.datastore.exists([record]):
                yield record


def _ref(repository: CheckedRepository, dataset_id: bytes) -> DatasetRef:
    ref = repository.registry.datasets.get(dataset_id)
    if ref is None:
        raise InternalError(f"Dataset {dataset_id.hex()} was there a moment ago.")
    return ref


def _local_folder(uri: str) -> Path | None:
    location = Location.parse(uri)
    return location.local_path() if location.is_local else None
