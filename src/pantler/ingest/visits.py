"""Visits: exposures of the sky, and the regions that they saw."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from pantler.butler.interface import Butler
from pantler.dimensions.sky.regions import ConvexPolygon, decode_region
from pantler.errors import HeaderError, IntegrityError, PantlerError, counted
from pantler.ingest.elements import OF_VISITS, require_elements
from pantler.ingest.footprint import image_footprint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pantler.butler.repository import Repository
    from pantler.datasets.dataset_type import DatasetType
    from pantler.instruments.instrument import Instrument

ONE_TO_ONE: Final = 0
"""The visit system in which each exposure is a visit."""

_BATCH: Final = 200  # visits in one transaction

_KEPT: Final = (
    "instrument", "exposure", "physical_filter", "day_obs", "obs_id", "seq_num",
    "exposure_time", "target_name", "observation_reason", "science_program", "azimuth",
    "zenith_angle", "timespan_begin", "timespan_end",
)  # fmt: skip
_RENAMED: Final = {"exposure": "visit", "obs_id": "name"}

Key = tuple[int, int]
"""Exposure (or visit, which has the same number) and detector."""


@dataclass(slots=True)
class VisitReport:
    """What became of each exposure.

    Parameters
    ----------
    defined
        Numbers of the visits that were made or completed.
    known
        How many exposures were visits already, with all their detectors.
    failed
        Frames that were left out, each with the reason. A visit is made without the
        detectors that have no celestial world coordinates; one of which a frame
        cannot be read, or that cannot be stored, is left out as a whole.
    reasons
        Why no frame of the sky was found, if none was.
    """

    defined: list[int] = field(default_factory=list)
    known: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """Return the report as a few lines of text."""
        lines = [
            f"{counted(len(self.defined), 'visit')} defined, "
            f"{self.known} known before, "
            f"{counted(len(self.failed), 'frame')} left out."
        ]
        lines += [f"  {frame}: {reason}" for frame, reason in self.failed]
        lines += [f"  {reason}" for reason in self.reasons]
        return "\n".join(lines)


def define_visits(
    repository: Repository,
    instrument: Instrument,
    *,
    collections: Sequence[str] | str | None = None,
    where: str = "",
    padding_px: float = 5.0,
) -> VisitReport:
    """Make a visit of each science exposure; doing so again adds what is new.

    A visit has the number and the times of its exposure. The region of each detector
    comes from the world coordinates in the header of its raw frame; that of the
    visit is the convex hull of these.

    Parameters
    ----------
    repository
        The repository, with raw frames.
    instrument
        Whose exposures.
    collections
        Where its raw frames are; the instrument's raw run when None.
    where
        A query expression that narrows the exposures down.
    padding_px
        Pixels to add to each side of a detector, for errors of the pointing.

    Returns
    -------
    VisitReport
        What became of each exposure.

    Raises
    ------
    QuerySyntaxError
        If the expression cannot be understood.
    InvalidInputError
        If the repository's universe has no visits.
    """
    butler = Butler.of(repository)
    require_elements(butler.universe, OF_VISITS, "Visits")
    searched = instrument.raw_run if collections is None else collections
    exposures = (
        butler.query_dimension_records("exposure", instrument=instrument.name)
        .to_polars()
        .filter(pl.col("observation_type") == "science")
    )
    raw = instrument.raw_dataset_type(butler.universe)
    chosen = butler.query_datasets(
        raw, collections=searched, where=where, instrument=instrument.name
    )
    raws = chosen.to_polars().select("exposure", "detector")
    frames = raws.join(exposures.select("exposure"), on="exposure", how="semi")
    known = (
        butler.query_dimension_records(
            "visit_detector_region", instrument=instrument.name
        )
        .to_polars()
        .select(pl.col("visit").alias("exposure"), "detector", "region")
    )
    relations = butler.query_dimension_records(
        "visit_definition", instrument=instrument.name
    )
    # A visit stays when its exposure is removed; if that comes back, it is made anew.
    done = known.join(relations.to_polars(), on="exposure", how="semi")
    todo = frames.join(done, on=["exposure", "detector"], how="anti")
    definition = _Definition(
        repository,
        butler,
        raw,
        searched,
        padding_px=padding_px,
        exposures=exposures,
        known=known,
    )
    report = definition.report
    if frames.is_empty():
        report.reasons = chosen.why_empty() or [
            f"None of the {raws.height} frames that were found is of the sky: their "
            "exposures have another observation_type than 'science'."
        ]
    report.known = frames["exposure"].n_unique() - todo["exposure"].n_unique()
    for batch in _batches(todo):
        found: dict[Key, ConvexPolygon] = {}
        for _, visit in batch.sort("exposure", "detector").group_by("exposure"):
            found |= definition.footprints(visit.rows())
        definition.insert(found)
    return report


def _batches(frames: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the frames of some exposures at a time."""
    numbers = frames["exposure"].unique().sort()
    for begin in range(0, len(numbers), _BATCH):
        some = numbers[begin : begin + _BATCH].to_frame()
        yield frames.join(some, on="exposure", how="semi")


