"""The part of the sky that an image covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pantler.dimensions.sky.regions import ConvexPolygon
from pantler.dimensions.sky.sphere import lonlat_to_vectors
from pantler.errors import HeaderError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_SIDE_STEPS: Final = 8  # points along a side that the projection bends


def image_footprint(wcs: Any, padding_px: float) -> ConvexPolygon:
    """Return a convex polygon on the sky that holds an image.

    Parameters
    ----------
    wcs
        An `astropy.wcs.WCS` that knows the size of its image, or None.
    padding_px
        Pixels to add on each side, for errors of the pointing.

    Raises
    ------
    HeaderError
        If it has no celestial coordinates, or they make no sense.
    """
    if wcs is None or not wcs.has_celestial:
        raise HeaderError("the header has no celestial world coordinates (WCS)")
    if wcs.naxis != 2 or wcs.pixel_shape is None:
        raise HeaderError("the world coordinates are not those of a plain image")
    # Sides are great circles under a gnomonic projection, and bent under others.
    is_straight = not wcs.has_distortion and all(
        str(ctype).endswith("-TAN") for ctype in wcs.wcs.ctype
    )
    x, y = _border(wcs.pixel_shape, padding_px, 1 if is_straight else _SIDE_STEPS)
    try:
        sky = wcs.pixel_to_world(x, y).icrs
        vectors = lonlat_to_vectors(sky.ra.deg, sky.dec.deg)
    except (ValueError, AttributeError, np.linalg.LinAlgError) as error:
        raise HeaderError(f"the world coordinates make no sense: {error}") from error
    if not np.isfinite(vectors).all():
        raise HeaderError("the world coordinates lead nowhere at the image's border")
    return ConvexPolygon.convex_hull(vectors)


def _border(
    size: tuple[int, int], padding_px: float, steps: int
) -> tuple[Floats, Floats]:
    """Return columns and rows of points around an image, corners included."""
    nx, ny = size
    left, right = -0.5 - padding_px, nx - 0.5 + padding_px
    bottom, top = -0.5 - padding_px, ny - 0.5 + padding_px
    way = np.arange(4 * steps) / steps
    x = np.interp(way, np.arange(5), [left, right, right, left, left])
    y = np.interp(way, np.arange(5), [bottom, bottom, top, top, bottom])
    return x, y
