"""Images with variance and mask, as the tasks of this room make and take them.

In every image, a masked pixel with a finite value is suspect (saturated, bad, or
interpolated); one that is NaN has no data.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pantler.errors import HeaderError, InvalidInputError, close_match

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.nddata import CCDData
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Bools = NDArray[np.bool_]


def make_image(
    data: NDArray[Any],
    variance: NDArray[Any],
    mask: NDArray[Any],
    *,
    unit: str,
    wcs: Any = None,
    header: Mapping[str, Any] | None = None,
) -> CCDData:
    """Return an image of single precision.

    Parameters
    ----------
    data, variance, mask
        Of one shape; the variance in the square of the unit.
    unit
        As astropy spells it, such as ``"electron"``.
    wcs
        World coordinates of the pixels, None for none.
    header
        Facts about it; only text and numbers are kept.
    """
    from astropy.nddata import CCDData, VarianceUncertainty

    return CCDData(
        data.astype(np.float32, copy=False),
        uncertainty=VarianceUncertainty(variance.astype(np.float32, copy=False)),
        mask=mask.astype(bool, copy=False),
        unit=unit,
        wcs=wcs,
        meta=plain_header(header or {}),
    )


def plain_header(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a header, without comments and the layout of raw pixels."""
    return {
        key: value
        for key, value in header.items()
        if isinstance(value, str | int | float | np.number)
        and key not in {"", "COMMENT", "HISTORY", "BSCALE", "BZERO"}
    }


def variance_of(image: CCDData) -> Floats:
    """Return the variance of an image, zero where it says nothing of it."""
    from astropy.nddata import VarianceUncertainty

    if image.uncertainty is None:
        return np.zeros(image.shape, np.float32)
    variance = image.uncertainty.represent_as(VarianceUncertainty).array
    return np.asarray(variance, np.float32)


def mask_of(image: CCDData) -> Bools:
    """Return which pixels of an image are suspect or have no data."""
    mask: Bools = np.isnan(image.data)
    if image.mask is not None:
        mask |= np.asarray(image.mask, bool)
    return mask


def counts_of(image: CCDData) -> Floats:
    """Return the pixels of a raw frame, ADU.

    Raises
    ------
    InvalidInputError
        If the frame is not two-dimensional or its unit is not counts.
    """
    if str(image.unit) not in {"adu", "ct", ""}:
        raise InvalidInputError(
            f"A raw frame has the unit 'adu', not '{image.unit}': is it processed?"
        )
    if image.data.ndim != 2:
        raise InvalidInputError(
            f"A raw frame has two dimensions; this one has shape {image.shape}."
        )
    return np.asarray(image.data, np.float32)


def check_shapes(**images: CCDData | None) -> None:
    """Refuse images that are not of one shape; None is skipped.

    Raises
    ------
    InvalidInputError
        If two differ; the message names both.
    """
    shapes = {name: i.shape for name, i in images.items() if i is not None}
    first, *others = shapes
    for name in others:
        if shapes[name] != shapes[first]:
            raise InvalidInputError(
                f"'{name}' has shape {shapes[name]} and '{first}' {shapes[first]}: "
                "they must be of the same detector, binning and window."
            )


def header_number(header: Mapping[str, Any], *keys: str) -> float:
    """Return the finite number under the first header key that is there.

    Raises
    ------
    HeaderError
        If none is there, or it is not a finite number.
    """
    for key in keys:
        value = header.get(key)
        if value is None:
            continue
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise HeaderError(f"Header key '{key}' is {value!r}, not a number.")
        return number
    hint = next(filter(None, (close_match(key, header) for key in keys)), "")
    raise HeaderError(f"The header has no {' or '.join(map(repr, keys))}.{hint}")
