"""Geometry on the unit sphere, vectorised: vectors, arcs, convex polygons, boxes.

A polygon is its vertices, counter-clockwise as seen from outside the sphere, and the
inward unit normals of its edges: a point ``p`` is inside where ``n · p >= 0`` for each
normal ``n``. Arrays hold any number of polygons with the same number of vertices.
All angles here are radians. Regions are closed: what touches, overlaps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

TOUCH: Final = 1e-14
"""Angle, radians, within which things are taken to touch: above rounding errors."""


def lonlat_to_vectors(lon_deg: ArrayLike, lat_deg: ArrayLike) -> Floats:
    """Return the unit vectors of longitudes and latitudes.

    Parameters
    ----------
    lon_deg, lat_deg : (n,)
        Degrees, ICRS.

    Returns
    -------
    numpy.ndarray, shape (n, 3)
        Unit vectors.
    """
    lon = np.radians(np.asarray(lon_deg, dtype=np.float64))
    lat = np.radians(np.asarray(lat_deg, dtype=np.float64))
    cos_lat = np.cos(lat)
    return np.stack([cos_lat * np.cos(lon), cos_lat * np.sin(lon), np.sin(lat)], -1)


def vectors_to_lonlat(vectors: Floats) -> tuple[Floats, Floats]:
    """Return longitudes in [0, 2π) and latitudes, radians, of unit vectors.

    Parameters
    ----------
    vectors : (..., 3)
        Unit vectors.
    """
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    lon = np.arctan2(y, x) % (2 * np.pi)
    return lon, np.arctan2(z, np.hypot(x, y))


def normalize(vectors: Floats) -> Floats:
    """Return vectors of shape (..., 3) scaled to unit length."""
    squares = np.einsum("...i,...i->...", vectors, vectors)  # a sum(-1) is slow here
    unit: Floats = vectors / np.sqrt(squares)[..., None]
    return unit


def cross(left: Floats, right: Floats) -> Floats:
    """Return the vector products of shape (..., 3).

    Written out, as `numpy.cross` is slow on many short rows.
    """
    product = np.empty(np.broadcast_shapes(left.shape, right.shape))
    for axis, (i, j) in enumerate(((1, 2), (2, 0), (0, 1))):
        product[..., axis] = left[..., i] * right[..., j] - left[..., j] * right[..., i]
    return product


def angles_between(left: Floats, right: Floats) -> Floats:
    """Return the angles between unit vectors, accurate for small ones too."""
    difference = left - right
    chord = np.sqrt(np.einsum("...i,...i->...", difference, difference))
    angles: Floats = 2.0 * np.arcsin(np.minimum(0.5 * chord, 1.0))
    return angles


def edge_normals(vertices: Floats) -> Floats:
    """Return the inward unit normals of the edges of convex polygons.

    Parameters
    ----------
    vertices : (..., k, 3)
        Unit vectors, counter-clockwise.

    Returns
    -------
    numpy.ndarray, shape (..., k, 3)
        Edge ``i`` goes from vertex ``i`` to the next one.
    """
    following = np.concatenate([vertices[..., 1:, :], vertices[..., :1, :]], axis=-2)
    # cross(a + b, b - a) = 2 cross(a, b), without its cancellation for near a, b.
    return normalize(cross(vertices + following, following - vertices))


def inside_polygons(normals: Floats, points: Floats) -> Bools:
    """Return which points are in convex polygons.

    Parameters
    ----------
    normals : (..., k, 3)
        Inward edge normals.
    points : (..., 3)
        One point for each polygon.
    """
    heights = np.matmul(normals, points[..., :, None])[..., 0]
    inside: Bools = (heights >= -TOUCH).all(-1)
    return inside


def split_by_edges(normals: Floats, vertices: Floats) -> Bools:
    """Return which pairs of polygons an edge of the first one separates.

    Parameters
    ----------
    normals : (n, k, 3)
        Inward edge normals of the first polygons.
    vertices : (n, m, 3)
        Vertices of the second polygons.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Where no edge of either one separates two polygons which lie together in an
        open hemisphere, they overlap: the gnomonic projection makes them convex
        polygons of the plane.
    """
    found = np.zeros(len(normals), dtype=np.bool_)
    # Component by component: long contiguous operations instead of tiny products.
    x, y, z = (np.ascontiguousarray(vertices[..., i].T) for i in range(3))
    for edge in range(normals.shape[1]):
        normal = normals[:, edge]
        heights = normal[:, 0] * x + normal[:, 1] * y + normal[:, 2] * z
        found |= heights.max(axis=0) < -TOUCH
    return found


def split_by_tangents(left: Floats, right: Floats) -> bool:
    """Return whether a great circle through a vertex of each separates two polygons.

    Together with `split_by_edges` both ways this decides any two convex polygons:
    the normals of all separating circles form the convex cone of those with
    ``n · a <= 0 <= n · b``, and each extreme ray of it is normal to an edge of one
    of the polygons or to a vertex of each.

    Parameters
    ----------
    left : (k, 3)
        Vertices of the one.
    right : (m, 3)
        Vertices of the other.
    """
    normals = np.cross(left[:, None, :], right[None, :, :]).reshape(-1, 3)
    lengths = np.sqrt((normals * normals).sum(-1, keepdims=True))
    normals = normals[lengths[:, 0] > TOUCH] / lengths[lengths[:, 0] > TOUCH]
    normals = np.concatenate([normals, -normals])
    # Both touch such a circle, so strictness shows only in a slightly moved one.
    on_left, on_right = normals @ left.T, normals @ right.T
    apart = (on_left <= TOUCH).all(-1) & (on_right >= -TOUCH).all(-1)
    touching = (np.abs(on_left) <= TOUCH).sum(-1) + (np.abs(on_right) <= TOUCH).sum(-1)
    return bool((apart & (touching == 2)).any())


def polygons_overlap(left: Floats, right: Floats) -> bool:
    """Return whether two convex polygons of any size overlap.

    Parameters
    ----------
    left, right : (k, 3)
        Vertices, counter-clockwise.
    """
    return bool(meets_polygon(left, right[None], edge_normals(right)[None])[0])


def polygon_pairs_overlap(
    left: tuple[Floats, Floats], right: tuple[Floats, Floats], reach: Floats
) -> Bools:
    """Return which pairs of convex polygons with touching bounding circles overlap.

    Parameters
    ----------
    left, right : (n, k, 3) and (n, k, 3)
        Vertices and edge normals.
    reach : (n,)
        The sum of the radii of the circles, radians. Below π/2 both polygons lie in
        one open hemisphere.
    """
    found = ~split_by_edges(left[1], right[0])
    rest = np.flatnonzero(found)
    found[rest] = ~split_by_edges(right[1][rest], left[0][rest])
    for index in np.flatnonzero(found & (reach >= np.pi / 2 - 1e-6)):
        found[index] = not split_by_tangents(left[0][index], right[0][index])
    return found


def polygon_circles(vertices: Floats, normals: Floats) -> tuple[Floats, Floats]:
    """Return centres and radii of circles around convex polygons.

    Parameters
    ----------
    vertices, normals : (n, k, 3)
        Of the polygons.

    Returns
    -------
    centers : (n, 3)
        Unit vectors.
    radii : (n,)
        Radians.
    """
    centers = normalize(vertices.sum(axis=1))
    radii = angles_between(vertices, centers[:, None, :]).max(-1)
    # Only a circle less than a hemisphere is convex, and so holds what its points span.
    # The sum of the inward normals has no vertex farther than π/2.
    wide = radii >= np.pi / 2 - 1e-6
    if wide.any():
        centers[wide] = normalize(normals[wide].sum(axis=1))
        radii[wide] = np.pi / 2
    return centers, radii + TOUCH


def meets_polygon(polygon: Floats, vertices: Floats, normals: Floats) -> Bools:
    """Return which convex polygons, of any size, overlap one.

    Parameters
    ----------
    polygon : (m, 3)
        The vertices of the one.
    vertices, normals : (n, k, 3)
        Of the others.
    """
    edges = edge_normals(polygon)
    center, radius = polygon_circles(polygon[None], edges[None])
    centers, radii = polygon_circles(vertices, normals)
    reach = radius + radii
    found: Bools = angles_between(center, centers) <= reach + TOUCH
    near = np.flatnonzero(found)
    shape = (len(near), *polygon.shape)
    found[near] = polygon_pairs_overlap(
        (np.broadcast_to(polygon, shape), np.broadcast_to(edges, shape)),
        (vertices[near], normals[near]),
        reach[near],
    )
    return found


def on_arcs(points: Floats, begin: Floats, end: Floats, normals: Floats) -> Bools:
    """Return which points of great circles lie on their arcs, shorter than π.

    Parameters
    ----------
    points, begin, end, normals : (..., 3)
        Points on the circles, ends of the arcs, and unit normals ``cross(begin, end)``.
    """
    after = (np.cross(normals, begin) * points).sum(-1)
    before = (np.cross(end, normals) * points).sum(-1)
    found: Bools = (after >= -TOUCH) & (before >= -TOUCH)
    return found


def polygon_distances(vertices: Floats, normals: Floats, points: Floats) -> Floats:
    """Return the angles from points to convex polygons, 0 inside.

    Parameters
    ----------
    vertices, normals : (..., k, 3)
        Of the polygons.
    points : (..., 3)
        One for each polygon, or one for all.
    """
    point = np.broadcast_to(points, (*vertices.shape[:-2], 3))
    each = point[..., None, :]
    following = np.roll(vertices, -1, axis=-2)
    heights = (normals * each).sum(-1)
    to_circle = np.abs(np.arcsin(np.clip(heights, -1.0, 1.0)))
    foot_on_arc = on_arcs(each, vertices, following, normals)
    to_vertex = angles_between(vertices, each)
    nearest = np.where(foot_on_arc, to_circle, to_vertex).min(-1)
    distances: Floats = np.where(inside_polygons(normals, point), 0.0, nearest)
    return distances


def hemisphere_center(vectors: Floats) -> Floats | None:
    """Return a direction within π/2 of all vectors, or None if none was found.

    Parameters
    ----------
    vectors : (n, 3)
        Unit vectors.

    References
    ----------
    .. [1] The perceptron algorithm, begun at the mean; F. Rosenblatt 1958,
       Psychological Review 65, 386.
    """
    center = vectors.mean(axis=0)
    for _ in range(1000):
        length = float(np.sqrt(center @ center))
        if length > TOUCH:
            heights = vectors @ (center / length)
            worst = int(heights.argmin())
            if heights[worst] > 1e-6:
                return np.asarray(center / length, dtype=np.float64)
        else:
            worst = 0
        center = center + vectors[worst] / len(vectors)
    return None


def hull_indices(vectors: Floats, center: Floats) -> list[int]:
    """Return the corners of the convex hull of points, counter-clockwise.

    Parameters
    ----------
    vectors : (n, 3)
        Unit vectors less than π/2 from the centre.
    center : (3,)
        A unit vector.

    Returns
    -------
    list of int
        Indices into ``vectors``; less than three where all lie on a great circle.

    References
    ----------
    .. [1] A. M. Andrew 1979, Information Processing Letters 9, 216 (monotone chain),
       in the gnomonic projection, which keeps great circles straight.
    """
    helper = np.eye(3)[int(np.abs(center).argmin())]
    east = normalize(np.cross(helper, center))
    north = np.cross(center, east)
    depth = vectors @ center
    x, y = _aligned((vectors @ east) / depth), (vectors @ north) / depth
    order = np.lexsort((y, x)).tolist()
    points = list(zip(x.tolist(), y.tolist(), strict=True))

    def turns_left(first: int, second: int, third: int) -> bool:
        (ax, ay), (bx, by), (cx, cy) = points[first], points[second], points[third]
        ux, uy, vx, vy = bx - ax, by - ay, cx - bx, cy - by
        scale = (abs(ux) + abs(uy)) * (abs(vx) + abs(vy))
        return bool(ux * vy - uy * vx > 1e-10 * scale)

    def chain(indices: list[int]) -> list[int]:
        found: list[int] = []
        for index in indices:
            while len(found) > 1 and not turns_left(found[-2], found[-1], index):
                found.pop()
            if not found or points[index] != points[found[-1]]:
                found.append(index)
        return found

    return chain(order)[:-1] + chain(order[::-1])[:-1]


def _aligned(values: Floats) -> Floats:
    """Return values, (n,), of which those that differ by rounding only are equal.

    Otherwise the points of a side along which x is constant would be sorted by their
    rounding errors, and corners taken for points on the way.
    """
    order = np.argsort(values)
    ascending = values[order]
    gap = 1e-10 * (ascending[-1] - ascending[0])
    first = np.concatenate([[True], np.diff(ascending) > gap])
    out = np.empty_like(values)
    out[order] = ascending[first][np.cumsum(first) - 1]
    return out
