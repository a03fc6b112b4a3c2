"""Files that go when they have been moved in, unless other datasets need them."""

# Strings and os calls, as in `pantler.storage.local`.
# ruff: noqa: PTH115, PTH118, PTH120
from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from pantler.storage.location import Location, is_uri

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pantler.datasets.records import DatastoreRecord

_LOG = logging.getLogger("pantler.datastores")

_MOST_LINKS: Final = 40
"""Links in a row after which Linux too gives up."""


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
        """Remove it, unless it has been changed; one that stays is said to."""
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


def remove_unused(
    sources: Iterable[MovedSource], root: str, records: Iterable[DatastoreRecord]
) -> None:
    """Remove sources, except those that datasets are read from.

    Parameters
    ----------
    sources
        What is to go.
    root
        The URI that the paths of records are relative to.
    records
        Of all datasets that may be read from one of the sources: where they are, or
        by a link in the datastore.
    """
    places = _Places()
    needed = {
        place
        for record in records
        for place in places.on_the_way(_local_path(root, record.path))
    }
    for source in sources:
        if places.of(str(source.path)) in needed:
            _LOG.warning(
                "Ingested, but another dataset is read from %s: it stays.", source.path
            )
        else:
            source.remove()


class _Places:
    """Names of files, each with the folder that it is really in."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def of(self, path: str) -> str:
        """Return the one name of a file or link, whatever links lead to its folder."""
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return os.path.join(self._folders[folder], name)

    def on_the_way(self, path: str) -> Iterator[str]:
        """Yield what must be there for a path to be read."""
        for _ in range(_MOST_LINKS if path else 0):
            place = self.of(path)
            yield place
            try:
                target = os.readlink(place)
            except OSError:
                return  # no link, or nothing there
            path = os.path.join(os.path.dirname(place), target)


def _local_path(root: str, path: str) -> str:
    """Return where the artifact of a record is; nothing if it is not on this host."""
    found = Location.parse(path) if is_uri(path) else Location.parse(root).join(path)
    return str(found.local_path()) if found.is_local else ""


def _identity(path: Path) -> tuple[int, int, int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
