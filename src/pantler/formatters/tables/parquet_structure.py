"""The headers of a Parquet file, checked before a reader believes their counts.

Polars allocates what the header of a page announces; a negative or enormous count ends
the whole process, which nothing can catch.
"""

from __future__ import annotations

import contextlib
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from pantler.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAGIC: Final = b"PAR1"
"""How a Parquet file begins and ends."""

_HEADER_BYTES: Final = 512  # of a page, without statistics of long text
_LONGEST_HEADER_BYTES: Final = 1 << 20
_SMALL_BYTES: Final = 1 << 20  # a file to read at once
_DEEPEST: Final = 20
# Fields by their numbers in parquet.thrift.
_ROWS, _GROUPS = 3, 4
_COLUMNS, _GROUP_ROWS = 1, 3
_METADATA = 3
_PATH, _VALUES, _COMPRESSED, _DATA_AT, _DICTIONARY_AT = 3, 5, 7, 9, 11
_STATISTICS, _GREATEST, _LEAST = 12, 5, 6
_PAGE_BYTES, _PAGE_COMPRESSED = 2, 3
_PAGE_HEADERS: Final = (5, 7, 8)

# What a value of another type or length than expected leads to.
_NOT_UNDERSTOOD: Final = (
    LookupError,
    TypeError,
    AttributeError,
    ValueError,
    struct.error,
)

Struct = dict[int, Any]


class ByteSource(Protocol):
    """Bytes at places: a file, or a part of one that is fetched when it is needed."""

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def read_at(self, place: int, count: int) -> bytes:
        """Return those at a place; fewer at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """The values of one column in one group of rows.

    Parameters
    ----------
    column
        The name of the column, of which a nested one has several chunks.
    start, stop
        Where its pages are, bytes.
    values
        How many it has.
    least, greatest
        What bounds its values, as they would be written; None if that is not known.
    """

    column: str
    start: int
    stop: int
    values: int
    least: bytes | None
    greatest: bytes | None


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Rows that are stored together.

    Parameters
    ----------
    first
        The number of its first row.
    rows
        How many it has.
    chunks
        Of each column.
    """

    first: int
    rows: int
    chunks: tuple[Chunk, ...]


def read_layout(source: ByteSource) -> tuple[RowGroup, ...]:
    """Return where the parts of a Parquet file are, as its footer says.

    Raises
    ------
    IntegrityError
        If it is cut off, or its headers contradict it.

    References
    ----------
    .. [1] Apache Parquet, parquet.thrift, and the Thrift compact protocol.
    """
    with _understood():
        return tuple(_groups(source))


def check_pages(source: ByteSource, chunks: Iterable[Chunk]) -> None:
    """Refuse columns whose pages announce what they cannot hold.

    Raises
    ------
    IntegrityError
        If a header of a page cannot be true.
    """
    with _understood():
        for chunk in chunks:
            _check_chunk(source, chunk)


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise IntegrityError(f"Not a valid Parquet file: {error}.") from None
    except _NOT_UNDERSTOOD:
        raise IntegrityError(
            "Not a valid Parquet file: its headers cannot be understood."
        ) from None


def _groups(source: ByteSource) -> Iterator[RowGroup]:
    size = source.size
    if size < 12 or source.read_at(size - 4, 4) != MAGIC:
        raise IntegrityError("it does not end as Parquet files do")
    length = int.from_bytes(source.read_at(size - 8, 4), "little")
    if length > size - 12:
        raise IntegrityError(f"its footer would have {length} bytes of {size}")
    footer, _ = _struct(source.read_at(size - 8 - length, length), 0, 0)
    _check_count(footer[_ROWS], 2**48, "rows")
    first = 0
    for group in footer.get(_GROUPS, []):
        _check_count(group[_GROUP_ROWS], footer[_ROWS], "rows of a group")
        chunks = tuple(
            _chunk(column[_METADATA], size - 8 - length) for column in group[_COLUMNS]
        )
        yield RowGroup(first, group[_GROUP_ROWS], chunks)
        first += group[_GROUP_ROWS]
    if first != footer[_ROWS]:
        raise IntegrityError(f"its groups have {first} rows of {footer[_ROWS]}")


