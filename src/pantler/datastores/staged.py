"""Files that are written, but not yet visible."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

    from pantler.datasets.records import DatastoreRecord
    from pantler.storage.interface import StagedFile, Storage

_LOG = logging.getLogger("pantler.datastores")


@dataclass(frozen=True, slots=True)
class MovedSource:
    """A file that is to go, as it was before it was read.

    Parameters
    ----------
    path
        The file.
    identity
        Device, inode, size and time of modification.
    """

    path: Path
    identity: tuple[int, int, int, int]

    @classmethod
    def of(cls, path: Path) -> Self:
        """Return a source as it is now."""
        return cls(path, _identity(path))

    def remove(self) -> None:
        """Remove it, unless it is another file by now."""
        try:
            if _identity(self.path) != self.identity:
                _LOG.warning(
                    "Ingested, but %s has changed since it was read: it stays.",
                    self.path,
                )
                return
            self.path.unlink()
        except FileNotFoundError:
            pass
        except OSError as error:
            _LOG.warning(
                "Ingested, but %s cannot be removed: %s", self.path, error.strerror
            )


class StagedFiles:
    """Records, and the files that they will name.

    Parameters
    ----------
    storage
        Where the files are.

    Attributes
    ----------
    records
        The final records.
    files
        The files, still under other names.
    sources
        What goes when everything is recorded.
    """

    __slots__ = ("_storage", "_was_published", "files", "records", "sources")

    def __init__(self, storage: Storage) -> None:
        self.records: list[DatastoreRecord] = []
        self.files: list[StagedFile] = []
        self.sources: list[MovedSource] = []
        self._storage = storage
        self._was_published = False

    def secure(self) -> None:
        """Put the bytes on the disk itself, if the storage survives power cuts."""
        self._storage.secure(self.files)

    def publish(self, *, durably: bool = True) -> None:
        """Make the files visible under their names; see `Storage.publish`."""
        self._was_published = True
        self._storage.publish(self.files, durably=durably)

    def discard(self) -> None:
        """Remove the files, published or not; once or more often."""
        self._storage.discard(self.files)
        if self._was_published:
            for file in self.files:
                self._storage.delete(file.path)
        self.files.clear()
        self.sources.clear()

    def remove_sources(self) -> None:
        """Remove the files that were to be moved, when their records are committed."""
        for source in self.sources:
            source.remove()
        self.sources.clear()


def _identity(path: Path) -> tuple[int, int, int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
