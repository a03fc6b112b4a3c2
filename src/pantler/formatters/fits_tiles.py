"""Which bytes of a FITS file a cutout needs: rows of an image, or its tiles."""

from __future__ import annotations

import itertools
import math
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy.io import fits

from pantler.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantler.formatters.fits_structure import FitsUnit
    from pantler.storage.ranges import RangeFile

_TFORM: Final = re.compile(r"\s*(\d*)([LXBIJKAEDCMPQ])([LXBIJKAEDCM]?)")
_BITS: Final = dict(
    zip(
        "LXBIJKAEDCMPQ", (8, 1, 8, 16, 32, 64, 8, 32, 64, 64, 128, 64, 128), strict=True
    )
)
_MOST_SPANS: Final = 4096

Cutout = tuple[slice, slice]


def fetch_cutout(file: RangeFile, unit: FitsUnit, cutout: Cutout) -> None:
    """Fetch the bytes of a cutout of an image, in as few requests as are worth it.

    Parameters
    ----------
    file
        In which the image is.
    unit
        The image.
    cutout
        Rows and columns of its last two axes, pixels.

    Raises
    ------
    IntegrityError
        If the table of a compressed image has no such tiles.
    """
    if unit.is_compressed_image:
        table = _TileTable(file, unit)
        file.prefetch([table.span])
        file.prefetch(table.tiles(cutout))
    else:
        file.prefetch(_rows(unit, cutout))


def _rows(unit: FitsUnit, cutout: Cutout) -> Iterator[tuple[int, int]]:
    """Yield where the rows of a cutout are, whole as they are: they lie together."""
    shape = unit.image_shape[::-1]  # as numpy counts
    if len(shape) < 2:
        return
    width = abs(unit.structure["BITPIX"]) // 8
    row = shape[-1] * width
    for plane in range(min(math.prod(shape[:-2]), _MOST_SPANS)):
        start = unit.data_start + plane * shape[-2] * row
        yield start + cutout[0].start * row, start + cutout[0].stop * row


class _TileTable:
    """The binary table in which the tiles of an image are kept.

    References
    ----------
    .. [1] FITS Standard 4.0, sections 7.3 and 10.1.
    """

    def __init__(self, file: RangeFile, unit: FitsUnit) -> None:
        self._file = file
        self._unit = unit
        self._header = fits.Header.fromstring(unit.cards)
        self._row_bytes = unit.structure["NAXIS1"]
        self._rows = unit.structure["NAXIS2"]

    @property
    def span(self) -> tuple[int, int]:
        """Where the table is, without its heap."""
        start = self._unit.data_start
        return start, start + self._row_bytes * self._rows

    def tiles(self, cutout: Cutout) -> list[tuple[int, int]]:
        """Return where the tiles are that a cutout meets."""
        heap = self.span[0] + int(
            self._header.get("THEAP", self._row_bytes * self._rows)
        )
        numbers = np.fromiter(self._numbers(cutout), dtype=np.int64)
        if numbers.size and numbers.max() >= self._rows:
            raise IntegrityError("its table has fewer tiles than the image")
        start, stop = self.span
        data = np.frombuffer(
            self._file.read_at(start, stop - start), dtype=np.uint8
        ).reshape(self._rows, self._row_bytes)
        found = []
        for place, kind, item in self._arrays():
            width = 4 if kind == "P" else 8
            pairs = np.ascontiguousarray(data[numbers, place : place + 2 * width]).view(
                f">i{width}"
            )
            found += [
                (heap + int(offset), heap + int(offset + count * item))
                for count, offset in pairs.astype(np.int64)
                if count > 0
            ]
        return found

    def _numbers(self, cutout: Cutout) -> Iterator[int]:
        """Yield the numbers of the tiles, which are rows of the table."""
        shape = self._unit.image_shape[::-1]
        tile = [
            int(self._header.get(f"ZTILE{axis}", length if axis == 1 else 1))
            for axis, length in enumerate(reversed(shape), 1)
        ][::-1]
        if min(tile, default=0) < 1:
            raise IntegrityError("its tiles have no size")
        counts = [-(-n // t) for n, t in zip(shape, tile, strict=True)]
        spans = [range(n) for n in counts[:-2]] + [
            range(part.start // t, (part.stop - 1) // t + 1)
            for part, t in zip(cutout, tile[-2:], strict=True)
        ]
        for place in itertools.product(*spans):
            number = 0
            for index, count in zip(place, counts, strict=True):
                number = number * count + index
            yield number

    def _arrays(self) -> list[tuple[int, str, int]]:
        """Return the columns of arrays: place in a row, kind, and size of an item."""
        found = []
        place = 0
        for number in range(1, self._unit.structure.get("TFIELDS", 0) + 1):
            match = _TFORM.match(str(self._header.get(f"TFORM{number}", "")))
            if match is None:
                raise IntegrityError(f"its TFORM{number} cannot be understood")
            repeat, kind, item = match.groups()
            count = int(repeat or 1)
            if kind in "PQ" and count:
                found.append((place, kind, max(_BITS.get(item, 8) // 8, 1)))
            place += -(-count * _BITS[kind] // 8)
        return found


def has_cutout(unit: FitsUnit, cutout: Cutout | None) -> bool:
    """Whether a cutout lies within an image, so that there is anything to fetch."""
    shape: tuple[Any, ...] = unit.image_shape[::-1]
    return (
        cutout is not None
        and len(shape) >= 2
        and cutout[0].stop <= shape[-2]
        and cutout[1].stop <= shape[-1]
    )
