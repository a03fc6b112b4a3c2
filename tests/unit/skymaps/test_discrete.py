"""Discrete sky maps hold the tracts that are defined, or that regions need."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pantler.datasets.storage_class import get_storage_class
from pantler.dimensions.sky.regions import ConvexPolygon, decode_region
from pantler.dimensions.universe import Universe
from pantler.errors import (
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    PluginError,
    SettingsError,
)
from pantler.plugins import load_plugin
from pantler.skymaps.discrete import DiscreteSkyMap
from pantler.skymaps.interface import make_sky_map

GIVEN = {
    "kind": "discrete",
    "name": "fields",
    "pixel_scale_arcsec": 0.4,
    "patch_size_px": 500,
    "patch_border_px": 20,
    "tracts": [
        {"ra_deg": 150.1, "dec_deg": 2.2, "width_deg": 0.12},
        {"ra_deg": 0.0, "dec_deg": -89.5, "width_deg": 0.05, "height_deg": 0.2},
    ],
}


def square(ra: float, dec: float, half: float) -> ConvexPolygon:
    wide = half / np.cos(np.radians(dec))
    return ConvexPolygon.from_lonlat(
        [ra - wide, ra + wide, ra + wide, ra - wide],
        [dec - half, dec - half, dec + half, dec + half],
    )


def test_tracts_are_whole_numbers_of_patches():
    sky = make_sky_map(GIVEN)
    first, second = sky.tracts()
    assert (first.patches_x, first.patches_y) == (3, 3)
    assert (second.patches_x, second.patches_y) == (1, 4)
    assert second.shape == (2000, 500)


def test_a_width_of_whole_patches_makes_that_many():
    one = {"ra_deg": 1, "dec_deg": 1, "width_deg": 3 * 500 * 0.4 / 3600}
    assert make_sky_map({**GIVEN, "tracts": [one]}).tract(0).patches_x == 3


def test_records_fit_the_universe():
    sky = make_sky_map(GIVEN)
    records = sky.records(Universe.default())
    assert list(records) == ["skymap", "tract", "patch"]
    skymap = records["skymap"].row(0, named=True)
    assert (skymap["tract_max"], skymap["patch_nx_max"], skymap["patch_ny_max"]) == (
        2, 3, 4,
    )  # fmt: skip
    assert skymap["hash"] == sky.hash
    assert records["patch"].height == 9 + 4
    last = records["patch"].row(-1, named=True)
    assert (last["tract"], last["patch"], last["cell_x"], last["cell_y"]) == (
        1,
        3,
        0,
        3,
    )
    assert decode_region(last["region"]) == sky.tract(1).patch(3).region


def test_the_hash_tells_divisions_apart_and_not_names():
    sky = make_sky_map(GIVEN)
    assert make_sky_map({**GIVEN, "name": "other"}).hash == sky.hash
    assert make_sky_map({**GIVEN, "patch_border_px": 21}).hash != sky.hash


def test_the_formatter_returns_an_equal_sky_map():
    sky = make_sky_map(GIVEN)
    storage_class = get_storage_class("SkyMap")
    formatter = load_plugin("formatters", storage_class.formatter)()
    assert storage_class.convert(sky, "skyMap") is sky
    data = formatter.to_bytes(sky, storage_class)
    again = formatter.from_bytes(data, storage_class)
    assert again == sky
    assert again.hash == sky.hash
    with pytest.raises(InvalidInputError, match="read whole"):
        formatter.from_bytes(data, storage_class, component="wcs")


@pytest.mark.parametrize("data", [b"", b"[1]", b"{"])
def test_what_is_not_a_stored_sky_map_is_refused(data):
    storage_class = get_storage_class("SkyMap")
    formatter = load_plugin("formatters", "skymap")()
    with pytest.raises(IntegrityError, match="JSON"):
        formatter.from_bytes(data, storage_class)


def test_a_tract_that_is_not_there_is_refused():
    with pytest.raises(NotFoundError, match="'fields' has no tract 2; it has 0 to 1"):
        make_sky_map(GIVEN).tract(2)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"kind": None}, SettingsError, "needs 'kind'"),
        ({"kind": "discreet"}, PluginError, "Did you mean 'discrete'"),
        ({"tracts": []}, SettingsError, "'tracts'"),
        ({"pixel_scale_arcsec": -1}, SettingsError, "'pixel_scale_arcsec'"),
        ({"patch_border": 1}, SettingsError, "'patch_border'"),
        ({"name": "a b"}, SettingsError, "'name'"),
    ],
)
def test_wrong_settings_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        make_sky_map({**GIVEN, **change})


@given(
    st.floats(0, 359.9),
    st.floats(-85, 85),
    st.lists(st.tuples(st.floats(-0.05, 0.05), st.floats(-0.05, 0.05)), max_size=5),
)
@settings(max_examples=40, deadline=None)
def test_regions_are_covered_by_one_tract_where_they_are_connected(ra, dec, shifts):
    wide = 1 / np.cos(np.radians(dec))
    regions = [
        square(ra + east * wide, dec + north, 0.06) for east, north in [(0, 0), *shifts]
    ]
    sky = DiscreteSkyMap.from_regions("s", regions, pixel_scale_arcsec=0.5)
    assert sky.tract_count == 1
    for region in regions:
        assert sky.tract(0).region.contains(region.vertices).all()


def test_a_tract_fits_its_regions_closely():
    sky = DiscreteSkyMap.from_regions(
        "s", [square(0.01, 2.2, 0.1)], pixel_scale_arcsec=0.36, patch_size_px=200,
        margin_px=10,
    )  # fmt: skip
    assert sky.tract(0).shape == (2200, 2200)


def test_fields_apart_get_tracts_of_their_own():
    regions = [square(10, 0, 0.1), square(50, 20, 0.1), square(10.15, 0, 0.1)]
    sky = DiscreteSkyMap.from_regions("s", regions, pixel_scale_arcsec=1.0)
    assert [round(tract.ra_deg) for tract in sky.tracts()] == [10, 50]


def test_no_regions_make_no_sky_map():
    with pytest.raises(InvalidInputError, match="No regions to cover"):
        DiscreteSkyMap.from_regions("s", [], pixel_scale_arcsec=1.0)


def test_regions_too_wide_for_one_projection_are_refused():
    with pytest.raises(InvalidInputError, match="too far for one tract"):
        DiscreteSkyMap.from_regions("s", [square(10, 0, 28)], pixel_scale_arcsec=60)


@pytest.mark.parametrize(
    ("sizes", "hint"),
    [
        ({"pixel_scale_arcsec": np.nan}, "pixel"),
        ({"pixel_scale_arcsec": np.inf}, "pixel"),
        ({"pixel_scale_arcsec": -0.4}, "pixel"),
        ({"pixel_scale_arcsec": 0.0}, "pixel"),
        ({"pixel_scale_arcsec": 1e-5}, "patches, more than 1,000,000"),
        ({"pixel_scale_arcsec": 1e-320}, "pixel"),
        ({"pixel_scale_arcsec": 1e300}, "pixel"),
        ({"pixel_scale_arcsec": 1000.0}, "277.778 degrees wide"),
        ({"patch_size_px": 10**30}, "patch_size_px"),
        ({"patch_size_px": 1}, "patches, more than"),
        ({"patch_size_px": 0}, "patch_size_px"),
        ({"patch_border_px": 10**30}, "patch_border_px"),
        ({"patch_border_px": -1}, "patch_border_px"),
    ],
)
def test_sizes_that_make_no_sense_are_refused_at_once(sizes, hint):
    given = {"pixel_scale_arcsec": 0.4, **sizes}
    regions = [square(10, 20, 0.5)]
    with pytest.raises(SettingsError, match=hint):
        DiscreteSkyMap.from_regions("field", regions, **given)
    with pytest.raises(SettingsError, match=hint):
        make_sky_map({**GIVEN, "patch_size_px": 1000, **given, "tracts": [WIDE]})


WIDE = {"ra_deg": 10.0, "dec_deg": 20.0, "width_deg": 1.0}


def test_regions_that_differ_by_rounding_only_are_covered():
    regions = [square(1, 2 + shift, 0.06) for shift in (0.0, 1e-14, 3e-14)]
    sky = DiscreteSkyMap.from_regions("field", regions, pixel_scale_arcsec=0.4)
    assert sky.tract_count == 1
