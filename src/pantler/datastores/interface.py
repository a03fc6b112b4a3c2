"""The interface of datastores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pantler.datasets.dataset_type import DatasetType
    from pantler.datasets.records import DatastoreRecord, OwnRecords
    from pantler.datasets.ref import DatasetRef
    from pantler.datasets.storage_class import StorageClass
    from pantler.storage.interface import OnProblem, TransferMode

    FindSame = Callable[
        [Sequence[DatastoreRecord], Sequence[str]], Iterable[DatastoreRecord]
    ]
    """A function as ``RecordTable.find_same``."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A local file that some other program wrote, to become a dataset.

    Parameters
    ----------
    ref
        The dataset.
    path
        The file.
    formatter
        Name of the formatter that can read it.
    """

    ref: DatasetRef
    path: Path
    formatter: str


class Staged(Protocol):
    """Datasets whose bytes are written and checked, but which are not yet there.

    What is slow has been done: `publish` takes a moment, and belongs into the
    transaction that records the datasets. Call either `publish` or `discard`; after
    a transaction that failed, `discard` also what was published.
    """

    @property
    def records(self) -> list[DatastoreRecord]:
        """The final records, ready to be inserted."""
        ...

    def publish(self) -> None:
        """Make the artifacts visible under their names.

        Where the storage survives power cuts, they are on the disk itself when this
        returns. Where storage cannot rename, they have been visible since `prepare`.
        """
        ...

    def discard(self) -> None:
        """Remove the artifacts, published or not; once or more often.

        Sources of files are never touched.
        """
        ...

    @property
    def has_sources(self) -> bool:
        """Whether there is anything for `remove_sources` to do."""
        ...

    def remove_sources(self, find_same: FindSame) -> None:
        """Remove the files that were to be moved, when their records are committed.

        Call it while nobody else can record anything: one that another dataset is
        read from stays, as does one that was changed since it was read, each with a
        warning in the log.

        Parameters
        ----------
        find_same
            Returns the records that may be of the same bytes as some, or that name
            one of some paths, as ``RecordTable.find_same`` does.
        """
        ...

    def part_from_sources(self) -> None:
        """Give bytes of their own to datasets that share those of a source that stays.

        Whoever owns the source may change it, which must not change the dataset. Call
        it after `remove_sources`, and outside of transactions: it may copy much.

        Raises
        ------
        StorageError
            If a file cannot be copied; the message names the sources.
        """
        ...


class Datastore(Protocol):  # noqa: PLR0904 - all of one interface
    """Where datasets are.

    A datastore works without a registry: writing returns records, reading takes
    them. Who keeps the records is the caller's affair: the butler in a table of the
    registry, a quantum graph in its file. Methods never touch the record table.
    """

    @property
    def name(self) -> str:
        """A name that identifies it within its repository."""
        ...

    @property
    def root(self) -> str:
        """The URI below which its artifacts are, with a final slash."""
        ...

    @property
    def is_lasting(self) -> bool:
        """Whether what it keeps is there for other processes, also later."""
        ...

    @property
    def is_read_only(self) -> bool:
        """Whether its settings forbid to add and to remove anything."""
        ...

    @property
    def members(self) -> Sequence[Datastore]:
        """The datastores that it is made of, each with records of its own name.

        Itself alone, unless it is a chain.
        """
        ...

    def own_records(self) -> OwnRecords | None:
        """Return the table of its records, if it keeps them itself.

        None where they belong into the registry, which is for all that lasts.
        """
        ...

    def accepts(self, dataset_type: DatasetType) -> bool:
        """Whether new datasets of a type are taken, by its settings."""
        ...

    def prepare(self, value: Any, ref: DatasetRef) -> Staged:
        """Write the bytes of an object, without making it visible.

        Raises
        ------
        InvalidInputError
            If the object is not of the storage class.
        StorageError
            If it cannot be written; nothing is left behind.
        """
        ...

    def prepare_many(self, values: Sequence[Any], refs: Sequence[DatasetRef]) -> Staged:
        """Write the bytes of many objects, without making them visible.

        Several are written at a time, and small ones may share an artifact.

        Parameters
        ----------
        values, refs
            Objects, and what they are to become.

        Raises
        ------
        InvalidInputError
            If an object is not of its storage class.
        StorageError
            If one cannot be written; nothing is left behind.
        """
        ...

    def prepare_files(self, files: Sequence[SourceFile], mode: TransferMode) -> Staged:
        """Bring in files of other programs, without making them visible.

        With ``direct`` files stay where they are and the records hold their URIs;
        `delete` does not touch them. With ``move`` the sources stay until
        `Staged.remove_sources`.

        Raises
        ------
        DatasetNotFoundError
            If there is no such file.
        StorageError
            If one cannot be brought in, or changes meanwhile; nothing is left behind.
        """
        ...

    def write(self, value: Any, ref: DatasetRef) -> list[DatastoreRecord]:
        """Write an object and make it visible, for workers: others record it.

        Whoever records it calls `persist` before, for many at once.

        Raises
        ------
        InvalidInputError
            If the object is not of the storage class.
        StorageError
            If it cannot be written; nothing is left behind.
        """
        ...

    def persist(self, records: Sequence[DatastoreRecord]) -> None:
        """Put what `write` wrote on the disk itself, if it is to survive power cuts."""
        ...

    def read(
        self,
        ref: DatasetRef,
        records: Sequence[DatastoreRecord],
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        storage_class: StorageClass | None = None,
    ) -> Any:
        """Return a dataset or a component of it.

        Parameters
        ----------
        ref, records
            Which one, and where.
        component
            Name of a part of it; None for all.
        parameters
            Options of the read that the storage class allows.
        storage_class
            What it is to be converted to; None for as it was put.

        Raises
        ------
        DatasetNotFoundError
            If the records are empty or the file is gone.
        IntegrityError
            If size or content are not as recorded.
        InvalidInputError
            If it cannot be converted.
        """
        ...

    def read_many(
        self,
        refs: Iterable[DatasetRef],
        records: Mapping[bytes, Sequence[DatastoreRecord]],
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        storage_class: StorageClass | None = None,
    ) -> Iterator[Any]:
        """Yield many datasets, or a component of each, in the order of their refs.

        Some are read ahead, several at a time, in bounded memory.

        Parameters
        ----------
        refs
            Which ones.
        records
            Of the datasets that have any, by ID.
        component, parameters, storage_class
            As for `read`.

        Raises
        ------
        DatasetNotFoundError, IntegrityError
            As `read` does, when it is the turn of a dataset that cannot be read.
        """
        ...

    def prepare_pack(self, values: Sequence[tuple[DatasetRef, bytes]]) -> Staged:
        """Write many small datasets of one type and run into one new artifact.

        See `pack`, which also publishes.
        """
        ...

    def pack(self, values: Sequence[tuple[DatasetRef, bytes]]) -> list[DatastoreRecord]:
        """Write many small datasets of one type and run into one new artifact.

        Nobody ever changes it: give it all that is waiting at once.

        Parameters
        ----------
        values
            Refs of one dataset type and run, with the bytes that the formatter of
            their storage class made.
        """
        ...

    def paths(self, ref: DatasetRef) -> list[str]:
        """Return all paths, relative to the root, to which `write` may write.

        One for a whole dataset, several for one that is taken apart.
        """
        ...

    def find(self, ref: DatasetRef) -> list[DatastoreRecord]:
        """Return the records of what `write` wrote, as found in the storage.

        For readers that were not given records: they have the sizes that are there,
        and no checksums; empty if there is nothing.
        """
        ...

    def uri(self, record: DatastoreRecord) -> str:
        """Return the URI of an artifact."""
        ...

    def exists(self, records: Sequence[DatastoreRecord]) -> bool:
        """Whether all artifacts of the records are there, with the right size."""
        ...

    def verify(
        self, records: Sequence[DatastoreRecord], *, content: bool = False
    ) -> Iterator[tuple[DatastoreRecord, str]]:
        """Yield the records whose artifacts are not as recorded, with what is wrong.

        With ``content``, all bytes are read and compared with their checksums.
        """
        ...

    def delete(self, paths: Sequence[str]) -> None:
        """Remove artifacts that no record names any more, also unfinished ones."""
        ...

    def orphans(
        self,
        paths_in_use: Callable[[Sequence[str]], set[str]],
        on_problem: OnProblem | None = None,
    ) -> Iterator[str]:
        """Yield the paths of finished artifacts that no record names.

        Parameters
        ----------
        paths_in_use
            Returns those of some paths that a record names.
        on_problem
            Called with a path and what is odd about it, such as a folder that cannot
            be read; StorageError is raised if nobody is to be called.
        """
        ...

    def abandoned(self, on_problem: OnProblem | None = None) -> list[str]:
        """Return the paths of unfinished artifacts whose writers have died."""
        ...

    def owner(self) -> str | None:
        """Return the ID of the repository that has claimed the root, if any has."""
        ...

    def claim(self, owner: str) -> None:
        """Mark the root as that of one repository, by the repository's ID.

        Raises
        ------
        ConflictError
            If it is the root of another repository.
        """
        ...
