"""The hierarchical triangular mesh: trixels, their indices and their corners.

A level halves each side of the eight faces of an octahedron once more; a trixel's
index has its four parts as 4 i to 4 i + 3, and the faces are 8 to 15.

References
----------
.. [1] A. S. Szalay et al. 2005, "Indexing the Sphere with the Hierarchical Triangular
   Mesh", MSR-TR-2005-123.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from pantler.dimensions.sky import sphere

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pantler.dimensions.sky.sphere import Floats

    Integers = NDArray[np.int64]
    Corners = tuple[Floats, Floats, Floats]

MAX_LEVEL: Final = 24

_AXES: Final = np.array(
    [[0, 0, 1], [1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0], [0, 0, -1]], np.float64
)
_FACES: Final = _AXES[
    [
        [1, 5, 2],
        [2, 5, 3],
        [3, 5, 4],
        [4, 5, 1],
        [1, 0, 4],
        [4, 0, 3],
        [3, 0, 2],
        [2, 0, 1],
    ]
]
"""Corners of the faces 8 to 15, counter-clockwise, shape (8, 3, 3)."""

_FACE_OF_OCTANT: Final = np.array([15, 12, 14, 13, 8, 11, 9, 10])
"""By the bits x < 0 (2), y < 0 (1), z < 0 (4)."""


def htm_index(vectors: Floats, level: int) -> Integers:
    """Return the trixels of points.

    Parameters
    ----------
    vectors : (n, 3)
        Unit vectors.
    level
        0 to 24.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Indices, ``8 * 4**level`` to ``16 * 4**level - 1``.
    """
    points = np.asarray(vectors, dtype=np.float64)
    negative = points < 0
    octant = 2 * negative[:, 0] + negative[:, 1] + 4 * negative[:, 2]
    index = _FACE_OF_OCTANT[octant].astype(np.int64)
    corners = _split_corners(_FACES[index - 8])
    for _ in range(level):
        middles = _middles(corners)
        part = np.full(len(index), 3)
        for place, normal in enumerate(_divisions(middles)):
            part[(normal * points).sum(-1) < 0] = place
        corners = _descend(corners, middles, part)
        index = 4 * index + part
    return index


def trixel_vertices(index: Integers, level: int) -> Floats:
    """Return the corners of trixels, counter-clockwise.

    Parameters
    ----------
    index : (n,)
        Indices at the level.
    level
        0 to 24.

    Returns
    -------
    numpy.ndarray, shape (n, 3, 3)
    """
    corners = _split_corners(_FACES[(index >> 2 * level) - 8])
    for step in range(level - 1, -1, -1):
        corners = _descend(corners, _middles(corners), (index >> 2 * step) & 3)
    return np.stack(corners, axis=1)


def trixels_near(
    centers: Floats, radii: Floats, level: int
) -> tuple[Integers, Integers, Integers, Floats]:
    """Return the trixels that no side of theirs separates from a circle.

    Parameters
    ----------
    centers, radii : (n, 3) and (n,)
        Unit vectors and radians.
    level
        0 to 24.

    Returns
    -------
    row, place : (m,)
        Which circle, and the place of a trixel that it touches or nearly touches.
    index : (k,)
        The trixels, each once.
    vertices : (k, 3, 3)
        Their corners.
    """
    # A circle of a hemisphere or more touches both sides of every great circle.
    depth = np.where(radii < np.pi / 2, np.sin(radii), 1.0) + sphere.TOUCH
    heights = np.einsum("fki,ni->nfk", sphere.edge_normals(_FACES), centers)
    row, place = np.nonzero((heights >= -depth[:, None, None]).all(-1))
    # Circles that lie together share trixels: what is of a trixel is computed once.
    index = np.arange(len(_FACES)) + 8
    corners = _split_corners(_FACES)
    for _ in range(level):
        middles = _middles(corners)
        center, reach = np.take(centers, row, axis=0), depth[row]
        sides = [
            np.einsum("ni,ni->n", np.take(normal, place, axis=0), center)
            for normal in _divisions(middles)
        ]
        touched = [side <= reach for side in sides]
        touched.append(np.minimum(np.minimum(*sides[:2]), sides[2]) >= -reach)
        kept = [np.flatnonzero(each) for each in touched]
        is_met = np.zeros((4, len(index)), dtype=np.bool_)
        for part, pairs in enumerate(kept):
            is_met[part, place[pairs]] = True
        number = (np.cumsum(is_met) - 1).reshape(is_met.shape)
        place = np.concatenate(
            [number[part, place[pairs]] for part, pairs in enumerate(kept)]
        )
        row = np.concatenate([row[pairs] for pairs in kept])
        parts, parents = np.nonzero(is_met)
        index = 4 * index[parents] + parts
        corners = _children(corners, middles, [np.flatnonzero(met) for met in is_met])
    return row, place, index, np.stack(corners, axis=1)


def _split_corners(vertices: Floats) -> Corners:
    return vertices[:, 0], vertices[:, 1], vertices[:, 2]


def _children(corners: Corners, middles: Corners, kept: list[Integers]) -> Corners:
    """Return the corners of those parts of trixels that are kept, part by part."""
    (v0, v1, v2), (w0, w1, w2) = corners, middles
    parts = (v0, w2, w1), (v1, w0, w2), (v2, w1, w0), (w0, w1, w2)
    first, second, third = (
        np.concatenate(
            [
                np.take(part[corner], places, axis=0)
                for part, places in zip(parts, kept, strict=True)
            ]
        )
        for corner in range(3)
    )
    return first, second, third


def _middles(corners: Corners) -> Corners:
    """Return the middles of the sides opposite to each corner."""
    first, second, third = corners
    return (
        sphere.normalize(second + third),
        sphere.normalize(third + first),
        sphere.normalize(first + second),
    )


def _divisions(middles: Corners) -> Corners:
    """Return the normals of the sides of the inner part, inwards, by outer part."""
    first, second, third = middles
    return _side(second, third), _side(third, first), _side(first, second)


def _side(begin: Floats, end: Floats) -> Floats:
    """Return unit normals of great circles through points."""
    return sphere.normalize(sphere.cross(begin + end, end - begin))


def _descend(corners: Corners, middles: Corners, part: Integers) -> Corners:
    """Return the corners of one part, 0 to 3, of each trixel."""
    (v0, v1, v2), (w0, w1, w2) = corners, middles
    choice = part[:, None]
    return (
        np.choose(choice, [v0, v1, v2, w0]),
        np.choose(choice, [w2, w0, w1, w1]),
        np.choose(choice, [w1, w2, w0, w2]),
    )
