"""The camera of the ARCSAT 0.5 m telescope at Apache Point, New Mexico."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from pantler.dimensions.times import datetime_to_tai
from pantler.errors import HeaderError
from pantler.instruments.instrument import NO_FILTER, Detector, Filter, Instrument
from pantler.instruments.observation import Observation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pantler.instruments.frame_header import FrameHeader

# The words changed between versions of the control software.
_TYPES: Final = {
    "bias": "bias",
    "bias frame": "bias",
    "dark": "dark",
    "dark frame": "dark",
    "flat": "flat",
    "flat field": "flat",
    "flat frame": "flat",
    "light": "science",
    "light frame": "science",
}
_FILTERS: Final = {
    "sdss_u": "u",
    "sdss_g": "g",
    "sdss_r": "r",
    "sdss_i": "i",
    "sdss_z": "z",
}
_SHORT_NAMES: Final = {band: name for name, band in _FILTERS.items()}
_CAMERAS: Final = frozenset({"apogee usb/net", "dcam-spare"})


class Arcsat(Instrument):
    """The camera of ARCSAT: one detector, filters of the Sloan system.

    An exposure is numbered by the second in which it began, in UTC:
    YYYYMMDDhhmmss.
    """

    name: ClassVar[str] = "ARCSAT"
    plugin: ClassVar[str] = "arcsat"
    day_begins_utc_s: ClassVar[int] = 19 * 3600  # noon, mountain standard time
    exposure_max: ClassVar[int] = 99991231235959

    def detectors(self) -> Sequence[Detector]:
        """Return the one detector."""
        return [Detector(0, "CCD")]

    def filters(self) -> Sequence[Filter]:
        """Return the filters by the names that the older headers use."""
        return [Filter(name, band) for name, band in _FILTERS.items()]

    def config_overrides(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what suits the Apogee camera on the 0.5 m telescope.

        No header says the gain: it was measured on pairs of dome flats. Frames clip
        near 60,000 ADU. The zero point is that of r, from the header's ``ZMAG``. A
        background that varies on small scales would take away the haloes of
        clusters, for which this camera is mostly used.
        """
        return {
            "IsrTask": {"gain": 1.3, "saturation": 58000},
            "CalibrateTask": {"background_box": 512, "zero_point": 20.3},
        }

    def translate(self, header: FrameHeader) -> Observation:
        """Return what the header of one raw frame says."""
        camera = header.text("INSTRUME")
        if camera.lower() not in _CAMERAS:
            raise HeaderError(
                f"{header.file}: 'INSTRUME' is '{camera}', which is not a camera of "
                f"ARCSAT known here ({', '.join(sorted(_CAMERAS))})."
            )
        kind = header.choice(_TYPES, "IMAGETYP")
        begin = header.utc("DATE-OBS")
        begin_ns = datetime_to_tai(begin)
        exposure_time_s = header.number("EXPTIME", "EXPOSURE")
        obs_id = begin.strftime("%Y%m%d_%H%M%S")
        is_science = kind == "science"
        altitude = header.find_number("ALTITUDE", "OBJCTALT") if is_science else None
        day_obs = self.day_obs(begin_ns)
        since_noon_ns = begin_ns - self.day_obs_timespan(day_obs).begin
        return Observation(
            instrument=self.name,
            exposure_id=int(begin.strftime("%Y%m%d%H%M%S")),
            obs_id=obs_id,
            detector=0,
            physical_filter=_filter(header, kind),
            day_obs=day_obs,
            # No header counts: seconds since noon order the night just as well.
            seq_num=since_noon_ns // 1_000_000_000,
            group=obs_id,
            begin_ns=begin_ns,
            end_ns=begin_ns + round(exposure_time_s * 1e9),
            observation_type=kind,
            exposure_time_s=exposure_time_s,
            dark_time_s=exposure_time_s,
            target_name=header.find_text("OBJECT"),
            science_program=header.find_text("OBSERVER"),
            tracking_ra=header.find_angle_deg("RA", "OBJCTRA", hours=True)
            if is_science
            else None,
            tracking_dec=header.find_angle_deg("DEC", "OBJCTDEC")
            if is_science
            else None,
            sky_angle=header.find_number("PA"),
            azimuth=header.find_number("AZIMUTH", "OBJCTAZ") if is_science else None,
            zenith_angle=None if altitude is None else 90.0 - altitude,
            can_see_sky=is_science,
        )


def _filter(header: FrameHeader, kind: str) -> str:
    """Return the filter; where the shutter stays closed none need be said."""
    if kind in {"bias", "dark"} and header.find("FILTER") is None:
        return NO_FILTER
    found = header.text("FILTER")
    name = found.lower()
    return _SHORT_NAMES.get(name, name)
