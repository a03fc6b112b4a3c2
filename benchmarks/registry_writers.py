"""Many processes write to one registry while others read; see decisions 2 and 17.

Run: ``python benchmarks/registry_writers.py [--writers N] [--readers N]
[--seconds S] [--location URI]``. Without a location, it is an SQLite file in a
temporary folder. A location is that of an empty schema on a PostgreSQL server, which
must allow more connections than there are processes (``max_connections``): others wait
for one.

It prints how many datasets were inserted, how many of them are missing at the end, the
longest waits, and the load of the machine.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlite_registry import report

from pantler.datasets.collection import CollectionType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.dimensions.universe import Universe
from pantler.queries.query import DatasetSearch, Query
from pantler.testing.survey import fill_survey, raw_type

if TYPE_CHECKING:
    from pantler.registry.sql.registry import SqlRegistry

EXPOSURES = 2_000
_SHOWN = 3
"""Errors of workers that are printed."""


def kind_of(location: str) -> type[SqlRegistry]:
    """Return the registry of a path, or of a URI of PostgreSQL."""
    if location.startswith("postgresql:"):
        from pantler.registry.sql.postgresql import PostgresqlRegistry

        return PostgresqlRegistry
    from pantler.registry.sql.sqlite import SqliteRegistry

    return SqliteRegistry


def work(task: Any, *given: Any) -> None:
    """Do a task in a process of its own; say what went wrong, if anything did."""
    _, number, _, shared = given
    try:
        task(*given)
    except Exception as error:  # noqa: BLE001 - it is printed by the parent
        shared[0].abort()
        shared[1].put(("error", number, 0, f"{type(error).__name__}: {error}"))


def write(path: str, number: int, seconds: float, shared: tuple[Any, Any]) -> None:
    """Insert single datasets, each a transaction, into runs of one's own."""
    registry: Any = kind_of(path).open(path, writeable=True)
    raw = raw_type(registry)
    ready, results = shared
    done, longest = 0, 0.0
    ready.wait()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        run = f"writer/{number}/{done // EXPOSURES}"
        begin = time.monotonic()
        if done % EXPOSURES == 0:
            registry.collections.register(run, CollectionType.RUN)
        data_ids = pl.DataFrame(
            {
                "instrument": ["Cam"],
                "detector": [1],
                "exposure": [100 + done % EXPOSURES],
            }
        )
        registry.datasets.insert(raw, run, data_ids, uuid_series(make_uuids(1)))
        longest = max(longest, time.monotonic() - begin)
        done += 1
    registry.close()
    results.put(("write", number, done, longest))


def read(path: str, number: int, seconds: float, shared: tuple[Any, Any]) -> None:
    """Query the datasets of one writer, over and over."""
    registry: Any = kind_of(path).open(path)
    raw = raw_type(registry)
    ready, results = shared
    done, longest = 0, 0.0
    ready.wait()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        begin = time.monotonic()
        query = Query(
            raw.dimensions, target=DatasetSearch(raw, (f"writer/{number}/0",))
        )
        registry.count(query)
        longest = max(longest, time.monotonic() - begin)
        done += 1
        time.sleep(0.05)
    registry.close()
    results.put(("read", number, done, longest))


def main(path: str, writers: int, readers: int, seconds: float) -> None:
    """Print what came of it."""
    registry: Any = kind_of(path).create(path, Universe.default())
    fill_survey(registry)
    raw = raw_type(registry)
    of = {"instrument": "Cam", "physical_filter": "g1", "day_obs": 20260101}
    rows = [
        {**of, "exposure": 100 + e, "obs_id": f"o{e}", "group": "group 1"}
        for e in range(EXPOSURES)
    ]
    registry.dimensions.insert("exposure", rows)
    for number in range(writers):
        registry.collections.register(f"writer/{number}/0", CollectionType.RUN)
    # Forked from one that has imported what they need and has no connections.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["registry_writers", kind_of(path).__module__])
    results = context.Queue()
    ready = context.Barrier(writers + readers)
    shared = ready, results
    processes = [
        context.Process(target=work, args=(task, path, number, seconds, shared))
        for task, count in ((write, writers), (read, readers))
        for number in range(count)
    ]
    for process in processes:
        process.start()
    found = [results.get(timeout=seconds + 300) for _ in processes]
    for process in processes:
        process.join()
    errors = [one for one in found if one[0] == "error"]
    for error in errors[:_SHOWN]:
        print(error[3])
    report("processes that failed", len(errors), "")
    written = [one for one in found if one[0] == "write"]
    made = sum(one[2] for one in written)
    runs = tuple(
        f"writer/{number}/{part}"
        for _, number, done, _ in written
        for part in range(-(-done // EXPOSURES))
    )
    there = registry.count(
        Query(raw.dimensions, target=DatasetSearch(raw, runs, find_first=False))
    )
    report(f"datasets inserted by {writers} writers", made / seconds, "/s")
    report("lost", made - there, "")
    waits = [one[3] for one in written]
    report("longest wait of a writer", max(waits, default=0.0), "s")
    waits = [one[3] for one in found if one[0] == "read"]
    report(f"longest wait of {readers} readers", max(waits, default=0.0), "s")
    report(f"load of {os.cpu_count()} cores", os.getloadavg()[0], "")
    registry.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writers", type=int, default=32)
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--location", default="")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        main(
            chosen.location or str(Path(name) / "registry.sqlite3"),
            chosen.writers,
            chosen.readers,
            chosen.seconds,
        )
