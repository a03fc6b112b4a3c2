"""One frame of one exposure, as its header says."""

from __future__ import annotations

from dataclasses import dataclass

from pantler.dimensions.timespan import Timespan
from pantler.errors import HeaderError


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the header of one raw frame says, in the words of the dimensions.

    Parameters
    ----------
    instrument
        Name of the instrument in data IDs.
    exposure_id
        Number of the exposure, unique within the instrument.
    obs_id
        The observatory's name for the exposure, unique within the instrument.
    detector
        Number of the detector.
    physical_filter
        Name of the filter; `pantler.instruments.instrument.NO_FILTER` where none
        matters.
    day_obs
        Day of observing, YYYYMMDD.
    group
        Name of the group of exposures that were taken to be used together.
    begin_ns, end_ns
        When the exposure began and ended, TAI nanoseconds since 1970-01-01 TAI.
    observation_type
        ``science``, ``bias``, ``dark``, ``flat`` ...
    exposure_time_s, dark_time_s
        Time with the shutter open, and from clear to read-out, seconds.
    seq_num
        Place in the day's sequence.
    observation_reason, target_name, science_program
        Why it was taken, at what and for which program.
    tracking_ra, tracking_dec
        Pointing, ICRS degrees.
    sky_angle
        Angle of the camera on the sky, degrees.
    azimuth, zenith_angle
        Horizontal coordinates of the pointing, degrees.
    can_see_sky
        Whether light of the sky reached the detector.
    has_simulated
        Whether anything in the frame is simulated.

    Raises
    ------
    HeaderError
        If the exposure ends before it begins, or its time is negative.
    """

    instrument: str
    exposure_id: int
    obs_id: str
    detector: int
    physical_filter: str
    day_obs: int
    group: str
    begin_ns: int
    end_ns: int
    observation_type: str
    exposure_time_s: float
    dark_time_s: float | None = None
    seq_num: int | None = None
    observation_reason: str | None = None
    target_name: str | None = None
    science_program: str | None = None
    tracking_ra: float | None = None
    tracking_dec: float | None = None
    sky_angle: float | None = None
    azimuth: float | None = None
    zenith_angle: float | None = None
    can_see_sky: bool | None = None
    has_simulated: bool = False

    def __post_init__(self) -> None:
        if self.exposure_time_s < 0 or self.end_ns < self.begin_ns:
            raise HeaderError(
                f"Exposure {self.exposure_id} of '{self.instrument}' has an exposure "
                f"time of {self.exposure_time_s} s and lasts "
                f"{(self.end_ns - self.begin_ns) / 1e9} s; neither can be negative."
            )

    @property
    def timespan(self) -> Timespan:
        """When it was exposed; one nanosecond at least, as for a bias."""
        return Timespan(self.begin_ns, max(self.end_ns, self.begin_ns + 1))

    def data_id(self) -> dict[str, int | str]:
        """Return the data ID of the raw frame."""
        return {
            "instrument": self.instrument,
            "exposure": self.exposure_id,
            "detector": self.detector,
        }

    def exposure_record(self) -> dict[str, object]:
        """Return a row for the record frames of ``exposure``.

        It says nothing of the detector: the frames of one exposure have equal ones.
        """
        span = self.timespan
        return {
            "instrument": self.instrument,
            "exposure": self.exposure_id,
            "physical_filter": self.physical_filter,
            "group": self.group,
            "day_obs": self.day_obs,
            "obs_id": self.obs_id,
            "exposure_time": self.exposure_time_s,
            "dark_time": self.dark_time_s,
            "observation_type": self.observation_type,
            "observation_reason": self.observation_reason,
            "seq_num": self.seq_num,
            "seq_start": self.seq_num,
            "seq_end": self.seq_num,
            "target_name": self.target_name,
            "science_program": self.science_program,
            "tracking_ra": self.tracking_ra,
            "tracking_dec": self.tracking_dec,
            "sky_angle": self.sky_angle,
            "azimuth": self.azimuth,
            "zenith_angle": self.zenith_angle,
            "has_simulated": self.has_simulated,
            "can_see_sky": self.can_see_sky,
            "timespan_begin": span.begin,
            "timespan_end": span.end,
        }
