"""Checked input of regions: points, unit vectors, corners of convex polygons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from pantler.dimensions.sky import sphere
from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pantler.dimensions.sky.sphere import Floats

_UNIT_ERROR: Final = 1e-9

MOST_LONGITUDE: Final = 1e6
"""Degrees beyond which a longitude is a mistake: a float loses its direction there."""


def checked_lonlat(lon_deg: ArrayLike, lat_deg: ArrayLike) -> Floats:
    """Return the unit vectors, shape (n, 3), of longitudes and latitudes, degrees.

    Raises
    ------
    InvalidInputError
        If they are not as many, or out of range.
    """
    lon, lat = np.asarray(lon_deg, np.float64), np.asarray(lat_deg, np.float64)
    if lon.ndim != 1 or lon.shape != lat.shape:
        raise InvalidInputError(
            f"As many longitudes as latitudes are needed, not {lon.shape}, {lat.shape}."
        )
    # So written, it is false of NaN.
    if not ((np.abs(lon) <= MOST_LONGITUDE).all() and (np.abs(lat) <= 90.0).all()):
        raise InvalidInputError(
            "Longitudes must be finite, -1e6 to 1e6, and latitudes -90 to 90 degrees, "
            f"not {lon.tolist()}, {lat.tolist()}."
        )
    return sphere.lonlat_to_vectors(lon, lat)


def checked_points(vectors: Floats) -> Floats:
    """Return points if they have the shape (n, 3), or raise InvalidInputError."""
    points = np.asarray(vectors, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise InvalidInputError(
            f"Points must have the shape (n, 3), not {points.shape}."
        )
    return points


def checked_units(vectors: Floats, what: str) -> Floats:
    """Return a copy of unit vectors, shape (n, 3).

    Raises
    ------
    InvalidInputError
        If they are not of that shape or of unit length.
    """
    points = np.array(vectors, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise InvalidInputError(f"{what}: three components each, not {points.shape}.")
    lengths = np.sqrt((points * points).sum(-1))
    # Written so that NaN fails too.
    if not (np.abs(lengths - 1.0) <= _UNIT_ERROR).all():
        raise InvalidInputError(f"{what} must be unit vectors, not {points.tolist()}.")
    return points


def counter_clockwise(vertices: Floats) -> Floats:
    """Return the corners of a convex polygon, counter-clockwise.

    Parameters
    ----------
    vertices : (n, 3)
        Unit vectors, in either sense of rotation.

    Raises
    ------
    InvalidInputError
        If they are not corners of a convex polygon in this order.
    """
    if len(vertices) < 3:
        raise InvalidInputError(
            f"A polygon needs three vertices or more, not {len(vertices)}."
        )
    lengths = sphere.angles_between(vertices, np.roll(vertices, -1, axis=0))
    if (lengths <= sphere.TOUCH).any() or (lengths >= np.pi - sphere.TOUCH).any():
        raise InvalidInputError("Adjacent vertices of a polygon are equal or opposite.")
    heights = sphere.edge_normals(vertices) @ vertices.T
    # A vertex's rounding moves the line through a short edge far away.
    apart = sphere.angles_between(vertices[:, None, :], vertices[None, :, :])
    slack = sphere.TOUCH * (1.0 + apart / lengths[:, None])
    if (heights >= -slack).all() and (heights > slack).any():
        return vertices
    if (heights <= slack).all() and (heights < -slack).any():
        return np.ascontiguousarray(vertices[::-1])
    raise InvalidInputError(
        "The vertices are not the corners of a convex polygon in this order. "
        "List them in order around it, and leave out any that are not corners."
    )
