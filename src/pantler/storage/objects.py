"""Storage on a store of objects: S3, GCS, WebDAV, memory and others like them.

An object appears whole or not at all, and stays until it is deleted; it can be neither
renamed nor appended to. So what is staged is there from then on, under the name that
it will have, which must be its own: publishing adds nothing. What a killed writer
leaves is a finished object that no record names.
"""

# Strings and os calls, as in `local`.
from __future__ import annotations

import contextlib
import functools
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar
from urllib.parse import quote
from uuid import uuid4

from pantler.errors import InvalidInputError, NotFoundError, PantlerError, StorageError
from pantler.storage.bringing import read_bytes, read_through
from pantler.storage.concurrency import run_all
from pantler.storage.interface import StagedFile
from pantler.storage.os_errors import storage_errors
from pantler.storage.paths import check_path
from pantler.storage.request_errors import RequestError, request_errors
from pantler.storage.request_policy import RequestPolicy
from pantler.storage.unfinished import PREFIX, is_unfinished
from pantler.storage.walking import MARKER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pantler.storage.interface import (
        Capability,
        Digest,
        FilePart,
        OnProblem,
        TransferMode,
    )
    from pantler.storage.location import Location
    from pantler.storage.object_client import ObjectClient, ObjectInfo

_Result = TypeVar("_Result")

_BLOCK_BYTES: Final = 16 << 20
"""Larger objects are fetched in blocks, several at once."""

_IN_MEMORY_BYTES: Final = 64 << 20
"""Smaller files are read once, hashed and sent; larger ones are read twice."""

_BLOCKS_AT_ONCE: Final = 6
_DELETED_AT_ONCE: Final = 1000


