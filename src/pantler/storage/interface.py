"""The interface of storage: bytes at paths below one root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

TransferMode = Literal["copy", "move", "hardlink", "symlink", "direct"]

Capability = Literal["rename", "links"]
"""What not all storage can do, and callers ask for before they use it.

``rename``
    What is staged can be seen only once it is published. Without it, an object is
    there from the moment that it is staged, and publishing does nothing.
``links``
    A file can be brought in as a hard or symbolic link, so without copying it.
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
    """

    path: str
    place: str
    size_bytes: int
    is_link: bool = False


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

    def reading(self, path: str) -> AbstractContextManager[Path]:
        """Yield a local path that holds the bytes, for libraries that need one."""
        ...

    def stage(self, path: str, data: bytes) -> StagedFile:
        """Write bytes, to be published as ``path``."""
        ...

    def stage_by(self, path: str, write: Callable[[Path], None]) -> StagedFile:
        """Have a function write to a local path, to be published as ``path``."""
        ...

    def stage_file(
        self, source: Path, path: str, mode: TransferMode, digest: Digest | None = None
    ) -> StagedFile:
        """Bring a local file in, to be published as ``path``.

        The source stays: with mode ``move`` a link or a copy is staged, and the
        caller removes the source when all else is done. Not for mode ``direct``.
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

    def write(self, path: str, data: bytes) -> None:
        """Stage, secure and publish bytes, replacing what was there."""
        ...

    def holds(self, local: Path) -> bool:
        """Whether a local file is one of this storage."""
        ...

    def size_bytes(self, path: str) -> int:
        """Return the size of a file."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file; one that is not there is no error."""
        ...

    def list_files(
        self, prefix: str = "", on_problem: OnProblem | None = None
    ) -> Iterator[str]:
        """Yield the paths of all finished files below a folder.

        What cannot be listed is reported; it raises StorageError if nobody is to be
        called.
        """
        ...

    def abandoned(self, on_problem: OnProblem | None = None) -> list[str]:
        """Return the unfinished files of writers that no longer live."""
        ...

    def owner(self) -> str | None:
        """Return who has claimed this root, if anybody has."""
        ...

    def claim(self, owner: str) -> None:
        """Mark the root as somebody's own; ConflictError if it is somebody else's."""
        ...
