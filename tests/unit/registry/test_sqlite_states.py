"""A database file that is locked, full, not ours or of another time."""

from __future__ import annotations

import resource
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from pantler.datasets.collection import CollectionType
from pantler.dimensions.universe import Universe
from pantler.errors import BusyError, PantlerError, SchemaError
from pantler.registry.sql.sqlite import SqliteRegistry


@pytest.fixture
def path(tmp_path):
    SqliteRegistry.create(tmp_path / "r", Universe.default()).close()
    return tmp_path / "r"


def test_a_database_that_another_holds_is_waited_for_and_then_said_to_be_busy(path):
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as holder,
        closing(SqliteRegistry.open(path, writeable=True)) as registry,
    ):
        registry.lock_timeout_s = 0.2
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusyError):
            registry.collections.register("run", CollectionType.RUN)
        assert not list(registry.collections.all())  # who reads need not wait
        holder.execute("ROLLBACK")
        registry.collections.register("run", CollectionType.RUN)


@pytest.mark.parametrize("version", ["99", "1000000", "", "x"])
def test_a_registry_of_a_later_version_is_refused(path, version):
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute(
            "UPDATE attribute SET value = ? WHERE name IN "
            "('schema_version', 'readable_since')",
            [version],
        )
    said = "is newer" if version.isdigit() else "not a registry"
    for writeable in (False, True):
        with pytest.raises(SchemaError, match=said):
            SqliteRegistry.open(path, writeable=writeable)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE attribute (name TEXT PRIMARY KEY, value TEXT)",
        "CREATE TABLE attribute (x INTEGER)",
        "CREATE TABLE dataset (id INTEGER)",
        "CREATE VIEW attribute AS SELECT 1 AS name, 2 AS value",
    ],
)
def test_a_database_of_another_application_is_left_alone(tmp_path, statement):
    other = tmp_path / "other"
    with closing(sqlite3.connect(other)) as raw, raw:
        raw.execute(statement)
    before = other.read_bytes()
    for writeable in (False, True):
        with pytest.raises(PantlerError):
            SqliteRegistry.open(other, writeable=writeable)
    assert other.read_bytes() == before


@pytest.mark.parametrize("damage", ["universe: [", "3", "elements: {}", "\x01"])
def test_a_universe_that_is_damaged_is_said_to_be(path, damage):
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE attribute SET value = ? WHERE name = 'universe'", [damage])
    with pytest.raises(PantlerError, match="universe"):
        SqliteRegistry.open(path)


FILL = """
import sys
from contextlib import closing
from pantler.errors import PantlerError
from pantler.registry.sql.sqlite import SqliteRegistry

with closing(SqliteRegistry.open(sys.argv[1], writeable=True)) as registry:
    registry.dimensions.insert("instrument", [{"instrument": "Cam"}])
    rows = [
        {"instrument": "Cam", "detector": n, "full_name": f"{n:032}"}
        for n in range(100_000)
    ]
    try:
        registry.dimensions.insert("detector", rows)
    except PantlerError as error:
        print(error.kind, error, sep="|")
    else:
        print("done|")
"""


def _small_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))


def test_where_there_is_no_room_left_nothing_is_half_done(path):
    run = subprocess.run(
        [sys.executable, "-c", FILL, str(path)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=_small_files,
    )
    kind, _, message = run.stdout.partition("|")
    assert kind == "storage", run.stdout + run.stderr
    assert "Traceback" not in message
    with closing(SqliteRegistry.open(path, writeable=True)) as registry:
        record = {"instrument": "Cam", "detector": 1}
        assert registry.dimensions.find("detector", record) is None
        assert registry.dimensions.find("instrument", {"instrument": "Cam"})
        registry.dimensions.insert("detector", [{**record, "full_name": "one"}])