class ObjectStorage:  # noqa: PLR0904 - all of one interface
    """Objects below a root URI.

    Parameters
    ----------
    location
        The root.
    client
        Makes the requests.
    prefix
        What the client's keys begin with, for all paths: empty, or with a final slash.
    policy
        How requests are made.
    """

    def __init__(
        self,
        location: Location,
        client: ObjectClient,
        *,
        prefix: str = "",
        policy: RequestPolicy | None = None,
    ) -> None:
        self._root = f"{location.uri}/"
        self._client = client
        self._prefix = prefix
        self._policy = policy or RequestPolicy()

    @property
    def root(self) -> str:
        """The root URI, with its scheme and a final slash."""
        return self._root

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What its store can do."""
        return self._client.capabilities

    # Reading

    def read(self, path: str, *, offset: int = 0, size: int | None = None) -> bytes:
        """Return bytes; fewer than were asked for if the object ends before.

        Raises
        ------
        NotFoundError
            If there is no such object.
        """
        key = self._key(path)
        if size == 0:
            self.size_bytes(path)  # it must be there
            return b""
        return self._try(
            "read", path, functools.partial(self._client.get, key, offset, size)
        )

    def read_many(self, parts: Sequence[FilePart]) -> list[bytes]:
        """Return the bytes of many objects or parts, in their order."""

        def read(part: FilePart) -> bytes:
            return self.read(part.path, offset=part.offset, size=part.size)

        return run_all(read, parts, self._policy.at_once)

    @contextlib.contextmanager
    def reading(self, path: str) -> Iterator[Path]:
        """Yield a local copy of an object, which goes with the block."""
        name = self._key(path).rpartition("/")[2]
        with self._scratch() as folder:
            local = folder / name
            self._fetch(path, local)
            yield local

    def size_bytes(self, path: str) -> int:
        """Return the size of an object."""
        head = functools.partial(self._client.head, self._key(path))
        return self._try("read", path, head).size_bytes

    def _fetch(self, path: str, local: Path) -> None:
        first = self.read(path, size=_BLOCK_BYTES)
        with storage_errors("write", str(local)):
            local.write_bytes(first)
        if len(first) < _BLOCK_BYTES:
            return
        size = self.size_bytes(path)
        with local.open("r+b") as file:

            def fetch(offset: int) -> None:
                wanted = min(_BLOCK_BYTES, size - offset)
                block = self.read(path, offset=offset, size=wanted)
                if len(block) != wanted:
                    raise StorageError(
                        f"Cannot read {self._uri(path)}: it was replaced meanwhile."
                    )
                with storage_errors("write", str(local)):
                    os.pwrite(file.fileno(), block, offset)

            run_all(fetch, range(_BLOCK_BYTES, size, _BLOCK_BYTES), _BLOCKS_AT_ONCE)

    # Writing

    def write(self, path: str, data: bytes, *, create: bool = False) -> None:
        """Make an object of bytes, replacing what was there.

        Parameters
        ----------
        path, data
            Which, and of what.
        create
            Whether it must be new: ConflictError if something is there.
        """
        key = self._key(path)
        self._check_can("write", path, "create" if create else "write")
        put = functools.partial(self._client.put, key, data, create=create)
        self._try("write", path, self._surely_new(key, data, put) if create else put)

    def stage(self, path: str, data: bytes) -> StagedFile:
        """Make an object of bytes: it is there from now on."""
        self.write(path, data)
        return self._staged(path, len(data))

    def stage_many(self, files: Mapping[str, bytes]) -> list[StagedFile]:
        """Make objects of bytes, several at once: all of them or none."""
        made: list[StagedFile] = []

        def stage(path: str) -> StagedFile:
            file = self.stage(path, files[path])
            made.append(file)
            return file

        try:
            return run_all(stage, list(files), self._policy.at_once)
        except BaseException:
            with contextlib.suppress(PantlerError):
                self.discard(made)
            raise

    def stage_by(self, path: str, write: Callable[[Path], None]) -> StagedFile:
        """Have a function write to a local path, and make an object of it."""
        name = self._key(path).rpartition("/")[2]
        with self._scratch() as folder:
            local = folder / name
            with storage_errors("write", self._uri(path)):
                write(local)
                size = local.stat().st_size
            self._put_file(path, local, size)
        return self._staged(path, size)

    def stage_file(
        self, source: Path, path: str, mode: TransferMode, digest: Digest | None = None
    ) -> StagedFile:
        """Make an object of a local file, for the modes ``copy`` and ``move``.

        Raises
        ------
        NotFoundError
            If the source is not there.
        StorageError
            If the source changes while it is read.
        InvalidInputError
            If it is to be linked.
        """
        if mode not in {"copy", "move"}:
            raise InvalidInputError(
                f"{self._root} cannot bring in a file by '{mode}': use copy or move."
            )
        self._key(path)
        if not source.is_file():
            raise NotFoundError(f"There is no file {source} to bring in.")
        with storage_errors(f"{mode} {source} to", self._uri(path)):
            size = source.stat().st_size
            if size <= _IN_MEMORY_BYTES:
                data = read_bytes(str(source), digest)
                return self.stage(path, data)
            before = source.stat()
            read_through(str(source), digest)
            self._put_file(path, source, size)
            after = source.stat()
        file = self._staged(path, size)
        if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
            self.discard([file])
            raise StorageError(
                f"{source} was changed while it was read: bring it in when it is "
                "finished."
            )
        return file

    def copy(self, source: str, target: str) -> None:
        """Make an object of another one within the store, replacing one."""
        self._check_can("copy", source, "copy")
        copy = functools.partial(
            self._client.copy, self._key(source), self._key(target)
        )
        self._try("copy", source, copy)

    def secure(self, files: Sequence[StagedFile]) -> None:
        """Do nothing: what a store has taken, it keeps."""

    def publish(self, files: Sequence[StagedFile], *, durably: bool = True) -> None:  # noqa: ARG002 - always durably
        """Make sure that what was staged long ago is still there.

        A repair may have taken it for what a dead writer left.

        Raises
        ------
        StorageError
            If one is gone.
        """
        now = _uptime_s()
        old = [
            file for file in files if now - file.staged_s >= self._policy.grace_s / 2
        ]
        for size, file in zip(
            run_all(
                self._size_or_none, [file.path for file in old], self._policy.at_once
            ),
            old,
            strict=True,
        ):
            if size != file.size_bytes:
                raise StorageError(
                    f"{self._uri(file.path)} was written {now - file.staged_s:.0f} s "
                    "ago and is no longer there as it was: a repair has removed it, "
                    "because nobody had recorded it. Store it again."
                )

    def persist(self, paths: Sequence[str]) -> None:
        """Do nothing, as `secure`."""

    def discard(self, files: Sequence[StagedFile]) -> None:
        """Remove what was staged."""
        self.delete(*(file.path for file in files))

    # Looking around, and removing

    def delete(self, *paths: str) -> None:
        """Remove objects, many with one request; what is not there is no error."""
        keys = [self._key(path, may_be_unfinished=True) for path in paths]
        if not keys:
            return
        self._check_can("delete", paths[0], "write")
        parts = [
            keys[begin : begin + _DELETED_AT_ONCE]
            for begin in range(0, len(keys), _DELETED_AT_ONCE)
        ]

        def delete(part: list[str]) -> None:
            what = part[0].removeprefix(self._prefix)
            self._try("delete", what, functools.partial(self._client.delete, part))

        run_all(delete, parts, self._policy.at_once)

    def list_files(
        self,
        prefix: str = "",
        on_problem: OnProblem | None = None,  # noqa: ARG002 - there is nothing odd
        *,
        settled: bool = False,
    ) -> Iterator[str]:
        """Yield the paths of all objects below a folder.

        Parameters
        ----------
        prefix
            The folder; empty for the root.
        on_problem
            Not called: a store has nothing but objects.
        settled
            Whether those are left out that were written within the last ``grace_s``.

        Raises
        ------
        StorageError
            If it cannot be listed, or the root of somebody else lies below.
        """
        if prefix:
            self._key(prefix)
        last_s = self._now_s() - self._policy.grace_s if settled else None
        for info in self._infos(f"{prefix}/" if prefix else ""):
            path = info.key.removeprefix(self._prefix)
            if is_unfinished(path) or path == MARKER:
                continue
            if path.endswith(f"/{MARKER}"):
                raise StorageError(
                    f"Cannot list {self._root}: {self._uri(path)} marks the root of "
                    "somebody else, whose files cannot be told from those of this "
                    "one. Give each a root that does not lie within another."
                )
            if last_s is None or _is_older(info, last_s):
                yield path

    def abandoned(self, on_problem: OnProblem | None = None) -> list[str]:  # noqa: ARG002 - there is nothing odd
        """Return unfinished objects that are older than ``grace_s``."""
        if not self._client.leaves_unfinished:
            return []
        last_s = self._now_s() - self._policy.grace_s
        return [
            info.key.removeprefix(self._prefix)
            for info in self._infos("")
            if is_unfinished(info.key) and _is_older(info, last_s)
        ]

    def signed_url(
        self,
        path: str,
        *,
        method: Literal["GET", "PUT"] = "GET",
        lifetime_s: float = 3600.0,
    ) -> str:
        """Return a URL by which anybody may read or write an object for a while."""
        self._check_can("sign a URL of", path, "sign")
        with request_errors("sign a URL of", self._uri(path)):
            return self._client.signed_url(self._key(path), method, lifetime_s)

    def _infos(self, below: str) -> Iterator[ObjectInfo]:
        self._check_can("list", below, "list")
        with request_errors("list", self._uri(below)):
            for page in self._client.pages(self._prefix + below):
                yield from page

    def _now_s(self) -> float:
        """Return the time by the store's clock: an object is made, and looked at.

        Somebody who may only read gets the clock of this host: good enough to show.
        """
        path = f"{PREFIX}clock-{uuid4().hex}"
        key = self._prefix + path
        try:
            self._try("write", path, lambda: self._client.put(key, b"", create=False))
            found = self._try("read", path, lambda: self._client.head(key)).modified_s
            self._try("delete", path, lambda: self._client.delete([key]))
        except PantlerError:
            found = None
        return time.time() if found is None else found

    # Small parts

    def _key(self, path: str, *, may_be_unfinished: bool = False) -> str:
        check_path(path, self._root, may_be_unfinished=may_be_unfinished)
        if not path.isprintable():
            raise InvalidInputError(
                f"{path!a} cannot be the path of an object: it has control characters."
            )
        return self._prefix + path

    def _uri(self, path: str) -> str:
        return self._root + quote(path)

    def _check_can(self, verb: str, path: str, capability: Capability) -> None:
        if capability not in self._client.capabilities:
            raise InvalidInputError(
                f"Cannot {verb} {self._uri(path)}: this storage cannot '{capability}' "
                f"(it can: {', '.join(sorted(self._client.capabilities)) or 'read'})."
            )

    def _try(self, verb: str, path: str, work: Callable[[], _Result]) -> _Result:
        with request_errors(verb, self._uri(path)):
            return self._policy.call(work)

    def _surely_new(
        self, key: str, data: bytes, put: Callable[[], None]
    ) -> Callable[[], None]:
        """Return a put that knows its own object, if only the answer was lost."""
        tries = 0

        def put_again() -> None:
            nonlocal tries
            tries += 1
            try:
                put()
            except RequestError as error:
                if error.kind != "taken" or tries == 1:
                    raise
                if self._client.get(key, 0, None) != data:
                    raise

        return put_again

    def _put_file(self, path: str, local: Path, size: int) -> None:
        if size <= _BLOCK_BYTES:
            self.write(path, local.read_bytes())
            return
        self._check_can("write", path, "write")
        put = functools.partial(self._client.put_file, self._key(path), local)
        self._try("write", path, put)

    def _size_or_none(self, path: str) -> int | None:
        try:
            return self.size_bytes(path)
        except NotFoundError:
            return None

    @staticmethod
    def _staged(path: str, size: int) -> StagedFile:
        return StagedFile(path, path, size, staged_s=_uptime_s())

    @staticmethod
    @contextlib.contextmanager
    def _scratch() -> Iterator[Path]:
        with tempfile.TemporaryDirectory(
            prefix="pantler-", ignore_cleanup_errors=True
        ) as folder:
            yield Path(folder)


def _is_older(info: ObjectInfo, last_s: float) -> bool:
    return info.modified_s is not None and info.modified_s <= last_s


def _uptime_s() -> float:
    """Return a clock that also runs while the machine sleeps."""
    clock: Any = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)
