"""The main job on a real night: M13 in four bands, from raw frames to sources."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table, vstack

from pantler import Butler

pytestmark = pytest.mark.xdist_group("m13")

LEAST_SOURCES = {"g": 1000, "r": 1400, "i": 1100, "z": 850}


@pytest.fixture(scope="module")
def butler(m13_repo):
    with Butler.open(m13_repo, collections="m13") as opened:
        yield opened


def _stacked(butler: Butler, name: str, **data_id: object) -> Table:
    """All tables of a type, without what belongs to a neighbouring patch."""
    tables = [butler.get(ref) for ref in butler.query_datasets(name, **data_id)]
    table = vstack(tables, metadata_conflicts="silent")
    return table[np.asarray(table["in_inner"])]


def _detected(objects: Table, band: str) -> np.ndarray:
    return np.isfinite(np.ma.filled(objects[f"{band}_flux"].astype(float), np.nan))


@pytest.mark.parametrize(("band", "least"), LEAST_SOURCES.items())
def test_the_coadds_hold_the_sources_that_ordinary_tools_find(butler, band, least):
    sources = _stacked(butler, "coadd_src", band=band)
    assert len(sources) >= least
    assert np.all(sources["snr"] >= 5)


def test_the_noise_to_which_sources_are_compared_is_that_of_the_coadd(butler):
    """5 sigma means 5 times what empty apertures scatter, not what is propagated."""
    from astropy.stats import mad_std

    coadd = butler.get("coadd", tract=0, patch=0, band="r")
    scatter = mad_std(coadd.data, ignore_nan=True)
    sources = butler.get("coadd_src", tract=0, patch=0, band="r")
    faintest = sources[np.argmin(sources["snr"])]
    # A flux of 5 sigma spreads over several pixels, each of which has the noise.
    assert faintest["flux"] > 5 * scatter


def test_most_sources_in_g_are_found_in_another_band(butler):
    objects = _stacked(butler, "object")
    in_g = _detected(objects, "g")
    elsewhere = np.any([_detected(objects, band) for band in "riz"], axis=0)
    assert in_g.sum() >= LEAST_SOURCES["g"]
    assert (in_g & elsewhere).sum() / in_g.sum() >= 0.7


def test_every_frame_and_visit_is_there(butler):
    observed = butler.query_dimension_records("exposure").to_polars()
    counts = dict(observed["observation_type"].value_counts().rows())
    assert counts == {"bias": 3, "dark": 3, "flat": 12, "science": 12}
    visits = butler.query_dimension_records("visit").to_polars()
    by_filter = dict(visits["physical_filter"].value_counts().rows())
    assert sorted(by_filter.values()) == [2, 3, 3, 4]
    assert butler.query_datasets("raw", collections="ARCSAT/raw/all").count() == 30


def test_a_calibration_is_found_by_the_time_of_an_exposure(butler):
    exposure = butler.query_data_ids(
        "exposure", where="exposure.observation_type = 'science'"
    ).to_polars()["exposure"][0]
    bias = butler.get("bias", exposure=exposure, detector=0)
    assert 0 < np.median(bias.data) < 5000
    flat = butler.get("flat", exposure=exposure, detector=0)
    assert np.nanmedian(flat.data) == pytest.approx(1, abs=0.05)


def test_a_component_is_the_same_as_in_the_whole(butler):
    ref = next(iter(butler.query_datasets("calexp", band="r")))
    whole = butler.get(ref)
    where = dict(ref.data_id.required)
    assert np.array_equal(butler.get("calexp.mask", where), whole.mask)
    assert butler.get("calexp.wcs", where).wcs.compare(whole.wcs.wcs)
    assert butler.get("calexp.header", where)["EXPTIME"] == whole.header["EXPTIME"]


def test_logs_and_metadata_are_kept_for_each_quantum_and_packed(butler):
    refs = list(butler.query_datasets("isr_log"))
    assert len(refs) == 12
    # A pack is written once, as often as the recorder has something: fewer than logs.
    assert len({butler.uri(ref).partition("#")[0] for ref in refs}) < 12
    for ref in refs:
        where = dict(ref.data_id.required)
        assert isinstance(butler.get("isr_log", where), list)
        facts = butler.get("isr_metadata", where)
        assert facts["quantum"]["task"] == "isr"
        assert facts["quantum"]["data_id"]["exposure"] == where["exposure"]


def test_the_second_night_comes_into_the_same_kind_of_repository(
    pantler, shared_data, tmp_path, capsys
):
    """Tile-compressed frames; one of them has no coordinates, and is named."""
    repo = tmp_path / "repo"
    pantler("create", repo)
    pantler("register-instrument", repo, "arcsat")
    assert pantler("ingest-raws", repo, shared_data / "arcsat_lpseb35") == 0
    assert "21 ingested" in capsys.readouterr().out
    pantler("define-visits", repo)
    said = capsys.readouterr()
    assert "5 visits defined" in said.out
    with Butler.open(repo, collections="ARCSAT/raw/all") as butler:
        assert butler.query_datasets("raw").count() == 21
        frame = butler.get("raw", exposure=20250530043739, detector=0)
        assert frame.data.ndim == 2
