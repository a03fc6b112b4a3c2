"""The headers of a Parquet file, checked before a reader believes their counts.

Polars allocates what the header of a page announces; a negative or enormous count ends
the whole process, which nothing can catch.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Any, Final

from pantler.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_MAGIC: Final = b"PAR1"
_HEADER_BYTES: Final = 512  # of a page, without statistics of long text
_LONGEST_HEADER_BYTES: Final = 1 << 20
_SMALL_BYTES: Final = 1 << 20  # a file to read at once
_DEEPEST: Final = 20
# Fields by their numbers in parquet.thrift.
_ROWS, _GROUPS = 3, 4
_COLUMNS, _GROUP_ROWS = 1, 3
_METADATA = 3
_PATH, _VALUES, _COMPRESSED, _DATA_AT, _DICTIONARY_AT = 3, 5, 7, 9, 11
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


def check_parquet(path: Path, columns: Collection[str] | None) -> None:
    """Refuse a Parquet file whose headers announce what it cannot hold.

    Parameters
    ----------
    path
        The file.
    columns
        Those that are to be read; all of them when None.

    Raises
    ------
    IntegrityError
        If it is cut off, or its headers contradict it.

    References
    ----------
    .. [1] Apache Parquet, parquet.thrift, and the Thrift compact protocol.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            _check(_Reader(file.fileno(), size), size, columns)
        except IntegrityError:
            raise
        except _NOT_UNDERSTOOD:
            raise IntegrityError("its headers cannot be understood") from None


def _check(reader: _Reader, size: int, columns: Collection[str] | None) -> None:
    if size < 12 or reader.read(size - 4, 4) != _MAGIC:
        raise IntegrityError("it does not end as Parquet files do")
    length = int.from_bytes(reader.read(size - 8, 4), "little")
    if length > size - 12:
        raise IntegrityError(f"its footer would have {length} bytes of {size}")
    footer, _ = _struct(reader.read(size - 8 - length, length), 0, 0)
    _check_count(footer[_ROWS], 2**48, "rows")
    for group in footer.get(_GROUPS, []):
        _check_count(group[_GROUP_ROWS], footer[_ROWS], "rows of a group")
        for column in group[_COLUMNS]:
            chunk = column[_METADATA]
            name = chunk[_PATH][0].decode()
            if columns is None or name in columns:
                _check_pages(reader, chunk, size - 8 - length)


def _check_pages(reader: _Reader, chunk: Struct, end_of_data: int) -> None:
    """Walk along the pages of a column, from header to header."""
    _check_count(chunk[_VALUES], 2**48, "values")
    place = chunk[_DATA_AT]
    if chunk.get(_DICTIONARY_AT):
        place = min(place, chunk[_DICTIONARY_AT])
    end = place + chunk[_COMPRESSED]
    if not 4 <= place <= end <= end_of_data:
        raise IntegrityError(f"a column would lie at bytes {place} to {end}")
    most = chunk[_VALUES] + 2**20  # codes of encodings are small numbers too
    while place < end:
        page, length = reader.page_header(place, end)
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


class _Reader:
    """Bytes at places in a file, of which a small one is read once."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._whole = os.pread(descriptor, size, 0) if size <= _SMALL_BYTES else None

    def read(self, place: int, count: int) -> bytes:
        if self._whole is not None:
            return self._whole[place : place + count]
        return os.pread(self._descriptor, count, place)

    def page_header(self, place: int, end: int) -> tuple[Struct, int]:
        """Return the header of a page, and its length."""
        count = _HEADER_BYTES
        while True:
            data = self.read(place, min(count, end - place))
            try:
                return _struct(data, 0, 0)
            except IndexError:
                if count >= min(_LONGEST_HEADER_BYTES, end - place):
                    raise
                count *= 16


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
