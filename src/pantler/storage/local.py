"""Local files, with plain calls of the operating system.

A write goes to a temporary file in the folder of its target and is renamed when it
is whole. So readers see all or nothing, and a kill leaves at most a temporary file,
whose name holds the lease of its writer.
"""

# Strings and os calls: a Path for each costs more than the call itself.
# ruff: noqa: PTH100, PTH103, PTH105, PTH106, PTH108, PTH112, PTH113, PTH116, PTH120
from __future__ import annotations

import contextlib
import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from pantler.errors import ConflictError, InvalidInputError, NotFoundError
from pantler.storage.bringing import NO_LINKS, bring_in, sync
from pantler.storage.interface import Capability, StagedFile
from pantler.storage.lease import FOLDER as LEASES
from pantler.storage.lease import LIFETIME_S, Lease, LeaseBook
from pantler.storage.location import Location
from pantler.storage.os_errors import storage_errors
from pantler.storage.paths import check_path, lies_within
from pantler.storage.unfinished import is_unfinished, lease_of, name_for
from pantler.storage.walking import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from pantler.storage.interface import (
        Digest,
        FilePart,
        OnProblem,
        TransferMode,
    )
    from pantler.storage.request_policy import RequestPolicy

# A file system writes what many ask for at once in one go: with eight threads, 200
# files take a seventh of the time that they take one after another.
_AT_ONCE: Final = 8
_FEW: Final = 3

_TRIES: Final = 1_000
"""Times that a folder that vanishes is made again."""

_T = TypeVar("_T")
_CAPABILITIES: Final[frozenset[Capability]] = frozenset(
    {"rename", "links", "paths", "write", "create", "copy", "list"}
)

_MODES: Final = ("copy", "move", "link", "hardlink", "symlink", "relsymlink")
_BY_NAME: Final = {"move", "link", "symlink", "relsymlink"}
"""Ways of which the source would be the file of another dataset."""


