"""Objects are the sources of all bands, each source once."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st

from pantler.errors import InvalidInputError
from pantler.science.merge import MergeConfig, MergeTask

ARCSEC = 1 / 3600


def sources(ra, dec=None, flux=None):
    ra = np.asarray(ra, float)
    dec = np.zeros(len(ra)) if dec is None else np.asarray(dec)
    flux = np.arange(1.0, len(ra) + 1) if flux is None else np.asarray(flux)
    return Table(
        {
            "ra": ra,
            "dec": dec,
            "flux": flux,
            "flux_err": flux / 10,
            "snr": flux * 0 + 10,
            "in_inner": np.ones(len(ra), bool),
        },
        units={"flux": "nJy", "flux_err": "nJy"},
    )


def test_near_sources_become_one_object_and_others_their_own():
    g = sources([10, 10 + 5 * ARCSEC, 10 + 20 * ARCSEC], flux=[1, 2, 3])
    r = sources([10 + 0.5 * ARCSEC, 10 + 40 * ARCSEC], flux=[7, 8])
    objects = MergeTask().run(coadd_src={"r": r, "g": g})["objects"]
    assert len(objects) == 4
    np.testing.assert_array_equal(objects["n_bands"], [2, 1, 1, 1])
    np.testing.assert_array_equal(objects["g_flux"], [1, 2, 3, np.nan])
    np.testing.assert_array_equal(objects["r_flux"], [7, np.nan, np.nan, 8])
    assert objects["g_flux"].unit == "nJy"
    assert list(objects["id"]) == [1, 2, 3, 4]


def test_the_radius_decides():
    tables = {"g": sources([10.0]), "r": sources([10 + 1.5 * ARCSEC])}
    assert len(MergeTask().run(coadd_src=tables)["objects"]) == 2
    wide = MergeTask(MergeConfig(radius_arcsec=2))
    assert len(wide.run(coadd_src=tables)["objects"]) == 1


def test_of_two_sources_near_an_object_the_nearer_joins_it():
    g = sources([10.0, 11.0, 12.0])
    r = sources([10 + 0.8 * ARCSEC, 10 + 0.2 * ARCSEC], flux=[1, 2])
    objects = MergeTask().run(coadd_src={"g": g, "r": r})["objects"]
    assert len(objects) == 4
    assert objects["r_flux"][0] == 2
    assert objects["r_flux"][3] == 1


def test_one_band_and_empty_bands_are_merged_too():
    objects = MergeTask().run(coadd_src={"g": sources([10.0]), "r": sources([])})
    assert len(objects["objects"]) == 1
    assert len(MergeTask().run(coadd_src={"g": sources([])})["objects"]) == 0


def test_nothing_is_refused():
    with pytest.raises(InvalidInputError, match="no list"):
        MergeTask().run(coadd_src={})


positions = st.lists(st.floats(0, 20), max_size=12)


@given(positions, positions, positions)
def test_each_source_of_each_band_is_in_exactly_one_object(g, r, i):
    tables = {
        band: sources(10 + ARCSEC * np.asarray(offsets))
        for band, offsets in (("g", g), ("r", r), ("i", i))
    }
    objects = MergeTask().run(coadd_src=tables)["objects"]
    for band, table in tables.items():
        kept = np.sort(np.asarray(objects[f"{band}_flux"]))
        np.testing.assert_array_equal(kept[np.isfinite(kept)], np.sort(table["flux"]))
    detections = sum(map(len, tables.values()))
    assert objects["n_bands"].sum() == detections
