"""Local files, with plain calls of the operating system.

A write goes to a temporary file in the folder of its target and is renamed when it
is whole. So readers see all or nothing, and a kill leaves at most a temporary file,
whose name tells whether its writer still lives.
"""

# Strings and os calls: a Path for each costs more than the call itself.
# ruff: noqa: PTH100, PTH103, PTH105, PTH108, PTH112, PTH113, PTH114, PTH116, PTH120, PTH211
from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pantler.errors import InvalidInputError, NotFoundError
from pantler.storage import temporary
from pantler.storage.os_errors import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantler.storage.interface import TransferMode


class LocalStorage:
    """Files below a folder, which is made on the first write.

    Parameters
    ----------
    root
        A path, or a ``file://`` URI.
    fsync
        Whether a finished write also survives a power cut. Without it, it survives
        the death of the process.
    """

    def __init__(self, root: str | Path, *, fsync: bool = False) -> None:
        self._folder = os.path.abspath(_local_path(root))
        self._fsync = fsync

    @property
    def root(self) -> str:
        """The root as a ``file://`` URI with a final slash."""
        return Path(self._folder).as_uri() + "/"

    def read(self, path: str, *, offset: int = 0, size: int | None = None) -> bytes:
        """Return bytes of a file.

        Parameters
        ----------
        path
            Which file.
        offset
            First byte.
        size
            How many bytes; None for all that follow. Fewer come back if the file
            ends before.

        Raises
        ------
        NotFoundError
            If there is no such file.
        """
        place = self._place(path)
        with told("read", place):
            descriptor = os.open(place, os.O_RDONLY)
            try:
                left = max(os.fstat(descriptor).st_size - offset, 0)
                size = left if size is None else min(size, left)
                return _read_fully(descriptor, offset, size)
            finally:
                os.close(descriptor)

    def write(self, path: str, data: bytes) -> None:
        """Write bytes atomically, replacing what was there."""
        place = self._place(path)
        unfinished = temporary.name_for(place)
        with told("write", place), temporary.removed_on_failure(unfinished):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            descriptor = self._open(unfinished, flags)
            try:
                _write_fully(descriptor, data)
                if self._fsync:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._rename(unfinished, place)

    @contextlib.contextmanager
    def writing(self, path: str) -> Iterator[Path]:
        """Yield a local path to write to; on success it becomes ``path``.

        An OSError within the block becomes one of ours, as in `write`.
        """
        place = self._place(path)
        unfinished = temporary.name_for(place)
        with told("write", place), temporary.removed_on_failure(unfinished):
            self._make_folder(os.path.dirname(place))
            yield Path(unfinished)
            if self._fsync:
                _sync(unfinished)
            self._rename(unfinished, place)

    @contextlib.contextmanager
    def reading(self, path: str) -> Iterator[Path]:
        """Yield the local path of a file.

        Raises
        ------
        NotFoundError
            If there is no such file.
        """
        place = self._place(path)
        with told("read", place):
            os.stat(place)
        yield Path(place)

    def append(self, path: str, data: bytes) -> int:
        """Add bytes at the end and return the offset at which they begin."""
        place = self._place(path)
        with told("append to", place):
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            descriptor = self._open(place, flags)
            try:
                offset = os.lseek(descriptor, 0, os.SEEK_END)
                _write_fully(descriptor, data)
                if self._fsync:
                    os.fsync(descriptor)
                    if offset == 0:
                        _sync(os.path.dirname(place))
            finally:
                os.close(descriptor)
        return offset

    def exists(self, path: str) -> bool:
        """Whether a file is there."""
        return os.path.isfile(self._place(path))

    def size_bytes(self, path: str) -> int:
        """Return the size of a file.

        Raises
        ------
        NotFoundError
            If there is no such file.
        """
        place = self._place(path)
        with told("read", place):
            return os.stat(place).st_size

    def delete(self, path: str) -> None:
        """Remove a file, also an abandoned one; one that is not there is no error.

        Folders stay: removing an empty one would race with a writer that has just
        found it.
        """
        place = self._place(path, may_be_unfinished=True)
        with told("delete", place), contextlib.suppress(FileNotFoundError):
            os.unlink(place)

    def list_files(self, prefix: str = "") -> Iterator[str]:
        """Yield the paths of all finished files below a folder, in no fixed order."""
        start = self._place(prefix) if prefix else self._folder
        with told("list", start):
            for place in _walk(start):
                if not temporary.is_unfinished(place):
                    yield os.path.relpath(place, self._folder)

    def abandoned(self) -> list[str]:
        """Return the temporary files of processes of this host that have died.

        Those of other hosts are left out: whether their writers live cannot be seen
        from here.
        """
        with told("list", self._folder):
            return [
                os.path.relpath(place, self._folder)
                for place in _walk(self._folder)
                if temporary.is_abandoned(place)
            ]

    def take(self, source: Path, path: str, mode: TransferMode) -> None:
        """Bring a local file in, atomically.

        Parameters
        ----------
        source
            The file.
        path
            What it becomes.
        mode
            ``copy``; ``move``, which copies across file systems; ``hardlink``, which
            fails across them; ``symlink``, which points at the absolute source.

        Raises
        ------
        NotFoundError
            If the source is not there.
        InvalidInputError
            If the mode is none of these.
        """
        if mode not in {"copy", "move", "hardlink", "symlink"}:
            raise InvalidInputError(
                f"Storage cannot take a file by '{mode}': "
                "use copy, move, hardlink or symlink."
            )
        place = self._place(path)
        origin = os.path.abspath(source)
        if not os.path.isfile(origin):
            raise NotFoundError(f"There is no file {origin} to take in.")
        unfinished = temporary.name_for(place)
        with (
            told(f"{mode} {origin} to", place),
            temporary.removed_on_failure(unfinished),
        ):
            if os.path.realpath(origin) == os.path.realpath(place):
                return  # it is there already: replacing it by itself could lose it
            self._make_folder(os.path.dirname(place))
            if mode == "move" and self._moved(origin, place):
                return
            _bring(origin, unfinished, mode)
            if self._fsync and mode != "symlink":
                _sync(unfinished)
            self._rename(unfinished, place)
            if mode == "move":
                os.unlink(origin)

    def _moved(self, origin: str, place: str) -> bool:
        """Rename a file, if it is one and the file system is the same."""
        if os.path.islink(origin):
            return False
        if self._fsync:
            _sync(origin)
        try:
            self._rename(origin, place)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            return False
        return True

    def _rename(self, unfinished: str, place: str) -> None:
        os.replace(unfinished, place)
        if self._fsync:
            _sync(os.path.dirname(place))

    def _open(self, place: str, flags: int) -> int:
        """Open for writing, making the folder only if the first try shows none."""
        try:
            return os.open(place, flags | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:
            self._make_folder(os.path.dirname(place))
            return os.open(place, flags | os.O_CLOEXEC, 0o666)

    def _make_folder(self, folder: str) -> None:
        if os.path.isdir(folder):
            return
        os.makedirs(folder, exist_ok=True)
        while self._fsync and len(folder) >= len(self._folder):
            folder = os.path.dirname(folder)
            _sync(folder)

    def _place(self, path: str, *, may_be_unfinished: bool = False) -> str:
        """Return where a relative path is, refusing all that is not below the root."""
        parts = path.split("/")
        if "\0" in path or not {"", ".", ".."}.isdisjoint(parts):
            raise InvalidInputError(
                f"'{path}' is no path below {self._folder}: write it relative, "
                "with single slashes and without '.' and '..'."
            )
        if temporary.is_unfinished(path) and not may_be_unfinished:
            raise InvalidInputError(
                f"'{path}' cannot be used: names that begin with "
                f"'{temporary.PREFIX}' are kept for unfinished files."
            )
        return f"{self._folder}/{path}"

    def __repr__(self) -> str:
        return f"LocalStorage({self._folder!r})"


def _local_path(root: str | Path) -> str:
    text = os.fspath(root)
    if not text.startswith("file:"):
        return text
    parts = urlsplit(text)
    if parts.netloc not in {"", "localhost"} or not parts.path:
        raise InvalidInputError(
            f"'{text}' names no file of this host. Write 'file:///absolute/path'."
        )
    return unquote(parts.path)


def _read_fully(descriptor: int, offset: int, size: int) -> bytes:
    """Read until the size or the end: one call returns at most 2 GiB."""
    first = os.pread(descriptor, size, offset)
    if len(first) == size or not first:
        return first
    parts = [first]
    done = len(first)
    while done < size:
        part = os.pread(descriptor, size - done, offset + done)
        if not part:
            break
        parts.append(part)
        done += len(part)
    return b"".join(parts)


def _write_fully(descriptor: int, data: bytes) -> None:
    """Write all: one call writes at most 2 GiB, and less on a full disk."""
    done = os.write(descriptor, data)
    while done < len(data):
        done += os.write(descriptor, memoryview(data)[done:])


def _sync(place: str) -> None:
    """Put a file's bytes, or a folder's entries, on the disk itself."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _bring(origin: str, unfinished: str, mode: TransferMode) -> None:
    if mode == "hardlink":
        os.link(os.path.realpath(origin), unfinished)
    elif mode == "symlink":
        os.symlink(origin, unfinished)
    else:
        shutil.copyfile(origin, unfinished)


def _walk(start: str) -> Iterator[str]:
    """Yield all that is no folder below one, without gathering it."""
    try:
        entries = os.scandir(start)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path)
            else:
                yield entry.path
