"""An SQLite registry in trouble: locks, damage, what cannot be stored, odd places."""

from __future__ import annotations

import math
import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from pantler.datasets.collection import CollectionType
from pantler.datasets.identity import make_uuids
from pantler.dimensions.coordinate import DataCoordinate
from pantler.dimensions.timespan import Timespan
from pantler.dimensions.universe import Universe
from pantler.errors import (
    ConflictError,
    IntegrityError,
    InvalidInputError,
    PantlerError,
    SchemaError,
    SettingsError,
)
from pantler.queries.query import Query
from pantler.registry.sql import catalog, waiting
from pantler.registry.sql.associations import Associations
from pantler.registry.sql.settings import SqliteSettings
from pantler.registry.sql.snapshot import Snapshot
from pantler.registry.sql.sqlite import SqliteRegistry
from pantler.testing.registry_sharing import in_a_fork
from pantler.testing.survey import (
    bias_type,
    fill_survey,
    insert_some,
    raw_type,
)

FAST = SqliteSettings(durability="process")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "registry.sqlite3"


@pytest.fixture
def registry(path):
    with closing(
        SqliteRegistry.create(path, Universe.default(), settings=FAST)
    ) as registry:
        fill_survey(registry)
        yield registry


def pragma(registry, name):
    import sqlalchemy as sa

    return registry._db.rows(sa.text(f"PRAGMA {name}"))[0][0]


# Settings and places


def test_a_power_cut_is_survived_unless_one_chooses_otherwise(tmp_path):
    for name, settings, level in (
        ("default", SqliteSettings(), 3),
        ("fast", FAST, 0),
        ("wal", SqliteSettings(journal="wal"), 3),
    ):
        made = SqliteRegistry.create(
            name, Universe.default(), root=tmp_path, settings=settings
        )
        assert pragma(made, "synchronous") == level
        assert pragma(made, "journal_mode") == settings.journal
        made.close()
        with closing(SqliteRegistry.open(tmp_path / name, settings=settings)) as opened:
            assert pragma(opened, "synchronous") == level


def test_a_location_is_a_path_from_the_root(tmp_path):
    (tmp_path / "night:1").mkdir()
    create, universe = SqliteRegistry.create, Universe.default()
    create("night:1/r.db", universe, root=str(tmp_path), settings=FAST).close()
    assert (tmp_path / "night:1" / "r.db").exists()
    absolute = str(tmp_path / "night:1" / "r.db")
    SqliteRegistry.open(absolute, root="/elsewhere", settings=FAST).close()
    SqliteRegistry.open("night:1/r.db", root=str(tmp_path)).close()
    with pytest.raises(SettingsError, match="path"):
        SqliteRegistry.open("postgresql://host/name", root=str(tmp_path))


def test_two_who_create_one_registry_make_one(path, monkeypatch):
    # Another is faster, after it was seen that there is none.
    from pantler.registry.sql import sqlite

    fill = sqlite._fill

    def slow(partial, universe, settings):
        fill(partial, universe, settings)
        path.write_text("of another")

    monkeypatch.setattr(sqlite, "_fill", slow)
    with pytest.raises(ConflictError, match="just now"):
        SqliteRegistry.create(path, Universe.default(), settings=FAST)
    assert path.read_text() == "of another"
    assert [p.name for p in path.parent.iterdir()] == [path.name]


# Locks


def test_who_waits_for_a_lock_says_for_what(path, registry, caplog, monkeypatch):
    monkeypatch.setattr(waiting, "_SAY_EVERY_S", 0.05)
    registry.lock_timeout_s = math.inf
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        thread = threading.Thread(
            target=registry.collections.register, args=("run", CollectionType.RUN)
        )
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        other.execute("ROLLBACK")
        thread.join(30)
    assert [c.name for c in registry.collections.all()] == ["run"]
    messages = [record.getMessage() for record in caplog.records]
    assert 2 <= len(messages) <= 12
    assert all(str(path) in message for message in messages)
    assert "locked by another thread of this process: 0 s so far" in messages[0]


def test_a_lock_of_another_process_is_laid_to_it(path, registry):
    held, free = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        os.write(held[1], b"x")
        os.read(free[0], 1)
        os._exit(0)
    os.read(held[0], 1)
    assert registry._db.driver.lock_holder() == f"process {child}"
    os.write(free[1], b"x")
    os.waitpid(child, 0)
    assert registry._db.driver.lock_holder() == "another process"
    for end in (*held, *free):
        os.close(end)


