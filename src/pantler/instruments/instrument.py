"""The interface of instruments: what a camera is, declared without a repository."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pantler.datasets.dataset_type import DatasetType
from pantler.dimensions.records import conform_records
from pantler.dimensions.timespan import Timespan
from pantler.errors import HeaderError, PluginError, close_match
from pantler.plugins import load_plugin, plugin_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import polars as pl

    from pantler.dimensions.universe import Universe
    from pantler.instruments.frame_header import FrameHeader
    from pantler.instruments.observation import Observation

NO_FILTER: Final = "none"
"""The physical filter, and the band, of frames for which no filter matters."""

_NS: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Detector:
    """A part of the camera that is read out as one image.

    Parameters
    ----------
    id
        Its number in data IDs.
    full_name
        Its name, unique within the camera.
    raft, name_in_raft
        The group of detectors that it is mounted in, and its name there.
    purpose
        ``SCIENCE``, ``WAVEFRONT``, ``GUIDER`` or ``FOCUS``.
    """

    id: int
    full_name: str
    raft: str | None = None
    name_in_raft: str | None = None
    purpose: str = "SCIENCE"


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of the camera, and the waveband that it shares with others."""

    physical_filter: str
    band: str


class Instrument(ABC):
    """What a camera is, and how its headers read: subclass it, without state.

    Instruments are plugins of the group ``pantler.instruments``; repositories keep
    the plugin's name.

    Attributes
    ----------
    name
        Its name in data IDs and collections, such as ``DemoCam``.
    plugin
        The name of its entry point, such as ``demo``.
    day_begins_utc_s
        When a day of observing begins: seconds after 0 h UTC of the day that names
        it; local noon at most observatories.
    exposure_max
        The largest exposure number that its translator can make; a frame with a
        greater one is refused.
    raw_formatter
        Name of the formatter that reads its raw frames.
    """

    name: ClassVar[str]
    plugin: ClassVar[str]
    day_begins_utc_s: ClassVar[int] = 12 * 3600
    exposure_max: ClassVar[int] = 2**63 - 1
    raw_formatter: ClassVar[str] = "fits"

    @abstractmethod
    def detectors(self) -> Sequence[Detector]:
        """Return all detectors."""

    @abstractmethod
    def filters(self) -> Sequence[Filter]:
        """Return all filters; `NO_FILTER` need not be among them."""

    @abstractmethod
    def translate(self, header: FrameHeader) -> Observation:
        """Return what the header of one raw frame says.

        Raises
        ------
        HeaderError
            If the header lacks what is needed, or makes no sense.
        """

    def raw_headers(self, path: Path) -> Sequence[FrameHeader]:
        """Return the headers of the frames in a raw file, without reading pixels.

        Raises
        ------
        HeaderError
            If the file cannot be read.
        """
        from pantler.instruments.fits_headers import read_frame_headers

        return read_frame_headers(path)

    def config_overrides(self) -> Mapping[str, Mapping[str, Any]]:
        """Return configuration that suits this camera.

        Returns
        -------
        mapping
            By the label of a task or the name of its class: values by dotted key.
        """
        return {}

    def raw_dataset_type(self, universe: Universe) -> DatasetType:
        """Return the dataset type of raw frames."""
        dimensions = universe.group(["instrument", "exposure", "detector"])
        return DatasetType("raw", dimensions, "CCDImage")

    def collection(self, *parts: str) -> str:
        """Return a collection's name: the instrument's and the parts, by slashes."""
        return "/".join((self.name, *parts))

    @property
    def raw_run(self) -> str:
        """The RUN collection of raw frames."""
        return self.collection("raw", "all")

    @property
    def calibration_collection(self) -> str:
        """The CALIBRATION collection of certified calibrations."""
        return self.collection("calib")

    def check(self, observation: Observation) -> None:
        """Refuse an observation that the camera cannot have made.

        Raises
        ------
        HeaderError
            If the detector or the filter is unknown, or the exposure number is
            negative or greater than ``exposure_max``.
        """
        if not 0 <= observation.exposure_id <= self.exposure_max:
            raise HeaderError(
                f"The exposure number {observation.exposure_id} is not one of "
                f"'{self.name}': its exposure_max is {self.exposure_max}."
            )
        numbers = [detector.id for detector in self.detectors()]
        if observation.detector not in numbers:
            raise HeaderError(
                f"'{self.name}' has no detector {observation.detector}; "
                f"it has {', '.join(map(str, numbers))}."
            )
        filters = [one.physical_filter for one in self._all_filters()]
        if observation.physical_filter not in filters:
            raise HeaderError(
                f"'{self.name}' has no filter '{observation.physical_filter}'; "
                f"it has {', '.join(filters)}."
                f"{close_match(observation.physical_filter, filters)}"
            )

    def records(self, universe: Universe) -> dict[str, pl.DataFrame]:
        """Return the records to register, by element, in the order of insertion."""
        rows: dict[str, list[dict[str, object]]] = {
            "instrument": [
                {
                    "instrument": self.name,
                    "visit_max": self.exposure_max,
                    "visit_system": 0,
                    "exposure_max": self.exposure_max,
                    "detector_max": max(one.id for one in self.detectors()) + 1,
                    "class_name": self.plugin,
                }
            ],
            "physical_filter": [
                {
                    "instrument": self.name,
                    "physical_filter": one.physical_filter,
                    "band": one.band,
                }
                for one in self._all_filters()
            ],
            "detector": [
                {
                    "instrument": self.name,
                    "detector": one.id,
                    "full_name": one.full_name,
                    "raft": one.raft,
                    "name_in_raft": one.name_in_raft,
                    "purpose": one.purpose,
                }
                for one in self.detectors()
            ],
        }
        return {
            element: conform_records(universe[element], universe, some)
            for element, some in rows.items()
        }

    def day_obs(self, time_ns: int) -> int:
        """Return the day of observing, YYYYMMDD, to which an instant belongs.

        Parameters
        ----------
        time_ns
            TAI nanoseconds since 1970-01-01 TAI.
        """
        from pantler.dimensions.times import datetime_to_tai

        day = _EPOCH + timedelta(days=time_ns // (86_400 * _NS) + 1)
        while datetime_to_tai(self._day_begin(day)) > time_ns:
            day -= timedelta(days=1)
        return int(day.strftime("%Y%m%d"))

    def day_obs_timespan(self, day_obs: int) -> Timespan:
        """Return when a day of observing, YYYYMMDD, begins and ends."""
        from pantler.dimensions.times import datetime_to_tai

        day = datetime.strptime(str(day_obs), "%Y%m%d").replace(tzinfo=UTC)
        begin, end = self._day_begin(day), self._day_begin(day + timedelta(days=1))
        return Timespan(datetime_to_tai(begin), datetime_to_tai(end))

    def day_obs_record(self, day_obs: int) -> dict[str, object]:
        """Return a row for the record frames of ``day_obs``."""
        span = self.day_obs_timespan(day_obs)
        return {
            "instrument": self.name,
            "day_obs": day_obs,
            "timespan_begin": span.begin,
            "timespan_end": span.end,
        }

    def _day_begin(self, day: datetime) -> datetime:
        return day + timedelta(seconds=self.day_begins_utc_s)

    def _all_filters(self) -> list[Filter]:
        declared = [f for f in self.filters() if f.physical_filter != NO_FILTER]
        return [*declared, Filter(NO_FILTER, NO_FILTER)]


def get_instrument(name: str) -> Instrument:
    """Return an installed instrument.

    Parameters
    ----------
    name
        The name of its plugin (``demo``), or its name in data IDs (``DemoCam``).

    Raises
    ------
    PluginError
        If there is none, or it does not fit the interface.
    """
    installed = plugin_names("instruments")
    if name in installed:
        return _load(name)
    named = {one.name: one for one in map(_load, installed)}
    if name in named:
        return named[name]
    known = [*installed, *named]
    raise PluginError(
        f"No instrument '{name}' is installed; installed: "
        f"{', '.join(sorted(known)) or 'none'}.{close_match(name, known)}"
    )


def _load(plugin: str) -> Instrument:
    kind = load_plugin("instruments", plugin)
    if not (isinstance(kind, type) and issubclass(kind, Instrument)):
        raise PluginError(
            f"The instrument plugin '{plugin}' is not an Instrument: {kind!r}."
        )
    if kind.plugin != plugin:
        raise PluginError(
            f"The instrument plugin '{plugin}' calls itself '{kind.plugin}'; "
            "its 'plugin' attribute and its entry point must agree."
        )
    return kind()
