"""Headers of raw FITS frames: read without their pixels, checked to be whole."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from pantler.errors import HeaderError
from pantler.instruments.frame_header import FrameHeader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def read_frame_headers(path: Path) -> list[FrameHeader]:
    """Return the headers of the images in a FITS file, tile-compressed ones too.

    An extension's header is completed by that of the primary unit; its own values
    win. Pixels are not read.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    list of FrameHeader
        One for each unit that holds a two-dimensional image, in file order.

    Raises
    ------
    HeaderError
        If the file is no FITS file, is cut off, cannot be read, or has no image.
    """
    from astropy.io import fits

    try:
        with warnings.catch_warnings():
            # Cards that break the standard are common in raw frames and harmless
            # here; a file that is cut off is found below, for certain.
            warnings.simplefilter("ignore")
            with fits.open(path, memmap=False, lazy_load_hdus=True) as units:
                _check_length(units, path)
                headers = list(_image_headers(units, str(path)))
    except (OSError, EOFError, ValueError, TypeError, fits.VerifyError) as error:
        if isinstance(error, HeaderError):
            raise
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise HeaderError(f"{path} cannot be read as FITS: {reason}.") from error
    if not headers:
        raise HeaderError(f"{path} holds no two-dimensional image.")
    return headers


def _check_length(units: Any, path: Path) -> None:
    """Refuse a file that ends before its data do."""
    if path.suffix in {".gz", ".bz2", ".xz"}:
        return  # its length says nothing of the content's
    actual = path.stat().st_size
    for unit in units:
        place = unit.fileinfo()
        needed = place["datLoc"] + place["datSpan"]
        if actual < needed:
            raise HeaderError(
                f"{path} is cut off: it has {actual} bytes and needs {needed}."
            )


def _image_headers(units: Any, file: str) -> Iterator[FrameHeader]:
    shared = _plain(units[0].header)
    for unit in units:
        if unit.is_image and unit.header.get("NAXIS") == 2:
            yield FrameHeader({**shared, **_plain(unit.header)}, file)


def _plain(header: Any) -> dict[str, object]:
    """Return key and value of the cards that have both."""
    return {
        card.keyword: card.value
        for card in header.cards
        if card.keyword not in {"", "COMMENT", "HISTORY"}
        and isinstance(card.value, str | int | float)
    }