def test_a_wait_ends_when_it_was_said_to(path, registry):
    registry.lock_timeout_s = 0.05
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ConflictError, match="lock_timeout_s"):
            registry.collections.register("run", CollectionType.RUN)
        assert registry.collections.all() == []
    with closing(
        SqliteRegistry.open(path, settings=SqliteSettings(lock_timeout_s=7))
    ) as opened:
        assert opened.lock_timeout_s == 7


# Forks


def test_a_child_forked_in_a_transaction_cannot_open_the_file(path, registry):
    # SQLite would take the parent's locks for the child's own.
    def child():
        with pytest.raises(ConflictError, match="forked"):
            SqliteRegistry.open(path)

    with registry.transaction():
        registry.collections.register("run", CollectionType.RUN)
        assert in_a_fork(child) == 0

    def later():
        SqliteRegistry.open(path).close()

    assert in_a_fork(later) == 0
    assert [c.name for c in registry.collections.all()] == ["run"]


FORKS = """
import os, sys
from pantler.datasets.collection import CollectionType
from pantler.registry.sql.settings import SqliteSettings
from pantler.registry.sql.snapshot import Snapshot
from pantler.registry.sql.sqlite import SqliteRegistry

settings = SqliteSettings(durability="process")
registry = SqliteRegistry.open(sys.argv[1], settings=settings, writeable=True)
change = registry.transaction()
change.__enter__()
for number in range(200):
    registry.collections.register(f"{number:03d}", CollectionType.RUN)
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
    registry.collections.register("more", CollectionType.RUN)
    change.__exit__(None, None, None)
"""


def test_a_child_that_ends_as_programs_do_leaves_the_transaction(path, registry):
    # All of Python is taken down in the child, but for the parent's connection.
    subprocess.run([sys.executable, "-c", FORKS, path], check=True)
    assert len(registry.collections.all()) == 201
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)


# What cannot be stored, and damage


@pytest.mark.parametrize(
    "use",
    [
        lambda r: r.collections.register("a\ud800", CollectionType.RUN),
        lambda r: r.collections.register("a", CollectionType.RUN, "\udfff"),
        lambda r: r.dimensions.find("skymap", {"skymap": "\ud800"}),
        lambda r: r.dimensions.find("exposure", {"instrument": "C", "exposure": 2**70}),
        lambda r: r.dimensions.expand(
            {"instrument": "\ud800"}, r.universe.group(["instrument"])
        ),
        lambda r: r.dimensions.expand(
            {"detector": 2**70}, r.universe.group(["detector"])
        ),
        lambda r: r.datasets.find(
            raw_type(r),
            DataCoordinate(raw_type(r).dimensions, ("Cam", 1, 2**70)),
            ["run"],
        ),
        lambda r: r.record_table("file").paths_in_use(["\ud800"]),
        lambda r: r.dimensions.insert("instrument", [{"instrument": "\ud800"}]),
        lambda r: r.dimensions.find("skymap", {"skymap": ["sky"]}),
    ],
)
def test_what_cannot_be_a_parameter_is_an_error_of_ours(registry, use):
    insert_some(registry, raw_type(registry), "run")
    with pytest.raises(
        InvalidInputError, match=r"Unicode|64 bits|surrogates|not text|type|be printed"
    ):
        use(registry)
    registry.collections.register("still good", CollectionType.RUN)


def uses(registry):
    """Yield what one does with a registry."""
    raw = registry.universe.group(["exposure", "detector"])
    yield registry.collections.all
    yield registry.dataset_types.all
    yield lambda: registry.query(Query(raw))
    yield lambda: registry.count(Query(registry.universe.group(["visit", "patch"])))
    yield lambda: registry.dimensions.expand({"exposure": 1, "detector": 1}, raw)
    yield lambda: registry.dimensions.find("tract", {"skymap": "sky", "tract": 1})
    yield lambda: registry.datasets.get(make_uuids(1).tobytes())
    yield lambda: registry.record_table("file").fetch([make_uuids(1).tobytes()] * 2)
    yield lambda: insert_some(registry, raw_type(registry), "new run")
    yield lambda: registry.collections.register("x", CollectionType.RUN)
    yield lambda: registry.datasets.delete([make_uuids(1).tobytes()])


