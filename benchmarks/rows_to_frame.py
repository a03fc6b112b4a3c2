"""Rows of queries to a frame, packed by the database and one by one: a table.

Run: ``python benchmarks/rows_to_frame.py [--datasets N] [--runs R] [--location URI]``.
Without a location, an SQLite file in a temporary folder is filled; a location is that
of an empty schema on a PostgreSQL server. Both ways run in turn; the best of each is
shown, CPU time with that of the server if it is on this machine. See
docs/decisions/0023.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from queries import fill

from pantler.dimensions.universe import Universe
from pantler.queries.query import DatasetSearch, Query
from pantler.registry.sql.database import Database
from pantler.registry.sql.settings import SqliteSettings
from pantler.registry.sql.sqlite import SqliteRegistry
from pantler.testing.survey import raw_type


def server_seconds(registry: Any) -> float:
    """Return the CPU time of the server's process, if it can be seen; otherwise 0."""
    info = getattr(registry._db._mine().raw, "info", None)  # noqa: SLF001
    if info is None:
        return 0.0
    path = Path(f"/proc/{info.backend_pid}/schedstat")
    return int(path.read_text().split()[0]) / 1e9 if path.exists() else 0.0


def one_by_one(self: Database, *args: Any, many: bool = False) -> Any:  # noqa: ARG001
    """Do what `Database.frame` does where few rows are expected."""
    return PACKED(self, *args)


PACKED = Database.frame
WAYS: dict[str, Any] = {"one by one": one_by_one, "packed": PACKED}


def rates(registry: Any, query: Query, times: int) -> list[str]:
    """Return rows a second of CPU time and of time, in millions, for both ways."""
    best = dict.fromkeys(WAYS, (0.0, 0.0))
    for _ in range(times):
        for name, way in WAYS.items():
            Database.frame = way  # type: ignore[method-assign]
            busy, begun = time.process_time(), time.perf_counter()
            served = server_seconds(registry)
            height = registry.query(query).height
            took = time.perf_counter() - begun
            busy = time.process_time() - busy + server_seconds(registry) - served
            cpu, wall = height / busy / 1e6, height / took / 1e6
            best[name] = max(best[name][0], cpu), max(best[name][1], wall)
    Database.frame = PACKED  # type: ignore[method-assign]
    return [f"{cpu:.2f} ({wall:.2f})" for cpu, wall in best.values()]


def main() -> None:
    """Fill a registry, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=300_000)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--location", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        registry: Any
        if given.location:
            from pantler.registry.sql.postgresql import PostgresqlRegistry

            registry = PostgresqlRegistry.create(given.location, Universe.default())
        else:
            registry = SqliteRegistry.create(
                Path(folder, "registry.sqlite"),
                Universe.default(),
                settings=SqliteSettings(durability="process"),
            )
        runs = fill(registry, given.datasets, given.runs, same=False)
        raw = raw_type(registry)
        queries = {
            "datasets of a run": Query(
                raw.dimensions, target=DatasetSearch(raw, runs[:1])
            ),
            "first matches in all runs": Query(
                raw.dimensions, target=DatasetSearch(raw, runs)
            ),
            "data IDs": Query(raw.dimensions),
        }
        print("million rows a second of CPU time (of time)")
        print(f"{'':28s} {'rows':>10s} {'one by one':>16s} {'packed':>16s}")
        for what, query in queries.items():
            said = rates(registry, query, given.times)
            count = registry.count(query)
            print(f"{what:28s} {count:10,d} {said[0]:>16s} {said[1]:>16s}")
        registry.close()


if __name__ == "__main__":
    main()
