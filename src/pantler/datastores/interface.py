"""The interface of datastores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pantler.datasets.records import DatastoreRecord
    from pantler.datasets.ref import DatasetRef
    from pantler.storage.interface import TransferMode


class Datastore(Protocol):
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

    def write(self, value: Any, ref: DatasetRef) -> list[DatastoreRecord]:
        """Write an object; all its bytes are in place when this returns.

        Raises
        ------
        InvalidInputError
            If the object is not of the storage class.
        StorageError
            If it cannot be written; nothing is left behind.
        """
        ...

    def read(
        self,
        ref: DatasetRef,
        records: Sequence[DatastoreRecord],
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return a dataset or a component of it.

        Raises
        ------
        DatasetNotFoundError
            If the records are empty or the file is gone.
        IntegrityError
            If size or content are not as recorded.
        """
        ...

    def take(
        self, ref: DatasetRef, source: Path, formatter: str, mode: TransferMode
    ) -> list[DatastoreRecord]:
        """Bring in a file that some other program wrote.

        With ``direct`` the file stays where it is and the record holds its URI.
        """
        ...

    def pack(
        self, values: Sequence[tuple[DatasetRef, bytes]], pack: str
    ) -> list[DatastoreRecord]:
        """Append datasets, already formatted as bytes, to a pack of their type and run.

        Parameters
        ----------
        values
            Refs of one dataset type and run, with the bytes that the formatter of
            their storage class made.
        pack
            Name of this writer's pack, unique to the writer.
        """
        ...

    def path(self, ref: DatasetRef, formatter: str | None = None) -> str:
        """Return the path, relative to the root, to which `write` would write.

        With the formatter that `write` would use, or with the one that is named.
        """
        ...

    def find(self, ref: DatasetRef) -> list[DatastoreRecord]:
        """Return the record of what `write` wrote, by looking; empty if nothing.

        For readers whom nobody told: it has the size that is there, and no checksum.
        """
        ...

    def uri(self, record: DatastoreRecord) -> str:
        """Return the URI of an artifact."""
        ...

    def exists(self, records: Sequence[DatastoreRecord]) -> bool:
        """Whether all artifacts of the records are there, with the right size."""
        ...

    def delete(self, paths: Sequence[str]) -> None:
        """Remove artifacts that no record names any more, also unfinished ones."""
        ...

    def orphans(
        self, paths_in_use: Callable[[Sequence[str]], set[str]]
    ) -> Iterator[str]:
        """Yield the paths of finished artifacts that no record names.

        Parameters
        ----------
        paths_in_use
            Returns those of some paths that a record names.
        """
        ...

    def abandoned(self) -> list[str]:
        """Return the paths of unfinished artifacts whose writers have died."""
        ...
