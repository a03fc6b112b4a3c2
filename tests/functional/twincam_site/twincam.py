"""A camera of two detectors, written as the how-to says, with words of its own."""

from __future__ import annotations

from datetime import timedelta

from pantler.dimensions.times import datetime_to_tai
from pantler.instruments.instrument import NO_FILTER, Detector, Filter, Instrument
from pantler.instruments.observation import Observation

TYPES = {
    "zero": "bias",
    "dark current": "dark",
    "dome flat": "flat",
    "target": "science",
}


class TwinCam(Instrument):
    """Two detectors side by side, one of them turned."""

    name = "TwinCam"
    plugin = "twincam"
    day_begins_utc_s = 2 * 3600
    exposure_max = 999_999

    def detectors(self):
        return [Detector(1, "West"), Detector(2, "East")]

    def filters(self):
        return [Filter("Bessell-V", "v"), Filter("Bessell-R", "r")]

    def config_overrides(self):
        return {
            "IsrTask": {
                "gain_key": "EGAIN",
                "exposure_time_keys": ["EXPOSED"],
                "dark_time_keys": ["EXPOSED"],
                "saturation": 60_000,
            },
            "CalibrateTask": {"zero_point": 24.0, "background_box": 64},
        }

    def translate(self, header):
        kind = header.choice(TYPES, "OBSTYPE")
        middle = header.utc("UTMIDDLE")
        seconds = header.number("EXPOSED")
        begin_ns = datetime_to_tai(middle - timedelta(seconds=seconds / 2))
        number = header.integer("FRAMENO")
        return Observation(
            instrument=self.name,
            exposure_id=number,
            obs_id=f"tw{number:06d}",
            detector={"west": 1, "east": 2}[header.text("CHIP").lower()],
            physical_filter=header.find_text("FILTID") or NO_FILTER,
            day_obs=self.day_obs(begin_ns),
            group=f"tw{number:06d}",
            begin_ns=begin_ns,
            end_ns=begin_ns + round(seconds * 1e9),
            observation_type=kind,
            exposure_time_s=seconds,
            target_name=header.find_text("TARGET"),
            can_see_sky=kind == "science",
        )
