"""An SQLite registry as a file: who may open it, and what a kill leaves behind."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pantler.datasets.collection import CollectionType
from pantler.dimensions.universe import Universe
from pantler.errors import (
    AccessError,
    ConflictError,
    NotFoundError,
    ReadOnlyError,
    SchemaError,
)
from pantler.queries.query import Query
from pantler.registry.sql.sqlite import SqliteRegistry
from pantler.testing.survey import fill_survey, insert_some, raw_type


@pytest.fixture
def path(tmp_path):
    """Return the path of a registry that has the survey's records."""
    path = tmp_path / "registry.sqlite3"
    with closing(SqliteRegistry.create(path, Universe.default())) as registry:
        fill_survey(registry)
    return path


def opened(path, *, writeable=False):
    return closing(SqliteRegistry.open(path, writeable=writeable))


def exposures(registry):
    group = registry.universe.group(["exposure"])
    return sorted(registry.query(Query(group))["exposure"].to_list())


def test_a_file_that_exists_is_not_made_again(path):
    with pytest.raises(ConflictError, match="exists"):
        SqliteRegistry.create(path, Universe.default())
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_registry_needs_a_folder_that_is_there(tmp_path):
    with pytest.raises(AccessError, match="Cannot create"):
        SqliteRegistry.create(tmp_path / "none" / "x", Universe.default())


def test_a_file_that_is_not_there_cannot_be_opened(tmp_path):
    with pytest.raises(NotFoundError):
        SqliteRegistry.open(tmp_path / "none")


def test_another_file_is_not_a_registry(tmp_path):
    text = tmp_path / "text"
    text.write_text("This is text. " * 500)
    with pytest.raises(SchemaError, match="not an SQLite"):
        SqliteRegistry.open(text)
    other = tmp_path / "other"
    with closing(sqlite3.connect(other)) as raw:
        raw.execute("CREATE TABLE x(y)")
    with pytest.raises(SchemaError, match="not a registry"):
        SqliteRegistry.open(other)


def test_a_registry_of_another_version_is_refused(path):
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE attribute SET value = '0' WHERE name = 'schema_version'")
    with pytest.raises(SchemaError, match="version 0"):
        SqliteRegistry.open(path)


def test_the_universe_is_kept_with_the_registry(tmp_path):
    text = Universe.default().to_yaml().replace("version: 1", "version: 77")
    universe = Universe.from_yaml(text.replace("namespace: pantler", "namespace: own"))
    SqliteRegistry.create(tmp_path / "r", universe).close()
    with opened(tmp_path / "r") as registry:
        assert registry.universe == universe
        assert registry.universe.version == 77
    with opened(tmp_path / "r") as registry:
        assert registry.universe != Universe.default()


def test_what_is_open_for_reading_cannot_be_changed(path):
    with opened(path) as registry:
        assert not registry.is_writeable
        with pytest.raises(ReadOnlyError, match="writeable=True"):
            registry.collections.register("run", CollectionType.RUN)
        with pytest.raises(ReadOnlyError):
            fill_survey(registry)
        with registry.transaction():
            assert exposures(registry) == [1, 2, 3]


@contextmanager
def without_rights(folder):
    """Be a user who may read the folder and not write it."""
    for part in (folder, *folder.iterdir()):
        part.chmod(0o555 if part.is_dir() else 0o444)
    user = os.geteuid()
    try:
        if user == 0:  # nothing is forbidden to root
            os.seteuid(65534)
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o755)


