"""Storage that counts what is read of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pantler.storage.interface import Capability, Storage


class CountingStorage:
    """Any storage, as if it were far away: each request and its bytes are counted.

    Parameters
    ----------
    storage
        That is asked.

    Attributes
    ----------
    requests
        What was asked: ``"size"``, or the offset and the number of bytes of a read.
    bytes_read
        How many bytes have travelled.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.requests: list[str | tuple[int, int]] = []
        self.bytes_read = 0

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Those of the storage, but for paths."""
        return self._storage.capabilities - {"paths"}

    def read(self, path: str, *, offset: int = 0, size: int | None = None) -> bytes:
        """Return bytes, and count them."""
        data = self._storage.read(path, offset=offset, size=size)
        self.requests.append((offset, len(data)))
        self.bytes_read += len(data)
        return data

    def size_bytes(self, path: str) -> int:
        """Return the size of a file, and count the request."""
        self.requests.append("size")
        return self._storage.size_bytes(path)

    @contextmanager
    def reading(self, path: str) -> Iterator[Path]:
        """Yield a local copy, and count all of its bytes."""
        with self._storage.reading(path) as local:
            self.requests.append((0, local.stat().st_size))
            self.bytes_read += local.stat().st_size
            yield local

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)
