"""The units of a FITS file: found, and checked, before anyone believes a header.

A header says how large its data are, how many axes and columns there are. Readers
that trust it spend hours, or all memory, on a file that is damaged.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import math
import os
import re
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from pantler.errors import IntegrityError
from pantler.storage.ranges import RangeFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK: Final = 2880
_CARD: Final = 80
_CHUNK: Final = 1 << 20
_END: Final = b"END     "
_NUMBER: Final = re.compile(rb"=\s*([+-]?\d{1,18}|[TF])\s*(?:/|$)")
_SIMPLE: Final = re.compile(rb"SIMPLE  = *T[ /]")
_STRUCTURE: Final = re.compile(
    rb"Z?BITPIX *|Z?NAXIS\d* *|[PG]COUNT *|GROUPS *|TFIELDS *|ZIMAGE *"
)
_BITPIX: Final = frozenset({8, 16, 32, 64, -32, -64})

MOST_AXES: Final = 999
"""Of an array, and as many columns of a table: FITS Standard 4.0, section 4.4.1."""

_MOST_HEADER_BYTES: Final = 4000 * _BLOCK
_MOST_UNITS: Final = 10_000
# What a tile-compressed image may grow to: the best that its codes do in practice.
_MOST_RATIO: Final = 2000
_ALWAYS_ALLOWED_BYTES: Final = 1 << 30

_COMPRESSIONS: Final = (
    (b"\x1f\x8b\x08", "gzip", gzip.open),
    (b"BZh", "bzip2", bz2.open),
    (b"\xfd7zXZ\x00", "xz", lzma.open),
)
_DAMAGED: Final = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)


@dataclass(frozen=True, slots=True)
class FitsUnit:
    """One header and its data unit.

    Parameters
    ----------
    cards
        The header's text, 80 characters a card, without END; what is not ASCII is
        replaced by question marks.
    structure
        Whole numbers and truth values that say how the data are laid out, by key.
    data_start
        Where its data begin, bytes; in the contents of a file that is compressed.
    """

    cards: str
    structure: dict[str, int]
    data_start: int = 0

    @property
    def is_compressed_image(self) -> bool:
        """Whether it is a table that holds the tiles of an image."""
        return bool(self.structure.get("ZIMAGE"))

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Lengths of the image's axes as FITS counts them; empty for no image."""
        if "TFIELDS" in self.structure and not self.is_compressed_image:
            return ()
        prefix = "ZNAXIS" if self.is_compressed_image else "NAXIS"
        return _axes(self.structure, prefix)


def read_units(path: Path) -> list[FitsUnit]:
    """Return the units of a FITS file, of which only the headers are kept.

    The file may be compressed as a whole with gzip, bzip2 or xz; then all of it is
    read and its checksum compared.

    Raises
    ------
    IntegrityError
        If it is not a FITS file, is cut off, or contradicts itself.
    """
    with open_units(path, keep=False) as (_, units):
        return units


@contextmanager
def open_units(
    path: Path | RangeFile, *, keep: bool = True
) -> Iterator[tuple[BinaryIO, list[FitsUnit]]]:
    """Open a FITS file whose structure was checked.

    Parameters
    ----------
    path
        The file, or one of which parts are fetched.
    keep
        Whether the contents of a compressed file are wanted.

    Yields
    ------
    file
        At its beginning, not compressed.
    units
        Of it.

    Raises
    ------
    IntegrityError
        As for `read_units`.
    """
    with _opened(path) as (file, size):
        magic = file.read(6)
        file.seek(0)
        for start, name, opener in _COMPRESSIONS:
            if magic.startswith(start):
                kept = io.BytesIO() if keep else None
                with opener(file) as stream:
                    try:
                        source = _Stream(cast("BinaryIO", stream), kept)
                        units = list(_units(source, size))
                        source.finish()
                    except _DAMAGED as error:
                        raise IntegrityError(
                            f"its {name} compression is damaged ({error})"
                        ) from None
                whole = kept or io.BytesIO()
                whole.seek(0)
                yield whole, units
                return
        units = list(_units(_File(file, size), size))
        file.seek(0)
        yield file, units


@contextmanager
def _opened(path: Path | RangeFile) -> Iterator[tuple[BinaryIO, int]]:
    if isinstance(path, RangeFile):
        yield cast("BinaryIO", path), path.size
        return
    with path.open("rb") as file:
        yield file, os.fstat(file.fileno()).st_size


