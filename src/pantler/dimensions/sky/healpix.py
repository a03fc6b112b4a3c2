"""HEALPix in the nested scheme: pixels near circles, and outlines of pixels.

References
----------
.. [1] K. M. Górski et al. 2005, ApJ 622, 759.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from pantler.dimensions.sky import sphere

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pantler.dimensions.sky.sphere import Floats

    Integers = NDArray[np.int64]

MAX_LEVEL: Final = 29

_RADIUS: Final = 1.08
"""Largest angle from a pixel's centre to its outline, times ``2**level``, radians."""

_MARGIN: Final = 1.25
"""By how much the corners are moved outwards to hold the outline, whose edges are no
great circles: they bulge by 0.17 of a pixel's half width, 0.19 at level 0."""


def pixel_outline(index: Integers, level: int, *, step: int = 1) -> Floats:
    """Return points on the outlines of pixels, counter-clockwise.

    Parameters
    ----------
    index : (n,)
        Nested indices at the level.
    level
        0 to 29.
    step
        Points on each of the four edges.

    Returns
    -------
    numpy.ndarray, shape (n, 4 * step, 3)
        Unit vectors; the corners are every ``step``-th.
    """
    from cdshealpix import nested

    lon, lat = nested.vertices(index.astype(np.uint64), level, step=step)
    return sphere.lonlat_to_vectors(lon.deg, lat.deg)


def pixels_near(
    centers: Floats, radii: Floats, level: int
) -> tuple[Integers, Integers, Integers, Floats]:
    """Return the pixels that circles touch, and some around them.

    Parameters
    ----------
    centers, radii : (n, 3) and (n,)
        Unit vectors and radians.
    level
        0 to 29.

    Returns
    -------
    row, place : (m,)
        Which circle, and the place of a pixel that it touches or nearly touches.
    index : (k,)
        The pixels, each once, and perhaps others.
    vertices : (k, 4, 3)
        For each, the corners of a convex polygon that holds it.
    """
    count = len(radii)
    row, index = np.repeat(np.arange(count), 12), np.tile(np.arange(12), count)
    unique, inverse = np.unique(index, return_inverse=True)
    middle = _pixel_centers(unique, 0)
    for depth in range(level + 1):
        if depth:
            row, index = np.repeat(row, 4), np.repeat(4 * index, 4)
            index += np.tile(np.arange(4), len(index) // 4)
            unique, inverse = np.unique(index, return_inverse=True)
            middle = _pixel_centers(unique, depth)
        angles = sphere.angles_between(centers[row], middle[inverse])
        near = angles <= radii[row] + _RADIUS / 2**depth
        row, index, inverse = row[near], index[near], inverse[near]
    around = middle[:, None, :]
    corners = pixel_outline(unique, level)
    flat = corners / (corners * around).sum(-1, keepdims=True)
    wider = sphere.normalize(around + _MARGIN * (flat - around))
    return row, inverse, unique, wider


def _pixel_centers(index: Integers, level: int) -> Floats:
    from cdshealpix import nested

    lon, lat = nested.healpix_to_lonlat(index.astype(np.uint64), level)
    return sphere.lonlat_to_vectors(lon.deg, lat.deg)
