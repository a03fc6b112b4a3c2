"""The benchmark survey: a square camera, visits ten deep, tracts of 7 x 7 patches.

Everything goes into a registry in bulk. Nothing is read from files: there are none,
but the datastore's records of raws and biases are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.datasets.records import RECORD_SCHEMA
from pantler.dimensions.timespan import Timespan
from pantler.dimensions.universe import Universe
from pantler.pipelines.graph import PipelineGraph
from pantler.pipelines.pipeline import Pipeline
from pantler.pipelines.task_definition import TaskDefinition
from pantler.registry.sql.settings import SqliteSettings
from pantler.registry.sql.sqlite import SqliteRegistry

if TYPE_CHECKING:
    from pathlib import Path

INSTRUMENT = "BenchCam"
SKYMAP = "bench"
BANDS = "gri"
FIELD_DEG = 3.0
DEPTH = 10
PATCH_DEG = 0.24
PATCHES = 7
CENTER_DEG = 180.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Survey:
    """Sizes of a survey.

    Parameters
    ----------
    visits
        How many visits, of one exposure each.
    side
        Detectors along one side of the camera.
    runs
        Into how many RUN collections the raws are divided.
    """

    visits: int
    side: int
    runs: int = 1

    @property
    def n_detectors(self) -> int:
        """How many detectors the camera has."""
        return self.side**2

    @property
    def width_deg(self) -> float:
        """Side of the square that the visits cover."""
        return float(np.sqrt(self.visits * FIELD_DEG**2 / DEPTH))


def make_survey(path: Path, survey: Survey) -> SqliteRegistry:
    """Make a registry with all records and datasets of a survey."""
    registry = SqliteRegistry.create(
        path,
        Universe.default(),
        settings=SqliteSettings(journal="wal", durability="process"),
    )
    with registry.transaction():
        _insert_camera(registry, survey)
        _insert_sky(registry, survey)
        _insert_visits(registry, survey)
        _insert_raws(registry, survey)
        _insert_biases(registry, survey)
    return registry


def make_pipeline(registry: SqliteRegistry) -> PipelineGraph:
    """Return the seven tasks."""
    names = ("isr", "calibrate", "summarize", "warp", "coadd", "detect", "merge")
    tasks = tuple(
        TaskDefinition(name, f"survey_tasks.{name.capitalize()}") for name in names
    )
    return PipelineGraph.from_pipeline(
        Pipeline("The benchmark survey.", tasks),
        registry.universe,
        registered=registry.dataset_types.all(),
    )


def _squares(lon: Floats, lat: Floats, width: Floats, height: float) -> pl.Series:
    """Return encoded squares by their lower corners and sizes, degrees."""
    corners = [
        (lon, lat),
        (lon + width, lat),
        (lon + width, lat + height),
        (lon, lat + height),
    ]
    vertices = np.empty((len(lon), 4, 3))
    for place, (x, y) in enumerate(corners):
        a, b = np.radians(x), np.radians(y)
        vertices[:, place] = np.stack(
            [np.cos(a) * np.cos(b), np.sin(a) * np.cos(b), np.sin(b)], axis=1
        )
    blob = vertices.astype("<f8").tobytes()
    size = 4 * 3 * 8
    return pl.Series(
        "region", [b"p" + blob[at : at + size] for at in range(0, len(blob), size)]
    )


def _stretch(lat: Floats) -> Floats:
    """Return degrees of longitude per degree on the sky."""
    return 1.0 / np.cos(np.radians(lat))


def _insert_camera(registry: SqliteRegistry, survey: Survey) -> None:
    insert = registry.dimensions.insert
    insert("instrument", [{"instrument": INSTRUMENT}])
    insert(
        "physical_filter",
        [
            {"instrument": INSTRUMENT, "physical_filter": f"{b}_1", "band": b}
            for b in BANDS
        ],
    )
    detectors = range(survey.n_detectors)
    insert(
        "detector",
        pl.DataFrame(
            {
                "instrument": [INSTRUMENT] * survey.n_detectors,
                "detector": detectors,
                "full_name": [f"S{n:03}" for n in detectors],
            }
        ),
    )


def _insert_sky(registry: SqliteRegistry, survey: Survey) -> None:
    insert = registry.dimensions.insert
    insert("skymap", [{"skymap": SKYMAP, "hash": b"bench"}])
    size = PATCH_DEG * PATCHES
    rows = int(np.ceil(survey.width_deg / size)) + 2
    row, column = (axis.ravel() for axis in np.indices((rows, rows)))
    lat = (row - rows / 2) * size
    stretch = _stretch(lat + size / 2)
    lon = CENTER_DEG + (column - rows / 2) * size * stretch
    tract = np.arange(len(lat))
    insert(
        "tract",
        pl.DataFrame(
            {
                "skymap": [SKYMAP] * len(tract),
                "tract": tract,
                "region": _squares(lon, lat, size * stretch, size),
            }
        ),
    )
    y, x = (axis.ravel() for axis in np.indices((PATCHES, PATCHES)))
    which = np.repeat(tract, PATCHES**2)
    x, y = np.tile(x, len(tract)), np.tile(y, len(tract))
    patch_lon = lon[which] + x * PATCH_DEG * stretch[which]
    insert(
        "patch",
        pl.DataFrame(
            {
                "skymap": [SKYMAP] * len(which),
                "tract": which,
                "patch": y * PATCHES + x,
                "cell_x": x,
                "cell_y": y,
                "region": _squares(
                    patch_lon,
                    lat[which] + y * PATCH_DEG,
                    PATCH_DEG * stretch[which],
                    PATCH_DEG,
                ),
            }
        ),
    )


def _insert_visits(registry: SqliteRegistry, survey: Survey) -> None:
    insert = registry.dimensions.insert
    rng = np.random.default_rng(20260101)
    number = np.arange(survey.visits)
    reach = (survey.width_deg - FIELD_DEG) / 2
    lat = rng.uniform(-reach, reach, survey.visits) - FIELD_DEG / 2
    stretch = _stretch(lat)
    x = rng.uniform(-reach, reach, survey.visits) - FIELD_DEG / 2
    lon = CENTER_DEG + x * stretch
    day = 20260101 + number // 1000
    begin = number * 40_000_000_000
    common: dict[str, Any] = {
        "instrument": [INSTRUMENT] * survey.visits,
        "physical_filter": [f"{BANDS[n % len(BANDS)]}_1" for n in number],
        "day_obs": day,
        "exposure_time": np.full(survey.visits, 30.0),
        "timespan_begin": begin,
        "timespan_end": begin + 30_000_000_000,
    }
    days = np.unique(day)
    insert(
        "day_obs",
        pl.DataFrame({"instrument": [INSTRUMENT] * len(days), "day_obs": days}),
    )
    groups = [f"g{n}" for n in number]
    insert("group", pl.DataFrame({"instrument": common["instrument"], "group": groups}))
    exposures = {
        "exposure": number,
        "obs_id": [f"obs{n}" for n in number],
        "group": groups,
    }
    insert("exposure", pl.DataFrame({**common, **exposures}))
    region = _squares(lon, lat, FIELD_DEG * stretch, FIELD_DEG)
    names = [f"v{n}" for n in number]
    insert(
        "visit",
        pl.DataFrame({**common, "visit": number, "name": names, "region": region}),
    )
    insert(
        "visit_definition",
        pl.DataFrame(
            {
                "instrument": common["instrument"],
                "exposure": number,
                "visit": number,
            }
        ),
    )
    step = FIELD_DEG / survey.side
    row, column = (axis.ravel() for axis in np.indices((survey.side, survey.side)))
    visit = np.repeat(number, survey.n_detectors)
    insert(
        "visit_detector_region",
        pl.DataFrame(
            {
                "instrument": [INSTRUMENT] * len(visit),
                "visit": visit,
                "detector": np.tile(np.arange(survey.n_detectors), survey.visits),
                "region": _squares(
                    lon[visit] + np.tile(column, survey.visits) * step * stretch[visit],
                    lat[visit] + np.tile(row, survey.visits) * step,
                    step * stretch[visit],
                    step,
                ),
            }
        ),
    )


def _insert_raws(registry: SqliteRegistry, survey: Survey) -> None:
    universe = registry.universe
    raw = DatasetType("raw", universe.group(["exposure", "detector"]), "StructuredDict")
    registry.dataset_types.register(raw)
    runs = [f"{INSTRUMENT}/raw/{n}" for n in range(survey.runs)]
    for part, exposures in zip(
        runs, np.array_split(np.arange(survey.visits), survey.runs), strict=True
    ):
        registry.collections.register(part, CollectionType.RUN)
        exposure = np.repeat(exposures, survey.n_detectors)
        frame = pl.DataFrame(
            {
                "instrument": [INSTRUMENT] * len(exposure),
                "exposure": exposure,
                "detector": np.tile(np.arange(survey.n_detectors), len(exposures)),
            }
        )
        _insert_datasets(registry, raw, part, frame)
    registry.collections.set_chain(f"{INSTRUMENT}/raw/all", runs)


def _insert_biases(registry: SqliteRegistry, survey: Survey) -> None:
    universe = registry.universe
    bias = DatasetType(
        "bias", universe.group(["detector"]), "StructuredDict", is_calibration=True
    )
    registry.dataset_types.register(bias)
    run = f"{INSTRUMENT}/calib/biases"
    registry.collections.register(run, CollectionType.RUN)
    frame = pl.DataFrame(
        {
            "instrument": [INSTRUMENT] * survey.n_detectors,
            "detector": np.arange(survey.n_detectors),
        }
    )
    ids = _insert_datasets(registry, bias, run, frame)
    name = f"{INSTRUMENT}/calib"
    registry.collections.register(name, CollectionType.CALIBRATION)
    registry.collections.certify(name, ids, Timespan.always())


def _insert_datasets(
    registry: SqliteRegistry, dataset_type: DatasetType, run: str, frame: pl.DataFrame
) -> list[bytes]:
    ids = uuid_series(make_uuids(frame.height))
    registry.datasets.insert(dataset_type, run, frame, ids)
    keys = frame.select(pl.exclude("instrument")).rows()
    records = pl.DataFrame(
        {
            "dataset_id": ids,
            "component": [""] * len(keys),
            "store": ["files"] * len(keys),
            "path": [
                f"{run}/{dataset_type.name}/{'_'.join(map(str, key))}.json"
                for key in keys
            ],
            "offset": [None] * len(keys),
            "size_bytes": [100] * len(keys),
            "checksum": [f"blake2b:{blob.hex()}" for blob in ids],
            "formatter": ["json"] * len(keys),
            "storage_class": ["StructuredDict"] * len(keys),
        },
        schema=RECORD_SCHEMA,
    )
    registry.record_table("files").insert(records)
    return list(ids.to_list())