class LocalStorage:  # noqa: PLR0904 - all of one interface
    """Files below a folder, which is made on the first write.

    Parameters
    ----------
    root
        A path of this host, as a location or in writing.
    fsync
        Whether a finished write also survives a power cut. Without it, it survives
        the death of the process.
    policy
        Taken, as all storage does; it has no effect here.
    """

    def __init__(
        self,
        root: Location | str | Path,
        *,
        fsync: bool = False,
        policy: RequestPolicy | None = None,  # noqa: ARG002 - there are no requests
    ) -> None:
        location = root if isinstance(root, Location) else Location.parse(root)
        self._folder = os.path.normpath(location.local_path())
        self._fsync = fsync
        self._lease: Lease | None = None

    @property
    def root(self) -> str:
        """The root as a ``file://`` URI with a final slash."""
        return f"{Location.parse(self._folder).uri}/"

    @property
    def capabilities(self) -> frozenset[Capability]:
        """All there are, but signing."""
        return _CAPABILITIES

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
        with storage_errors("read", place):
            descriptor = os.open(place, os.O_RDONLY)
            try:
                left = max(os.fstat(descriptor).st_size - offset, 0)
                size = left if size is None else min(size, left)
                return _read_fully(descriptor, offset, size)
            finally:
                os.close(descriptor)

    def read_many(self, parts: Sequence[FilePart]) -> list[bytes]:
        """Return the bytes of many files or parts, in their order.

        One after another: threads would only wait for each other.
        """
        return [
            self.read(part.path, offset=part.offset, size=part.size) for part in parts
        ]

    def write(self, path: str, data: bytes, *, create: bool = False) -> None:
        """Write bytes atomically.

        Parameters
        ----------
        path, data
            What, and to where.
        create
            Whether what is there stays, with a ConflictError; else it is replaced.
        """
        file = self.stage(path, data)
        with _removed_on_failure(file.place):
            self.secure([file])
            if create:
                self._publish_if_free(file)
            else:
                self.publish([file])
        if create:
            self.discard([file])  # the name is a second link to it

    def copy(self, source: str, target: str) -> None:
        """Make a file of another one, replacing what was there.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        with self.reading(source) as place:
            file = self.stage_file(place, target, "copy")
        with _removed_on_failure(file.place):
            self.secure([file])
            self.publish([file])

    def stage(self, path: str, data: bytes) -> StagedFile:
        """Write bytes, to be published as ``path``."""
        place = self._place(path)
        unfinished = self._unfinished(place)
        with storage_errors("write", place), _removed_on_failure(unfinished):
            descriptor = self._open_new(unfinished)
            try:
                _write_fully(descriptor, data)
            finally:
                os.close(descriptor)
        return StagedFile(path, unfinished, len(data))

    def stage_many(self, files: Mapping[str, bytes]) -> list[StagedFile]:
        """Write the bytes of many files, to be published under their paths."""
        staged: list[StagedFile] = []
        try:
            for path, data in files.items():
                staged.append(self.stage(path, data))
        except BaseException:
            self.discard(staged)
            raise
        return staged

    def stage_by(self, path: str, write: Callable[[Path], None]) -> StagedFile:
        """Have a function write to a local path, to be published as ``path``.

        An OSError of the function becomes one of ours, as in `stage`.
        """
        place = self._place(path)
        unfinished = self._unfinished(place)
        with storage_errors("write", place), _removed_on_failure(unfinished):

            def made() -> int:
                write(Path(unfinished))
                return os.stat(unfinished).st_size

            return StagedFile(path, unfinished, self._in_folder(unfinished, made))

    def stage_file(
        self, source: Path, path: str, mode: TransferMode, digest: Digest | None = None
    ) -> StagedFile:
        """Bring a local file in, to be published as ``path``.

        Parameters
        ----------
        source
            The file.
        path
            What it becomes.
        mode
            ``copy``; ``move``, which is a hard link where there can be one to the only
            name of a file, and a copy elsewhere; ``hardlink``; ``symlink``, which
            points at the absolute source; ``relsymlink``, which points at it from where
            the link is; ``link``, a hard link where there can be one and a symbolic one
            elsewhere.
        digest
            Fed with the bytes that were brought in.

        Raises
        ------
        NotFoundError
            If the source is not there.
        StorageError
            If the source changes while it is read, or cannot be linked.
        InvalidInputError
            If the mode is none of these, or a file of this storage is to be moved.
        """
        if mode not in _MODES:
            raise InvalidInputError(
                f"Storage cannot bring in a file by '{mode}': use one of "
                f"{', '.join(_MODES)}."
            )
        place = self._place(path)
        origin = os.path.abspath(source)
        if not os.path.isfile(origin):
            raise NotFoundError(f"There is no file {origin} to bring in.")
        if mode in _BY_NAME and lies_within(Path(origin), self._folder):
            raise InvalidInputError(
                f"{origin} lies within {self._folder} already: "
                "copy it, or make a hard link."
            )
        unfinished = self._unfinished(place)
        with (
            storage_errors(f"{mode} {origin} to", place),
            _removed_on_failure(unfinished),
        ):
            size = self._in_folder(
                unfinished, lambda: bring_in(origin, unfinished, mode, digest)
            )
        return StagedFile(path, unfinished, size, is_link=mode != "copy")

    def secure(self, files: Sequence[StagedFile]) -> None:
        """Put staged bytes on the disk itself, if this storage survives power cuts."""
        if self._fsync:
            self._sync_all([file.place for file in files])

    def publish(self, files: Sequence[StagedFile], *, durably: bool = True) -> None:
        """Give staged files their names, replacing what was there.

        What was there is never followed: a link is replaced, not what it points at.
        """
        for file in files:
            place = self._place(file.path)
            with storage_errors("write", place):
                os.replace(file.place, place)
                if file.is_link and os.path.lexists(file.place):
                    # Both were links to one file: then replacing does nothing.
                    os.unlink(file.place)
        if durably and self._fsync:
            folders = {os.path.dirname(self._place(file.path)) for file in files}
            self._sync_all(folders)

    def persist(self, paths: Sequence[str]) -> None:
        """Put files and their names on the disk itself, if that was asked for."""
        if self._fsync and paths:
            places = [self._place(path) for path in paths]
            self._sync_all(places)
            self._sync_all({os.path.dirname(place) for place in places})

    @staticmethod
    def _sync_all(places: Collection[str]) -> None:
        """Wait for the disk; for many places at once, because it does them together."""
        if len(places) <= _FEW:
            for place in places:
                _sync(place)
            return
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(_sync, places))

    def discard(self, files: Sequence[StagedFile]) -> None:
        """Remove staged files that were not published."""
        for file in files:
            with storage_errors("delete", file.place):
                _unlink(file.place)

    @contextlib.contextmanager
    def reading(self, path: str) -> Iterator[Path]:
        """Yield the local path of a file.

        Raises
        ------
        NotFoundError
            If there is no such file.
        """
        place = self._place(path)
        with storage_errors("read", place):
            os.stat(place)
        yield Path(place)

    def size_bytes(self, path: str) -> int:
        """Return the size of a file.

        Raises
        ------
        NotFoundError
            If there is no such file.
        """
        place = self._place(path)
        with storage_errors("read", place):
            return os.stat(place).st_size

    def delete(self, *paths: str) -> None:
        """Remove files, also abandoned ones; one that is not there is no error.

        Folders that they leave empty go too. A writer that has just found one makes it
        again.
        """
        folders = set()
        for path in paths:
            place = self._place(path, may_be_unfinished=True)
            with storage_errors("delete", place):
                _unlink(place)
            folders.add(os.path.dirname(place))
        kept = f"{self._folder}/{LEASES}"
        for folder in sorted(folders, key=len, reverse=True):
            if folder != kept:
                self._remove_empty(folder)

    def _remove_empty(self, folder: str) -> None:
        """Remove a folder and those that hold it, up to the first that is not empty."""
        with contextlib.suppress(OSError):
            while len(folder) > len(self._folder):
                os.rmdir(folder)
                folder = os.path.dirname(folder)

    def list_files(
        self,
        prefix: str = "",
        on_problem: OnProblem | None = None,
        *,
        settled: bool = False,  # noqa: ARG002 - what is not published is not seen
    ) -> Iterator[str]:
        """Yield the paths of all finished files below a folder, in no fixed order.

        What lies behind a link to a folder, or in the marked root of others, is left
        out. Odd places are reported, or raise StorageError; see `walking.walk`.
        """
        start = self._place(prefix) if prefix else self._folder
        for place in walk(start, self._relative(on_problem)):
            if not is_unfinished(place):
                yield os.path.relpath(place, self._folder)

    def abandoned(self, on_problem: OnProblem | None = None) -> list[str]:
        """Return the unfinished files of writers that no longer live.

        Their leases follow last: they go when nothing needs them any more.
        """
        judge = _Judge(self._folder)
        unfinished = filter(
            is_unfinished, walk(self._folder, self._relative(on_problem))
        )
        found = [
            os.path.relpath(place, self._folder)
            for place in unfinished
            if judge.is_abandoned(place)
        ]
        leases = LeaseBook(self._folder).all()
        return found + [f"{LEASES}/{each.id}" for each in leases if not each.is_live]

    def signed_url(
        self,
        path: str,
        *,
        method: Literal["GET", "PUT"] = "GET",
        lifetime_s: float = 3600.0,  # noqa: ARG002 - it makes none
    ) -> str:
        """Refuse: local files have no server that could know a signature."""
        raise InvalidInputError(
            f"Cannot sign a URL of {self._place(path)} to {method} it: local files "
            "have none that others could use."
        )

    def _publish_if_free(self, file: StagedFile) -> None:
        place = self._place(file.path)
        with storage_errors("write", place):
            try:
                os.link(file.place, place)
            except OSError as error:
                taken = error.errno == errno.EEXIST or os.path.lexists(place)
                if taken:
                    raise ConflictError(
                        f"Cannot write {place}: it is there already."
                    ) from None
                if error.errno not in NO_LINKS:
                    raise
                os.replace(file.place, place)
            if self._fsync:
                sync(os.path.dirname(place))

    def _relative(self, on_problem: OnProblem | None) -> OnProblem | None:
        """Return a function that is called with absolute paths, and passes on ours."""
        if on_problem is None:
            return None
        return lambda place, reason: on_problem(
            os.path.relpath(place, self._folder), reason
        )

    def _unfinished(self, place: str) -> str:
        """Return the name of a new unfinished file, under the lease of this process."""
        lease = self._lease
        if lease is None or not lease.is_held:
            lease = self._lease = Lease.hold(self._folder, "write files")
        return name_for(place, lease.id)

    def _open_new(self, place: str) -> int:
        """Open a new file, making the folder only if the first try shows none."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            return os.open(place, flags, 0o666)
        except FileNotFoundError:
            return self._in_folder(place, lambda: os.open(place, flags, 0o666))

    def _in_folder(self, place: str, make: Callable[[], _T]) -> _T:
        """Return what makes a file, once its folder is there.

        Whoever removes the last file of a folder may remove it before ours is there.
        """
        folder = os.path.dirname(place)
        for _ in range(_TRIES):
            with contextlib.suppress(FileNotFoundError):
                # Also raised if it was there, and has vanished when it is looked at.
                with contextlib.suppress(FileExistsError):
                    self._make_folder(folder)
                return make()
        self._make_folder(folder)
        return make()

    def _make_folder(self, folder: str) -> None:
        if os.path.isdir(folder):
            return
        os.makedirs(folder, exist_ok=True)
        while self._fsync and len(folder) >= len(self._folder):
            folder = os.path.dirname(folder)
            sync(folder)

    def _place(self, path: str, *, may_be_unfinished: bool = False) -> str:
        """Return where a relative path is, refusing all that is not below the root."""
        check_path(path, self._folder, may_be_unfinished=may_be_unfinished)
        return f"{self._folder}/{path}"


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


