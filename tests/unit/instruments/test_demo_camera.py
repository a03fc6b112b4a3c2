"""The simulator of the demo camera makes frames like those of a real camera."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from pydantic import ValidationError

from pantler.instruments.demo.camera import DemoCamera
from pantler.instruments.demo.settings import DemoSettings
from pantler.instruments.demo.simulator import detector_pointing, plan_night, simulate
from pantler.instruments.demo.sky import expose_stars, star_catalog

SMALL = DemoSettings(
    detector_size=128, star_count=60, bias_count=2, dark_count=2, flat_count=1,
    dither_count=2, dither_arcsec=5,
)  # fmt: skip


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("night"), SMALL)


@pytest.fixture(scope="module")
def observations(night):
    camera = DemoCamera()
    found = []
    for path in night:
        (header,) = camera.raw_headers(path)
        observation = camera.translate(header)
        camera.check(observation)
        found.append(observation)
    return found


def pixels(night, observations, kind):
    chosen = [p for p, o in zip(night, observations, strict=True)
              if o.observation_type == kind]  # fmt: skip
    return [fits.getdata(path).astype(float) for path in chosen]


def test_each_exposure_has_a_frame_of_each_detector(observations):
    exposures = len(plan_night(SMALL))
    assert exposures == 2 + 2 + 2 * 1 + 2 * 2
    keys = {(o.exposure_id, o.detector) for o in observations}
    assert len(keys) == len(observations) == 4 * exposures


def test_frames_of_one_exposure_have_one_record(observations):
    records = {}
    for one in observations:
        assert records.setdefault(one.exposure_id, one.exposure_record()) == (
            one.exposure_record()
        )


def test_equal_settings_give_equal_bytes(night, tmp_path):
    again = simulate(tmp_path / "again", SMALL)
    assert [p.name for p in again] == [p.name for p in night]
    assert all(a.read_bytes() == b.read_bytes()
               for a, b in zip(again, night, strict=True))  # fmt: skip


def test_another_seed_gives_another_night(night, tmp_path):
    other = simulate(tmp_path, SMALL.model_copy(update={"seed": 2, "flat_count": 0}))
    assert other[0].name == night[0].name
    assert other[0].read_bytes() != night[0].read_bytes()


def test_raw_pixels_are_unsigned_16_bit_integers(night):
    header = fits.getheader(night[0])
    assert (header["BITPIX"], header["BZERO"]) == (16, 32768)
    assert fits.getdata(night[0]).dtype.kind == "u"


def test_dark_frames_have_hot_pixels_and_bias_frames_have_none(night, observations):
    bias = pixels(night, observations, "bias")
    dark = pixels(night, observations, "dark")
    assert np.max(bias[0] - bias[4]) < 50
    assert np.sum(dark[0] - bias[0] > 150) > 3


def test_flats_show_vignetting(night, observations):
    flat = (
        pixels(night, observations, "flat")[0] - pixels(night, observations, "bias")[0]
    )
    # Detector 0 is at the lower left: its upper right corner is the camera's centre.
    assert flat[-16:, -16:].mean() > 1.1 * flat[:16, :16].mean()


def test_the_projection_is_that_of_the_header(night, observations):
    stars = star_catalog(SMALL)
    ra, dec = stars["ra"].to_numpy(), stars["dec"].to_numpy()
    planned = {one.number: one for one in plan_night(SMALL)}
    for path, seen in zip(night, observations, strict=True):
        if seen.observation_type != "science":
            continue
        pointing = detector_pointing(planned[seen.exposure_id], seen.detector, SMALL)
        expected = WCS(fits.getheader(path)).all_world2pix(ra, dec, 0)
        np.testing.assert_allclose(pointing.pixels(ra, dec), expected, atol=1e-6)


def test_bright_stars_are_where_the_header_says(night, observations):
    stars = star_catalog(SMALL).sort("r").head(12)
    offsets = []
    for path, seen in zip(night, observations, strict=True):
        if seen.observation_type != "science":
            continue
        image = fits.getdata(path).astype(float)
        image -= np.median(image)
        places = WCS(fits.getheader(path)).all_world2pix(stars["ra"], stars["dec"], 0)
        for x, y in zip(*places, strict=True):
            column, row = round(x), round(y)
            if 6 <= column < 122 and 6 <= row < 122:
                box = image[row - 4 : row + 5, column - 4 : column + 5]
                box = np.clip(box, 0, None)
                grid = np.arange(-4, 5)
                offsets.append((
                    (box.sum(0) * grid).sum() / box.sum() + column - x,
                    (box.sum(1) * grid).sum() / box.sum() + row - y,
                ))  # fmt: skip
    assert len(offsets) >= 8
    assert np.max(np.abs(np.median(offsets, axis=0))) < 0.1


def test_the_light_of_a_star_is_kept():
    spot = (np.array([40.3]), np.array([41.8]))
    light = expose_stars(82, spot, np.array([1000.0]), 3.0)
    assert light.sum() == pytest.approx(1000, rel=2e-3)
    rows, columns = np.indices(light.shape)
    assert (light * columns).sum() / light.sum() == pytest.approx(40.3, abs=0.01)
    assert (light * rows).sum() / light.sum() == pytest.approx(41.8, abs=0.01)


def test_a_star_beside_the_detector_sheds_light_on_it():
    light = expose_stars(64, (np.array([-3.0]), np.array([30.0])), np.array([1e5]), 3.0)
    assert light[30, 0] > 100
    assert light[30, 60] == 0


def test_stars_have_colours():
    stars = star_catalog(DemoSettings())
    assert (stars["g"] - stars["r"]).std() > 0.1


def test_dithers_differ_between_exposures(observations):
    pointings = {
        (o.tracking_ra, o.tracking_dec)
        for o in observations
        if o.observation_type == "science"
    }
    assert len(pointings) == 4


def test_settings_are_checked():
    with pytest.raises(ValidationError, match="dithers"):
        DemoSettings(dithers=3)
    with pytest.raises(ValidationError, match="star_count"):
        DemoSettings(star_count=-1)
