"""A very small survey, as the records of a repository: what registries are tried on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.dimensions.sky.regions import ConvexPolygon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantler.registry.interface import Registry

DAY_NS = 86_400_000_000_000
EXPOSURES = (1, 2, 3)
DETECTORS = (0, 1, 2, 3)


def fill_survey(registry: Registry) -> None:
    """Insert the records of a camera, its exposures and visits, and of a sky map.

    Exposure ``n`` alone makes visit ``n``, is taken in band ``g`` (the last one: ``r``)
    on day ``n`` at 10 s, and points at longitude 10 + n degrees (the last one: 40). Its
    four detectors stand side by side, so that detector ``d`` of visit 1 sees just
    patch ``d`` of tract 0, that of visit 2 of tract 1, and that of visit 3 nothing.
    """
    with registry.transaction():
        _fill(registry)


def _fill(registry: Registry) -> None:
    insert = registry.dimensions.insert
    insert("instrument", [{"instrument": "Cam"}])
    insert(
        "physical_filter",
        [{"instrument": "Cam", "physical_filter": f"{b}1", "band": b} for b in "gr"],
    )
    insert(
        "detector",
        [
            {
                "instrument": "Cam",
                "detector": detector,
                "full_name": f"S{detector}",
                "purpose": "SCIENCE" if detector else "GUIDER",
            }
            for detector in DETECTORS
        ],
    )
    insert("skymap", [{"skymap": "sky", "hash": b"12"}])
    insert(
        "tract",
        [{"skymap": "sky", "tract": t, "region": square(11 + t, 1.0)} for t in (0, 1)],
    )
    insert(
        "patch",
        [
            {
                "skymap": "sky",
                "tract": tract,
                "patch": patch,
                "cell_x": patch,
                "cell_y": 0,
                "region": square(11.05 + tract + patch / 4, 0.15),
            }
            for tract in (0, 1)
            for patch in DETECTORS
        ],
    )
    for number in EXPOSURES:
        _fill_exposure(registry, number)


def _fill_exposure(registry: Registry, number: int) -> None:
    insert = registry.dimensions.insert
    of = {"instrument": "Cam"}
    lon = 40.0 if number == EXPOSURES[-1] else 10.0 + number
    day = {**of, "day_obs": 20260100 + number}
    span = {
        "timespan_begin": number * DAY_NS,
        "timespan_end": number * DAY_NS + 10_000_000_000,
    }
    shared = {
        **day,
        "physical_filter": "r1" if number == EXPOSURES[-1] else "g1",
        "exposure_time": 10.0 * number,
        **span,
    }
    insert("day_obs", [{**day, **span}])
    insert("group", [{**of, "group": f"group {number}"}])
    insert(
        "exposure",
        [
            {
                **shared,
                "exposure": number,
                "obs_id": f"obs-{number}",
                "group": f"group {number}",
                "can_see_sky": number != 2,
            }
        ],
    )
    insert(
        "visit",
        [{**shared, "visit": number, "name": f"v{number}", "region": square(lon, 1.0)}],
    )
    insert("visit_definition", [{**of, "exposure": number, "visit": number}])
    insert(
        "visit_detector_region",
        [
            {
                **of,
                "visit": number,
                "detector": detector,
                "region": square(lon + detector / 4, 0.24),
            }
            for detector in DETECTORS
        ],
    )


def square(lon_deg: float, size_deg: float) -> ConvexPolygon:
    """Return a square that begins at a longitude on the equator, all in degrees."""
    ends = lon_deg, lon_deg + size_deg
    return ConvexPolygon.from_lonlat(
        [ends[0], ends[1], ends[1], ends[0]], [0.0, 0.0, size_deg, size_deg]
    )


def raw_type(registry: Registry, name: str = "raw") -> DatasetType:
    """Return a registered type of exposure and detector."""
    group = registry.universe.group(["exposure", "detector"])
    dataset_type = DatasetType(name, group, "StructuredDict")
    registry.dataset_types.register(dataset_type)
    return dataset_type


def bias_type(registry: Registry) -> DatasetType:
    """Return a registered type of calibrations, of detector."""
    group = registry.universe.group(["detector"])
    dataset_type = DatasetType("bias", group, "StructuredDict", is_calibration=True)
    registry.dataset_types.register(dataset_type)
    return dataset_type


def insert_some(
    registry: Registry,
    dataset_type: DatasetType,
    run: str,
    exposures: Sequence[int] = EXPOSURES,
) -> list[bytes]:
    """Insert datasets for each detector (and exposure); return their IDs in order."""
    registry.collections.register(run, CollectionType.RUN)
    rows = [
        {"instrument": "Cam", "detector": detector, "exposure": exposure}
        for exposure in exposures
        for detector in DETECTORS
    ]
    frame = pl.DataFrame(rows).select(dataset_type.dimensions.required)
    frame = frame.unique(maintain_order=True)
    ids = uuid_series(make_uuids(frame.height))
    registry.datasets.insert(dataset_type, run, frame, ids)
    return list(ids.to_list())
