"""Bringing a local file in: copied, or as a link."""

# Strings and os calls, as in `local`.
# ruff: noqa: PTH118, PTH120, PTH123, PTH211
from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Final

from pantler.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

    from pantler.storage.interface import Digest, TransferMode

_CHUNK_BYTES: Final = 1 << 18
NO_LINKS: Final = {
    errno.EXDEV,
    errno.EPERM,
    errno.EMLINK,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
}
"""How operating systems say that a hard link cannot be made."""


def bring_in(
    origin: str, unfinished: str, mode: TransferMode, digest: Digest | None
) -> int:
    """Make an unfinished file of another one, and return its size in bytes.

    Parameters
    ----------
    origin
        Absolute path of a file.
    unfinished
        What is made.
    mode
        ``copy``, ``move``, ``link``, ``hardlink``, ``symlink`` or ``relsymlink``. To
        move is to link where that can be and the origin has no other name, and to copy
        elsewhere; the origin is left for the caller to remove. A link is a hard one
        where there can be one, and a symbolic one elsewhere.
    digest
        Fed with the bytes that are in the new file, or in what it links to.

    Raises
    ------
    StorageError
        If the origin changes meanwhile: what was brought in would not be a whole file.
    OSError
        As the operating system says.
    """
    if mode in {"symlink", "relsymlink"}:
        return _link_by_name(origin, unfinished, mode, digest)
    if mode in {"hardlink", "link"} or (mode == "move" and _is_only_name(origin)):
        try:
            os.link(os.path.realpath(origin), unfinished)
        except OSError as error:
            if mode == "hardlink" or error.errno not in NO_LINKS:
                raise
            if mode == "link":
                return _link_by_name(origin, unfinished, mode, digest)
        else:
            return read_through(unfinished, digest)
    size = _copy(origin, unfinished, digest)
    if mode == "move":
        # The origin will be removed: so the copy is on the disk, whatever the settings
        # say of power cuts, and it is the same.
        sync(unfinished)
        _check_same(origin, unfinished)
    return size


def _is_only_name(origin: str) -> bool:
    """Whether nobody could change a file by another name once this one is gone."""
    found = os.lstat(origin)
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1


def _link_by_name(
    origin: str, unfinished: str, mode: TransferMode, digest: Digest | None
) -> int:
    target = origin
    if mode == "relsymlink":
        # From where the link really is: '..' leads up from there.
        folder = os.path.realpath(os.path.dirname(unfinished))
        parent, name = os.path.split(origin)
        target = os.path.relpath(os.path.join(os.path.realpath(parent), name), folder)
    os.symlink(target, unfinished)
    return read_through(origin, digest)


def sync(place: str) -> None:
    """Put a file's bytes, or a folder's entries, on the disk itself."""
    descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_through(place: str, digest: Digest | None) -> int:
    """Feed a digest with a file, and return its size.

    Raises
    ------
    StorageError
        If somebody changes the file meanwhile.
    """
    with open(place, "rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        if digest is None:
            return before.st_size
        size = 0
        for chunk in _chunks(file):
            digest.update(chunk)
            size += len(chunk)
        _check_unchanged(place, before, os.fstat(file.fileno()), size)
        return size


def read_bytes(place: str, digest: Digest | None) -> bytes:
    """Return the bytes of a file, having fed a digest with them.

    Raises
    ------
    StorageError
        If somebody changes the file meanwhile.
    """
    with open(place, "rb") as file:
        before = os.fstat(file.fileno())
        data = file.read()
        _check_unchanged(place, before, os.fstat(file.fileno()), len(data))
    if digest is not None:
        digest.update(data)
    return data


def _copy(origin: str, unfinished: str, digest: Digest | None) -> int:
    with open(origin, "rb", buffering=0) as source, open(unfinished, "xb") as target:
        before = os.fstat(source.fileno())
        size = 0
        for chunk in _chunks(source):
            if digest is not None:
                digest.update(chunk)
            target.write(chunk)
            size += len(chunk)
        _check_unchanged(origin, before, os.fstat(source.fileno()), size)
        return size


def _chunks(file: FileIO) -> Iterator[memoryview]:
    """Yield the bytes of a file in one buffer, which is filled again and again."""
    buffer = memoryview(bytearray(_CHUNK_BYTES))
    while size := file.readinto(buffer):
        yield buffer[:size]


def _check_same(origin: str, copy: str) -> None:
    with (
        open(origin, "rb", buffering=0) as left,
        open(copy, "rb", buffering=0) as right,
    ):
        while chunk := left.read(_CHUNK_BYTES):
            if right.read(len(chunk)) != chunk:
                break
        else:
            if not right.read(1):
                return
    raise StorageError(f"what was copied of {origin} differs when it is read again")


def _check_unchanged(
    place: str, before: os.stat_result, after: os.stat_result, size: int
) -> None:
    """Refuse a file that somebody was writing while it was read."""
    if not (before.st_size == after.st_size == size) or (
        before.st_mtime_ns != after.st_mtime_ns
    ):
        raise StorageError(
            f"{place} was changed while it was read: bring it in when it is finished"
        )
