"""Whether the sizes that SQLite is told suit repositories of three shapes: a table.

Run: ``python benchmarks/sqlite_statistics.py [--scale S]``; 1 is the full size of the
survey (20 runs of 500,000 datasets). Each query runs with the sizes that are written
at creation, with none, and after ANALYZE; the times are ratios to the best of the
three. See docs/decisions/0002.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from pantler.datasets.collection import CollectionType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.dimensions.universe import Universe
from pantler.queries.query import DatasetSearch, Query
from pantler.queries.tree import Comparison, Constant, DimensionKey
from pantler.registry.sql.settings import SqliteSettings
from pantler.registry.sql.sqlite import SqliteRegistry
from pantler.testing.survey import fill_survey, raw_type

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of repository."""

    name: str
    detectors: int
    exposures: int
    runs: int
    in_run: int


def shapes(scale: float) -> list[Shape]:
    """Return the shapes, made smaller by a factor."""
    return [
        Shape("one camera on a laptop", 1, 3_000, 3, 1_000),
        Shape("a survey of large runs", 100, int(10_000 * scale), 20, 0),
        Shape("many small runs", 10, 500, int(20_000 * scale), 10),
    ]


def fill(path: Path, shape: Shape) -> None:
    """Make a repository of a shape."""
    settings = SqliteSettings(durability="process")
    registry = SqliteRegistry.create(path, Universe.default(), settings=settings)
    fill_survey(registry)
    of = {"instrument": "Cam"}
    insert = registry.dimensions.insert
    detectors = [
        {**of, "detector": d, "full_name": f"S{d}"} for d in range(shape.detectors)
    ]
    insert("detector", detectors, on_conflict="skip")
    dated = {**of, "physical_filter": "g1", "day_obs": 20260101, "group": "group 1"}
    exposures = range(100, 100 + shape.exposures)
    insert("exposure", [{**dated, "exposure": e, "obs_id": f"o{e}"} for e in exposures])
    pairs = pl.DataFrame(
        {
            "instrument": "Cam",
            "detector": np.tile(np.arange(shape.detectors), shape.exposures),
            "exposure": np.repeat(np.array(exposures), shape.detectors),
        }
    )
    raw = raw_type(registry)
    size = shape.in_run or pairs.height // 2
    with registry.transaction():
        for number in range(shape.runs):
            registry.collections.register(f"run/{number}", CollectionType.RUN)
            begin = number * size % (pairs.height - size + 1)
            ids = uuid_series(make_uuids(size))
            part = pairs[begin : begin + size]
            registry.datasets.insert(raw, f"run/{number}", part, ids)
    runs = [f"run/{number}" for number in range(min(shape.runs, 1_000))]
    registry.collections.set_chain("chain", runs)
    registry.close()


def work(registry: SqliteRegistry) -> dict[str, Callable[[], object]]:
    """Return the typical queries."""
    raw = raw_type(registry)
    group = raw.dimensions
    one = Comparison("=", DimensionKey("exposure", "int"), Constant(150, "int"))
    band = Comparison("=", DimensionKey("band", "string"), Constant("g", "string"))
    in_run = DatasetSearch(raw, ("run/1",))
    chain = DatasetSearch(raw, ("chain",))
    given = {"instrument": "Cam", "exposure": 150, "detector": 0}
    data_id = registry.dimensions.expand(given, group)
    queries = {
        "one exposure in a run": Query(group, one, target=in_run),
        "one exposure in a chain": Query(group, one, target=chain),
        "a band in a run": Query(group, band, target=in_run),
        "all of a run": Query(group, target=in_run),
        "data IDs of one exposure": Query(group, one),
    }
    found: dict[str, Callable[[], object]] = {
        what: (lambda query=query: registry.query(query))  # type: ignore[misc]
        for what, query in queries.items()
    }
    found["find in a run"] = lambda: registry.datasets.find(raw, data_id, ["run/1"])
    found["find in a chain"] = lambda: registry.datasets.find(raw, data_id, ["chain"])
    return found


def times(path: Path) -> dict[str, float]:
    """Return the seconds of each query, the best of several."""
    registry = SqliteRegistry.open(path)
    found = {}
    for what, run in work(registry).items():
        best = np.inf
        begin = time.perf_counter()
        while time.perf_counter() - begin < 0.5 or best == np.inf:
            start = time.process_time()
            run()
            best = min(best, time.process_time() - start)
        found[what] = float(best)
    registry.close()
    return found


def describe(path: Path, *statements: str) -> None:
    """Change what SQLite knows of the sizes."""
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(statement)
    database.close()


def main(scale: float) -> None:
    """Print the table."""
    for shape in shapes(scale):
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "registry.sqlite3"
            fill(path, shape)
            told = times(path)
            describe(path, "DELETE FROM sqlite_stat1")
            untold = times(path)
            describe(path, "ANALYZE")
            analyzed = times(path)
        print(f"\n{shape.name:32s} {'told':>8s} {'none':>8s} {'ANALYZE':>8s}  best/ms")
        for what, first in told.items():
            three = first, untold[what], analyzed[what]
            ratios = " ".join(f"{one / min(three):8.2f}" for one in three)
            print(f"{what:32s} {ratios} {min(three) * 1e3:8.2f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    main(parser.parse_args().scale)