@pytest.fixture
def public():
    """Return a folder that others can reach."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_reader_needs_no_right_to_write(path, public):
    shutil.copy(path, public / "registry")
    with without_rights(public):
        with opened(public / "registry") as registry:
            assert exposures(registry) == [1, 2, 3]
        with pytest.raises(AccessError, match="written"):
            SqliteRegistry.open(public / "registry", writeable=True)


def leave_unfinished(path, folder):
    """Copy a registry as a writer leaves it who is killed in the midst of a change."""
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA synchronous = OFF")
        raw.execute("PRAGMA cache_size = 1")
        raw.execute("BEGIN IMMEDIATE")
        raw.execute("UPDATE exposure SET obs_id = obs_id || '-changed'")
        for number in range(2000):
            row = (f"many {number}", "x" * 1000)  # more than is kept in memory
            raw.execute("INSERT INTO attribute VALUES (?, ?)", row)
        for name in (path.name, f"{path.name}-journal"):
            shutil.copy(path.parent / name, folder / name)
        raw.execute("ROLLBACK")
    assert (folder / path.name).read_bytes() != path.read_bytes()
    return folder / path.name


def test_a_reader_sees_no_half_change_of_a_killed_writer(path, public):
    broken = leave_unfinished(path, public)
    before = broken.read_bytes()
    with without_rights(public), opened(broken) as registry:
        key = {"instrument": "Cam", "exposure": 2}
        assert registry.dimensions.find("exposure", key)["obs_id"] == "obs-2"
        assert exposures(registry) == [1, 2, 3]
    assert broken.read_bytes() == before


def test_the_next_writer_undoes_what_a_killed_one_left(path, public):
    broken = leave_unfinished(path, public)
    with opened(broken, writeable=True) as registry:
        key = {"instrument": "Cam", "exposure": 2}
        assert registry.dimensions.find("exposure", key)["obs_id"] == "obs-2"
    assert not Path(f"{broken}-journal").exists()


KILLED = """
import os, signal, sys
from pantler.registry.sql.sqlite import SqliteRegistry
from pantler.testing.survey import insert_some, raw_type

registry = SqliteRegistry.open(sys.argv[1], writeable=True)
raw = raw_type(registry)
insert_some(registry, raw, "done")
with registry.transaction():
    insert_some(registry, raw, "undone")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_committed_survives_a_kill_and_nothing_else(path):
    ended = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert ended.returncode == -signal.SIGKILL
    with opened(path, writeable=True) as registry:
        assert [c.name for c in registry.collections.all()] == ["done"]
        insert_some(registry, raw_type(registry), "undone")


def test_changes_of_others_are_seen(path):
    with opened(path, writeable=True) as one, opened(path) as two:
        group = one.universe.group(["detector"])
        assert two.dimensions.expand({"detector": 1}, group)["instrument"] == "Cam"
        assert two.collections.all() == []
        raw = raw_type(one)
        ids = insert_some(one, raw, "run")
        assert two.datasets.get(ids[0]).run == "run"
        assert two.dataset_types.get("raw") == raw
        assert two.collections.dataset_types("run") == ["raw"]
        one.collections.set_chain("chain", ["run"])
        assert [c.name for c in two.collections.flatten(["chain"])] == ["run"]
        one.dimensions.insert("instrument", [{"instrument": "Other"}])
        with pytest.raises(ValueError, match="instrument"):
            two.dimensions.expand({"detector": 1}, group)


def test_a_writer_waits_for_another(path):
    holds, outcome = threading.Event(), []

    def hold():
        with opened(path, writeable=True) as registry, registry.transaction():
            registry.collections.register("first", CollectionType.RUN)
            holds.set()
            finish.wait(0.2)
            outcome.append("first")

    finish = threading.Event()
    thread = threading.Thread(target=hold)
    thread.start()
    with opened(path, writeable=True) as registry:
        holds.wait()
        registry.collections.register("second", CollectionType.RUN)
        outcome.append("second")
        thread.join()
        assert [c.name for c in registry.collections.all()] == ["first", "second"]
    assert outcome == ["first", "second"]


def test_long_chains_are_searched_to_their_end(path):
    with opened(path, writeable=True) as registry:
        raw = raw_type(registry)
        with registry.transaction():
            ids = [
                insert_some(registry, raw, f"run {number}", [1])[number % 4]
                for number in range(300)
            ]
        names = [f"run {number}" for number in range(300)]
        ref = registry.datasets.get(ids[1])
        for order, expected in ((names, "run 0"), (names[::-1], "run 299")):
            registry.collections.set_chain("all", order)
            assert registry.datasets.find(raw, ref.data_id, ["all"]).run == expected
