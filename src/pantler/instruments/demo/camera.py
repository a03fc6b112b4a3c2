"""The demo camera: four detectors, two filters, ordinary headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from pantler.dimensions.times import datetime_to_tai
from pantler.instruments.instrument import NO_FILTER, Detector, Filter, Instrument
from pantler.instruments.observation import Observation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantler.instruments.frame_header import FrameHeader

_TYPES: Final = {"bias": "bias", "dark": "dark", "flat": "flat", "object": "science"}
_NO_FILTER_TEXT: Final = "NONE"


class DemoCamera(Instrument):
    """Four detectors in a square, and filters of two bands."""

    name: ClassVar[str] = "DemoCam"
    plugin: ClassVar[str] = "demo"
    exposure_max: ClassVar[int] = 999_999_999

    def detectors(self) -> Sequence[Detector]:
        """Return the detectors, row by row from the lower left."""
        return [
            Detector(2 * row + column, f"D{row}{column}", "D", f"{row}{column}")
            for row in range(2)
            for column in range(2)
        ]

    def filters(self) -> Sequence[Filter]:
        """Return the filters."""
        return [Filter("demo_g", "g"), Filter("demo_r", "r")]

    def translate(self, header: FrameHeader) -> Observation:
        """Return what the header of one raw frame says."""
        kind = header.choice(_TYPES, "IMAGETYP")
        number = header.integer("EXPNUM")
        begin_ns = datetime_to_tai(header.utc("DATE-OBS"))
        exposure_time_s = header.number("EXPTIME")
        filter_name = header.text("FILTER")
        altitude = header.find_number("ALTITUDE")
        return Observation(
            instrument=self.name,
            exposure_id=number,
            obs_id=header.text("OBSID"),
            detector=header.integer("DETECTOR"),
            physical_filter=NO_FILTER
            if filter_name == _NO_FILTER_TEXT
            else filter_name,
            day_obs=self.day_obs(begin_ns),
            seq_num=header.integer("SEQNUM"),
            group=header.text("GROUPID"),
            begin_ns=begin_ns,
            end_ns=begin_ns + round(exposure_time_s * 1e9),
            observation_type=kind,
            observation_reason=header.find_text("REASON"),
            exposure_time_s=exposure_time_s,
            dark_time_s=header.number("DARKTIME"),
            target_name=header.find_text("OBJECT"),
            science_program=header.find_text("PROPID"),
            tracking_ra=header.find_angle_deg("RA", hours=True),
            tracking_dec=header.find_angle_deg("DEC"),
            sky_angle=0.0 if kind == "science" else None,
            azimuth=header.find_number("AZIMUTH"),
            zenith_angle=None if altitude is None else 90.0 - altitude,
            can_see_sky=kind == "science",
            has_simulated=True,
        )
