"""The table of what a registry must reach, on both databases, beside the peer.

Run: ``python benchmarks/registry.py [--datasets N] [--collections N] [--location URI]
[--peer PYTHON]``. SQLite is always measured, in a temporary folder; PostgreSQL at a
location, an empty schema on a server; the peer by the interpreter of an environment
that has lsst-daf-butler, on an SQLite repository of its own with 5,000 datasets. Many
writers at once are `registry_writers.py`; statements of one ``get`` are a test.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from queries import DETECTORS, fill
from registry_scale import random_uuids
from registry_writers import kind_of
from sqlite_registry import region_frame

from pantler.datasets.collection import CollectionType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.dimensions.universe import Universe
from pantler.queries.query import DatasetSearch, Query
from pantler.queries.results import DatasetResults
from pantler.testing.survey import raw_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WORKS = {
    "insert": ("insert, version 7", "1/s", 200_000, 100_000),
    "insert random": ("insert, random UUIDs", "1/s", 120_000, 100_000),
    "register": ("register one collection", "ms", 2, 2),
    "find": ("find by data ID in 2 runs", "ms", 0.08, 0.6),
    "find many": ("find by data ID in 200 runs", "ms", 0.17, 0.6),
    "any": ("first matches: any", "ms", 50, 50),
    "limit": ("first matches: limit 5", "ms", 50, 50),
    "count": ("first matches: count", "ms", 20_000, 20_000),
    "rows": ("rows to a frame", "1/s", 1_500_000, 1_000_000),
    "regions": ("insert regions with pixels", "1/s", 150_000, 150_000),
    "delete": ("delete datasets", "1/s", 200_000, 200_000),
}
"""For each work: what it is, its unit, and the reach on SQLite and on PostgreSQL."""

RUNS = 200
BATCH = 100_000


def seconds(work: Callable[[], object], repeat: int = 1) -> float:
    """Return the time of one call, the best of some."""
    taken = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def mean_ms(work: Callable[[], object], count: int) -> float:
    """Return the mean time of one call, warm, in milliseconds."""
    work()
    return seconds(lambda: [work() for _ in range(count)]) / count * 1e3


def measure(registry: Any, datasets: int, collections: int) -> dict[str, float]:
    """Fill a registry, and return how fast the works are then."""
    runs = fill(registry, datasets, RUNS, same=False, uuids=random_uuids)
    raw = raw_type(registry)
    found: dict[str, float] = {}
    batch = min(BATCH, datasets)
    query = Query(raw.dimensions, target=DatasetSearch(raw, runs))
    data_ids = registry.query(
        Query(raw.dimensions, target=DatasetSearch(raw, runs), limit=batch)
    ).select(raw.dimensions.required)
    kinds: dict[str, Callable[[int], Any]] = {
        "insert": lambda count: uuid_series(make_uuids(count)),
        "insert random": random_uuids,
    }
    names = iter(f"more/{number}" for number in range(10**9))
    for kind, make in kinds.items():
        run, ids = next(names), make(batch)
        registry.collections.register(run, CollectionType.RUN)
        insert = registry.datasets.insert
        took = seconds(lambda: insert(raw, run, data_ids, ids))  # noqa: B023 - at once
        found[kind] = batch / took
    doomed = ids[:10_000].to_list()
    took = seconds(lambda: registry.datasets.delete(doomed))
    found["delete"] = len(doomed) / took
    register = registry.collections.register
    with registry.transaction():
        for _ in range(collections):
            register(next(names), CollectionType.RUN)
    found["register"] = mean_ms(lambda: register(next(names), CollectionType.RUN), 100)
    data_id = registry.dimensions.expand(data_ids.row(7, named=True), raw.dimensions)
    for key, searched in (("find", runs[:2]), ("find many", runs)):
        found[key] = mean_ms(
            lambda: registry.datasets.find(raw, data_id, searched),  # noqa: B023
            300,
        )
    raws = DatasetResults(registry, query)
    raws.any()
    found["any"] = seconds(raws.any) * 1e3
    found["limit"] = seconds(lambda: raws.limit(5).to_polars()) * 1e3
    found["count"] = seconds(raws.count) * 1e3
    part = Query(raw.dimensions, target=DatasetSearch(raw, runs[:20], find_first=False))
    found["rows"] = registry.count(part) / seconds(lambda: registry.query(part), 3)
    frame = region_frame(100, DETECTORS)
    of = {"instrument": "Cam"}
    visits = [{**of, "visit": 100 + n, "name": f"w{n}"} for n in range(100)]
    registry.dimensions.insert("visit", visits)
    took = seconds(lambda: registry.dimensions.insert("visit_detector_region", frame))
    found["regions"] = frame.height / took
    return found


def measure_peer(python: str) -> dict[str, float]:
    """Return how fast the peer is at what it can be asked, too."""
    if not python:
        print("The peer was not measured: name its interpreter by --peer.")
        return {}
    script = Path(__file__).with_name("registry_peer.py")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [python, script, folder], capture_output=True, text=True, check=False
        )
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2]
        print(f"The peer cannot be measured with {python}: {reason}")
        return {}
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def show(results: Mapping[str, Mapping[str, float]]) -> None:
    """Print the table; the ratio says how many times as fast as the peer SQLite is."""
    print(f"{'work':30s}{'':5s}" + "".join(f"{name:>14s}" for name in results), end="")
    print(f"{'ratio':>8s}  reach: SQLite, PostgreSQL")
    for key, (what, unit, *reach) in WORKS.items():
        values = [found.get(key) for found in results.values()]
        shown = "".join(f"{'' if v is None else f'{v:,.2f}':>14s}" for v in values)
        ours, theirs = results["SQLite"].get(key), results.get("peer", {}).get(key)
        ratio = ""
        if ours and theirs:
            ratio = f"{theirs / ours if unit == 'ms' else ours / theirs:,.0f}"
        bounds = ", ".join(f"{one:,}" for one in reach)
        sign = "<=" if unit == "ms" else ">="
        print(f"{what:30s}{unit:5s}{shown}{ratio:>8s}  {sign} {bounds}")


def main() -> None:
    """Measure what there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=1_000_000)
    parser.add_argument("--collections", type=int, default=100_000)
    parser.add_argument("--location", default="", help="URI of PostgreSQL")
    parser.add_argument("--peer", default="", help="the peer's interpreter")
    given = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        places = {"SQLite": str(Path(folder, "registry.sqlite3"))}
        if given.location:
            places["PostgreSQL"] = given.location
        for name, place in places.items():
            made: Any = kind_of(place).create(place, Universe.default())
            results[name] = measure(made, given.datasets, given.collections)
            made.close()
    results["peer"] = measure_peer(given.peer)
    show(results)


if __name__ == "__main__":
    main()
