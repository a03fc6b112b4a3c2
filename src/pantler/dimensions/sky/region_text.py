"""Regions as people write them: in the words of the query language, in degrees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from pantler.dimensions.sky.regions import Box, Circle, ConvexPolygon, UnionRegion
from pantler.dimensions.sky.sphere import vectors_to_lonlat

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pantler.dimensions.sky.regions import Region

_DIGITS: Final = 7
"""Decimals of a degree: a third of a milliarcsecond."""


def region_text(region: Region) -> str:
    """Return a region as text, rounded to 0.4 milliarcseconds; degrees, ICRS.

    Examples
    --------
    >>> region_text(Circle.from_lonlat(150.1, 2.2, 0.02))
    'CIRCLE(150.1, 2.2, 0.02)'
    >>> region_text(ConvexPolygon.from_lonlat([10, 11, 11], [-1, -1, 0.5]))
    'POLYGON(10, -1, 11, -1, 11, 0.5)'
    """
    match region:
        case Circle():
            lon, lat = map(float, vectors_to_lonlat(region.center))
            return _call("CIRCLE", [lon, lat, region.radius])
        case ConvexPolygon():
            corners = np.stack(vectors_to_lonlat(region.vertices), axis=1)
            return _call("POLYGON", corners.ravel())
        case Box():
            shape = region.shape
            middle = (shape.west + 0.5 * shape.width) % (2 * np.pi)
            height = shape.north - shape.south
            lat = shape.south + 0.5 * height
            return _call("BOX", [middle, lat, shape.width, height])
        case UnionRegion():
            return f"UNION({', '.join(map(region_text, region.members))})"
    return repr(region)


def _call(word: str, angles: ArrayLike) -> str:
    degrees = np.degrees(np.asarray(angles, float)).round(_DIGITS) + 0.0
    return f"{word}({', '.join(map(_number, degrees.tolist()))})"


def _number(value: float) -> str:
    return f"{value:.{_DIGITS}f}".rstrip("0").rstrip(".")