@pytest.mark.parametrize("seed", range(12))
def test_damaged_pages_give_errors_of_ours(path, registry, seed):
    import numpy as np

    insert_some(registry, raw_type(registry), "run")
    registry.record_table("file")
    registry.close()
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for page in rng.choice(np.arange(1, len(content) // 4096), 30, replace=False):
        content[page * 4096 : (page + 1) * 4096] = rng.bytes(4096)
    path.write_bytes(content)
    raised = set()
    try:
        with closing(
            SqliteRegistry.open(path, settings=FAST, writeable=True)
        ) as broken:
            for use in uses(broken):
                try:
                    use()
                except PantlerError as error:
                    raised.add(type(error))
    except PantlerError as error:
        raised.add(type(error))
    assert raised


def test_damage_is_named_with_what_to_do(path, registry):
    insert_some(registry, raw_type(registry), "run")
    registry.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\x55" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="backup"):
        SqliteRegistry.open(path)


def test_tables_that_are_gone_are_named(path, registry):
    registry.close()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("DROP TABLE collection_chain")
    with (
        closing(SqliteRegistry.open(path)) as broken,
        pytest.raises(SchemaError, match="collection_chain"),
    ):
        broken.collections.all()


# Who is faster


def test_ranges_that_another_certified_meanwhile_are_a_conflict(registry, monkeypatch):
    # As where writers do not wait for each other, and a constraint decides.
    biases = insert_some(registry, bias_type(registry), "run")
    registry.collections.register("calib", CollectionType.CALIBRATION)
    registry.collections.certify("calib", biases, Timespan(0, 100))
    check, asked = Associations._check_validity, []

    def look_too_early(self, *given):
        asked.append(given)
        if len(asked) > 1:
            check(self, *given)

    monkeypatch.setattr(Associations, "_check_validity", look_too_early)
    with pytest.raises(ConflictError, match="detector: 0"):
        registry.collections.certify("calib", biases, Timespan(0, 100))
    assert len(asked) == 2


def test_who_changes_the_catalog_locks_it_first(registry, monkeypatch):
    # SQLite has one writer at a time; other systems need this.
    driver = registry._db.driver
    phrases = replace(driver.phrases, lock_catalog="SELECT 'the catalog is locked'")
    monkeypatch.setattr(driver, "phrases", phrases)
    said = []
    registry._db._mine().raw.set_trace_callback(said.append)
    for change in (
        lambda: registry.collections.register("run", CollectionType.RUN),
        lambda: registry.collections.register("tag", CollectionType.TAGGED),
        lambda: registry.collections.set_chain("chain", ["run"]),
        lambda: registry.collections.set_chain("chain", []),
        lambda: registry.collections.remove("chain"),
        lambda: raw_type(registry),
        lambda: insert_some(registry, raw_type(registry), "run"),
        lambda: registry.record_table("store"),
        lambda: registry.dimensions.insert("instrument", [{"instrument": "Two"}]),
    ):
        said.clear()
        change()
        logged = [at for at, text in enumerate(said) if "catalog_journal (" in text]
        locked = [at for at, text in enumerate(said) if "catalog is locked" in text]
        assert locked
        assert locked[0] < logged[0]
        own = (
            "INSERT INTO collection",
            "INSERT INTO dataset_type",
            "INSERT INTO instrument",
            "DELETE FROM collection",
        )
        changed = [at for at, text in enumerate(said) if text.startswith(own)]
        assert all(locked[0] < at for at in changed)


# The catalog


def test_who_missed_more_changes_than_are_kept_reads_everything(
    path, registry, monkeypatch
):
    monkeypatch.setattr(catalog, "_KEPT", 20)
    assert registry.collections.all() == []
    with closing(SqliteRegistry.open(path, settings=FAST, writeable=True)) as other:
        for number in range(95):
            other.collections.register(f"{number:05d}", CollectionType.RUN)
        with closing(sqlite3.connect(path)) as raw:
            kept = raw.execute("SELECT count(*) FROM catalog_journal").fetchone()[0]
        assert 20 <= kept <= 45
        assert registry.collections.all() == other.collections.all()
        assert len(registry.collections.all()) == 95


@pytest.fixture
def read(registry, monkeypatch):
    """Return a list that grows when all of the catalog is read."""
    assert registry.collections.all() == []
    times = []
    reader = registry._core.catalog._reader
    whole = reader.read_all
    monkeypatch.setattr(reader, "read_all", lambda: times.append("all") or whole())
    return times


def test_a_line_of_the_journal_is_read_once(path, registry, read, monkeypatch):
    reader = registry._core.catalog._reader
    apply, lines = reader.apply, []
    monkeypatch.setattr(
        reader,
        "apply",
        lambda snapshot, news: lines.append(len(news)) or apply(snapshot, news),
    )
    with closing(SqliteRegistry.open(path, settings=FAST, writeable=True)) as other:
        for number in range(3):
            other.collections.register(f"{number}", CollectionType.RUN)
            assert len(registry.collections.all()) == number + 1
        assert len(registry.collections.all()) == 3
    assert lines == [1, 1, 1]
    assert read == []


def test_members_of_a_collection_are_one_line_for_each_type(path, registry):
    def lines():
        with closing(sqlite3.connect(path)) as raw:
            return raw.execute("SELECT count(*) FROM catalog_journal").fetchone()[0]

    ids = insert_some(registry, raw_type(registry), "run")
    biases = insert_some(registry, bias_type(registry), "run")
    registry.collections.register("tag", CollectionType.TAGGED)
    before = lines()
    registry.collections.associate("tag", [*ids, *biases])
    assert lines() == before + 2
    registry.collections.associate("tag", ids)
    insert_some(registry, raw_type(registry, "raw2"), "run", [1])
    before = lines()
    insert_some(registry, raw_type(registry, "raw2"), "run", [2])
    assert lines() == before


def test_a_thread_takes_what_another_has_read(registry, read):
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(registry.collections.all).result() == []
        registry.collections.register("run", CollectionType.RUN)
        assert len(pool.submit(registry.collections.all).result()) == 1
    assert read == []


def test_a_thread_that_begins_with_what_is_undone_changes_nothing(registry, read):
    def fail():
        with registry.transaction():
            registry.collections.register("undone", CollectionType.RUN)
            raise ZeroDivisionError

    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(ZeroDivisionError):
            pool.submit(fail).result()
        assert registry.collections.all() == []
        assert pool.submit(registry.collections.all).result() == []
    with pytest.raises(ZeroDivisionError):
        fail()
    assert registry.collections.all() == []
    assert read == []


def test_a_transaction_copies_the_catalog_once(registry, read, monkeypatch):
    copies = []
    copy = Snapshot.copy
    monkeypatch.setattr(Snapshot, "copy", lambda one: copies.append(1) or copy(one))
    with registry.transaction():
        for number in range(20):
            registry.collections.register(f"{number}", CollectionType.RUN)
            assert len(registry.collections.all()) == number + 1
    assert len(copies) == 1
    assert read == []


def test_one_change_is_read_as_one(path, registry, read):
    with closing(SqliteRegistry.open(path, settings=FAST, writeable=True)) as other:
        with other.transaction():
            for number in range(500):
                other.collections.register(f"{number:05d}", CollectionType.RUN)
        assert len(registry.collections.all()) == 500
        other.collections.register("last", CollectionType.RUN)
        assert registry.collections.get("last").name == "last"
        assert read == []


def test_a_change_that_fails_in_the_middle_is_not_seen(registry):
    raw = raw_type(registry)
    insert_some(registry, raw, "run", [1])
    with registry.transaction():
        registry.collections.register("one", CollectionType.RUN)
        with pytest.raises(ZeroDivisionError), registry.transaction():  # noqa: PT012
            registry.collections.register("two", CollectionType.RUN)
            registry.collections.set_chain("chain", ["two"])
            assert registry.collections.get("chain").children == ("two",)
            raise ZeroDivisionError
        assert [c.name for c in registry.collections.all()] == ["one", "run"]
        registry.collections.register("two", CollectionType.TAGGED)
        assert registry.collections.dataset_types("two") == []
    assert [c.name for c in registry.collections.all()] == ["one", "run", "two"]


def test_damaged_text_that_sqlite_quotes_in_its_message_is_damage(registry, path):
    """SQLite says where the schema is damaged, in words that are not Unicode."""
    registry.close()
    data = path.read_bytes()
    damaged = data.replace(b"tablecollection", b"table\xffollection")
    path.write_bytes(damaged.replace(b"CREATE TABLE coll", b"CREATE TABLX coll"))
    assert path.read_bytes() != data
    with pytest.raises(IntegrityError, match=r"damaged.*not Unicode"):
        SqliteRegistry.open(path)
