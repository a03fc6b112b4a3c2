"""Objects in the memory of this process: for tests, and for what nobody keeps.

``memory://name/folder``: all who name the same store in one process see the same
objects. Another process, also a forked one, has its own.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NoReturn

from pantler.storage.object_client import ObjectInfo
from pantler.storage.objects import ObjectStorage
from pantler.storage.request_errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pantler.storage.interface import Capability
    from pantler.storage.location import Location
    from pantler.storage.request_policy import RequestPolicy

_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class _Object:
    data: bytes
    modified_s: float


_stores: Final[dict[str, dict[str, _Object]]] = {}
_lock: Final = threading.Lock()


def open_memory(
    location: Location,
    *,
    fsync: bool = False,  # noqa: ARG001 - memory survives no power cut
    policy: RequestPolicy | None = None,
) -> ObjectStorage:
    """Return storage in the memory of this process.

    Parameters
    ----------
    location
        ``memory://name/folder``.
    fsync
        Taken, as all storage does; it has no effect here.
    policy
        How many requests are made at a time.
    """
    prefix = location.path.strip("/")
    client = MemoryClient(location.authority)
    return ObjectStorage(
        location, client, prefix=f"{prefix}/" if prefix else "", policy=policy
    )


class MemoryClient:
    """Requests to one store in memory.

    Parameters
    ----------
    name
        Of the store, which is made when it is first named.
    """

    capabilities: frozenset[Capability] = frozenset({"write", "create", "copy", "list"})
    leaves_unfinished = False

    def __init__(self, name: str) -> None:
        with _lock:
            self._objects = _stores.setdefault(name, {})

    def get(self, key: str, offset: int, size: int | None) -> bytes:
        """Return bytes."""
        return self._find(key).data[offset : None if size is None else offset + size]

    def head(self, key: str) -> ObjectInfo:
        """Return size and time."""
        found = self._find(key)
        return ObjectInfo(key, len(found.data), found.modified_s)

    def put(self, key: str, data: bytes, *, create: bool) -> None:
        """Keep bytes."""
        with _lock:
            if create and key in self._objects:
                raise RequestError("taken", "it is there already")
            self._objects[key] = _Object(bytes(data), time.time())

    def put_file(self, key: str, file: Path) -> None:
        """Keep the bytes of a file."""
        self.put(key, file.read_bytes(), create=False)

    def pages(self, prefix: str) -> Iterator[Sequence[ObjectInfo]]:
        """Yield what is below a prefix."""
        with _lock:
            keys = sorted(key for key in self._objects if key.startswith(prefix))
        for begin in range(0, len(keys), _PAGE):
            found = ((key, self._objects.get(key)) for key in keys[begin:][:_PAGE])
            yield [
                ObjectInfo(key, len(one.data), one.modified_s)
                for key, one in found
                if one is not None
            ]

    def delete(self, keys: Sequence[str]) -> None:
        """Forget objects."""
        with _lock:
            for key in keys:
                self._objects.pop(key, None)

    def copy(self, source: str, target: str) -> None:
        """Keep the bytes of one under another name too."""
        self.put(target, self._find(source).data, create=False)

    def signed_url(
        self,
        key: str,
        method: Literal["GET", "PUT"],
        lifetime_s: float,
    ) -> NoReturn:
        """Refuse: nobody else can reach the memory of a process."""
        raise RequestError(
            "invalid", f"memory signs no URLs ({method} {key}, {lifetime_s} s)"
        )

    def _find(self, key: str) -> _Object:
        try:
            return self._objects[key]
        except KeyError:
            raise RequestError("missing", "it is not there") from None
