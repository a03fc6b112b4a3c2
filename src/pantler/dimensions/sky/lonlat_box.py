"""Boxes in longitude and latitude, vectorised: points, circles and polygons in them.

The sides of a box are arcs of meridians, and of parallels, which are not great circles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantler.dimensions.sky.sphere import (
    TOUCH,
    angles_between,
    inside_polygons,
    on_arcs,
    vectors_to_lonlat,
)

if TYPE_CHECKING:
    from pantler.dimensions.sky.sphere import Bools, Floats


@dataclass(frozen=True, slots=True)
class LonLatBox:
    """A closed box.

    Parameters
    ----------
    west
        Its first longitude, radians.
    width
        To its last one, eastwards, radians, 0 to 2π.
    south, north
        Latitudes, radians.
    """

    west: float
    width: float
    south: float
    north: float

    @property
    def is_round(self) -> bool:
        """Whether it holds every longitude."""
        return self.width >= 2 * np.pi

    def has_longitudes(self, lon: Floats) -> Bools:
        """Return which longitudes, radians, it holds."""
        found: Bools = (lon - self.west + TOUCH) % (2 * np.pi) <= self.width + 2 * TOUCH
        return found | self.is_round

    def has_latitudes(self, lat: Floats) -> Bools:
        """Return which latitudes, radians, it holds."""
        found: Bools = (lat >= self.south - TOUCH) & (lat <= self.north + TOUCH)
        return found

    def contains(self, vectors: Floats) -> Bools:
        """Return which unit vectors, shape (..., 3), it holds."""
        lon, lat = vectors_to_lonlat(vectors)
        at_pole = np.hypot(vectors[..., 0], vectors[..., 1]) <= TOUCH
        found: Bools = (self.has_longitudes(lon) | at_pole) & self.has_latitudes(lat)
        return found

    def corners(self) -> Floats:
        """Return its four corners, shape (4, 3), counter-clockwise from south-west."""
        east = self.west + self.width
        lon = np.array([self.west, east, east, self.west])
        lat = np.array([self.south, self.south, self.north, self.north])
        cos_lat = np.cos(lat)
        return np.stack([cos_lat * np.cos(lon), cos_lat * np.sin(lon), np.sin(lat)], -1)

    def distances(self, vectors: Floats) -> Floats:
        """Return the angles, radians, from unit vectors to the box, 0 inside.

        Parameters
        ----------
        vectors : (..., 3)
            Unit vectors.
        """
        lon, lat = vectors_to_lonlat(vectors)
        gap = np.maximum(np.maximum(self.south - lat, lat - self.north), 0.0)
        nearest = np.where(self.has_longitudes(lon), gap, np.inf)
        if not self.is_round:
            for begin, end, normal in self._meridians():
                foot = on_arcs(vectors, begin, end, normal)
                height = np.clip(vectors @ normal, -1.0, 1.0)
                nearest = np.where(
                    foot, np.minimum(nearest, np.abs(np.arcsin(height))), nearest
                )
            for corner in self.corners():
                nearest = np.minimum(nearest, angles_between(vectors, corner))
        return np.where(self.contains(vectors), 0.0, nearest)

    def meets_polygons(self, vertices: Floats, normals: Floats) -> Bools:
        """Return which convex polygons overlap the box.

        They do if a corner of one is in the other, or their boundaries cross.

        Parameters
        ----------
        vertices, normals : (n, k, 3)
            Of the polygons.
        """
        found: Bools = np.asarray(self.contains(vertices).any(-1))
        for corner in self.corners():
            found |= inside_polygons(
                normals, np.broadcast_to(corner, (*found.shape, 3))
            )
        following = np.roll(vertices, -1, axis=-2)
        for latitude in (self.south, self.north):
            found |= self._parallel_crossed(vertices, following, normals, latitude)
        if not self.is_round:
            for begin, end, normal in self._meridians():
                points = np.cross(normals, normal)
                lengths = np.sqrt((points * points).sum(-1, keepdims=True))
                points = points / np.maximum(lengths, TOUCH)
                for sign in (1.0, -1.0):
                    both = on_arcs(sign * points, vertices, following, normals)
                    both &= on_arcs(sign * points, begin, end, normal)
                    found |= (both & (lengths[..., 0] > TOUCH)).any(-1)
        return found

    def _meridians(self) -> list[tuple[Floats, Floats, Floats]]:
        """Return begin, end and unit normal ``cross(begin, end)`` of both meridians.

        An arc from pole to pole is exactly a half circle, where `on_arcs` needs a
        shorter one; so each meridian is cut in two.
        """
        arcs: list[tuple[Floats, Floats, Floats]] = []
        if self.north - self.south <= 2 * TOUCH:
            return arcs  # they are the corners; `on_arcs` would take the antipodes too
        for lon in (self.west, self.west + self.width):
            normal = np.array([np.sin(lon), -np.cos(lon), 0.0])
            middle = 0.5 * (self.south + self.north)
            ends = [
                np.array([np.cos(b) * np.cos(lon), np.cos(b) * np.sin(lon), np.sin(b)])
                for b in (self.south, middle, self.north)
            ]
            arcs += [(ends[0], ends[1], normal), (ends[1], ends[2], normal)]
        return arcs

    def _parallel_crossed(
        self, begin: Floats, end: Floats, normals: Floats, latitude: float
    ) -> Bools:
        """Return which polygons have an edge that crosses a side of the box.

        On the great circle with normal ``n``, the point at angle φ from its
        northernmost one has ``z = sqrt(1 - n_z²) cos φ``.
        """
        height = np.hypot(normals[..., 0], normals[..., 1])
        steep = np.maximum(height, TOUCH)
        cosine = np.sin(latitude) / steep
        reaches = (np.abs(cosine) <= 1.0 + TOUCH) & (height > TOUCH)
        cosine = np.clip(cosine, -1.0, 1.0)[..., None]
        sine = np.sqrt(1.0 - cosine * cosine)
        pole = np.array([0.0, 0.0, 1.0])
        top = (pole - normals * normals[..., 2:]) / steep[..., None]
        aside = np.cross(normals, top)
        found = np.zeros(begin.shape[:-1], dtype=np.bool_)
        for sign in (1.0, -1.0):
            points = top * cosine + sign * aside * sine
            lon, _ = vectors_to_lonlat(points)
            found |= on_arcs(points, begin, end, normals) & self.has_longitudes(lon)
        crossed: Bools = (found & reaches).any(-1)
        return crossed

    def meets_box(self, other: LonLatBox) -> bool:
        """Return whether two boxes overlap, be it only at a pole."""
        south, north = max(self.south, other.south), min(self.north, other.north)
        if south > north + TOUCH:
            return False
        if north >= np.pi / 2 - TOUCH or south <= -np.pi / 2 + TOUCH:
            return True
        starts_in = self.has_longitudes(np.array([other.west]))
        holds_start = other.has_longitudes(np.array([self.west]))
        return bool(starts_in[0] or holds_start[0])

    def bounding_circle(self) -> tuple[Floats, float]:
        """Return the centre, shape (3,), and radius, radians, of a circle around it."""
        if self.width <= np.pi:
            lon = self.west + 0.5 * self.width
            lat = 0.5 * (self.south + self.north)
            center = np.array(
                [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]
            )
            radius = float(angles_between(self.corners(), center).max())
            return center, radius + TOUCH
        up = 1.0 if self.south + self.north >= 0 else -1.0
        far = self.south if up > 0 else -self.north
        return np.array([0.0, 0.0, up]), min(np.pi / 2 - far + TOUCH, np.pi)
