"""Instruments declare what a camera is."""

from __future__ import annotations

from typing import ClassVar

import pytest

from pantler.dimensions.times import parse_time
from pantler.dimensions.universe import Universe
from pantler.errors import HeaderError, PluginError
from pantler.instruments.demo.camera import DemoCamera
from pantler.instruments.instrument import Detector, Filter, Instrument, get_instrument
from pantler.instruments.observation import Observation


class Toy(Instrument):
    name: ClassVar[str] = "Toy"
    plugin: ClassVar[str] = "toy"

    def detectors(self):
        return [Detector(3, "C"), Detector(7, "G", purpose="GUIDER")]

    def filters(self):
        return [Filter("blue", "g")]

    def translate(self, header):
        raise NotImplementedError


def seen(**values) -> Observation:
    defaults = {
        "instrument": "Toy", "exposure_id": 1, "obs_id": "a", "detector": 3,
        "physical_filter": "blue", "day_obs": 20250301, "group": "a", "begin_ns": 0,
        "end_ns": 5, "observation_type": "science", "exposure_time_s": 1.0,
    }  # fmt: skip
    return Observation(**{**defaults, **values})


def test_an_instrument_is_found_by_plugin_and_by_name():
    assert get_instrument("demo").name == "DemoCam"
    assert get_instrument("DemoCam").plugin == "demo"


def test_an_unknown_instrument_gets_a_hint():
    with pytest.raises(PluginError, match="Did you mean 'DemoCam'"):
        get_instrument("DemoCan")


def test_records_fit_the_universe():
    records = Toy().records(Universe.default())
    assert list(records) == ["instrument", "physical_filter", "detector"]
    assert records["instrument"]["detector_max"].to_list() == [8]
    assert records["instrument"]["class_name"].to_list() == ["toy"]
    assert records["physical_filter"].rows() == [
        ("Toy", "blue", "g"),
        ("Toy", "none", "none"),
    ]
    assert records["detector"]["purpose"].to_list() == ["SCIENCE", "GUIDER"]


def test_an_exposure_record_fits_the_universe():
    from pantler.dimensions.records import conform_records

    universe = Universe.default()
    row = seen(target_name="M13").exposure_record()
    frame = conform_records(universe["exposure"], universe, [row])
    assert frame["target_name"].to_list() == ["M13"]
    assert frame["timespan_end"].to_list() == [5]


def test_a_detector_that_is_not_there_is_refused():
    with pytest.raises(HeaderError, match="no detector 4; it has 3, 7"):
        Toy().check(seen(detector=4))


def test_frames_without_filter_are_allowed():
    Toy().check(seen(physical_filter="none"))


def test_collections_begin_with_the_name():
    camera = DemoCamera()
    assert camera.raw_run == "DemoCam/raw/all"
    assert camera.calibration_collection == "DemoCam/calib"
    assert camera.collection("run", "1") == "DemoCam/run/1"


@pytest.mark.parametrize(
    ("time", "day"),
    [
        ("2016-12-31T11:59:59", 20161230),
        ("2016-12-31T12:00:00", 20161231),
        ("2017-01-01T11:59:59", 20161231),
        ("2017-01-01T12:00:00", 20170101),
    ],
)
def test_days_of_observing_meet_at_noon_also_across_a_leap_second(time, day):
    time_ns = parse_time(time)
    assert Toy().day_obs(time_ns) == day
    assert Toy().day_obs_timespan(day).contains(time_ns)


def test_raw_frames_have_a_dataset_type():
    raw = DemoCamera().raw_dataset_type(Universe.default())
    assert raw.name == "raw"
    assert raw.dimensions.required == ("instrument", "detector", "exposure")
