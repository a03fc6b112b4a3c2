"""Pixels of the sky: which ones regions touch, and the region of one pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from pantler.dimensions.element import ROOT_PIXELS
from pantler.dimensions.sky import healpix, htm, sphere
from pantler.dimensions.sky.regions import ConvexPolygon, Region, meets_polygons
from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pantler.dimensions.element import DimensionElement, PixelScheme
    from pantler.dimensions.sky.region_array import RegionArray
    from pantler.dimensions.sky.sphere import Bools, Floats

    Integers = NDArray[np.int64]

MAX_LEVEL: Final = {"htm": htm.MAX_LEVEL, "healpix": healpix.MAX_LEVEL}
_NEAR: Final = {"htm": htm.trixels_near, "healpix": healpix.pixels_near}

_CANDIDATES: Final = 1 << 18
"""Pixels that are examined at once, roughly."""

_PAIRS: Final = 1 << 13
"""Pairs in one exact test, so that its arrays stay in the cache."""


def pixel_envelope(
    regions: RegionArray, scheme: PixelScheme, level: int
) -> tuple[Integers, Integers]:
    """Return the pixels that regions touch.

    Parameters
    ----------
    regions
        The regions; missing ones touch no pixel.
    scheme
        ``htm``, or ``healpix`` in the nested scheme.
    level
        0 to 24 (htm) or 29 (healpix).

    Returns
    -------
    row, pixel : (m,)
        Rows of the regions, ascending, and pixel indices, each pair once: every
        pixel that a region overlaps; for ``healpix`` also some that it nearly does.

    Raises
    ------
    InvalidInputError
        If there is no such level.
    """
    _check_level(scheme, level)
    rows: list[Integers] = [np.empty(0, np.int64)]
    pixels: list[Integers] = [np.empty(0, np.int64)]
    for part in _batches(regions.radii, scheme, level):
        circle, place, index, vertices = _NEAR[scheme](
            regions.centers[part], regions.radii[part], level
        )
        row = part[circle]
        keep = _touched(regions, row, vertices, place)
        row, pixel = row[keep], index[place[keep]]
        order = np.lexsort((pixel, row))
        rows.append(row[order])
        pixels.append(pixel[order])
    return np.concatenate(rows), np.concatenate(pixels)


def overlapping_pixels(
    regions: RegionArray, element: DimensionElement
) -> tuple[Integers, Integers]:
    """Return exactly those pixels that regions overlap.

    Parameters
    ----------
    regions
        The regions; missing ones overlap no pixel.
    element
        A pixel dimension; its pixels have the regions of `pixel_region`.

    Returns
    -------
    row, pixel : (m,)
        Rows of the regions, ascending, and pixel indices, each pair once.
    """
    from pantler.dimensions.sky.region_array import RegionArray, overlap_mask

    scheme = element.pixel_scheme
    if scheme is None:
        raise InvalidInputError(f"'{element.name}' is not a sky pixelization.")
    row, pixel = pixel_envelope(regions, scheme, element.pixel_level)
    if scheme == "htm" or not len(row):
        return row, pixel
    unique, place = np.unique(pixel, return_inverse=True)
    others = RegionArray.from_regions(
        [pixel_region(element, number) for number in unique.tolist()]
    )
    keep = overlap_mask(regions, row, others, place.astype(np.int64))
    return row[keep], pixel[keep]


def pixel_region(element: DimensionElement, index: int) -> Region:
    """Return the region of a pixel.

    Parameters
    ----------
    element
        A pixel dimension, such as ``htm7``.
    index
        The pixel's number.

    Returns
    -------
    Region
        A trixel exactly; for HEALPix the convex hull of points on its outline.

    Raises
    ------
    InvalidInputError
        If the element is not a pixel dimension, or has no such pixel.
    """
    numbers = pixel_numbers(element)
    if int(index) not in numbers:
        raise InvalidInputError(
            f"'{element.name}' has no pixel {index}; they are {numbers[0]} to "
            f"{numbers[-1]}."
        )
    scheme, level = element.pixel_scheme, element.pixel_level
    if scheme == "htm":
        return ConvexPolygon(htm.trixel_vertices(np.array([index]), level)[0])
    outline = healpix.pixel_outline(np.array([index]), level, step=8)
    return ConvexPolygon.convex_hull(outline[0])


def pixel_numbers(element: DimensionElement) -> range:
    """Return the numbers of all pixels of a pixel dimension.

    Raises
    ------
    InvalidInputError
        If the element is not a pixel dimension.
    """
    if element.pixel_scheme is None:
        raise InvalidInputError(
            f"'{element.name}' is not a sky pixelization; those have names such as "
            "'htm7' or 'healpix9'."
        )
    return element.pixels


def _check_level(scheme: PixelScheme, level: int) -> None:
    if scheme not in MAX_LEVEL:
        raise InvalidInputError(
            f"No pixelization '{scheme}'; there are {', '.join(MAX_LEVEL)}."
        )
    if not 0 <= level <= MAX_LEVEL[scheme]:
        raise InvalidInputError(
            f"'{scheme}' has the levels 0 to {MAX_LEVEL[scheme]}, not {level}."
        )


def _batches(radii: Floats, scheme: PixelScheme, level: int) -> Iterator[Integers]:
    """Yield rows of regions that are there, few where each touches many pixels."""
    rows = np.flatnonzero(np.isfinite(radii))
    share = 0.5 * (1.0 - np.cos(np.minimum(radii[rows], np.pi)))
    pixels = 16.0 + 2.0 * share * len(ROOT_PIXELS[scheme]) * 4.0**level
    batch = (np.cumsum(pixels) // _CANDIDATES).astype(np.int64)
    begins = np.flatnonzero(np.diff(batch, prepend=-1))
    yield from np.split(rows, begins[1:])


def _touched(
    regions: RegionArray, row: Integers, vertices: Floats, place: Integers
) -> Bools:
    """Return in which pairs a region overlaps a pixel, given as convex polygons."""
    sizes = regions.sizes[row]
    normals = sphere.edge_normals(vertices)
    _, radii = sphere.polygon_circles(vertices, normals)
    found = np.zeros(len(row), dtype=np.bool_)
    for other in np.unique(row[sizes == 0]).tolist():
        pairs = np.flatnonzero(row == other)
        corners, sides = vertices[place[pairs]], normals[place[pairs]]
        found[pairs] = meets_polygons(regions.others[other], corners, sides)
    for count in np.unique(sizes[sizes > 0]).tolist():
        rest = np.flatnonzero(sizes == count)
        for begin in range(0, len(rest), _PAIRS):
            pairs = rest[begin : begin + _PAIRS]
            its = place[pairs]
            found[pairs] = sphere.polygon_pairs_overlap(
                regions.polygons(row[pairs], count),
                (np.take(vertices, its, axis=0), np.take(normals, its, axis=0)),
                regions.radii[row[pairs]] + radii[its],
            )
    return found
