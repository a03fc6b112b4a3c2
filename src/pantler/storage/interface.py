"""The interface of storage: bytes at paths below one root."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

TransferMode = Literal["copy", "move", "hardlink", "symlink", "direct"]


class Storage(Protocol):
    """Bytes at relative paths below a root URI.

    Implementations are plugins of the group ``pantler.storage``, named by URI scheme.
    A write is visible whole or not at all, also after a kill -9.
    """

    @property
    def root(self) -> str:
        """The root URI, with its scheme and a final slash."""
        ...

    def read(self, path: str, *, offset: int = 0, size: int | None = None) -> bytes:
        """Return bytes; a missing file raises NotFoundError."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Write bytes atomically, replacing what was there."""
        ...

    def writing(self, path: str) -> AbstractContextManager[Path]:
        """Yield a local path to write to; on success it becomes ``path``."""
        ...

    def reading(self, path: str) -> AbstractContextManager[Path]:
        """Yield a local path that holds the bytes, for libraries that need one."""
        ...

    def append(self, path: str, data: bytes) -> int:
        """Add bytes at the end and return the offset at which they begin.

        For packs with one writer; readers go by recorded offsets, so that an
        append that was cut off does no harm.
        """
        ...

    def exists(self, path: str) -> bool:
        """Whether a file is there."""
        ...

    def size_bytes(self, path: str) -> int:
        """Return the size of a file."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file; one that is not there is no error."""
        ...

    def list_files(self, prefix: str = "") -> Iterator[str]:
        """Yield the paths of all finished files below a folder."""
        ...

    def abandoned(self) -> list[str]:
        """Return the temporary files of writers that no longer live."""
        ...

    def take(self, source: Path, path: str, mode: TransferMode) -> None:
        """Bring a local file in, atomically; not for mode ``direct``."""
        ...
