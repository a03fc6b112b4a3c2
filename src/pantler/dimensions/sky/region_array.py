"""Many sky regions as arrays, and which pairs of them overlap.

Convex polygons, by far the most, are handled in bulk; other kinds one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from pantler.dimensions.sky import sphere
from pantler.dimensions.sky.regions import (
    ConvexPolygon,
    Region,
    decode_region,
    meets_polygons,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pantler.dimensions.sky.sphere import Bools, Floats

    Integers = NDArray[np.int64]

_CANDIDATES: Final = 1 << 20
"""Most candidate pairs that are held at once."""

_PAIRS: Final = 1 << 13
"""Polygons, or pairs of them, that are worked on at once: so that their arrays stay in
the cache."""

_SMALLEST: Final = 2e-6
"""Radius, radians, below which the grid of cells is not refined."""

_UNIT_ERROR: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class RegionArray:
    """Regions as arrays; a missing region overlaps nothing.

    Make one with `from_encoded` or `from_regions`.

    Parameters
    ----------
    offsets : (n + 1,)
        The vertices of polygon ``i`` are rows ``offsets[i]`` to ``offsets[i + 1]``;
        none for other kinds.
    vertices, normals : (m, 3)
        Vertices and inward edge normals of all polygons.
    centers, radii : (n, 3) and (n,)
        Bounding circles, radians; NaN for a missing region.
    others
        The regions that are not polygons, by row.
    """

    offsets: Integers
    vertices: Floats
    normals: Floats
    centers: Floats
    radii: Floats
    others: Mapping[int, Region]

    @classmethod
    def from_encoded(cls, encoded: pl.Series) -> RegionArray:
        """Decode a column of regions.

        Parameters
        ----------
        encoded : (n,)
            Binary, each as from `Region.encode`, or null.

        Raises
        ------
        IntegrityError
            If bytes are not an encoded region.
        InvalidInputError
            If a region is of an unsupported kind.
        """
        blobs = encoded.to_list()
        sizes = encoded.bin.size().fill_null(0).to_numpy().astype(np.int64)
        starts = encoded.bin.starts_with(b"p").fill_null(value=False).to_numpy()
        is_polygon = starts & (sizes % 24 == 1) & (sizes >= 73)
        counts = np.where(is_polygon, sizes // 24, 0)
        others = {
            int(row): decode_region(blobs[row])
            for row in np.flatnonzero(~is_polygon & encoded.is_not_null().to_numpy())
        }
        array = cls(
            offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            vertices=np.empty((int(counts.sum()), 3)),
            normals=np.empty((int(counts.sum()), 3)),
            centers=np.full((len(blobs), 3), np.nan),
            radii=np.full(len(blobs), np.nan),
            others=others,
        )
        for count in np.unique(counts[counts > 0]).tolist():
            for rows in _parts(np.flatnonzero(counts == count), _PAIRS):
                array._fill_polygons(rows, count, blobs)
        for row, region in others.items():
            circle = region.bounding_circle()
            array.centers[row], array.radii[row] = circle.center, circle.radius
        return array

    @classmethod
    def from_regions(cls, regions: Sequence[Region | None]) -> RegionArray:
        """Return the array of some regions, None for a missing one."""
        encoded = [None if each is None else each.encode() for each in regions]
        return cls.from_encoded(pl.Series(encoded, dtype=pl.Binary))

    def _fill_polygons(
        self, rows: Integers, count: int, blobs: Sequence[bytes]
    ) -> None:
        """Decode the polygons with one number of vertices."""
        joined = b"".join([blobs[row] for row in rows.tolist()])
        table = np.frombuffer(joined, np.uint8).reshape(len(rows), 1 + 24 * count)
        flat = np.ascontiguousarray(table[:, 1:]).view("<f8").astype(np.float64)
        vertices = flat.reshape(-1, count, 3)
        lengths = np.sqrt((vertices * vertices).sum(-1))
        with np.errstate(invalid="ignore", divide="ignore"):
            normals = sphere.edge_normals(vertices)
            bends = (normals * np.roll(vertices, -2, axis=1)).sum(-1)
            # Written so that NaN counts as suspect.
            sound = (np.abs(lengths - 1.0) <= _UNIT_ERROR) & (bends >= -sphere.TOUCH)
        for place in np.flatnonzero(~sound.all(-1)).tolist():
            # One that is merely clockwise, or has vertices on one line, passes here.
            polygon = decode_region(blobs[rows[place]])
            if isinstance(polygon, ConvexPolygon):
                vertices[place], normals[place] = polygon.vertices, polygon.normals
        places = self.offsets[rows][:, None] + np.arange(count)
        self.vertices[places], self.normals[places] = vertices, normals
        self.centers[rows], self.radii[rows] = sphere.polygon_circles(vertices, normals)

    def __len__(self) -> int:
        return len(self.radii)

    @property
    def sizes(self) -> Integers:
        """The number of vertices of each polygon, 0 for other rows, shape (n,)."""
        return np.diff(self.offsets)

    def region(self, row: int) -> Region | None:
        """Return one region, or None if it is missing."""
        begin, end = int(self.offsets[row]), int(self.offsets[row + 1])
        if end > begin:
            return ConvexPolygon(self.vertices[begin:end])
        return self.others.get(row)

    def polygons(self, rows: Integers, count: int) -> tuple[Floats, Floats]:
        """Return vertices and normals of polygons with as many vertices.

        Parameters
        ----------
        rows : (m,)
            Rows of polygons that have ``count`` vertices each.
        count
            How many.

        Returns
        -------
        tuple of numpy.ndarray, each of shape (m, count, 3)
        """
        places = self.offsets[rows][:, None] + np.arange(count)
        return (
            np.take(self.vertices, places, axis=0),
            np.take(self.normals, places, axis=0),
        )

    def overlaps(self, region: Region) -> Bools:
        """Return which regions overlap one.

        Parameters
        ----------
        region
            Any region.

        Returns
        -------
        numpy.ndarray, shape (n,)
        """
        circle = region.bounding_circle()
        reach = self.radii + circle.radius + sphere.TOUCH
        found: Bools = sphere.angles_between(self.centers, circle.center) <= reach
        near = np.flatnonzero(found)
        found[near] = self.decide(region, near)
        return found

    def decide(self, region: Region, rows: Integers) -> Bools:
        """Return which of some rows, none of them missing, overlap a region.

        Parameters
        ----------
        region
            Any region.
        rows : (m,)
            Rows to be tested one and all, without a look at bounding circles.

        Returns
        -------
        numpy.ndarray, shape (m,)
        """
        sizes = self.sizes[rows]
        found = np.zeros(len(rows), dtype=np.bool_)
        for count in np.unique(sizes).tolist():
            places = np.flatnonzero(sizes == count)
            if count == 0:
                found[places] = [
                    self.others[row].overlaps(region) for row in rows[places].tolist()
                ]
                continue
            for part in _parts(places, _PAIRS):
                vertices, normals = self.polygons(rows[part], count)
                found[part] = meets_polygons(region, vertices, normals)
        return found


def overlapping_pairs(
    left: RegionArray, right: RegionArray
) -> tuple[Integers, Integers]:
    """Return all pairs of regions that overlap.

    Parameters
    ----------
    left, right
        The regions, of any sizes.

    Returns
    -------
    left_index, right_index : (m,)
        Rows of ``left`` and of ``right``, each pair once, in no particular order.
    """
    if len(right) > len(left):
        right_index, left_index = overlapping_pairs(right, left)
        return left_index, right_index
    found: list[tuple[Integers, Integers]] = []
    for left_rows in _size_classes(left.radii):
        for right_rows in _size_classes(right.radii):
            for pair in _candidates(left, left_rows, right, right_rows):
                keep = overlap_mask(left, pair[0], right, pair[1])
                found.append((pair[0][keep], pair[1][keep]))
    if not found:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return (
        np.concatenate([pair[0] for pair in found]),
        np.concatenate([pair[1] for pair in found]),
    )


def overlap_mask(
    left: RegionArray, left_index: Integers, right: RegionArray, right_index: Integers
) -> Bools:
    """Return which of some pairs of regions overlap.

    Parameters
    ----------
    left, right
        The regions.
    left_index, right_index : (m,)
        Rows of ``left`` and of ``right``.

    Returns
    -------
    numpy.ndarray, shape (m,)
    """
    found = np.zeros(len(left_index), dtype=np.bool_)
    for part in _parts(np.arange(len(left_index)), _CANDIDATES):
        near = _circles_touch(left, left_index[part], right, right_index[part])
        rest = part[near]
        found[rest] = _exact_overlaps(left, left_index[rest], right, right_index[rest])
    return found


def _parts(rows: Integers, size: int) -> Iterator[Integers]:
    for begin in range(0, len(rows), size):
        yield rows[begin : begin + size]


def _size_classes(radii: Floats) -> list[Integers]:
    """Return the rows of regions that are there, by radius within a factor of 4."""
    rows = np.flatnonzero(np.isfinite(radii))
    classes = np.floor(np.log2(np.maximum(radii[rows], _SMALLEST)) / 2.0).astype(
        np.int64
    )
    return [rows[classes == each] for each in np.unique(classes).tolist()]


def _candidates(
    left: RegionArray, left_rows: Integers, right: RegionArray, right_rows: Integers
) -> Iterator[tuple[Integers, Integers]]:
    """Yield candidate pairs: all whose bounding circles touch, and some more.

    The centres on the left are put into the cells of a cubic grid, twice as wide as
    the centres of a pair can be apart; from a centre on the right they then lie in
    two cells along each axis.
    """
    reach = float(left.radii[left_rows].max() + right.radii[right_rows].max())
    width = 4.0 * np.sin(0.5 * min(max(reach, _SMALLEST), np.pi)) * (1.0 + 1e-9)
    per_axis = int(2.0 / width) + 4
    cells = np.floor((left.centers[left_rows] + 1.0) / width).astype(np.int64) + 1
    keys = (cells[:, 0] * per_axis + cells[:, 1]) * per_axis + cells[:, 2]
    order = np.argsort(keys, kind="stable")
    keys, left_rows = keys[order], left_rows[order]
    for rows in _parts(right_rows, _CANDIDATES // 8):
        low = np.floor((right.centers[rows] + 1.0) / width - 0.5).astype(np.int64) + 1
        corner = (low[:, 0] * per_axis + low[:, 1]) * per_axis + low[:, 2]
        for step in (0, 1, per_axis, per_axis + 1):
            # The last axis is contiguous: both of its cells are one range of keys.
            first = corner + step * per_axis
            begin = np.searchsorted(keys, first, side="left")
            end = np.searchsorted(keys, first + 1, side="right")
            for places, owner in _expand(begin, end - begin):
                yield left_rows[places], rows[owner]


def _expand(begin: Integers, counts: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Yield the members of ranges, and the place of the range of each, in chunks."""
    owners = np.flatnonzero(counts)
    begin, counts = begin[owners], counts[owners]
    total = np.cumsum(counts)
    done = 0
    while done < len(owners):
        before = int(total[done - 1]) if done else 0
        stop = int(np.searchsorted(total, before + _CANDIDATES, side="right"))
        stop = max(stop, done + 1)
        part = slice(done, stop)
        starts = total[part] - counts[part] - before
        inside = np.arange(int(total[stop - 1]) - before)
        places = inside + np.repeat(begin[part] - starts, counts[part])
        yield places, np.repeat(owners[part], counts[part])
        done = stop


