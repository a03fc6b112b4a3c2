"""A camera with one detector and no filter to speak of."""

from __future__ import annotations

from pantler.dimensions.times import datetime_to_tai
from pantler.instruments.instrument import NO_FILTER, Detector, Filter, Instrument
from pantler.instruments.observation import Observation


class Pinhole(Instrument):
    """A box with a hole."""

    name = "Pinhole"
    plugin = "pinhole"

    def detectors(self):
        return [Detector(0, "film")]

    def filters(self):
        return [Filter("clear", "clear")]

    def translate(self, header):
        begin_ns = datetime_to_tai(header.utc("DATE-OBS"))
        exposure_time_s = header.number("EXPTIME")
        return Observation(
            instrument=self.name,
            exposure_id=header.integer("PLATE"),
            obs_id=f"plate-{header.integer('PLATE')}",
            detector=0,
            physical_filter=NO_FILTER,
            day_obs=self.day_obs(begin_ns),
            seq_num=1,
            group="plates",
            begin_ns=begin_ns,
            end_ns=begin_ns + round(exposure_time_s * 1e9),
            observation_type="science",
            exposure_time_s=exposure_time_s,
            dark_time_s=exposure_time_s,
        )
