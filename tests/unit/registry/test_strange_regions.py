"""Regions at the edges of the sky, through records and queries, against geometry.

The oracle is another library for what is surely apart, and points for what surely
overlaps.
"""

from __future__ import annotations

import itertools
from contextlib import closing

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lsst import sphgeom

from pantler.dimensions.sky.regions import Box, Circle, ConvexPolygon, decode_region
from pantler.dimensions.universe import Universe
from pantler.errors import IntegrityError, InvalidInputError
from pantler.queries.query import Query
from pantler.registry.sql.sqlite import SqliteRegistry

UNIVERSE = Universe.from_yaml(
    """
namespace: edges
version: 1
skypix: {common: htm7, systems: {htm: {max_level: 7}, healpix: {max_level: 5}}}
topology: {spatial: {lefts: [left], rights: [right]}}
elements:
  left: {doc: One., keys: [{name: id, type: int}]}
  right: {doc: Another., keys: [{name: id, type: int}]}
"""
)
# Poles, RA 0, the far side, and places between; sizes from one point to the whole sky.
LONGITUDES = st.sampled_from([0.0, 1e-7, 359.9999999, 180.0, 90.0]) | st.floats(0, 360)
LATITUDES = st.sampled_from([90.0, -90.0, 89.9999999, 0.0]) | st.floats(-90, 90)
RADII = st.sampled_from([0.0, 1e-9, 1e-4, 0.5, 2.0, 45.0, 90.0, 180.0])


@st.composite
def circles(draw):
    return Circle.from_lonlat(draw(LONGITUDES), draw(LATITUDES), draw(RADII))


@st.composite
def boxes(draw):
    west, south = draw(LONGITUDES), draw(LATITUDES)
    width = draw(st.sampled_from([0.0, 1e-6, 1.0, 40.0, 359.0, 360.0]))
    north = min(90.0, south + draw(st.sampled_from([0.0, 1e-6, 1.0, 90.0, 180.0])))
    return Box.from_lonlat(west, west + width, south, north)


@st.composite
def polygons(draw):
    lon, lat = np.radians([draw(LONGITUDES), draw(LATITUDES)])
    size = np.radians(draw(st.sampled_from([1e-3, 0.1, 1.0, 20.0])))
    centre = np.array(
        [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]
    )
    east = np.cross([0, 0, 1], centre) if abs(centre[2]) < 0.9 else [1.0, 0, 0]
    east = np.cross(np.cross(centre, east), centre)
    east /= np.linalg.norm(east)
    north = np.cross(centre, east)
    angles = np.radians([20, 110, 200, 290])
    around = np.cos(angles)[:, None] * east + np.sin(angles)[:, None] * north
    corners = np.cos(size) * centre + np.sin(size) * around
    return ConvexPolygon.convex_hull(corners)


REGIONS = circles() | boxes() | polygons()
_RNG = np.random.default_rng(3)
_POINTS = _RNG.normal(size=(4000, 3))
POINTS = _POINTS / np.linalg.norm(_POINTS, axis=1)[:, None]
POLES = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])  # where boxes touch too


def surely_overlap(left, right):
    """Whether some point, of a few thousand and of both places, lies in both."""
    near = [POINTS, POLES]
    for region in (left, right):
        center = np.asarray(region.bounding_circle().center)
        near.append(center[None, :])
    points = np.concatenate(near)
    return bool((left.contains(points) & right.contains(points)).any())


def surely_apart(left, right):
    """Whether another library says so, and with room between the bounding circles."""
    one, two = (sphgeom.Region.decode(region.encode()) for region in (left, right))
    return bool(one.relate(two) & sphgeom.DISJOINT)


@pytest.fixture
def registry(tmp_path):
    with closing(SqliteRegistry.create(tmp_path / "r", UNIVERSE)) as made:
        yield made


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lefts=st.lists(REGIONS, min_size=1, max_size=4),
    rights=st.lists(REGIONS, min_size=1, max_size=4),
)
def test_records_overlap_as_their_regions_do(registry, lefts, rights):
    for name, regions in (("left", lefts), ("right", rights)):
        # Other records of earlier examples get no region any more.
        rows = [{name: number, "region": None} for number in range(4)]
        for number, region in enumerate(regions):
            rows[number] = {name: number, "region": region}
        registry.dimensions.insert(name, rows, on_conflict="replace")
    frame = registry.query(Query(UNIVERSE.group(["left", "right"])))
    found = set(frame.select("left", "right").rows())
    for (i, left), (j, right) in itertools.product(enumerate(lefts), enumerate(rights)):
        assert ((i, j) in found) == left.overlaps(right), (left, right)
        if surely_overlap(left, right):
            assert (i, j) in found, (left, right)
        elif surely_apart(left, right):
            assert (i, j) not in found, (left, right)


@pytest.mark.parametrize("latitude", [-90.0, -30.0, 0.0])
def test_a_box_of_no_height_is_not_met_at_its_antipode(latitude):
    box = Box.from_lonlat(0.0, 0.0, latitude, latitude)
    antipode = Circle.from_lonlat(180.0, -latitude, 0.0)
    assert not box.overlaps(antipode)
    assert not antipode.overlaps(box)
    assert box.overlaps(Circle.from_lonlat(0.0, latitude, 0.0))


@given(REGIONS)
def test_a_region_is_the_same_after_storage(region):
    assert decode_region(region.encode()) == region


@pytest.mark.parametrize(
    "encoded",
    [b"", b"c", b"x" * 40, b"c" + b"\xff" * 32, b"p" + b"\0" * 71, b"c" + b"\0" * 31],
)
def test_bytes_of_no_region_are_refused(registry, encoded):
    with pytest.raises(IntegrityError, match="not an encoded region"):
        registry.dimensions.insert("left", [{"left": 1, "region": encoded}])
    assert registry.count(Query(UNIVERSE.group(["left"]))) == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: Circle.from_lonlat(float("nan"), 0, 1),
        lambda: Circle.from_lonlat(0, 90.1, 1),
        lambda: Circle.from_lonlat(0, 0, -1),
        lambda: Circle.from_lonlat(0, float("inf"), 1),
        lambda: Box.from_lonlat(0, 1, 10, -10),
        lambda: Box.from_lonlat(0, 1, -91, 0),
        lambda: ConvexPolygon.from_lonlat([0, 1], [0, 1]),
        lambda: ConvexPolygon.from_lonlat([0, 0, 0], [0, 0, 0]),
        lambda: ConvexPolygon.from_lonlat([0, 120, 240], [0, 0, 0]),
        lambda: ConvexPolygon.from_lonlat([0, 1, 2, 1, 0], [0, 1, 0, -1, 5]),
        lambda: ConvexPolygon.from_lonlat([0, 1, float("nan")], [0, 1, 0]),
    ],
)
def test_what_is_no_region_is_refused(make):
    with pytest.raises(InvalidInputError):
        make()
