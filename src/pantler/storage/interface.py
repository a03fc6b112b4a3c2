"""The interface of storage: bytes at paths below one root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

TransferMode = Literal[
    "auto",
    "copy",
    "move",
    "link",
    "hardlink",
    "symlink",
    "relsymlink",
    "direct",
    "in-place",
]
"""How a file comes in: see `pantler.butler.interface.Butler.ingest`."""

Capability = Literal[
    "rename", "links", "paths", "write", "create", "copy", "list", "sign"
]
"""What not all storage can do, and callers ask for before they use it.

``rename``
    What is staged can be seen only once it is published. Without it, an object is
    there from the moment that it is staged, and publishing does nothing.
``links``
    A file can be brought in as a hard or symbolic link, so without copying it.
``paths``
    Files are on this host: `Storage.reading` yields them as they are, and copies
    nothing.
``write``
    Files can be written, replaced and deleted; without it they can only be read.
``create``
    A file can be written on the condition that none is there, also against others who
    try the same at that moment.
``copy``
    A file can be copied within the store, without its bytes coming by here.
``list``
    It can say which files there are.
``sign``
    It can make URLs by which others may read or write one file for a while.

Who asks for what a storage cannot do gets InvalidInputError.
"""

OnProblem = Callable[[str, str], None]
"""What is called with a path and what is odd about it."""


class Digest(Protocol):
    """What is fed with the bytes of a file, such as the hashes of ``hashlib``."""

    def update(self, data: bytes | memoryview, /) -> object:
        """Take more bytes."""
        ...


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file whose bytes are in storage, but not yet under its name.

    Parameters
    ----------
    path
        What it is to become.
    place
        Where its bytes are now, in words that only its storage understands.
    size_bytes
        How many there are.
    is_link
        Whether they are those of another file too.
    staged_s
        When, where that matters to its storage: seconds by a clock of this host.
    """

    path: str
    place: str
    size_bytes: int
    is_link: bool = False
    staged_s: float = 0.0


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file to be read, or some of its bytes.

    Parameters
    ----------
    path
        Which.
    offset
        The first byte.
    size
        How many; None for all that follow.
    """

    path: str
    offset: int = 0
    size: int | None = None


class Storage(Protocol):
    """Bytes at relative paths below a root URI.

    Implementations are plugins of the group ``pantler.storage``, named by URI scheme.
    A file is staged (its bytes written), secured (on the disk itself, where that was
    asked for) and published (under its name): so it is visible whole or not at all,
    also after a kill -9, and what is slow is done before anybody holds a lock.
    """

    @property
    def root(self) -> str:
        """The root URI, with its scheme and a final slash."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do that not all storage can."""
        ...

    def read(self, path: str, *, offset: int = 0, size: int | None = None) -> bytes:
        """Return bytes; a missing file raises NotFoundError."""
        ...

    def read_many(self, parts: Sequence[FilePart]) -> list[bytes]:
        """Return the bytes of many files or parts, in their order.

        From far away many are fetched at a time. All are held in memory: ask for what
        fits there. The first that cannot be read raises its error.
        """
        ...

    def reading(self, path: str) -> AbstractContextManager[Path]:
        """Yield a local path that holds the bytes, for libraries that need one."""
        ...

    def stage(self, path: str, data: bytes) -> StagedFile:
        """Write bytes, to be published as ``path``."""
        ...

    def stage_many(self, files: Mapping[str, bytes]) -> list[StagedFile]:
        """Write the bytes of many files, to be published under their paths.

        If one cannot be written, nothing of the others is left.
        """
        ...

    def stage_by(self, path: str, write: Callable[[Path], None]) -> StagedFile:
        """Have a function write to a local path, to be published as ``path``."""
        ...

    def stage_file(
        self, source: Path, path: str, mode: TransferMode, digest: Digest | None = None
    ) -> StagedFile:
        """Bring a local file in, to be published as ``path``.

        The source stays: with mode ``move`` a link or a copy is staged, and the
        caller removes the source when all else is done. Not for the modes in which a
        file stays where it is.
        A digest is fed with the bytes that were brought in.
        """
        ...

    def secure(self, files: Sequence[StagedFile]) -> None:
        """Put staged bytes on the disk itself, if this storage survives power cuts."""
        ...

    def publish(self, files: Sequence[StagedFile], *, durably: bool = True) -> None:
        """Give staged files their names, replacing what was there.

        The names survive power cuts if this storage does, unless ``durably`` is
        false: then `persist` is to follow before anybody records them.
        """
        ...

    def persist(self, paths: Sequence[str]) -> None:
        """Put published files and their names on the disk itself, as `secure` does."""
        ...

    def discard(self, files: Sequence[StagedFile]) -> None:
        """Remove staged files that were not published."""
        ...

    def write(self, path: str, data: bytes, *, create: bool = False) -> None:
        """Stage, secure and publish bytes, replacing what was there.

        With ``create`` nothing is replaced: ConflictError if a file is there. It needs
        the capability of that name.
        """
        ...

    def copy(self, source: str, target: str) -> None:
        """Make a file of another one within the store, replacing what was there."""
        ...

    def size_bytes(self, path: str) -> int:
        """Return the size of a file."""
        ...

    def delete(self, *paths: str) -> None:
        """Remove files, many at once; what is not there is no error."""
        ...

    def list_files(
        self,
        prefix: str = "",
        on_problem: OnProblem | None = None,
        *,
        settled: bool = False,
    ) -> Iterator[str]:
        """Yield the paths of all finished files below a folder.

        What cannot be listed is reported; it raises StorageError if nobody is to be
        called. With ``settled``, files are left out that a writer at work may have
        written and not yet published, where they can be seen before that.
        """
        ...

    def abandoned(self, on_problem: OnProblem | None = None) -> list[str]:
        """Return the unfinished files of writers that no longer live."""
        ...

    def signed_url(
        self,
        path: str,
        *,
        method: Literal["GET", "PUT"] = "GET",
        lifetime_s: float = 3600.0,
    ) -> str:
        """Return a URL by which anybody may read or write one file for a while."""
        ...
