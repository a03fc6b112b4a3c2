"""Many regions at once give the answers of single ones."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pantler.dimensions.sky import region_array
from pantler.dimensions.sky.region_array import (
    RegionArray,
    overlap_mask,
    overlapping_pairs,
)
from pantler.dimensions.sky.regions import Box, Circle, ConvexPolygon, UnionRegion
from pantler.dimensions.sky.sphere import normalize
from pantler.errors import IntegrityError

SQUARE = ConvexPolygon.from_lonlat([0, 1, 1, 0], [0, 0, 1, 1])


def some_regions(seed, count, *, only_polygons=False):
    rng = np.random.default_rng(seed)
    focus = normalize(rng.normal(size=(1, 3)))[0]
    regions = []
    for _ in range(count):
        center = normalize(focus + 10 ** rng.uniform(-2, 0.5) * rng.normal(size=3))
        size = 10 ** rng.uniform(-4, -0.6)
        kind = 0 if only_polygons else rng.integers(6)
        if kind < 3:
            corners = rng.integers(3, 7)
            spread = size * rng.normal(size=(corners, 3))
            regions.append(ConvexPolygon.convex_hull(normalize(center + spread)))
        elif kind == 3:
            regions.append(Circle(center, size))
        elif kind == 4:
            lon, lat = rng.uniform(0, 350), rng.uniform(-80, 70)
            regions.append(Box.from_lonlat(lon, lon + 9, lat, lat + 9))
        else:
            regions.append(
                None if size < 0.01 else UnionRegion((Circle(center, size),))
            )
    return regions


seeds = st.integers(0, 2**32 - 1)


def expected_pairs(left, right):
    return {
        (i, j)
        for i, one in enumerate(left)
        for j, other in enumerate(right)
        if one is not None and other is not None and one.overlaps(other)
    }


@settings(max_examples=20)
@given(seeds, st.booleans())
def test_pairs_are_exactly_those_that_overlap_one_by_one(seed, only_polygons):
    left = some_regions(seed, 18, only_polygons=only_polygons)
    right = some_regions(seed + 1, 12, only_polygons=only_polygons) + left[:5]
    pairs = overlapping_pairs(
        RegionArray.from_regions(left), RegionArray.from_regions(right)
    )
    found = list(zip(*(index.tolist() for index in pairs), strict=True))
    assert len(found) == len(set(found))
    assert set(found) == expected_pairs(left, right)


@settings(max_examples=20)
@given(seeds)
def test_one_region_against_many_is_the_same_as_one_by_one(seed):
    regions = some_regions(seed, 16)
    array = RegionArray.from_regions(regions)
    for region in [each for each in regions if each is not None][:6]:
        assert array.overlaps(region).tolist() == [
            each is not None and each.overlaps(region) for each in regions
        ]


@settings(max_examples=20)
@given(seeds)
def test_a_mask_decides_given_pairs(seed):
    left, right = some_regions(seed, 12), some_regions(seed, 9)
    rows, columns = (index.ravel() for index in np.indices((12, 9)))
    mask = overlap_mask(
        RegionArray.from_regions(left), rows, RegionArray.from_regions(right), columns
    )
    expected = expected_pairs(left, right)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    assert mask.tolist() == [pair in expected for pair in pairs]


def test_chunks_do_not_change_the_pairs(monkeypatch):
    left = RegionArray.from_regions(some_regions(1, 60, only_polygons=True))
    right = RegionArray.from_regions(some_regions(1, 50, only_polygons=True))
    whole = set(
        zip(*map(np.ndarray.tolist, overlapping_pairs(left, right)), strict=True)
    )
    monkeypatch.setattr(region_array, "_CANDIDATES", 32)
    monkeypatch.setattr(region_array, "_PAIRS", 3)
    parts = set(
        zip(*map(np.ndarray.tolist, overlapping_pairs(left, right)), strict=True)
    )
    assert len(whole) >= 50  # each overlaps itself
    assert parts == whole


@given(seeds)
def test_an_array_gives_its_regions_back(seed):
    regions = some_regions(seed, 10)
    array = RegionArray.from_regions(regions)
    assert len(array) == 10
    assert [array.region(row) for row in range(10)] == regions


def test_the_fields_own_library_finds_the_same_pairs():
    sphgeom = pytest.importorskip("lsst.sphgeom")
    left = some_regions(5, 40, only_polygons=True)
    right = some_regions(6, 40, only_polygons=True) + left[:9]
    theirs = [
        [sphgeom.Region.decode(r.encode()) for r in part] for part in (left, right)
    ]
    expected = {
        (i, j)
        for i, one in enumerate(theirs[0])
        for j, other in enumerate(theirs[1])
        if one.overlaps(other)
    }
    pairs = overlapping_pairs(
        RegionArray.from_regions(left), RegionArray.from_regions(right)
    )
    assert set(zip(*map(np.ndarray.tolist, pairs), strict=True)) == expected


def test_missing_regions_overlap_nothing():
    array = RegionArray.from_encoded(
        pl.Series([None, SQUARE.encode()], dtype=pl.Binary)
    )
    assert array.overlaps(SQUARE).tolist() == [False, True]
    assert [index.tolist() for index in overlapping_pairs(array, array)] == [[1], [1]]
    empty = RegionArray.from_encoded(pl.Series([], dtype=pl.Binary))
    assert [len(index) for index in overlapping_pairs(array, empty)] == [0, 0]
    nothing = RegionArray.from_regions([None, None])
    assert [len(index) for index in overlapping_pairs(nothing, array)] == [0, 0]


def test_a_stored_clockwise_polygon_is_turned_round():
    turned = b"p" + SQUARE.vertices[::-1].tobytes()
    array = RegionArray.from_encoded(pl.Series([SQUARE.encode(), turned]))
    inside = Circle.from_lonlat(0.5, 0.5, 0.1)
    outside = Circle.from_lonlat(2, 0.5, 0.1)
    assert array.overlaps(inside).tolist() == [True, True]
    assert array.overlaps(outside).tolist() == [False, False]


@pytest.mark.parametrize(
    "data",
    [
        SQUARE.encode()[:-1],
        SQUARE.encode()[:-24] + bytes(24),
        b"p",
        b"zzz",
        b"",
        b"p" + np.full(9, np.nan).tobytes(),
    ],
)
def test_damaged_bytes_in_a_column_are_an_integrity_error(data):
    with pytest.raises(IntegrityError):
        RegionArray.from_encoded(pl.Series([SQUARE.encode(), data]))


def test_points_and_the_whole_sky_meet():
    points = RegionArray.from_regions([Circle.from_lonlat(n, 0, 0) for n in range(5)])
    sky = RegionArray.from_regions([Box.from_lonlat(0, 360, -90, 90)])
    assert overlapping_pairs(points, sky)[0].tolist() == [0, 1, 2, 3, 4]
    assert len(overlapping_pairs(points, points)[0]) == 5
