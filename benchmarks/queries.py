"""First matches in many runs: prints a table; see docs/decisions/0020.

Run: ``python benchmarks/queries.py [--datasets N] [--runs R] [--same]``.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pantler.datasets.collection import CollectionType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.dimensions.universe import Universe
from pantler.queries.query import DatasetSearch, Query
from pantler.queries.results import DatasetResults
from pantler.registry.sql.settings import SqliteSettings
from pantler.registry.sql.sqlite import SqliteRegistry
from pantler.testing.survey import raw_type

if TYPE_CHECKING:
    from collections.abc import Callable

DETECTORS = 50


def report(what: str, work: Callable[[], object]) -> None:
    """Print the CPU and wall-clock time of one call, and the peak of memory so far."""
    cpu, wall = time.process_time(), time.perf_counter()
    found = work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{what:38s} {cpu * 1e3:10.1f} ms CPU {wall * 1e3:10.1f} ms "
        f"{peak:6d} MiB  -> {found}",
        flush=True,
    )


def ordered_uuids(count: int) -> pl.Series:
    """Return UUIDs of version 7."""
    return uuid_series(make_uuids(count))


def fill(
    registry: SqliteRegistry,
    datasets: int,
    runs: int,
    *,
    same: bool,
    uuids: Callable[[int], pl.Series] = ordered_uuids,
) -> tuple[str, ...]:
    """Insert datasets of exposure and detector; return the runs."""
    each = datasets // runs
    exposures = -(-(each if same else datasets) // DETECTORS)
    insert, of = registry.dimensions.insert, {"instrument": "Cam"}
    with registry.transaction():
        insert("instrument", [of])
        insert(
            "detector",
            [{**of, "detector": n, "full_name": f"S{n}"} for n in range(DETECTORS)],
        )
        insert(
            "exposure",
            [
                {**of, "exposure": n, "obs_id": str(n), "exposure_time": float(n % 30)}
                for n in range(exposures)
            ],
        )
        raw = raw_type(registry)
    numbers = pl.int_range(0, each, eager=True)
    names = tuple(f"run{n:04}" for n in range(runs))
    for place, name in enumerate(names):
        start = 0 if same else place * each
        frame = pl.DataFrame(
            {
                "instrument": pl.Series(["Cam"]).new_from_index(0, each),
                "detector": (numbers + start) % DETECTORS,
                "exposure": (numbers + start) // DETECTORS,
            }
        )
        with registry.transaction():
            registry.collections.register(name, CollectionType.RUN)
            registry.datasets.insert(raw, name, frame, uuids(each))
    return names


def measure(registry: SqliteRegistry, runs: tuple[str, ...]) -> None:
    """Print what queries of first matches take."""
    raw = raw_type(registry)
    query = Query(raw.dimensions, target=DatasetSearch(raw, runs))
    raws = DatasetResults(registry, query)
    long = raws.where("exposure.exposure_time > 500")
    raws.any()  # what is read once
    report("any", raws.any)
    report("any, no exposure satisfies", long.any)
    report("any, no such run", raws.where("raw.run = 'x'").any)
    report("5 rows", lambda: raws.limit(5).to_polars().height)
    report("5 rows, no exposure satisfies", lambda: long.limit(5).to_polars().height)
    one = raws.where("exposure = 7")
    report("5 rows of one exposure", lambda: one.limit(5).to_polars().height)
    report("count of one exposure", one.count)
    report("count of one run", raws.where(f"raw.run = '{runs[0]}'").count)
    report("count", raws.count)
    batches = registry.query_batches(query)
    report("all in batches", lambda: sum(batch.height for batch in batches))


def main() -> None:
    """Fill a registry in a temporary folder, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--same", action="store_true", help="data IDs in all runs")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        registry = SqliteRegistry.create(
            Path(folder, "registry.sqlite"),
            Universe.default(),
            settings=SqliteSettings(durability="process"),
        )
        runs = fill(registry, given.datasets, given.runs, same=given.same)
        measure(registry, runs)
        registry.close()


if __name__ == "__main__":
    main()
