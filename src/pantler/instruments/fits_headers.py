"""Headers of raw FITS frames: read without their pixels, checked to be whole."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Final

from pantler.errors import HeaderError, IntegrityError
from pantler.formatters.fits_structure import FitsUnit, read_units
from pantler.instruments.frame_header import FrameHeader

if TYPE_CHECKING:
    from pathlib import Path

# How a table holds the tiles of an image: FITS Standard 4.0, section 10.
_OF_TILES: Final = re.compile(
    r"XTENSION|BITPIX|NAXIS\d*|[PG]COUNT|TFIELDS|THEAP|T(TYPE|FORM|UNIT|NULL|ZERO)\d+"
    r"|Z(IMAGE|SIMPLE|TENSION|EXTEND|BLOCKED|[PG]COUNT|HECKSUM|DATASUM|CMPTYPE|MASKCMP"
    r"|QUANTIZ|DITHER0|(TILE|NAME|VAL)\d+)"
)
_OF_IMAGE: Final = re.compile(r"Z(BITPIX|NAXIS\d*)")


def read_frame_headers(path: Path) -> list[FrameHeader]:
    """Return the headers of the images in a FITS file, tile-compressed ones too.

    An extension's header is completed by that of the primary unit; its own values
    win. Pixels are not read. A card that cannot be understood has no value.

    Parameters
    ----------
    path
        The file, which may be compressed as a whole, as ``.fits.gz`` is.

    Returns
    -------
    list of FrameHeader
        One for each unit that holds a two-dimensional image, in file order.

    Raises
    ------
    HeaderError
        If the file is not a FITS file, is cut off, cannot be read, or has no image.
    """
    try:
        units = read_units(path)
    except IntegrityError as error:
        raise HeaderError(f"{path} cannot be read as FITS: {error}.") from None
    except OSError as error:
        raise HeaderError(f"{path} cannot be read: {error.strerror}.") from error
    shared = _values(units[0])
    headers = [
        FrameHeader({**shared, **_values(unit)}, str(path))
        for unit in units
        if len(unit.image_shape) == 2 and 0 not in unit.image_shape
    ]
    if not headers:
        raise HeaderError(f"{path} does not have a two-dimensional image.")
    return headers


def _values(unit: FitsUnit) -> dict[str, object]:
    """Return key and value of the cards that have both."""
    from astropy.io.fits import Header, VerifyError

    found: dict[str, object] = {}
    with warnings.catch_warnings():
        # Cards that break the standard are common in raw frames, and harmless here.
        warnings.simplefilter("ignore")
        for card in Header.fromstring(unit.cards).cards:
            try:
                key, value = card.keyword, card.value
            except (VerifyError, ValueError, TypeError, LookupError, AttributeError):
                key, value = card.rawkeyword, None
            if key in {"", "COMMENT", "HISTORY"}:
                continue
            if unit.is_compressed_image:
                if _OF_TILES.fullmatch(key):
                    continue
                key = key[1:] if _OF_IMAGE.fullmatch(key) else key
            if value is None or isinstance(value, str | int | float):
                found[key] = value
    return found