def _chunk(chunk: Struct, end_of_data: int) -> Chunk:
    _check_count(chunk[_VALUES], 2**48, "values")
    start = chunk[_DATA_AT]
    if chunk.get(_DICTIONARY_AT):
        start = min(start, chunk[_DICTIONARY_AT])
    stop = start + chunk[_COMPRESSED]
    if not 4 <= start <= stop <= end_of_data:
        raise IntegrityError(f"a column would lie at bytes {start} to {stop}")
    statistics = chunk.get(_STATISTICS, {})
    return Chunk(
        chunk[_PATH][0].decode(),
        start,
        stop,
        chunk[_VALUES],
        statistics.get(_LEAST),
        statistics.get(_GREATEST),
    )


def _check_chunk(source: ByteSource, chunk: Chunk) -> None:
    """Walk along the pages of a column, from header to header."""
    place, end = chunk.start, chunk.stop
    most = chunk.values + 2**20  # codes of encodings are small numbers too
    while place < end:
        page, length = _page_header(source, place, end)
        for number in _PAGE_HEADERS:
            if number in page:
                for count in page[number].values():
                    if type(count) is int:
                        _check_count(count, most, "values of a page")
        _check_count(page[_PAGE_BYTES], 2**31, "bytes of a page")
        _check_count(page[_PAGE_COMPRESSED], end - place - length, "bytes of a page")
        place += length + page[_PAGE_COMPRESSED]


def _check_count(count: object, most: int, what: str) -> None:
    if type(count) is not int or not 0 <= count <= most:
        raise IntegrityError(f"the number of {what} would be {count}")


def _page_header(source: ByteSource, place: int, end: int) -> tuple[Struct, int]:
    """Return the header of a page, and its length."""
    count = _HEADER_BYTES
    while True:
        data = source.read_at(place, min(count, end - place))
        try:
            return _struct(data, 0, 0)
        except IndexError:
            if count >= min(_LONGEST_HEADER_BYTES, end - place):
                raise
            count *= 16


class LocalBytes:
    """The bytes of an open file, of which a small one is read once.

    Parameters
    ----------
    descriptor
        Of the file.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self._whole = (
            os.pread(descriptor, self._size, 0) if self._size <= _SMALL_BYTES else None
        )

    @property
    def size(self) -> int:
        """How many there are."""
        return self._size

    def read_at(self, place: int, count: int) -> bytes:
        """Return those at a place; fewer at the end."""
        if self._whole is not None:
            return self._whole[place : place + count]
        return os.pread(self._descriptor, count, place)


def _struct(data: bytes, place: int, depth: int) -> tuple[Struct, int]:
    """Return the fields of a struct in the compact protocol, and where it ends."""
    if depth > _DEEPEST:
        raise IntegrityError("its headers are nested too deeply")
    fields: Struct = {}
    number = 0
    while True:
        head = data[place]
        place += 1
        if not head:
            return fields, place
        if head >> 4:
            number += head >> 4
        else:
            number, place = _integer(data, place)
        kind = head & 15
        if 4 <= kind <= 6 and data[place] < 128:  # most are: worth no call
            byte = data[place]
            fields[number] = (byte >> 1) ^ -(byte & 1)
            place += 1
        else:
            fields[number], place = _value(data, place, kind, depth)


def _value(data: bytes, place: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in (1, 2):
        return kind == 1, place
    if kind == 3:
        return data[place], place + 1
    if kind in (4, 5, 6):
        return _integer(data, place)
    if kind == 7:
        return struct.unpack_from("<d", data, place)[0], place + 8
    if kind == 8:
        length, place = _varint(data, place)
        if place + length > len(data):
            raise IndexError
        return data[place : place + length], place + length
    if kind in (9, 10):
        return _list(data, place, depth)
    if kind == 12:
        return _struct(data, place, depth + 1)
    raise IntegrityError(f"its headers have a field of the unknown type {kind}")


def _list(data: bytes, place: int, depth: int) -> tuple[list[Any], int]:
    head = data[place]
    count, kind = head >> 4, head & 15
    place += 1
    if count == 15:
        count, place = _varint(data, place)
    if count > len(data) - place:  # an element has a byte at least
        raise IndexError
    found = []
    for _ in range(count):
        if kind in (1, 2):
            value, place = data[place] == 1, place + 1
        else:
            value, place = _value(data, place, kind, depth)
        found.append(value)
    return found, place


def _integer(data: bytes, place: int) -> tuple[int, int]:
    value, place = _varint(data, place)
    return (value >> 1) ^ -(value & 1), place


def _varint(data: bytes, place: int) -> tuple[int, int]:
    byte = data[place]
    place += 1
    if byte < 128:
        return byte, place
    value, shift = byte & 127, 7
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7
        if shift > 63:
            raise IntegrityError("its headers have a number of more than 64 bits")
