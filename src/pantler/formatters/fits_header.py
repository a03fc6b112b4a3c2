"""Headers and world coordinates to FITS cards and back, without loss."""

from __future__ import annotations

import logging
import math
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy.io.fits import Card, Header
from astropy.io.fits.card import Undefined
from astropy.io.fits.verify import VerifyError
from astropy.wcs import WCS, WCSHDO_P17, WCSHDO_all
from astropy.wcs.wcs import WCSHDO_SIP

from pantler.errors import IntegrityError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.io.fits import HDUList

_log = logging.getLogger(__name__)

_STANDARD: Final = re.compile(r"[A-Za-z0-9_-]{1,8}")
_OF_WCS: Final = re.compile(
    r"WCSAXES|LONPOLE|LATPOLE|(CTYPE|CRVAL|CRPIX|CDELT|CUNIT|CROTA)\d"
    r"|(CD|PC|PV|PS)\d+_\d+|(A|B|AP|BP)_(ORDER|DMAX|\d+_\d+)"
)
_OF_FILE: Final = ("CHECKSUM", "DATASUM", "BLANK")
_PIXEL_SHAPE: Final = "PIXSHP"
_SIP_ORDERS: Final = ("A_ORDER", "B_ORDER", "AP_ORDER", "BP_ORDER")
_MOST_SIP_ORDER: Final = 9  # Shupe et al. 2005, ASP Conf. Ser. 347, 491
# What astropy and its C library raise for cards that make no sense.
_NO_WCS: Final = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    MemoryError,
    OSError,
    VerifyError,
)


def make_header(meta: Mapping[str, Any]) -> Header:
    """Return a FITS header of a header or any other mapping.

    Keywords that describe the arrays of a file (BITPIX, NAXIS, BZERO, ...) are left
    out; longer ones than FITS has become HIERARCH cards.

    Raises
    ------
    InvalidInputError
        If a value is not one that a header can hold; names the key.
    """
    if isinstance(meta, Header):
        header = meta.copy(strip=True)
    else:
        header = Header([_card(str(key), value) for key, value in meta.items()])
        header.strip()
    for name in _OF_FILE:
        header.remove(name, ignore_missing=True, remove_all=True)
    return Header([_exact(card) for card in header.cards])


def _card(key: str, value: object) -> Card:
    comment = ""
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], str):
        value, comment = value
    if isinstance(value, np.generic):
        value = value.item()
    keyword = key if _STANDARD.fullmatch(key) else f"HIERARCH {key}"
    allowed = value is None or isinstance(value, str | bool | int | float | Undefined)
    if not allowed or (isinstance(value, float) and not math.isfinite(value)):
        raise InvalidInputError(
            f"Header key '{key}' is {value!r:.60} ({type(value).__qualname__}), which "
            "FITS cannot hold: use text, truth values, finite numbers and None."
        )
    try:
        card = Card(keyword, value, comment)
        str(card.image)  # it is only checked when it is formatted
    except (ValueError, VerifyError) as error:
        raise InvalidInputError(
            f"Header key '{key}' with value {value!r:.60} cannot be a FITS card: "
            f"{' '.join(str(error).split())}"
        ) from None
    return card


def _exact(card: Card) -> Card:
    """Return a card whose number keeps all digits.

    Astropy cuts numbers to the 20 columns of the fixed format. The free format
    (FITS Standard 4.0, section 4.2.4) has room for the 17 digits of a double.
    """
    try:
        value = card.value
    except VerifyError:
        return card  # a stranger's, kept as it is
    if not isinstance(value, float) or len(str(value)) <= 20:
        return card
    if Card.fromstring(card.image).value == value:
        return card
    key = card.keyword
    start = f"{key:8}= " if _STANDARD.fullmatch(key) else f"HIERARCH {key} = "
    text = start + str(value).replace("e", "E")
    if card.comment:
        text = f"{text} / {card.comment}"
    return Card.fromstring(text[:80])


def frame_header(primary: Header, image: Header) -> Header:
    """Return what the headers of an ordinary frame say, without how it is stored.

    Cards of the image replace those of the primary header with the same keyword.
    """
    header = primary.copy(strip=True)
    if image is not primary:
        header.extend(image.copy(strip=True), update=True)
    for name in _OF_FILE:
        header.remove(name, ignore_missing=True, remove_all=True)
    return header


def without_wcs(header: Header) -> Header:
    """Return a header without the keywords of its primary world coordinates."""
    return Header(
        [card for card in header.cards if not _OF_WCS.fullmatch(card.keyword)]
    )


def wcs_cards(wcs: WCS) -> Header:
    """Return the cards of world coordinates, with all digits.

    Raises
    ------
    InvalidInputError
        If they have distortion tables.
    """
    if any((wcs.cpdis1, wcs.cpdis2, wcs.det2im1, wcs.det2im2)):
        raise InvalidInputError(
            "The WCS has distortion tables, which are not supported: "
            "express them as SIP or TPV polynomials."
        )
    header = wcs.to_header(relax=WCSHDO_all | WCSHDO_P17 | WCSHDO_SIP)
    if wcs.pixel_shape is not None:
        for axis, length in enumerate(wcs.pixel_shape, 1):
            header[f"{_PIXEL_SHAPE}{axis}"] = length
    return Header([_exact(card) for card in header.cards])


def wcs_of_cards(header: Header) -> WCS:
    """Return the world coordinates of what `wcs_cards` made.

    Raises
    ------
    IntegrityError
        If the cards are not what it made.
    """
    try:
        _check_sip(header)
        wcs = WCS(header, fix=False)
        lengths = [header.get(f"{_PIXEL_SHAPE}{axis + 1}") for axis in range(wcs.naxis)]
        wcs.pixel_shape = None if None in lengths else lengths
    except _NO_WCS as error:
        raise IntegrityError(f"The stored WCS is damaged: {error}.") from error
    return wcs


def wcs_of_frame(header: Header, hdus: HDUList) -> WCS | None:
    """Return the world coordinates of an ordinary frame; None if it has none.

    Coordinates that cannot be understood count as none, with a warning in the log:
    the pixels are good without them.
    """
    try:
        _check_sip(header)
        wcs = WCS(header, fobj=hdus)
    except _NO_WCS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        name = hdus.filename() or "a compressed frame"
        _log.warning("The WCS of %s is not used: %s", name, reason)
        return None
    return wcs if wcs.has_celestial else None


def _check_sip(header: Header) -> None:
    """Refuse distortion polynomials whose size is absurd: all terms are looked up."""
    for key in _SIP_ORDERS:
        order = header.get(key)
        if order is not None and order not in range(_MOST_SIP_ORDER + 1):
            raise ValueError(
                f"{key} is {order!r}, and it can be 0 to {_MOST_SIP_ORDER}"
            )