class _File:
    """A file on disk, whose data are skipped."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size

    def tell(self) -> int:
        return self._file.tell()

    def read_block(self) -> bytes:
        return self._file.read(_BLOCK)

    def skip(self, count: int) -> None:
        end = self._file.tell() + count
        if end > self._size:
            raise IntegrityError(
                f"it is cut off: it has {self._size} bytes and needs {end}"
            )
        self._file.seek(end)


class _Stream:
    """A compressed file, which is read through, and kept if that is wanted."""

    def __init__(self, stream: BinaryIO, kept: io.BytesIO | None) -> None:
        self._stream = stream
        self._kept = kept

    def tell(self) -> int:
        return self._stream.tell()

    def read_block(self) -> bytes:
        return self._read(_BLOCK)

    def skip(self, count: int) -> None:
        left = count
        while left:
            chunk = self._read(min(left, _CHUNK))
            if not chunk:
                raise IntegrityError(f"it is cut off: {left} bytes are missing")
            left -= len(chunk)

    def finish(self) -> None:
        """Read to the end, within reason: the checksum is there."""
        self._stream.read(_CHUNK)

    def _read(self, count: int) -> bytes:
        data = self._stream.read(count)
        if self._kept is not None:
            self._kept.write(data)
        return data


def _units(source: _File | _Stream, file_bytes: int) -> Iterator[FitsUnit]:
    count = 0
    while (block := source.read_block()) and (count == 0 or _is_extension(block)):
        count += 1
        if count > _MOST_UNITS:
            raise IntegrityError(f"it has more than {_MOST_UNITS} extensions")
        unit = _read_header(source, block, is_first=count == 1)
        needed = _data_bytes(unit, is_first=count == 1)
        # Nothing expands by more in gzip, the weakest of what is read here.
        if isinstance(source, _Stream) and needed > _MOST_RATIO * file_bytes:
            raise IntegrityError(
                f"it is cut off: its header announces {needed} bytes of data, and the "
                f"compressed file has {file_bytes}"
            )
        _check_compressed_image(unit, file_bytes)
        source.skip(needed)
        yield unit
    if not count:
        raise IntegrityError("it is empty")


def _is_extension(block: bytes) -> bool:
    """Whether a header begins here; anything may follow the last extension."""
    return block.startswith(b"XTENSION=")


def _read_header(source: _File | _Stream, block: bytes, *, is_first: bool) -> FitsUnit:
    if is_first and not _SIMPLE.match(block):
        raise IntegrityError("it does not begin with SIMPLE = T, as FITS files do")
    cards: list[bytes] = []
    while True:
        found = [block[i : i + _CARD] for i in range(0, len(block), _CARD)]
        ends = next((i for i, card in enumerate(found) if card[:8] == _END), None)
        cards += found[:ends]
        if ends is not None:
            break
        if len(block) < _BLOCK or len(cards) * _CARD > _MOST_HEADER_BYTES:
            raise IntegrityError("the END of a header is missing")
        block = source.read_block()
    text = b"".join(cards).decode("ascii", "replace").replace("\ufffd", "?")
    return FitsUnit(text, _structure(cards), source.tell())


def _structure(cards: list[bytes]) -> dict[str, int]:
    """Return the keywords that say how the data are laid out."""
    found: dict[str, int] = {}
    for card in cards:
        if not _STRUCTURE.fullmatch(card, 0, 8):
            continue
        key = card[:8].decode().strip()
        value = _NUMBER.match(card, 8)
        if value is None:
            raise IntegrityError(f"its {key} is not a whole number")
        text = value[1]
        found.setdefault(key, int(text == b"T") if text in b"TF" else int(text))
    return found


def _data_bytes(unit: FitsUnit, *, is_first: bool) -> int:
    """Return the size of a data unit, with what fills its last block.

    References
    ----------
    .. [1] FITS Standard 4.0, sections 4.4.1.2 and 6.2.
    """
    structure = unit.structure
    if structure.get("BITPIX") not in _BITPIX:
        raise IntegrityError(f"its BITPIX is {structure.get('BITPIX', 'missing')}")
    if not 0 <= structure.get("TFIELDS", 0) <= MOST_AXES:
        raise IntegrityError(f"its TFIELDS is {structure['TFIELDS']}")
    axes = _axes(structure, "NAXIS")
    parameters, groups = structure.get("PCOUNT", 0), structure.get("GCOUNT", 1)
    if parameters < 0 or groups < 0:
        raise IntegrityError("its PCOUNT or GCOUNT is negative")
    if is_first and structure.get("GROUPS") and axes[:1] == (0,):
        axes = axes[1:]
    values = (parameters + math.prod(axes)) * groups if axes else 0
    size = values * abs(structure["BITPIX"]) // 8
    return -(-size // _BLOCK) * _BLOCK


def _axes(structure: dict[str, int], prefix: str) -> tuple[int, ...]:
    count = structure.get(prefix)
    if count is None or not 0 <= count <= MOST_AXES:
        what = "missing" if count is None else count
        raise IntegrityError(f"its {prefix} is {what}")
    axes = []
    for axis in range(1, count + 1):
        length = structure.get(f"{prefix}{axis}", -1)
        if length < 0:
            what = structure.get(f"{prefix}{axis}", "missing")
            raise IntegrityError(f"its {prefix}{axis} is {what}")
        axes.append(length)
    return tuple(axes)


def _check_compressed_image(unit: FitsUnit, file_bytes: int) -> None:
    if not unit.is_compressed_image:
        return
    bits = unit.structure.get("ZBITPIX", 0)
    if bits not in _BITPIX:
        raise IntegrityError(f"its ZBITPIX is {bits}")
    size = math.prod(unit.image_shape) * abs(bits) // 8
    if size > max(_ALWAYS_ALLOWED_BYTES, _MOST_RATIO * file_bytes):
        raise IntegrityError(
            f"its header announces an image of {size} bytes, and the file has "
            f"{file_bytes}"
        )
