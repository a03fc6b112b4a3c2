"""Visits: exposures of the sky, and the regions that they saw."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from pantler.butler.interface import Butler
from pantler.dimensions.sky.regions import ConvexPolygon, decode_region
from pantler.errors import PantlerError
from pantler.ingest.footprint import image_footprint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pantler.butler.repository import Repository
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
        Frames that no region could be made of, each with the reason. A visit is
        made of the other detectors; without any, the exposure is left out.
    """

    defined: list[int] = field(default_factory=list)
    known: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)

    def summary(self) -> str:
        """Return the report as a few lines of text."""
        lines = [
            f"{len(self.defined)} visits defined, {self.known} known before, "
            f"{len(self.failed)} frames left out."
        ]
        lines += [f"  {frame}: {reason}" for frame, reason in self.failed]
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
    """
    butler = Butler.of(repository)
    searched = instrument.raw_run if collections is None else collections
    exposures = (
        butler.query_dimension_records("exposure", instrument=instrument.name)
        .to_polars()
        .filter(pl.col("observation_type") == "science")
    )
    raw = instrument.raw_dataset_type(butler.universe)
    frames = (
        butler.query_datasets(
            raw, collections=searched, where=where, instrument=instrument.name
        )
        .to_polars()
        .select("exposure", "detector")
        .join(exposures.select("exposure"), on="exposure", how="semi")
    )
    known = (
        butler.query_dimension_records(
            "visit_detector_region", instrument=instrument.name
        )
        .to_polars()
        .select(pl.col("visit").alias("exposure"), "detector", "region")
    )
    todo = frames.join(known, on=["exposure", "detector"], how="anti")
    report = VisitReport()
    report.known = frames["exposure"].n_unique() - todo["exposure"].n_unique()
    for batch in _batches(todo):
        found: dict[Key, ConvexPolygon] = {}
        for exposure, detector in batch.sort("exposure", "detector").iter_rows():
            data_id = {
                "instrument": instrument.name,
                "exposure": exposure,
                "detector": detector,
            }
            try:
                wcs = butler.get(f"{raw.name}.wcs", data_id, collections=searched)
                found[exposure, detector] = image_footprint(wcs, padding_px)
            except PantlerError as error:
                frame = f"exposure {exposure}, detector {detector}"
                report.failed.append((frame, str(error)))
        numbers = sorted({exposure for exposure, _ in found})
        _insert(repository, found, _visit_records(exposures, known, found))
        report.defined.extend(numbers)
    return report


def _batches(frames: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the frames of some exposures at a time."""
    numbers = frames["exposure"].unique().sort()
    for begin in range(0, len(numbers), _BATCH):
        some = numbers[begin : begin + _BATCH].to_frame()
        yield frames.join(some, on="exposure", how="semi")


def _visit_records(
    exposures: pl.DataFrame, known: pl.DataFrame, found: Mapping[Key, ConvexPolygon]
) -> pl.DataFrame:
    """Return the record frame of the visits of which a detector's region was found."""
    parts: dict[int, list[NDArray[np.float64]]] = defaultdict(list)
    for (visit, _), polygon in found.items():
        parts[visit].append(polygon.vertices)
    for visit, encoded in known.select("exposure", "region").iter_rows():
        if visit in parts:
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
        insert("visit_detector_region", regions)
