"""Visits are calibrated: stars come out where and as bright as they are."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest
from scipy.spatial import cKDTree

from pantler.errors import HeaderError, InvalidInputError
from pantler.science.calibrate import CalibrateConfig, CalibrateTask

SHAPE = (256, 256)
SCALE = 10 ** (0.4 * (31.4 - 27.0)) / 10  # nJy of an electron: zero point 27, 10 s


@pytest.fixture
def stars(rng):
    """Return x, y and flux of stars on a jittered grid."""
    grid = np.arange(20.0, 240, 24)
    x, y = (g.ravel() + rng.uniform(-4, 4, g.size) for g in np.meshgrid(grid, grid))
    return x, y, rng.uniform(3000, 30000, x.size)


@pytest.fixture
def task():
    return CalibrateTask(CalibrateConfig(zero_point=27.0, background_box=64))


@pytest.fixture
def frame(make_sky, wcs, stars):
    def make(**more):
        given = {"fwhm": 4.0, "noise": 10.0, "level": 500.0, "unit": "electron"}
        return make_sky(wcs, *stars, shape=SHAPE, **{**given, **more})

    return make


def test_stars_are_found_where_they_are_with_their_flux(task, frame, stars):
    src = task.run(post_isr=[frame()])["src"]
    x, y, flux = stars
    found = np.column_stack([src["x"], src["y"]])
    distance, place = cKDTree(found).query(np.column_stack([x, y]))
    assert (distance < 0.3).mean() > 0.98
    assert len(src) < len(x) + 5
    inside = 1 - 0.5**4  # a Gaussian's share within its FWHM of the centre
    ratio = src["flux"][place] / (flux * SCALE * inside)
    assert np.median(ratio) == pytest.approx(1, abs=0.03)
    pulls = (src["flux"][place] - np.median(ratio) * flux * SCALE * inside) / src[
        "flux_err"
    ][place]
    assert np.std(pulls[distance < 0.3]) == pytest.approx(1, abs=0.4)


def test_positions_are_in_degrees_on_the_sky(task, frame, wcs):
    src = task.run(post_isr=[frame()])["src"]
    sky = wcs.pixel_to_world(src["x"], src["y"])
    np.testing.assert_allclose(src["ra"], sky.ra.deg)
    np.testing.assert_allclose(src["dec"], sky.dec.deg)
    assert src["ra"].unit == src["dec"].unit == "deg"


def test_background_is_gone_and_seeing_and_noise_are_measured(task, frame):
    result = task.run(post_isr=[frame(level=np.linspace(480, 520, 256))])
    calexp, summary = result["calexp"], result["calexp_summary"]
    assert abs(np.median(calexp.data)) < 0.5 * 10 * SCALE
    assert summary["fwhm_px"] == pytest.approx(4, rel=0.04)
    assert summary["seeing_arcsec"] == pytest.approx(2, rel=0.04)
    assert summary["sky_electrons"] == pytest.approx(500, rel=0.03)
    assert summary["sky_noise_njy"] == pytest.approx(10 * SCALE, rel=0.3)
    assert calexp.header["SEEING"] == summary["seeing_arcsec"]
    assert calexp.unit == "nJy"


def test_the_summary_is_plain_json(task, frame):
    summary = task.run(post_isr=[frame()])["calexp_summary"]
    assert json.loads(json.dumps(summary)) == summary


def test_two_exposures_add_up_to_the_same_scale(task, frame):
    one = task.run(post_isr=[frame()])
    both = task.run(post_isr=[frame(), frame()])
    assert both["calexp_summary"]["exposure_time_s"] == 20
    brightest = [float(np.max(result["src"]["flux"])) for result in (one, both)]
    assert brightest[1] == pytest.approx(brightest[0], rel=0.02)
    noise = [np.median(result["calexp"].uncertainty.array) for result in (one, both)]
    assert noise[1] == pytest.approx(noise[0] / 2, rel=1e-5)


def test_sources_on_masked_pixels_and_at_the_edge_are_flagged(task, frame, stars):
    x, y, _ = stars
    image = frame()
    column, row = round(x[45]), round(y[45])
    image.mask[row, column] = True
    image.data[:, :30] = np.nan
    src = task.run(post_isr=[image])["src"]
    near = np.hypot(src["x"] - x[45], src["y"] - y[45]) < 1
    assert src["flag_masked"][near].all()
    assert near.sum() == 1
    assert src["flag_edge"].sum() >= np.sum(np.abs(src["x"] - 30) < 3)
    assert src["x"].min() > 28


def test_an_image_without_stars_keeps_the_guessed_width_and_says_so(
    task, make_sky, wcs, caplog
):
    image = make_sky(wcs, shape=SHAPE, level=100.0, unit="electron")
    with caplog.at_level(logging.WARNING, "pantler.task"):
        result = task.run(post_isr=[image])
    assert result["calexp_summary"]["fwhm_px"] == 3.5
    assert len(result["src"]) < 5
    assert "No star" in caplog.text


def test_an_exposure_without_wcs_is_refused(task, make_sky):
    with pytest.raises(InvalidInputError, match="no WCS"):
        task.run(post_isr=[make_sky(None, shape=SHAPE)])


def test_an_exposure_without_time_is_refused(task, make_sky, wcs):
    image = make_sky(wcs, shape=SHAPE)
    del image.header["EXPTIME"]
    with pytest.raises(HeaderError, match="'EXPTIME'"):
        task.run(post_isr=[image])


def test_an_image_that_is_all_masked_is_refused(task, make_sky, wcs):
    image = make_sky(wcs, shape=SHAPE, mask=np.ones(SHAPE, bool))
    with pytest.raises(InvalidInputError, match="no good pixels"):
        task.run(post_isr=[image])
