"""Pixels of the sky."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pantler.dimensions.sky import pixels
from pantler.dimensions.sky.htm import htm_index, trixel_vertices
from pantler.dimensions.sky.pixels import pixel_envelope, pixel_region
from pantler.dimensions.sky.region_array import RegionArray
from pantler.dimensions.sky.regions import Box, Circle, ConvexPolygon, UnionRegion
from pantler.dimensions.sky.sphere import normalize, vectors_to_lonlat
from pantler.dimensions.universe import Universe
from pantler.errors import InvalidInputError

UNIVERSE = Universe.default()
POINTS = normalize(np.random.default_rng(3).normal(size=(300, 3)))
seeds = st.integers(0, 2**32 - 1)


def healpix_index(points, level):
    from astropy import units
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix import nested

    lon, lat = vectors_to_lonlat(points)
    found = nested.lonlat_to_healpix(
        Longitude(lon * units.rad), Latitude(lat * units.rad), level
    )
    return found.astype(np.int64)


INDEX = {"htm": htm_index, "healpix": healpix_index}


@pytest.mark.parametrize("level", [0, 1, 2, 7, 20, 24])
def test_points_have_the_fields_trixel_numbers(level):
    sphgeom = pytest.importorskip("lsst.sphgeom")
    theirs = sphgeom.HtmPixelization(level)
    expected = [theirs.index(sphgeom.UnitVector3d(*point)) for point in POINTS]
    assert htm_index(POINTS, level).tolist() == expected


@pytest.mark.parametrize("scheme", ["htm", "healpix"])
@pytest.mark.parametrize("level", [0, 1, 4, 9])
def test_the_region_of_a_pixel_holds_its_points(scheme, level):
    element = UNIVERSE[f"{scheme}{level}"]
    index = INDEX[scheme](POINTS, level)
    for point, pixel in zip(POINTS[:60], index[:60].tolist(), strict=True):
        assert pixel_region(element, pixel).contains(point[None])[0]


def test_a_trixels_middle_is_in_the_trixel():
    index = np.arange(8 * 4**3, 16 * 4**3)
    middles = normalize(trixel_vertices(index, 3).sum(axis=1))
    assert htm_index(middles, 3).tolist() == index.tolist()


def one_region(seed):
    rng = np.random.default_rng(seed)
    center = normalize(rng.normal(size=3))
    size = 10 ** rng.uniform(-3, -0.3)
    kind = rng.integers(4)
    if kind == 0:
        return Circle(center, size)
    if kind == 1:
        return UnionRegion((Circle(center, size), Circle(-center, 0.01)))
    if kind == 2:
        lon, lat = rng.uniform(0, 360), rng.uniform(-90, 80)
        return Box.from_lonlat(lon, lon + rng.uniform(0, 60), lat, lat + 10)
    spread = min(size, 0.2) * rng.normal(size=(5, 3))
    return ConvexPolygon.convex_hull(normalize(center + spread))


@pytest.mark.parametrize("scheme", ["htm", "healpix"])
def test_regions_that_share_pixels_have_the_same_ones_as_each_alone(scheme):
    regions = [one_region(seed) for seed in range(40)]
    rows, found = pixel_envelope(RegionArray.from_regions(regions * 2), scheme, 4)
    for row, region in enumerate(regions * 2):
        _, alone = pixel_envelope(RegionArray.from_regions([region]), scheme, 4)
        assert found[rows == row].tolist() == alone.tolist()


@settings(max_examples=40)
@given(seeds, st.sampled_from(["htm", "healpix"]), st.integers(0, 5))
def test_an_envelope_has_the_pixel_of_every_point_of_a_region(seed, scheme, level):
    region = one_region(seed)
    array = RegionArray.from_regions([None, region])
    rows, found = pixel_envelope(array, scheme, level)
    assert set(rows.tolist()) == {1}
    assert len(np.unique(found)) == len(found)
    rng = np.random.default_rng(seed)
    circle = region.bounding_circle()
    size = max(circle.radius, 1e-3)
    near = normalize(circle.center + size * rng.uniform(-1, 1, size=(2000, 3)))
    inside = near[region.contains(near)]
    assert set(INDEX[scheme](inside, level).tolist()) <= set(found.tolist())


@settings(max_examples=20)
@given(seeds, st.integers(0, 3))
def test_an_htm_envelope_is_exactly_the_trixels_that_overlap(seed, level):
    region = one_region(seed)
    _, found = pixel_envelope(RegionArray.from_regions([region]), "htm", level)
    element = UNIVERSE[f"htm{level}"]
    every = range(8 * 4**level, 16 * 4**level)
    assert found.tolist() == [
        pixel for pixel in every if pixel_region(element, pixel).overlaps(region)
    ]


@settings(max_examples=20)
@given(seeds)
def test_the_fields_own_library_finds_the_same_trixels(seed):
    sphgeom = pytest.importorskip("lsst.sphgeom")
    rng = np.random.default_rng(seed)
    spread = 0.02 * rng.normal(size=(5, 3))
    region = ConvexPolygon.convex_hull(
        normalize(normalize(rng.normal(size=3)) + spread)
    )
    theirs = sphgeom.HtmPixelization(7).envelope(sphgeom.Region.decode(region.encode()))
    expected = [pixel for begin, end in theirs for pixel in range(begin, end)]
    _, found = pixel_envelope(RegionArray.from_regions([region]), "htm", 7)
    assert found.tolist() == expected


def test_a_healpix_envelope_is_not_much_too_wide():
    array = RegionArray.from_regions([Circle(point, 0.002) for point in POINTS])
    rows, _ = pixel_envelope(array, "healpix", 7)
    # Of pixels 0.008 wide such a circle touches 2.2 on average.
    assert len(rows) <= 3.5 * len(POINTS)


def test_batches_do_not_change_an_envelope(monkeypatch):
    array = RegionArray.from_regions([one_region(seed) for seed in range(20)])
    whole = pixel_envelope(array, "htm", 4)
    monkeypatch.setattr(pixels, "_CANDIDATES", 100)
    monkeypatch.setattr(pixels, "_PAIRS", 7)
    parts = pixel_envelope(array, "htm", 4)
    assert [each.tolist() for each in parts] == [each.tolist() for each in whole]
    assert (np.diff(whole[0]) >= 0).all()


@pytest.mark.parametrize("regions", [[], [None, None]])
def test_no_regions_touch_no_pixels(regions):
    rows, found = pixel_envelope(RegionArray.from_regions(regions), "htm", 7)
    assert (len(rows), len(found)) == (0, 0)


def test_the_whole_sky_touches_every_pixel():
    sky = RegionArray.from_regions([Circle.from_lonlat(0, 0, 180)])
    assert pixel_envelope(sky, "htm", 3)[1].tolist() == list(range(8 * 64, 16 * 64))
    assert pixel_envelope(sky, "healpix", 3)[1].tolist() == list(range(12 * 64))


@pytest.mark.parametrize(
    ("name", "index", "said"),
    [
        ("htm7", 0, "has no pixel 0; they are 131072 to 262143"),
        ("healpix3", 768, "has no pixel 768"),
        ("visit", 1, "not a sky pixelization"),
    ],
)
def test_a_pixel_that_is_none_is_refused(name, index, said):
    with pytest.raises(InvalidInputError, match=said):
        pixel_region(UNIVERSE[name], index)


@pytest.mark.parametrize(
    ("scheme", "level", "said"),
    [("htm", 25, "levels 0 to 24"), ("healpix", -1, "levels"), ("q3c", 1, "No pixel")],
)
def test_a_level_that_is_none_is_refused(scheme, level, said):
    with pytest.raises(InvalidInputError, match=said):
        pixel_envelope(RegionArray.from_regions([]), scheme, level)