@dataclass(slots=True)
class _Definition:
    """Visits into a repository, each as a whole or not at all."""

    repository: Repository
    butler: Butler
    raw: DatasetType
    searched: Sequence[str] | str
    padding_px: float
    exposures: pl.DataFrame
    known: pl.DataFrame
    report: VisitReport = field(default_factory=VisitReport)

    def footprints(self, frames: Sequence[Key]) -> dict[Key, ConvexPolygon]:
        """Return the regions of the frames of one visit that have any.

        If a frame cannot be read at all, none is returned: the reason may be gone
        tomorrow, and half a visit would stay.
        """
        found: dict[Key, ConvexPolygon] = {}
        failed: dict[Key, str] = {}
        for key in frames:
            try:
                found[key] = image_footprint(self._wcs(*key), self.padding_px)
            except (HeaderError, IntegrityError) as error:
                failed[key] = str(error)
            except PantlerError as error:
                left = f"the visit is left out, as detector {key[1]} cannot be read"
                failed |= dict.fromkeys(frames, left) | {key: str(error)}
                found.clear()
                break
        self._leave_out(failed)
        return found

    def insert(self, found: Mapping[Key, ConvexPolygon]) -> None:
        """Insert visits in one transaction; if that fails, one by one."""
        numbers = sorted({exposure for exposure, _ in found})
        try:
            visits = _visit_records(self.exposures, self.known, found)
            _insert(self.repository, found, visits)
        except PantlerError as error:
            if len(numbers) == 1:
                self._leave_out(dict.fromkeys(found, str(error)))
                return
            for number in numbers:
                self.insert({key: found[key] for key in found if key[0] == number})
        else:
            self.report.defined += numbers

    def _wcs(self, exposure: int, detector: int) -> Any:
        instrument = self.exposures["instrument"][0]
        return self.butler.get(
            f"{self.raw.name}.wcs",
            {"instrument": instrument, "exposure": exposure, "detector": detector},
            collections=self.searched,
        )

    def _leave_out(self, reasons: Mapping[Key, str]) -> None:
        self.report.failed += [
            (f"exposure {exposure}, detector {detector}", reason)
            for (exposure, detector), reason in reasons.items()
        ]


def _visit_records(
    exposures: pl.DataFrame, known: pl.DataFrame, found: Mapping[Key, ConvexPolygon]
) -> pl.DataFrame:
    """Return the record frame of the visits of which a detector's region was found."""
    parts: dict[int, list[NDArray[np.float64]]] = defaultdict(list)
    for (visit, _), polygon in found.items():
        parts[visit].append(polygon.vertices)
    for visit, detector, encoded in known.iter_rows():
        if visit in parts and (visit, detector) not in found:
            region = decode_region(encoded)
            if isinstance(region, ConvexPolygon):
                parts[visit].append(region.vertices)
    hulls = {
        visit: ConvexPolygon.convex_hull(np.concatenate(vertices)).encode()
        for visit, vertices in parts.items()
    }
    regions = pl.DataFrame(
        {"exposure": list(hulls), "region": list(hulls.values())},
        schema={"exposure": pl.Int64, "region": pl.Binary},
    )
    return exposures.select(*_KEPT).join(regions, on="exposure").rename(_RENAMED)


def _insert(
    repository: Repository, found: Mapping[Key, ConvexPolygon], visits: pl.DataFrame
) -> None:
    """Insert visits and all that comes with them."""
    if visits.is_empty():
        return
    instrument = visits["instrument"][0]
    system = {"instrument": instrument, "visit_system": ONE_TO_ONE}
    names = visits.select("instrument", "visit")
    regions = pl.DataFrame(
        [
            (instrument, visit, detector, polygon.encode())
            for (visit, detector), polygon in found.items()
        ],
        schema={
            "instrument": pl.String,
            "visit": pl.Int64,
            "detector": pl.Int64,
            "region": pl.Binary,
        },
        orient="row",
    )
    insert = repository.registry.dimensions.insert
    with repository.transaction():
        insert("visit_system", [{**system, "name": "one-to-one"}])
        # A visit grows when a detector is added whose frame came late.
        insert("visit", visits, on_conflict="replace")
        insert("visit_definition", names.with_columns(exposure="visit"))
        insert(
            "visit_system_membership",
            names.with_columns(visit_system=pl.lit(ONE_TO_ONE)),
        )
        insert("visit_detector_region", regions, on_conflict="replace")
