"""A file that is read in ranges: only what is asked for travels."""

from __future__ import annotations

import bisect
import io
from typing import TYPE_CHECKING, Final

from pantler.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_BLOCK_BYTES: Final = 1 << 16
# To fetch so much more costs less than another request.
_GAP_BYTES: Final = 1 << 16


class RangeFile(io.RawIOBase):
    """A file of which parts are fetched when somebody reads them, once each.

    Parameters
    ----------
    read
        Returns the bytes at an offset, given that and how many.
    size
        Of the file, bytes.
    block_bytes
        How many are fetched at least: what comes next is often read next.
    """

    def __init__(
        self,
        read: Callable[[int, int], bytes],
        size: int,
        *,
        block_bytes: int = _BLOCK_BYTES,
    ) -> None:
        super().__init__()
        self._read = read
        self._size = size
        self._block = block_bytes
        self._place = 0
        # What is here: where each piece begins, in order, and its bytes.
        self._starts: list[int] = []
        self._pieces: list[bytes] = []

    @property
    def size(self) -> int:
        """How many bytes the file has."""
        return self._size

    def read_at(self, place: int, count: int) -> bytes:
        """Return bytes at a place; fewer at the end.

        Raises
        ------
        IntegrityError
            If the file is shorter than was said.
        """
        stop = min(place + count, self._size)
        found = []
        while place < stop:
            piece, start = self._piece_at(place, stop)
            part = piece[place - start : stop - start]
            found.append(part)
            place += len(part)
        return found[0] if len(found) == 1 else b"".join(found)

    def prefetch(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Fetch what will be read, in as few requests as are worth it.

        Parameters
        ----------
        ranges
            First byte of each, and the one after its last.
        """
        missing: list[tuple[int, int]] = []
        for start, stop in sorted(ranges):
            first, last = max(start, 0), min(stop, self._size)
            if missing and first <= missing[-1][1] + _GAP_BYTES:
                missing[-1] = (missing[-1][0], max(missing[-1][1], last))
            elif first < last:
                missing.append((first, last))
        for start, stop in missing:
            if not self._is_here(start, stop):
                self._fetch(start, stop)

    def _piece_at(self, place: int, stop: int) -> tuple[bytes, int]:
        index = bisect.bisect_right(self._starts, place) - 1
        if index >= 0:
            start, piece = self._starts[index], self._pieces[index]
            if place < start + len(piece):
                return piece, start
        end = min(max(stop, place + self._block), self._size)
        if index + 1 < len(self._starts):
            end = min(end, self._starts[index + 1])
        return self._fetch(place, end), place

    def _is_here(self, start: int, stop: int) -> bool:
        index = bisect.bisect_right(self._starts, start) - 1
        return index >= 0 and stop <= self._starts[index] + len(self._pieces[index])

    def _fetch(self, start: int, stop: int) -> bytes:
        data = self._read(start, stop - start)
        if len(data) < stop - start:
            raise IntegrityError(
                f"{start + len(data)} bytes are there, and {self._size} were recorded"
            )
        index = bisect.bisect_left(self._starts, start)
        if self._starts[index : index + 1] == [start]:
            self._pieces[index] = data
        else:
            self._starts.insert(index, start)
            self._pieces.insert(index, data)
        return data

    # What a file has.

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the place of the next read."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        origins = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}
        place = origins[whence] + offset
        if place < 0:
            raise ValueError(f"There is no byte {place} in a file.")
        self._place = place
        return place

    def read(self, size: int | None = -1) -> bytes:
        """Return bytes from the place on, to the end if no size is given."""
        if size is None or size < 0:
            size = max(self._size - self._place, 0)
        data = self.read_at(self._place, size)
        self._place += len(data)
        return data

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read into a buffer, and return how many bytes there were."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