def _unlink(place: str) -> None:
    """Remove a file, if it is there: one whose name is too long cannot be."""
    try:
        os.unlink(place)
    except OSError as error:
        if error.errno not in {errno.ENOENT, errno.ENAMETOOLONG}:
            raise


def _sync(place: str) -> None:
    with storage_errors("write", place):
        sync(place)


class _removed_on_failure:  # noqa: N801 - used as a statement
    """Remove a file if the block fails or is interrupted."""

    __slots__ = ("_place",)

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._place)


class _Judge:
    """Says which unfinished files nobody will finish."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._books: dict[str, LeaseBook] = {}

    def is_abandoned(self, place: str) -> bool:
        """Whether the writer of an unfinished file is dead."""
        lease_id = lease_of(place)
        if lease_id is None:
            return False
        # Somebody may have opened a folder below this root as a root of its own.
        folder = os.path.dirname(place)
        while True:
            note = self._book(folder).find(lease_id)
            if note is not None:
                return not note.is_live
            if folder == self._root:
                break
            folder = os.path.dirname(folder)
        # A lease that is not there, or cannot be seen yet from this host.
        with contextlib.suppress(FileNotFoundError):
            age_s = self._book(self._root).now() - os.lstat(place).st_mtime
            return age_s > LIFETIME_S
        return False

    def _book(self, folder: str) -> LeaseBook:
        if folder not in self._books:
            self._books[folder] = LeaseBook(folder)
        return self._books[folder]
