"""How a registry behaves when much is in it: prints a table; see docs/decisions/0017.

Run: ``python benchmarks/registry_scale.py [--datasets N] [--collections N] [--batch N]
[--location URI]``. Without a location, an SQLite file in a temporary folder is filled.
A location is that of an empty schema on a PostgreSQL server.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from sqlite_registry import fill, latency, rate, report

from pantler.datasets.collection import CollectionType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.dimensions.universe import Universe
from pantler.registry.sql.settings import SqliteSettings
from pantler.registry.sql.sqlite import SqliteRegistry
from pantler.testing.survey import raw_type

if TYPE_CHECKING:
    from pantler.registry.interface import Registry


def random_uuids(count: int) -> pl.Series:
    """Return UUIDs in no order, as imports bring them."""
    drawn = np.random.default_rng().bytes(16 * count)
    parts = [drawn[i : i + 16] for i in range(0, 16 * count, 16)]
    return pl.Series(parts, dtype=pl.Binary)


def datasets(registry: Registry, count: int, batch: int) -> None:
    """Fill the registry with datasets of random UUIDs; time a few more of each kind."""
    data_ids = fill(registry)  # type: ignore[arg-type]
    raw = raw_type(registry)
    runs: list[str] = []

    def insert(size: int, uuids: pl.Series) -> None:
        runs.append(f"run/{len(runs)}")
        registry.collections.register(runs[-1], CollectionType.RUN)
        registry.datasets.insert(raw, runs[-1], data_ids[:size], uuids)

    batch = min(batch, data_ids.height)
    for _ in range(-(-count // data_ids.height)):
        insert(data_ids.height, random_uuids(data_ids.height))
    kinds: dict[str, Any] = {
        "version 7": lambda: uuid_series(make_uuids(batch)),
        "random": lambda: random_uuids(batch),
    }
    for kind, make in kinds.items():
        for _ in range(3):
            uuids = make()
            what = f"insert {batch:,} datasets, {kind}, {count:,} there"
            rate(what, batch, lambda uuids=uuids: insert(batch, uuids))
    given = {"instrument": "Cam", "exposure": 150, "detector": 3}
    data_id = registry.dimensions.expand(given, raw.dimensions)
    find = registry.datasets.find
    for searched in (runs[-2:], runs[:200]):
        what = f"find by data ID in {len(searched)} runs"
        latency(what, lambda searched=searched: find(raw, data_id, searched), 300)


def collections(registry: Registry, count: int, location: str) -> None:
    """Fill the registry with runs; time one more, and opening it."""
    register = registry.collections.register
    with registry.transaction():
        for number in range(count):
            register(f"u/many/{number:06d}", CollectionType.RUN)
    more = iter(range(10**9))
    latency(
        f"register one run among {count:,}",
        lambda: register(f"u/more/{next(more)}", CollectionType.RUN),
        100,
    )
    start = time.perf_counter()
    again = type(registry).open(location)  # type: ignore[attr-defined]
    again.collections.get("u/more/0")
    report("open and look at one collection", time.perf_counter() - start, "s")
    again.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=1_000_000)
    parser.add_argument("--collections", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=100_000)
    parser.add_argument("--location", default="")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        where, universe = chosen.location, Universe.default()
        made: Any
        if where:
            from pantler.registry.sql.postgresql import PostgresqlRegistry

            made = PostgresqlRegistry.create(where, universe)
        else:
            where = str(Path(name) / "registry.sqlite3")
            careless = SqliteSettings(durability="process")
            made = SqliteRegistry.create(where, universe, settings=careless)
        datasets(made, chosen.datasets, chosen.batch)
        collections(made, chosen.collections, where)
        made.close()