def _circles_touch(
    left: RegionArray, left_index: Integers, right: RegionArray, right_index: Integers
) -> Bools:
    """Return in which pairs the bounding circles touch."""
    difference = np.take(left.centers, left_index, axis=0)
    difference -= np.take(right.centers, right_index, axis=0)
    reach = left.radii[left_index] + right.radii[right_index] + sphere.TOUCH
    chord = 2.0 * np.sin(0.5 * np.minimum(reach, np.pi))
    squares = np.einsum("ij,ij->i", difference, difference)
    return np.asarray(squares <= chord * chord * (1.0 + sphere.TOUCH))


def _exact_overlaps(
    left: RegionArray, left_index: Integers, right: RegionArray, right_index: Integers
) -> Bools:
    """Decide pairs whose bounding circles touch."""
    found = np.zeros(len(left_index), dtype=np.bool_)
    left_sizes, right_sizes = left.sizes[left_index], right.sizes[right_index]
    for row in np.unique(left_index[left_sizes == 0]).tolist():
        places = np.flatnonzero(left_index == row)
        found[places] = right.decide(left.others[row], right_index[places])
    for row in np.unique(right_index[(left_sizes > 0) & (right_sizes == 0)]).tolist():
        places = np.flatnonzero((right_index == row) & (left_sizes > 0))
        found[places] = left.decide(right.others[row], left_index[places])
    both = np.flatnonzero((left_sizes > 0) & (right_sizes > 0))
    shapes = left_sizes[both] << 32 | right_sizes[both]
    for shape in np.unique(shapes).tolist():
        for part in _parts(both[shapes == shape], _PAIRS):
            ours, theirs = left_index[part], right_index[part]
            found[part] = sphere.polygon_pairs_overlap(
                left.polygons(ours, shape >> 32),
                right.polygons(theirs, shape & 0xFFFFFFFF),
                left.radii[ours] + right.radii[theirs],
            )
    return found
