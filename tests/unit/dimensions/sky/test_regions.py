"""Regions as values: encoding, contents, overlaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantler.dimensions.sky.regions import (
    Box,
    Circle,
    ConvexPolygon,
    Region,
    UnionRegion,
    decode_region,
)
from pantler.dimensions.sky.sphere import lonlat_to_vectors, normalize
from pantler.errors import IntegrityError, InvalidInputError

SQUARE = ConvexPolygon.from_lonlat([0, 1, 1, 0], [0, 0, 1, 1])


def scatter(rng, center, spread, count):
    return normalize(center + spread * rng.normal(size=(count, 3)))


def any_region(rng, center):
    """Return a region of a random kind and size that is not far from a point."""
    size = 10 ** rng.uniform(-2, 0)
    kind = rng.integers(4)
    if kind == 0:
        return ConvexPolygon.convex_hull(scatter(rng, center, min(size, 0.2), 6))
    if kind == 1:
        return Circle(scatter(rng, center, size, 1)[0], min(size, 3.0))
    if kind == 2:
        lon = float(np.degrees(np.arctan2(center[1], center[0])))
        lat = float(np.degrees(np.arcsin(center[2])))
        west, east, south, north = np.degrees(size) * rng.random(4)
        south, north = max(-90.0, lat - south), min(90.0, lat + north)
        return Box.from_lonlat(lon - west, lon + 3 * east, south, north)
    return UnionRegion((Circle(center, size), SQUARE))


seeds = st.integers(0, 2**32 - 1)


def two_regions(seed):
    rng = np.random.default_rng(seed)
    center = normalize(rng.normal(size=(1, 3)))[0]
    near = scatter(rng, center, 10 ** rng.uniform(-2, 0), 1)[0]
    points = np.concatenate(
        [scatter(rng, center, 10 ** rng.uniform(-2.5, 0.5), 1500) for _ in range(3)]
    )
    return any_region(rng, center), any_region(rng, near), points


@given(seeds)
def test_decoding_undoes_encoding(seed):
    region, _, _ = two_regions(seed)
    decoded = decode_region(region.encode())
    assert decoded == region
    assert hash(decoded) == hash(region)
    assert type(decoded) is type(region)


@given(seeds)
def test_regions_that_share_a_point_overlap_whichever_is_asked(seed):
    one, other, points = two_regions(seed)
    assert one.overlaps(other) == other.overlaps(one)
    if (one.contains(points) & other.contains(points)).any():
        assert one.overlaps(other)


@given(seeds)
def test_the_bounding_circle_holds_the_region(seed):
    region, _, points = two_regions(seed)
    inside = points[region.contains(points)]
    assert region.bounding_circle().contains(inside).all()


@given(seeds)
def test_the_fields_own_library_agrees(seed):
    sphgeom = pytest.importorskip("lsst.sphgeom")
    one, other, points = two_regions(seed)
    theirs, others = (sphgeom.Region.decode(each.encode()) for each in (one, other))
    assert theirs.encode() == one.encode()
    assert one.contains(points[:9]).tolist() == [
        theirs.contains(sphgeom.UnitVector3d(*point)) for point in points[:9]
    ]
    answer = theirs.overlaps(others)  # None where it does not know
    boxes = isinstance(one, Box) and isinstance(other, Box)
    if answer is not None and not boxes:  # it leaves out boxes that share a pole
        assert one.overlaps(other) == answer


def test_encodings_from_the_fields_library_are_read():
    sphgeom = pytest.importorskip("lsst.sphgeom")
    corners = [(350, -1), (10, -1), (10, 2), (350, 2)]
    vectors = [sphgeom.UnitVector3d(sphgeom.LonLat.fromDegrees(*c)) for c in corners]
    polygon = sphgeom.ConvexPolygon(vectors)
    box = sphgeom.Box.fromDegrees(350, -1, 10, 2)
    circle = sphgeom.Circle(vectors[0], sphgeom.Angle.fromDegrees(3))
    read = decode_region(polygon.encode())
    assert read.vertices.tolist() == [[*v] for v in polygon.getVertices()]
    ours = ConvexPolygon.from_lonlat(*zip(*corners, strict=True))
    assert np.sort(ours.vertices, axis=0) == pytest.approx(
        np.sort(read.vertices, axis=0), abs=1e-15
    )
    assert decode_region(box.encode()) == Box.from_lonlat(350, 10, -1, 2)
    union = sphgeom.UnionRegion(circle, polygon)
    assert decode_region(union.encode()).encode() == union.encode()
    assert decode_region(sphgeom.Circle.full().encode()).radius == np.pi
    assert decode_region(sphgeom.Box.full().encode()) == Box.from_lonlat(
        0, 360, -90, 90
    )
    with pytest.raises(InvalidInputError, match="an intersection"):
        decode_region(sphgeom.IntersectionRegion(circle, polygon).encode())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "begin with b''"),
        (b"x123", "begin with b'x'"),
        (SQUARE.encode()[:-1], "24 bytes each"),
        (SQUARE.encode()[:49], "three vertices or more, not 2"),
        (b"p" + np.full(9, np.nan).tobytes(), "unit vectors"),
        (b"p" + np.full(9, 0.5).tobytes(), "unit vectors"),
        (b"c" + bytes(39), "40 bytes"),
        (b"c" + np.array([1.0, 0, 0, -1, -1]).tobytes(), "radius"),
        (b"b" + np.full(4, np.nan).tobytes(), "longitudes"),
        (b"u", "at least one"),
        (b"u" + (99).to_bytes(8, "little") + SQUARE.encode()[:60], "cut short"),
        (b"u123", "buffer"),
    ],
)
def test_damaged_bytes_are_an_integrity_error(data, said):
    with pytest.raises(IntegrityError, match=said):
        decode_region(data)


def test_either_sense_of_rotation_gives_the_same_polygon():
    lon, lat = [0, 1, 1, 0], [0, 0, 1, 1]
    turned = ConvexPolygon.from_lonlat(lon[::-1], lat[::-1])
    inside = lonlat_to_vectors([0.5, 2.0], [0.5, 0.5])
    for polygon in (SQUARE, turned):
        assert polygon.contains(inside).tolist() == [True, False]
    first, second = (set(map(bytes, p.vertices)) for p in (SQUARE, turned))
    assert first == second
    assert (turned.normals @ inside[0] > 0).all()


@pytest.mark.parametrize(
    ("lon", "lat", "said"),
    [
        ([0, 1], [0, 0], "three vertices"),
        ([0, 1, 0, 1], [0, 1, 1, 0], "convex polygon.*List them in order around it"),
        ([0, 4, 1, 0], [0, 0, 1, 4], "not the corners of a convex polygon"),
        ([0, 1, 2], [0, 0, 0], "not the corners of a convex polygon"),
        ([0, 0, 1], [0, 0, 1], "Adjacent vertices"),
        ([0, 1, 2], [0, 0], "As many longitudes"),
        ([0, 1, 2], [0, 0, 91], "-90 to 90"),
        ([0, 1, np.nan], [0, 0, 1], "finite"),
    ],
)
def test_what_is_not_a_convex_polygon_is_refused(lon, lat, said):
    with pytest.raises(InvalidInputError, match=said):
        ConvexPolygon.from_lonlat(lon, lat)


@given(seeds, st.integers(3, 40))
def test_a_hull_holds_its_points_and_has_no_other_corners(seed, count):
    rng = np.random.default_rng(seed)
    center = normalize(rng.normal(size=(1, 3)))[0]
    points = scatter(rng, center, 10 ** rng.uniform(-5, -1), count)
    hull = ConvexPolygon.convex_hull(points)
    assert hull.contains(points).all()
    assert set(map(bytes, hull.vertices)) <= set(map(bytes, points))
    assert set(map(bytes, ConvexPolygon.convex_hull(hull.vertices).vertices)) == set(
        map(bytes, hull.vertices)
    )


def test_a_hull_needs_an_area_and_less_than_a_hemisphere():
    with pytest.raises(InvalidInputError, match="one great circle"):
        ConvexPolygon.convex_hull(lonlat_to_vectors([0, 1, 2], [0, 0, 0]))
    with pytest.raises(InvalidInputError, match="hemisphere"):
        ConvexPolygon.convex_hull(np.concatenate([np.eye(3), -np.eye(3)]))


def test_neighbours_that_share_an_edge_or_a_corner_overlap():
    neighbour = ConvexPolygon.from_lonlat([1, 2, 2, 1], [0, 0, 1, 1])
    at_corner = ConvexPolygon.from_lonlat([1, 2, 2, 1], [1, 1, 2, 2])
    apart = ConvexPolygon.from_lonlat([1.000001, 2, 2, 1.000001], [0, 0, 1, 1])
    assert SQUARE.overlaps(neighbour)
    assert SQUARE.overlaps(at_corner)
    assert not SQUARE.overlaps(apart)


def test_long_polygons_apart_are_told_apart_though_no_edge_separates_them():
    level = ConvexPolygon.from_lonlat([-85, 0, 85, 0], [0, -0.5, 0, 0.5])
    upright = ConvexPolygon.from_lonlat([180, 180.5, 180, 179.5], [-85, 0, 85, 0])
    assert not level.overlaps(upright)
    # The same one, turned to where they do cross.
    assert level.overlaps(ConvexPolygon.from_lonlat([0, 0.5, 0, -0.5], [-85, 0, 85, 0]))


def test_polygons_on_opposite_sides_of_the_sky_do_not_overlap():
    wide = ConvexPolygon.from_lonlat([177, 184, 184, 177], [-3, -3, 4, 4])
    assert not SQUARE.overlaps(wide)


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ((350, 10, -1, 1), (5, 20, 0, 2), True),
        ((350, 10, -1, 1), (11, 20, 0, 2), False),
        ((0, 10, 80, 90), (180, 190, 85, 90), True),
        ((0, 10, 80, 89), (180, 190, 85, 90), False),
        ((0, 360, 10, 20), (30, 31, 20, 30), True),
        ((0, 360, 10, 20), (30, 31, 21, 30), False),
    ],
)
def test_boxes_overlap_across_longitude_zero_and_at_poles(one, other, answer):
    one, other = Box.from_lonlat(*one), Box.from_lonlat(*other)
    assert one.overlaps(other) == answer == other.overlaps(one)


def test_a_parallel_bulges_over_the_great_circle_between_its_ends():
    box = Box.from_lonlat(0, 90, 40, 60)
    # A thin triangle in the gap between the great circle and the parallel at 40°.
    middle_of_arc = 49.9  # the great circle from (0, 40) to (90, 40) passes here
    sliver = ConvexPolygon.from_lonlat([44, 46, 45], [45, 45, middle_of_arc])
    below = ConvexPolygon.from_lonlat([44, 46, 45], [38, 38, 39])
    assert box.overlaps(sliver)
    assert not box.overlaps(below)
    assert not box.overlaps(Circle.from_lonlat(45, 38, 1.9))
    assert box.overlaps(Circle.from_lonlat(45, 38, 2.1))


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("CIRCLE 10 -20 1.5", Circle.from_lonlat(10, -20, 1.5)),
        ("circle 10 -20 1.5", Circle.from_lonlat(10, -20, 1.5)),
        ("RANGE 350 10 -1 1", Box.from_lonlat(350, 10, -1, 1)),
        ("RANGE 10 20 -Inf 5", Box.from_lonlat(10, 20, -90, 5)),
        ("RANGE -Inf +Inf 0 5", Box.from_lonlat(0, 360, 0, 5)),
        ("POLYGON 0 0 1 0 1 1 0 1", SQUARE),
    ],
)
def test_positions_of_the_virtual_observatory_are_read(text, region):
    assert Region.from_pos(text) == region
    sphgeom = pytest.importorskip("lsst.sphgeom")
    theirs = sphgeom.Region.from_ivoa_pos(text.upper().replace("INF", "Inf"))
    assert decode_region(theirs.encode()).bounding_circle().center == pytest.approx(
        region.bounding_circle().center
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CIRCEL 0 0 1",
        "CIRCLE 0 0",
        "CIRCLE 0 0 x",
        "CIRCLE 0 0 181",
        "CIRCLE 0 91 1",
        "RANGE 0 1 2",
        "RANGE 0 1 3 2",
        "RANGE 0 400 0 1",
        "RANGE nan 1 0 1",
        "POLYGON 0 0 1 0 1",
        "POLYGON 0 0 1 1 0 1 1 0",
    ],
)
def test_other_positions_are_refused(text):
    with pytest.raises(InvalidInputError):
        Region.from_pos(text)


def test_points_must_come_as_rows_of_three():
    with pytest.raises(InvalidInputError, match=r"\(n, 3\)"):
        SQUARE.contains(np.zeros(3))
