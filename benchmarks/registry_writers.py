"""Many processes write to one SQLite registry while others read; see decision 2.

Run: ``python benchmarks/registry_writers.py [--writers N] [--readers N]
[--seconds S]``.
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
from typing import Any

import polars as pl
from sqlite_registry import report

from pantler.datasets.collection import CollectionType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.dimensions.universe import Universe
from pantler.queries.query import DatasetSearch, Query
from pantler.registry.sql.sqlite import SqliteRegistry
from pantler.testing.survey import fill_survey, raw_type

EXPOSURES = 2_000


def write(path: str, number: int, seconds: float, shared: tuple[Any, Any]) -> None:
    """Insert single datasets, each a transaction, into runs of one's own."""
    registry = SqliteRegistry.open(path, writeable=True)
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
    registry = SqliteRegistry.open(path)
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
    registry = SqliteRegistry.create(path, Universe.default())
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
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    ready = context.Barrier(writers + readers)
    processes = [
        context.Process(target=work, args=(path, number, seconds, (ready, results)))
        for work, count in ((write, writers), (read, readers))
        for number in range(count)
    ]
    for process in processes:
        process.start()
    found = [results.get(timeout=seconds + 300) for _ in processes]
    for process in processes:
        process.join()
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
    report("longest wait of a writer", max(one[3] for one in written), "s")
    waits = [one[3] for one in found if one[0] == "read"]
    report(f"longest wait of {readers} readers", max(waits, default=0.0), "s")
    report(f"load of {os.cpu_count()} cores", os.getloadavg()[0], "")
    registry.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writers", type=int, default=32)
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=120.0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        main(
            str(Path(name) / "registry.sqlite3"),
            chosen.writers,
            chosen.readers,
            chosen.seconds,
        )
