"""Walking through the folders of local storage, whatever lies there."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from pantler.errors import StorageError
from pantler.storage.lease import FOLDER as LEASES
from pantler.storage.unfinished import is_unfinished

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantler.storage.interface import OnProblem

MARKER: Final = ".pantler-root"
"""The file in a root that says whose it is."""

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def walk(start: str, on_problem: OnProblem | None = None) -> Iterator[str]:
    """Yield the absolute paths of all files below a folder, in no fixed order.

    Left out are leases and markers; folders that are the marked roots of others; and
    what lies behind a link to a folder: data that somebody moved to another disk, or
    something else, but nothing that is ours to tidy.

    Parameters
    ----------
    start
        The folder; nothing is yielded if it is not there.
    on_problem
        Called with a place and what is odd about it, in place of an error: a folder
        that cannot be read, a link that leads in circles or nowhere, something that
        is neither a file nor a folder, a name that is not text.

    Raises
    ------
    StorageError
        At the first such place, if nobody is to be called.
    """
    report = on_problem or _refuse
    folders = [start]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as found:
                entries = list(found)
        except FileNotFoundError:
            continue  # it never was there, or has just been removed
        except OSError as error:
            report(folder, _reason(error))
            continue
        if folder != start and any(entry.name == MARKER for entry in entries):
            continue
        for entry in entries:
            kind = _kind(entry)
            if kind == "folder":
                folders.append(entry.path)
            elif kind == "file":
                yield entry.path
            elif kind:
                report(_shown(entry.path), kind)


def _kind(entry: os.DirEntry[str]) -> str:
    """Return ``"file"``, ``"folder"``, nothing for what to pass over, or a problem."""
    if entry.name in {LEASES, MARKER}:
        return ""
    try:
        return _kind_of(entry)
    except OSError as error:
        return _reason(error)


def _kind_of(entry: os.DirEntry[str]) -> str:
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    if not _is_text(entry.path):
        return "its name is not text"
    if is_unfinished(entry.name):
        return "file"  # also a link of a dead writer, wherever it leads
    if entry.is_symlink():
        if entry.is_dir():
            return ""
        try:
            entry.stat()
        except FileNotFoundError:
            # Left by an ingest that was killed, or recorded, if it has a dataset's
            # name; else somebody's link to a folder on a disk that is not there now.
            ours = _UUID.search(entry.name)
            return "file" if ours else "it is a link that leads nowhere"
        return "file"
    if entry.is_file(follow_symlinks=False):
        return "file"
    return "it is neither a file nor a folder"


def _is_text(path: str) -> bool:
    """Whether a path can be written anywhere, such as into a database."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode()


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _refuse(place: str, reason: str) -> None:
    raise StorageError(f"Cannot list {place}: {reason}.")
