"""Sky maps are registered once under a name."""

from __future__ import annotations

import pytest

from pantler.dimensions.sky.regions import decode_region
from pantler.errors import ConflictError
from pantler.ingest.raws import ingest_raws
from pantler.ingest.skymap_registration import register_skymap
from pantler.ingest.visits import define_visits
from pantler.skymaps.discrete import DiscreteSkyMap
from pantler.skymaps.interface import make_sky_map

DEFINITION = {
    "kind": "discrete",
    "name": "field",
    "pixel_scale_arcsec": 0.4,
    "patch_size_px": 100,
    "patch_border_px": 10,
    "tracts": [{"ra_deg": 150.1, "dec_deg": 2.2, "width_deg": 0.02}],
}


def test_records_and_the_sky_map_itself_are_there(repository, butler):
    sky = make_sky_map(DEFINITION)
    assert register_skymap(repository, sky) is True
    assert butler.query_dimension_records("patch").count() == 4
    found = butler.get("skyMap", skymap="field", collections="skymaps")
    assert found == sky
    assert found.tract(0).patch(3).shape == (110, 110)


def test_registering_again_changes_nothing(repository, butler):
    register_skymap(repository, make_sky_map(DEFINITION))
    assert register_skymap(repository, make_sky_map(DEFINITION)) is False
    assert butler.query_datasets("skyMap", collections="skymaps").count() == 1


def test_another_sky_map_of_the_name_is_refused(repository, butler):
    register_skymap(repository, make_sky_map(DEFINITION))
    with pytest.raises(ConflictError, match="Another sky map 'field'"):
        register_skymap(repository, make_sky_map({**DEFINITION, "patch_size_px": 120}))
    register_skymap(repository, make_sky_map({**DEFINITION, "name": "other"}))
    assert butler.query_datasets("skyMap", collections="skymaps").count() == 2


def test_a_sky_map_of_the_visits_overlaps_them(repository, butler, camera, night):
    ingest_raws(repository, night, camera)
    define_visits(repository, camera)
    visits = butler.query_dimension_records("visit").to_polars()
    regions = [decode_region(encoded) for encoded in visits["region"]]
    sky = DiscreteSkyMap.from_regions(
        "auto", regions, pixel_scale_arcsec=0.4, patch_size_px=100, patch_border_px=5
    )
    register_skymap(repository, sky)
    pairs = butler.query_data_ids(
        ["visit", "tract"], instrument="DemoCam", skymap="auto"
    )
    assert pairs.count() == visits.height
