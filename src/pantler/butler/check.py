"""What a killed program has left half done, and what has been lost."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from pantler.butler.live_runs import find_live_runs
from pantler.butler.trash import empty_trash
from pantler.datasets.collection import CollectionType
from pantler.datasets.records import frame_to_records
from pantler.errors import (
    CollectionNotFoundError,
    ConflictError,
    InvalidInputError,
)
from pantler.queries.query import DatasetSearch, Query
from pantler.storage.lease import is_lease
from pantler.storage.location import Location
from pantler.storage.opening import open_storage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from pantler.butler.members import Member
    from pantler.datasets.records import RecordTable
    from pantler.datasets.ref import DatasetRef
    from pantler.datastores.interface import Datastore
    from pantler.registry.interface import Registry

_BATCH: Final = 10_000
_REMOVED_AT_ONCE: Final = 1_000
"""Files that are removed while others wait."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A recorded dataset that cannot be read.

    Parameters
    ----------
    ref
        Which.
    uri
        Where its file should be.
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
        Unfinished files of dead writers and their leases, as paths within the
        datastore.
    outside
        The same in the other folders of the repository, as local paths.
    orphans
        Finished files that no record names, as paths within the datastore.
    damaged
        Recorded datasets whose file is not as recorded.
    odd
        What could not be looked at, with the reason.
    left_over
        UUIDs that are still known though their datasets are gone.
    unused_data_ids
        How many data IDs without datasets were removed; 0 unless it was repaired.
    without_files
        How many datasets are known whose files were removed on purpose.
    repaired
        Whether all but the damaged and the odd were removed.
    """

    abandoned: list[str] = field(default_factory=list)
    outside: list[Path] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    damaged: list[Damage] = field(default_factory=list)
    odd: dict[str, str] = field(default_factory=dict)
    left_over: list[bytes] = field(default_factory=list)
    unused_data_ids: int = 0
    without_files: int = 0
    repaired: bool = False

    @property
    def unfinished(self) -> list[str]:
        """The unfinished files of dead writers, without leases, which harm nobody."""
        found = [*self.abandoned, *map(str, self.outside)]
        return [path for path in found if not is_lease(path)]

    @property
    def remains(self) -> int:
        """How many files there are that nobody needs."""
        return len(self.unfinished) + len(self.orphans)


class CheckedRepository(Protocol):
    """What a check needs of a repository."""

    root: str
    registry: Registry
    datastore: Datastore
    members: tuple[Member, ...]
    records: RecordTable


@dataclass(frozen=True, slots=True)
class _Remains:
    """What nobody needs in one datastore, as paths within it."""

    member: Member
    abandoned: list[str]
    orphans: list[str]


def check_repository(
    repository: CheckedRepository, *, repair: bool, deep: bool
) -> CheckReport:
    """Compare files with records; see `Repository.check`."""
    roots = _local_roots(repository)
    if repair:
        _refuse_live_runs(repository.root)
        repository.datastore.claim(repository.registry.id)
    report = CheckReport()
    remains = _find_remains(repository, roots, report)
    if repair:
        _remove(repository, remains, report)
        report.unused_data_ids = repository.registry.removals.collect_data_ids()
        report.repaired = True
    report.damaged.extend(_damaged(repository, report, deep=deep))
    return report


def _local_roots(repository: CheckedRepository) -> list[Path]:
    """Return the local folders of the datastores.

    Raises
    ------
    InvalidInputError
        If one holds the repository itself.
    """
    own = Path(repository.root).resolve()
    roots = []
    for member in repository.members:
        root = _local_folder(member.datastore.root)
        if root is not None and own.is_relative_to(root.resolve()):
            raise InvalidInputError(
                f"The datastore's root {member.datastore.root} holds the repository "
                "itself: its files cannot be distinguished from those that no record "
                "names."
            )
        roots += [root] if root is not None else []
    return roots


def _find_remains(
    repository: CheckedRepository, roots: Sequence[Path], report: CheckReport
) -> list[_Remains]:
    folder = Path(repository.root)
    report.left_over = repository.registry.removals.left_over()
    found = []
    for member in repository.members:
        if member.datastore.is_read_only:
            continue

        def note(path: str, why: str, member: Member = member) -> None:
            report.odd[_shown(path, member, repository)] = why

        in_use = member.records.paths_in_use
        found.append(
            _Remains(
                member,
                sorted(member.datastore.abandoned(note)),
                sorted(member.datastore.orphans(in_use, note)),
            )
        )
    _report(found, repository, report)
    report.outside = sorted(
        folder / path
        for path in open_storage(str(folder)).abandoned(lambda *_: None)
        if not any((folder / path).is_relative_to(root) for root in roots)
    )
    return found


def _report(
    found: Sequence[_Remains], repository: CheckedRepository, report: CheckReport
) -> None:
    report.abandoned = [
        _shown(path, one.member, repository) for one in found for path in one.abandoned
    ]
    report.orphans = [
        _shown(path, one.member, repository) for one in found for path in one.orphans
    ]


def _shown(path: str, member: Member, repository: CheckedRepository) -> str:
    """Return a path with the name of its datastore, where there are several."""
    if len(repository.members) == 1:
        return path
    return f"{member.datastore.name}: {path}"


def _remove(
    repository: CheckedRepository, remains: Sequence[_Remains], report: CheckReport
) -> None:
    """Remove what nobody needs, having asked again while nobody can record anything.

    First what somebody was killed removing, of which also the notes go.

    A file that was seen without a record may have been about to be recorded: whoever
    puts or ingests gives files their names under the lock that is held here. Workers of
    a run do not, but the run is announced before its first file is written.
    """
    for begin in range(0, len(report.left_over), _BATCH):
        repository.registry.datasets.delete(report.left_over[begin : begin + _BATCH])
    empty_trash(repository)
    for one in remains:
        paths = [*one.abandoned, *one.orphans]
        for begin in range(0, len(paths), _REMOVED_AT_ONCE):
            some = paths[begin : begin + _REMOVED_AT_ONCE]
            with repository.registry.transaction():
                _refuse_live_runs(repository.root)
                in_use = one.member.records.paths_in_use(some)
                unused = [path for path in some if path not in in_use]
                one.member.datastore.delete(unused)
            one.orphans[:] = [path for path in one.orphans if path not in in_use]
    _report(remains, repository, report)
    outside = open_storage(repository.root)
    for place in report.outside:
        outside.delete(place.relative_to(repository.root).as_posix())


def _refuse_live_runs(root: str) -> None:
    live = find_live_runs(root)
    if live:
        raise ConflictError(
            "A run is at work here, and what its workers have just written looks like "
            f"remains. Repair when it has ended. (Its lease is '{live[0]}'.)"
        )


def _damaged(
    repository: CheckedRepository, report: CheckReport, *, deep: bool
) -> Iterator[Damage]:
    """Yield what cannot be read, unless somebody deletes it meanwhile.

    Files go after the dataset: one that is still there should have its file.
    """
    registry = repository.registry
    for dataset_id, uri, problem in _problems(repository, report, deep=deep):
        ref = registry.datasets.get(dataset_id)
        if ref is not None:
            yield Damage(ref, uri, problem)


def _problems(
    repository: CheckedRepository, report: CheckReport, *, deep: bool
) -> Iterator[tuple[bytes, str, str]]:
    """Yield datasets that seem damaged: their ID, URI and what is wrong."""
    for part in _dataset_ids(repository.registry):
        records = repository.records.fetch(part["dataset_id"].to_list())
        # A record and its dataset come in one transaction: who has none lost it so.
        report.without_files += part.join(records, on="dataset_id", how="anti").height
        # Those of one pack together.
        of_files = frame_to_records(records.sort("path", "offset"))
        for record, problem in repository.datastore.verify(of_files, content=deep):
            yield record.dataset_id, repository.datastore.uri(record), problem


def _dataset_ids(registry: Registry) -> Iterator[pl.DataFrame]:
    """Yield the IDs of all datasets, run by run, as parts of one column."""
    for run in registry.collections.all():
        if run.type is not CollectionType.RUN:
            continue
        found = []
        with suppress(CollectionNotFoundError):  # somebody has just removed it
            for name in registry.collections.dataset_types(run.name):
                search = DatasetSearch(registry.dataset_types.get(name), (run.name,))
                query = Query(search.dataset_type.dimensions, target=search)
                found.append(registry.query(query).select("dataset_id"))
        for frame in found:
            yield from frame.iter_slices(_BATCH)


def _local_folder(uri: str) -> Path | None:
    location = Location.parse(uri)
    return location.local_path() if location.is_local else None
