"""Every real frame of two nights of ARCSAT reads well."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from pantler.dimensions.times import parse_time
from pantler.errors import HeaderError
from pantler.instruments.arcsat import Arcsat
from pantler.instruments.frame_header import FrameHeader

BIAS = {
    "INSTRUME": "Apogee USB/Net",
    "TELESCOP": "",
    "IMAGETYP": "Bias Frame",
    "DATE-OBS": "2019-05-03T07:37:46",
    "EXPTIME": 0.0,
}


def shared_folder(name: str) -> Path:
    default = Path(__file__).parents[3].parent / "shared" / "data"
    folder = Path(os.environ.get("PANTLER_SHARED_DATA", default)) / name
    if not folder.is_dir():
        reason = f"no folder of real frames '{folder}'; set PANTLER_SHARED_DATA"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


def translate_night(name):
    camera = Arcsat()
    observations = []
    for path in sorted(shared_folder(name).iterdir()):
        (header,) = camera.raw_headers(path)
        observation = camera.translate(header)
        camera.check(observation)
        observations.append((path.name, observation))
    return observations


@pytest.fixture(scope="module")
def first_night():
    return translate_night("arcsat_m13")


@pytest.fixture(scope="module")
def second_night():
    return translate_night("arcsat_lpseb35")


def test_the_first_night_has_its_frames(first_night):
    kinds = Counter((o.observation_type, o.physical_filter) for _, o in first_night)
    assert kinds == {
        ("bias", "none"): 3,
        ("dark", "none"): 3,
        **{("flat", f"sdss_{band}"): 3 for band in "griz"},
        ("science", "sdss_g"): 2,
        ("science", "sdss_r"): 3,
        ("science", "sdss_i"): 3,
        ("science", "sdss_z"): 4,
    }
    assert {o.day_obs for _, o in first_night} == {20190502}


def test_the_second_night_has_its_frames(second_night):
    kinds = Counter((o.observation_type, o.physical_filter) for _, o in second_night)
    assert kinds == {
        ("bias", "none"): 7,
        ("dark", "none"): 5,
        ("flat", "sdss_g"): 3,
        ("science", "sdss_g"): 6,
    }
    assert {o.day_obs for _, o in second_night} == {20250529}


def test_exposures_are_numbered_uniquely_and_in_order(first_night, second_night):
    both = [o for _, o in [*first_night, *second_night]]
    assert len({o.exposure_id for o in both}) == len(both)
    by_time = sorted(both, key=lambda o: o.begin_ns)
    assert by_time == sorted(both, key=lambda o: o.exposure_id)
    assert by_time == sorted(both, key=lambda o: (o.day_obs, o.seq_num))


def test_a_science_frame_says_where_and_when(first_night):
    frame = dict(first_night)["M13_sdss_g_20190503_090311.fits"]
    assert frame.exposure_id == 20190503090311
    assert frame.target_name == "M13"
    assert frame.begin_ns == parse_time("2019-05-03T09:03:11")
    assert frame.timespan.end - frame.timespan.begin == 120 * 10**9
    assert frame.tracking_ra == pytest.approx(250.4208333)
    assert frame.tracking_dec == pytest.approx(36.4597222)
    assert frame.zenith_angle == pytest.approx(90 - 86.2942)
    assert frame.can_see_sky


def test_a_bias_has_a_time_span_all_the_same(first_night):
    bias = dict(first_night)["Bias_BIN1_20190503_073730.fits"]
    assert bias.timespan.end == bias.timespan.begin + 1
    assert bias.can_see_sky is False


def test_the_day_of_observing_changes_at_noon_of_the_observatory():
    camera = Arcsat()
    assert camera.day_obs(parse_time("2019-05-03T18:59:59")) == 20190502
    assert camera.day_obs(parse_time("2019-05-03T19:00:00")) == 20190503
    span = camera.day_obs_timespan(20190502)
    assert span.begin == parse_time("2019-05-02T19:00:00")
    assert span.end == parse_time("2019-05-03T19:00:00")


def test_a_frame_of_light_must_name_its_filter():
    camera = Arcsat()
    flat = FrameHeader({**BIAS, "IMAGETYP": "FLAT"}, "flat.fits")
    with pytest.raises(HeaderError, match="no 'FILTER'"):
        camera.translate(flat)


def test_a_filter_that_the_camera_has_not_is_refused():
    camera = Arcsat()
    header = FrameHeader({**BIAS, "FILTER": "sdss_y"}, "bias.fits")
    with pytest.raises(HeaderError, match=r"no filter 'sdss_y'.*Did you mean 'sdss_"):
        camera.check(camera.translate(header))


def test_a_frame_of_another_camera_is_refused():
    with pytest.raises(HeaderError, match="not a camera of ARCSAT"):
        Arcsat().translate(FrameHeader({**BIAS, "INSTRUME": "DECam"}, "x.fits"))


def test_an_unknown_kind_of_frame_is_refused():
    with pytest.raises(HeaderError, match="'IMAGETYP' is 'Focus'"):
        Arcsat().translate(FrameHeader({**BIAS, "IMAGETYP": "Focus"}, "x.fits"))


def test_an_exposure_cannot_end_before_it_begins():
    with pytest.raises(HeaderError, match="negative"):
        Arcsat().translate(FrameHeader({**BIAS, "EXPTIME": -1.0}, "x.fits"))
