"""How fast the SQLite registry is: prints a table; see docs/decisions/0002.

Run: ``python benchmarks/sqlite_registry.py [folder]``. The folder says which disk.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from pantler.datasets.collection import CollectionType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.datasets.records import DatastoreRecord, records_to_frame
from pantler.dimensions.sky.regions import ConvexPolygon
from pantler.dimensions.universe import Universe
from pantler.queries.query import DatasetSearch, Query
from pantler.queries.tree import Comparison, Constant, DimensionKey
from pantler.registry.sql.settings import SqliteSettings
from pantler.registry.sql.sqlite import SqliteRegistry
from pantler.testing.survey import fill_survey, raw_type

if TYPE_CHECKING:
    from collections.abc import Callable

DETECTORS, EXPOSURES = 100, 2000


def report(what: str, value: float, unit: str) -> None:
    """Print one measurement."""
    print(f"{what:58s} {value:12,.3f} {unit}", flush=True)


def rate(what: str, rows: int, work: Callable[[], Any], repeat: int = 1) -> None:
    """Print rows per second, the best of some runs."""
    best = min(_seconds(work) for _ in range(repeat))
    report(what, rows / best, "rows/s")


def latency(what: str, work: Callable[[], Any], count: int) -> None:
    """Print the mean milliseconds of one call, warm."""
    work()
    report(what, _seconds(lambda: [work() for _ in range(count)]) / count * 1e3, "ms")


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def fill(registry: SqliteRegistry) -> pl.DataFrame:
    """Insert records; return the data IDs of exposure and detector."""
    fill_survey(registry)
    of = {"instrument": "Cam"}
    insert = registry.dimensions.insert
    detectors = [{**of, "detector": d, "full_name": f"S{d}"} for d in range(DETECTORS)]
    insert("detector", detectors, on_conflict="skip")
    exposures = [
        {**of, "exposure": 100 + e, "obs_id": f"o{e}", "physical_filter": "g1",
         "day_obs": 20260101, "group": "group 1"}
        for e in range(EXPOSURES)
    ]  # fmt: skip
    insert("exposure", exposures)
    visits = [
        {**of, "visit": 100 + e, "name": f"w{e}", "physical_filter": "g1",
         "day_obs": 20260101}
        for e in range(EXPOSURES)
    ]  # fmt: skip
    insert("visit", visits)
    return pl.DataFrame(
        {
            "instrument": "Cam",
            "detector": np.tile(np.arange(DETECTORS), EXPOSURES),
            "exposure": 100 + np.repeat(np.arange(EXPOSURES), DETECTORS),
        }
    )


def region_frame(visits: int, detectors: int) -> pl.DataFrame:
    """Return regions of the detectors, ten in a row, of visits anywhere in the sky."""
    rng = np.random.default_rng(1)
    encoded = []
    for _ in range(visits):
        lon0, lat0 = rng.uniform(0, 360), rng.uniform(-60, 60)
        for detector in range(detectors):
            lon, lat = lon0 + detector % 10 * 0.22, lat0 + detector // 10 * 0.22
            polygon = ConvexPolygon.from_lonlat(
                [lon, lon + 0.22, lon + 0.22, lon], [lat, lat, lat + 0.22, lat + 0.22]
            )
            encoded.append(polygon.encode())
    return pl.DataFrame(
        {
            "instrument": "Cam",
            "detector": np.tile(np.arange(detectors), visits),
            "visit": 100 + np.repeat(np.arange(visits), detectors),
            "region": pl.Series(encoded, dtype=pl.Binary),
        }
    )


def regions(registry: SqliteRegistry, visits: int) -> None:
    """Time the insertion of region records."""
    frame = region_frame(visits, DETECTORS)
    rows = frame.height
    rate(
        f"insert {rows:,} region records with their pixels",
        rows,
        lambda: registry.dimensions.insert("visit_detector_region", frame),
    )


def bulk(folder: Path) -> None:
    """Time bulk inserts, queries, look-ups and deletes."""
    registry = SqliteRegistry.create(
        folder / "bulk",
        Universe.default(),
        settings=SqliteSettings(durability="process"),
    )
    data_ids = fill(registry)
    regions(registry, 200)
    raw = raw_type(registry)
    half = data_ids.height // 2
    for run in ("run", "again"):
        registry.collections.register(run, CollectionType.RUN)
        for part in (data_ids[:half], data_ids[half:]):
            ids = uuid_series(make_uuids(half))
            new = "new data IDs" if run == "run" else "known data IDs"
            rate(
                f"insert {half:,} datasets, {new}",
                half,
                lambda run=run, part=part, ids=ids: registry.datasets.insert(
                    raw, run, part, ids
                ),
            )
    queries(registry, raw, data_ids)
    group = raw.dimensions
    given = {"instrument": "Cam", "exposure": 150, "detector": 3}
    latency("expand", lambda: registry.dimensions.expand(given, group), 2000)
    data_id = registry.dimensions.expand(given, group)
    find = registry.datasets.find
    latency("find in 2 runs", lambda: find(raw, data_id, ["again", "run"]), 2000)
    ids_ = registry.query(Query(group, target=DatasetSearch(raw, ("again",))))
    doomed = ids_["dataset_id"].to_list()
    rate(
        f"delete {len(doomed):,} datasets",
        len(doomed),
        lambda: registry.datasets.delete(doomed),
    )
    chain(registry, raw, data_ids[:half])
    registry.close()


def queries(registry: SqliteRegistry, raw: Any, data_ids: pl.DataFrame) -> None:
    """Time queries."""
    count, group = data_ids.height, raw.dimensions
    rate(f"query {count:,} data IDs", count, lambda: registry.query(Query(group)), 3)
    for runs in (("run",), ("run", "again")):
        for find_first in (False, True):
            search = DatasetSearch(raw, runs, find_first)
            query = Query(group, target=search)
            rows = registry.count(query)
            what = "find-first" if find_first else "plain"
            label = f"query {rows:,} datasets of {len(runs)} runs, {what}"
            rate(label, rows, lambda query=query: registry.query(query), 3)
    one = Comparison("=", DimensionKey("exposure", "int"), Constant(150, "int"))
    query = Query(group, one, target=DatasetSearch(raw, ("run", "again")))
    latency("query 100 datasets of one exposure", lambda: registry.query(query), 20)


def chain(registry: SqliteRegistry, raw: Any, data_ids: pl.DataFrame) -> None:
    """Time searches of many runs."""
    runs = [f"chain/{i}" for i in range(1000)]
    with registry.transaction():
        for i, run in enumerate(runs):
            registry.collections.register(run, CollectionType.RUN)
            part = data_ids[i * 100 : (i + 1) * 100]
            ids = uuid_series(make_uuids(part.height))
            registry.datasets.insert(raw, run, part, ids)
    registry.collections.set_chain("chain", runs)
    for find_first in (False, True):
        query = Query(raw.dimensions, target=DatasetSearch(raw, ("chain",), find_first))
        rows = registry.count(query)
        what = "find-first" if find_first else "plain"
        label = f"query {rows:,} datasets of 1,000 runs, {what}"
        rate(label, rows, lambda query=query: registry.query(query), 3)
    given = {"exposure": 150, "detector": 3}
    data_id = registry.dimensions.expand(given, raw.dimensions)
    find = registry.datasets.find
    latency("find in 1,000 runs", lambda: find(raw, data_id, ["chain"]), 200)


def puts(folder: Path, journal: str, durability: str) -> None:
    """Time single inserts of a dataset with its record."""
    registry = SqliteRegistry.create(
        folder / f"{journal}-{durability}",
        Universe.default(),
        settings=SqliteSettings(journal=journal, durability=durability),
    )
    data_ids = fill(registry)
    raw = raw_type(registry)
    registry.collections.register("run", CollectionType.RUN)
    table = registry.record_table("file")
    rows = iter(range(data_ids.height))

    def put() -> None:
        at = next(rows)
        ids = uuid_series(make_uuids(1))
        record = DatastoreRecord(
            ids[0], "file", "", f"run/raw/{at}.json", None, 9, None, "json", "X"
        )
        with registry.transaction():
            registry.datasets.insert(raw, "run", data_ids[at : at + 1], ids)
            table.insert(records_to_frame([record]))

    latency(f"put one dataset and its record, {journal}, {durability}", put, 500)
    registry.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if sys.argv[1:] else None) as name:
        bulk(Path(name))
        for kind in itertools.product(("delete", "wal"), ("process", "power")):
            puts(Path(name), *kind)
