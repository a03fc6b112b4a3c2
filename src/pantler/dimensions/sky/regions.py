"""Regions of the sky as values: convex polygons, circles, boxes and unions of them.

Everything is ICRS. A region is closed: one that touches another overlaps it.
For many regions at once use `pantler.dimensions.sky.region_array`.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from pantler.dimensions.sky import sphere
from pantler.dimensions.sky.lonlat_box import LonLatBox
from pantler.dimensions.sky.vertices import (
    MOST_LONGITUDE,
    checked_lonlat,
    checked_points,
    checked_units,
    counter_clockwise,
)
from pantler.errors import IntegrityError, InvalidInputError, close_match

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike

    from pantler.dimensions.sky.sphere import Bools, Floats


class Region(ABC):
    """A region of the sky.

    Two regions are equal if their encodings are. Read one from text with
    `Region.from_pos`, from bytes with `decode_region`.
    """

    __slots__ = ()

    @abstractmethod
    def encode(self) -> bytes:
        """Return the bytes by which repositories keep the region.

        A type byte, then little-endian float64: ``p`` and the vertices as unit
        vectors; ``c``, the centre, the squared chord and the radius; ``b``, first and
        last longitude and latitude; ``u`` and, for each member, its size as uint64
        and its own encoding. Angles are radians.

        References
        ----------
        .. [1] ``Region::encode`` of the Rubin Observatory's sphgeom.
        """

    @abstractmethod
    def contains(self, vectors: Floats) -> Bools:
        """Return which points are in the region.

        Parameters
        ----------
        vectors : (n, 3)
            Unit vectors.

        Returns
        -------
        numpy.ndarray, shape (n,)
        """

    @abstractmethod
    def bounding_circle(self) -> Circle:
        """Return a circle that holds the region, not always the smallest."""

    def overlaps(self, other: Region) -> bool:
        """Return whether any point is in both regions."""
        return _overlap(self, other)

    @staticmethod
    def from_pos(text: str) -> Region:
        """Read a region from text as IVOA services take it.

        Parameters
        ----------
        text
            ``CIRCLE lon lat radius``, ``RANGE lon1 lon2 lat1 lat2`` (``-Inf`` and
            ``+Inf`` for no bound) or ``POLYGON lon1 lat1 lon2 lat2 lon3 lat3 …``,
            degrees.

        Raises
        ------
        InvalidInputError
            If it is none of these.

        References
        ----------
        .. [1] IVOA Simple Image Access 2.0, section 2.1.2 (POS).
        """
        return _from_pos(text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Region):
            return NotImplemented
        return self.encode() == other.encode()

    def __hash__(self) -> int:
        return hash(self.encode())


@dataclass(frozen=True, slots=True, eq=False)
class ConvexPolygon(Region):
    """A convex polygon, its sides arcs of great circles.

    Parameters
    ----------
    vertices : (n, 3)
        Unit vectors, in either sense of rotation; kept counter-clockwise as seen
        from outside the sphere.

    Raises
    ------
    InvalidInputError
        If there are fewer than three, or they are not corners of a convex polygon in
        the order given.
    """

    vertices: Floats

    def __post_init__(self) -> None:
        vertices = checked_units(self.vertices, "Vertices of a polygon")
        object.__setattr__(self, "vertices", counter_clockwise(vertices))
        self.vertices.flags.writeable = False

    @classmethod
    def from_lonlat(cls, lon_deg: ArrayLike, lat_deg: ArrayLike) -> ConvexPolygon:
        """Return the polygon with these corners, in either sense of rotation.

        Parameters
        ----------
        lon_deg, lat_deg : (n,)
            Degrees, ICRS.
        """
        return cls(checked_lonlat(lon_deg, lat_deg))

    @classmethod
    def convex_hull(cls, vectors: Floats) -> ConvexPolygon:
        """Return the smallest convex polygon that holds all points.

        Parameters
        ----------
        vectors : (n, 3)
            Unit vectors, in any order.

        Raises
        ------
        InvalidInputError
            If they span no polygon, or more than a hemisphere.
        """
        points = checked_units(vectors, "Points of a hull")
        center = sphere.hemisphere_center(points)
        if center is None:
            raise InvalidInputError(
                "The points span a hemisphere or more, so no convex polygon holds them."
            )
        corners = sphere.hull_indices(points, center)
        if len(corners) < 3:
            raise InvalidInputError(
                f"The {len(points)} points lie on one great circle and span no polygon."
            )
        return cls(points[corners])

    @property
    def normals(self) -> Floats:
        """The inward unit normals of the edges, shape (n, 3)."""
        return sphere.edge_normals(self.vertices)

    def encode(self) -> bytes:
        """Return the bytes by which repositories keep the region."""
        return b"p" + self.vertices.astype("<f8").tobytes()

    def contains(self, vectors: Floats) -> Bools:
        """Return which points, unit vectors of shape (n, 3), are in the region."""
        heights = checked_points(vectors) @ self.normals.T
        return np.asarray((heights >= -sphere.TOUCH).all(-1))

    def bounding_circle(self) -> Circle:
        """Return a circle that holds the region, not always the smallest."""
        centers, radii = sphere.polygon_circles(self.vertices[None], self.normals[None])
        return Circle(centers[0], float(radii[0]))

    def __repr__(self) -> str:
        lon, lat = (np.degrees(a) for a in sphere.vectors_to_lonlat(self.vertices))
        pairs = zip(lon.tolist(), lat.tolist(), strict=True)
        corners = ", ".join(f"({a:.6f}, {b:+.6f})" for a, b in pairs)
        return f"ConvexPolygon[{corners}]"


@dataclass(frozen=True, slots=True, eq=False)
class Circle(Region):
    """All points within an angle of a centre.

    Parameters
    ----------
    center : (3,)
        A unit vector.
    radius
        Radians, 0 to π.

    Raises
    ------
    InvalidInputError
        If the centre is not a unit vector or the radius is out of range.
    """

    center: Floats
    radius: float

    def __post_init__(self) -> None:
        center = checked_units(np.reshape(self.center, (1, -1)), "The centre")[0]
        object.__setattr__(self, "center", center)
        self.center.flags.writeable = False
        if not 0.0 <= self.radius <= np.pi:
            raise InvalidInputError(
                f"The radius of a circle must be 0° to 180°, not "
                f"{np.degrees(self.radius)}°."
            )

    @classmethod
    def from_lonlat(cls, lon_deg: float, lat_deg: float, radius_deg: float) -> Circle:
        """Return the circle around a point; all degrees, ICRS."""
        center = checked_lonlat([lon_deg], [lat_deg])[0]
        return cls(center, float(np.radians(radius_deg)))

    def encode(self) -> bytes:
        """Return the bytes by which repositories keep the region."""
        half = np.sin(0.5 * self.radius)
        chord = 4.0 * half * half if self.radius < np.pi else 4.0
        return b"c" + struct.pack("<5d", *self.center, chord, self.radius)

    def contains(self, vectors: Floats) -> Bools:
        """Return which points, unit vectors of shape (n, 3), are in the region."""
        angles = sphere.angles_between(checked_points(vectors), self.center)
        return np.asarray(angles <= self.radius + sphere.TOUCH)

    def bounding_circle(self) -> Circle:
        """Return a circle that holds the region, not always the smallest."""
        return self

    def __repr__(self) -> str:
        lon, lat = (float(np.degrees(a)) for a in sphere.vectors_to_lonlat(self.center))
        return f"Circle[({lon:.6f}, {lat:+.6f}), {np.degrees(self.radius):.6f}]"


@dataclass(frozen=True, slots=True, eq=False)
class Box(Region):
    """All points between two longitudes and two latitudes, radians.

    Parameters
    ----------
    lon_first, lon_last
        0 to 2π, eastwards from the first to the last one, so that a box around
        longitude 0 has the greater one first. 0 and 2π stand for all longitudes.
    lat_first, lat_last
        From south to north.

    Raises
    ------
    InvalidInputError
        If one is out of range.
    """

    lon_first: float
    lon_last: float
    lat_first: float
    lat_last: float

    def __post_init__(self) -> None:
        longitudes = (self.lon_first, self.lon_last)
        if not all(0.0 <= lon <= 2 * np.pi for lon in longitudes):
            raise InvalidInputError(
                f"The longitudes of a box must be 0 to 2π, not {longitudes}."
            )
        if not -np.pi / 2 <= self.lat_first <= self.lat_last <= np.pi / 2:
            raise InvalidInputError(
                "The latitudes of a box must be -90° to 90° from south to north, not "
                f"{np.degrees(self.lat_first)}° to {np.degrees(self.lat_last)}°."
            )

    @classmethod
    def from_lonlat(
        cls, lon_first: float, lon_last: float, lat_first: float, lat_last: float
    ) -> Box:
        """Return the box eastwards from a longitude to another; degrees, ICRS.

        Longitudes of any turn are accepted; last minus first of 360 or more is all
        of them.
        """
        if not np.isfinite([lon_first, lon_last, lat_first, lat_last]).all():
            raise InvalidInputError("The bounds of a box must be finite numbers.")
        if max(abs(lon_first), abs(lon_last)) > MOST_LONGITUDE:
            raise InvalidInputError(
                "The longitudes of a box must be -1e6 to 1e6 degrees, not "
                f"{lon_first}, {lon_last}."
            )
        if lon_last - lon_first >= 360.0:
            first, last = 0.0, 2 * np.pi
        else:
            first, last = (
                float(np.radians(lon if 0 <= lon < 360 else lon % 360.0))
                for lon in (lon_first, lon_last)
            )
        south, north = float(np.radians(lat_first)), float(np.radians(lat_last))
        return cls(first, last, south, north)

    @property
    def shape(self) -> LonLatBox:
        """The box with its width."""
        width = self.lon_last - self.lon_first
        if width < 0:
            width += 2 * np.pi
        return LonLatBox(self.lon_first, width, self.lat_first, self.lat_last)

    def encode(self) -> bytes:
        """Return the bytes by which repositories keep the region."""
        return b"b" + struct.pack(
            "<4d", self.lon_first, self.lon_last, self.lat_first, self.lat_last
        )

    def contains(self, vectors: Floats) -> Bools:
        """Return which points, unit vectors of shape (n, 3), are in the region."""
        return self.shape.contains(checked_points(vectors))

    def bounding_circle(self) -> Circle:
        """Return a circle that holds the region, not always the smallest."""
        return Circle(*self.shape.bounding_circle())

    def __repr__(self) -> str:
        bounds = (self.lon_first, self.lon_last, self.lat_first, self.lat_last)
        return "Box[{:.6f}..{:.6f}, {:+.6f}..{:+.6f}]".format(*np.degrees(bounds))


@dataclass(frozen=True, slots=True, eq=False)
class UnionRegion(Region):
    """All points that are in at least one of some regions.

    Parameters
    ----------
    members
        At least one region.

    Raises
    ------
    InvalidInputError
        If there is none.
    """

    members: tuple[Region, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", tuple(self.members))
        if not self.members:
            raise InvalidInputError("A union needs at least one region.")

    def encode(self) -> bytes:
        """Return the bytes by which repositories keep the region."""
        encoded = [member.encode() for member in self.members]
        return b"u" + b"".join(struct.pack("<Q", len(e)) + e for e in encoded)

    def contains(self, vectors: Floats) -> Bools:
        """Return which points, unit vectors of shape (n, 3), are in the region."""
        found: Bools = np.any([m.contains(vectors) for m in self.members], axis=0)
        return found

    def bounding_circle(self) -> Circle:
        """Return a circle that holds the region, not always the smallest."""
        circles = [member.bounding_circle() for member in self.members]
        total = np.sum([circle.center for circle in circles], axis=0)
        length = float(np.sqrt(total @ total))
        center = total / length if length > sphere.TOUCH else circles[0].center
        radius = max(
            float(sphere.angles_between(circle.center, center)) + circle.radius
            for circle in circles
        )
        return Circle(center, min(radius + sphere.TOUCH, np.pi))


def decode_region(data: bytes) -> Region:
    """Return the region that was encoded.

    Parameters
    ----------
    data
        As from `Region.encode`.

    Raises
    ------
    IntegrityError
        If the bytes do not encode a region.
    InvalidInputError
        If they encode a kind of region that is not supported (ellipse,
        intersection).
    """
    decode = _DECODERS.get(data[:1])
    if decode is None:
        kind = {b"e": "an ellipse", b"i": "an intersection"}.get(data[:1])
        if kind is not None:
            raise InvalidInputError(
                f"The encoded region is {kind}; only polygons, circles, boxes and "
                "unions of them are supported."
            )
        raise IntegrityError(
            f"These {len(data)} bytes are not an encoded region: they begin with "
            f"{data[:1]!r}, not with one of b'p', b'c', b'b', b'u'."
        )
    try:
        return decode(data[1:])
    except (InvalidInputError, struct.error) as error:
        raise IntegrityError(
            f"These {len(data)} bytes of type {data[:1]!r} are not an encoded region: "
            f"{error}"
        ) from error


def _decode_polygon(data: bytes) -> ConvexPolygon:
    if len(data) % 24:
        raise InvalidInputError("the vertices of a polygon take 24 bytes each.")
    return ConvexPolygon(np.frombuffer(data, "<f8").astype(np.float64).reshape(-1, 3))


def _decode_circle(data: bytes) -> Circle:
    x, y, z, _, radius = struct.unpack("<5d", data)
    return Circle(np.array([x, y, z]), radius)


def _decode_box(data: bytes) -> Box:
    return Box(*struct.unpack("<4d", data))


def _decode_union(data: bytes) -> UnionRegion:
    members = []
    while data:
        (size,) = struct.unpack_from("<Q", data)
        if size > len(data) - 8:
            raise InvalidInputError("a member of the union is cut short.")
        members.append(decode_region(data[8 : 8 + size]))
        data = data[8 + size :]
    return UnionRegion(tuple(members))


_DECODERS: Final[dict[bytes, Callable[[bytes], Region]]] = {
    b"p": _decode_polygon,
    b"c": _decode_circle,
    b"b": _decode_box,
    b"u": _decode_union,
}


def _overlap(left: Region, right: Region) -> bool:
    if isinstance(left, UnionRegion):
        return any(_overlap(member, right) for member in left.members)
    if isinstance(right, UnionRegion):
        return any(_overlap(left, member) for member in right.members)
    if isinstance(left, ConvexPolygon):
        return _overlap_polygon(left, right)
    if isinstance(right, ConvexPolygon):
        return _overlap_polygon(right, left)
    if isinstance(left, Circle):
        return _overlap_circle(left, right)
    if isinstance(right, Circle):
        return _overlap_circle(right, left)
    if isinstance(left, Box) and isinstance(right, Box):
        return left.shape.meets_box(right.shape)
    raise InvalidInputError(f"Cannot compare {left!r} with {right!r}.")


def _overlap_polygon(polygon: ConvexPolygon, other: Region) -> bool:
    if isinstance(other, ConvexPolygon):
        return sphere.polygons_overlap(polygon.vertices, other.vertices)
    return bool(meets_polygons(other, polygon.vertices[None], polygon.normals[None])[0])


def _overlap_circle(circle: Circle, other: Region) -> bool:
    if isinstance(other, Box):
        distance = float(other.shape.distances(circle.center))
        return distance <= circle.radius + sphere.TOUCH
    if isinstance(other, Circle):
        angle = float(sphere.angles_between(circle.center, other.center))
        return angle <= circle.radius + other.radius + sphere.TOUCH
    raise InvalidInputError(f"Cannot compare {circle!r} with {other!r}.")


def meets_polygons(region: Region, vertices: Floats, normals: Floats) -> Bools:
    """Return which of some convex polygons a region overlaps.

    Parameters
    ----------
    region
        Any region.
    vertices, normals : (n, k, 3)
        Of the polygons.

    Returns
    -------
    numpy.ndarray, shape (n,)
    """
    if isinstance(region, UnionRegion):
        each = [meets_polygons(member, vertices, normals) for member in region.members]
        found: Bools = np.any(each, axis=0)
        return found
    if isinstance(region, Circle):
        distances = sphere.polygon_distances(vertices, normals, region.center)
        near: Bools = distances <= region.radius + sphere.TOUCH
        return near
    if isinstance(region, Box):
        return region.shape.meets_polygons(vertices, normals)
    if isinstance(region, ConvexPolygon):
        return sphere.meets_polygon(region.vertices, vertices, normals)
    raise InvalidInputError(f"Cannot compare {region!r} with polygons.")


def _from_pos(text: str) -> Region:
    kind, *words = text.split() or [""]
    read = _POS.get(kind.upper())
    if read is None:
        raise InvalidInputError(
            f"'{text}' is not a position: begin with CIRCLE, POLYGON or RANGE."
            f"{close_match(kind.upper(), _POS)}"
        )
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise InvalidInputError(
            f"'{text}': after {kind} come numbers, in degrees."
        ) from None
    return read(text, numbers)


def _pos_circle(text: str, numbers: Sequence[float]) -> Region:
    if len(numbers) != 3:
        raise InvalidInputError(f"'{text}': CIRCLE takes longitude, latitude, radius.")
    return Circle.from_lonlat(*numbers)


def _pos_polygon(text: str, numbers: Sequence[float]) -> Region:
    if len(numbers) < 6 or len(numbers) % 2:
        raise InvalidInputError(
            f"'{text}': POLYGON takes longitude and latitude of three or more corners."
        )
    return ConvexPolygon.from_lonlat(numbers[::2], numbers[1::2])


def _pos_range(text: str, numbers: Sequence[float]) -> Region:
    if len(numbers) != 4 or any(np.isnan(numbers)):
        raise InvalidInputError(
            f"'{text}': RANGE takes two longitudes, then two latitudes."
        )
    west, east = np.clip(numbers[:2], 0.0, 360.0).tolist()
    south, north = np.clip(numbers[2:], -90.0, 90.0).tolist()
    unbounded = np.isinf(numbers)
    for place, bound in enumerate([west, east, south, north]):
        if not unbounded[place] and bound != numbers[place]:
            raise InvalidInputError(
                f"'{text}': {numbers[place]} is outside of 0 to 360 (longitude) or -90 "
                "to 90 (latitude)."
            )
    return Box.from_lonlat(west, east, south, north)


_POS: Final[dict[str, Callable[[str, Sequence[float]], Region]]] = {
    "CIRCLE": _pos_circle,
    "POLYGON": _pos_polygon,
    "RANGE": _pos_range,
}
