"""A registry of an older version becomes one of this version, and loses nothing."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from pantler.datasets.collection import CollectionType
from pantler.dimensions.timespan import Timespan
from pantler.dimensions.universe import Universe
from pantler.errors import ConflictError, SchemaError
from pantler.queries.query import DatasetSearch, Query
from pantler.registry.sql.migrations.plan import (
    STEPS,
    Migration,
    check_version,
    read_attributes,
)
from pantler.registry.sql.migrations.step import Step
from pantler.registry.sql.postgresql import PostgresqlRegistry
from pantler.registry.sql.schema import SCHEMA_VERSION
from pantler.registry.sql.settings import SqliteSettings
from pantler.registry.sql.sqlite import SqliteRegistry
from pantler.testing.survey import fill_survey, insert_some, raw_type

OLD = Path(__file__).with_name("schema_2.sql")
SETTINGS = SqliteSettings(durability="process")


@pytest.fixture
def old(tmp_path):
    """A registry of version 2, as that pantler made it."""
    path = tmp_path / "registry.sqlite3"
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript(OLD.read_text("utf-8"))
    return path


@pytest.fixture
def migrate():
    """Return a function that migrates a file and says how far it came."""

    def run(path):
        lines = []
        with closing(SqliteRegistry.migration(path, settings=SETTINGS)) as migration:
            migration.run(lambda *line: lines.append(line))
        return lines

    return run


def _tables(path):
    """Return what SQLite knows of each table: columns, keys and indexes."""
    with closing(sqlite3.connect(path)) as raw:
        names = [
            name
            for (name,) in raw.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND "
                "name NOT LIKE 'sqlite%'"
            )
        ]
        found = {}
        for name in names:
            keys = raw.execute(f'PRAGMA foreign_key_list("{name}")').fetchall()
            indexes = raw.execute(f'PRAGMA index_list("{name}")').fetchall()
            found[name] = (
                raw.execute(f'PRAGMA table_info("{name}")').fetchall(),
                sorted(key[2:] for key in keys),
                sorted(index[1:] for index in indexes),
                raw.execute(f'PRAGMA table_list("{name}")').fetchall(),
            )
        statistics = raw.execute("SELECT tbl, idx, stat FROM sqlite_stat1").fetchall()
    return found, sorted(statistics)


def test_the_tables_are_those_that_are_made_today(old, migrate, tmp_path):
    migrate(old)
    new = tmp_path / "new.sqlite3"
    with closing(SqliteRegistry.create(new, Universe.default())) as registry:
        fill_survey(registry)
        raw_type(registry)
        registry.record_table("file")
    migrated, statistics = _tables(old)
    fresh, expected = _tables(new)
    assert statistics == expected
    for name, description in fresh.items():
        if not name.startswith("data_id_"):
            assert migrated[name] == description, name


def test_all_that_is_in_it_is_kept(old, migrate):
    with closing(sqlite3.connect(old)) as raw:
        ids = [one for (one,) in raw.execute("SELECT uuid FROM dataset")]
        records = sorted(raw.execute("SELECT * FROM datastore_file"))
        tagged = {one for (one,) in raw.execute("SELECT uuid FROM tag")}
    assert len(ids) == len(records) > len(tagged) > 0
    migrate(old)
    with closing(SqliteRegistry.open(old, settings=SETTINGS)) as registry:
        assert all(registry.datasets.get(one).id.bytes == one for one in ids)
        kept = registry.record_table("file").fetch(ids)
        assert sorted(kept.rows()) == records
        raw, bias = map(registry.dataset_types.get, ("raw", "bias"))
        search = DatasetSearch(raw, ("best",))
        best = registry.query(Query(raw.dimensions, target=search))
        assert set(best["dataset_id"]) == tagged
        assert registry.collections.get("best").doc == "It's the best"
        chained = [c.name for c in registry.collections.flatten(["all"])]
        assert chained == ["best", "Cam/raw", "Cam/biases"]
        data_id = registry.dimensions.expand(
            {"instrument": "Cam", "detector": 1}, bias.dimensions
        )
        found = registry.datasets.find(bias, data_id, ["Cam/calib"], Timespan(10, 20))
        assert found.run == "Cam/biases"


_LOOK = "SELECT revision FROM catalog_change WHERE revision >= 0 ORDER BY revision"


@pytest.mark.parametrize(
    "statements",
    [
        (_LOOK, "DELETE FROM dataset WHERE uuid IN (SELECT uuid FROM dataset LIMIT 3)"),
        (
            _LOOK,
            "INSERT INTO dataset (run_id, dataset_type_id, data_id, uuid, ingest_time) "
            "SELECT run_id, dataset_type_id, 99, randomblob(16), 1 "
            "FROM dataset LIMIT 1",
        ),
        (
            "INSERT INTO tag (collection_id, dataset_type_id, data_id, uuid) SELECT 4, "
            "dataset_type_id, data_id, uuid FROM dataset WHERE true LIMIT 1 "
            "ON CONFLICT (collection_id, dataset_type_id, data_id) "
            "DO UPDATE SET uuid = excluded.uuid",
        ),
        ("DELETE FROM tag WHERE collection_id = 4",),
        (
            "INSERT INTO catalog_change (subject, number, type_id) "
            "VALUES ('removal', 4, 0) RETURNING revision",
        ),
    ],
    ids=["delete", "insert", "associate", "remove", "journal"],
)
def test_a_program_of_the_old_version_gets_errors(old, migrate, statements):
    """One that has the file open looks at the journal first, whatever it changes."""
    with closing(sqlite3.connect(old, isolation_level=None)) as raw:
        raw.execute("BEGIN")
        for statement in statements:  # they are what the old tables take
            raw.execute(statement).fetchall()
        raw.execute("ROLLBACK")
        migrate(old)
        before = list(raw.iterdump())
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            raw.execute(statements[0])  # no other follows
        assert list(raw.iterdump()) == before


def test_it_is_written_and_changed_as_any_other(old, migrate):
    migrate(old)
    with closing(
        SqliteRegistry.open(old, settings=SETTINGS, writeable=True)
    ) as registry:
        raw = registry.dataset_types.get("raw")
        ids = insert_some(registry, raw, "new", [1])
        with pytest.raises(ConflictError):
            insert_some(registry, raw, "new", [1])
        registry.datasets.delete(ids)
        registry.collections.remove("new")
        search = DatasetSearch(raw, ("Cam/raw",))
        old_ids = registry.query(Query(raw.dimensions, target=search))["dataset_id"]
        registry.datasets.delete(old_ids.to_list())
        assert registry.record_table("file").fetch(old_ids.to_list()).is_empty()


def test_an_old_one_says_how_it_is_migrated(old):
    with pytest.raises(SchemaError, match=r"version 2.*pantler migrate"):
        SqliteRegistry.open(old)


def test_one_that_was_killed_is_as_it_was(old):
    before = old.read_bytes()
    with closing(SqliteRegistry.migration(old, settings=SETTINGS)) as migration:
        steps = []

        def killed(*line):
            steps.append(line)
            if len(steps) == 8:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            migration.run(killed)
    with closing(sqlite3.connect(old)) as raw:
        dump = list(raw.iterdump())
    old.write_bytes(before)
    with closing(sqlite3.connect(old)) as raw:
        assert list(raw.iterdump()) == dump


def test_the_copy_is_the_old_one_and_never_written_over(old, migrate):
    with closing(sqlite3.connect(old)) as raw:
        dump = list(raw.iterdump())
    with closing(SqliteRegistry.migration(old, settings=SETTINGS)) as migration:
        first, second = migration.back_up(), migration.back_up()
    assert first != second
    migrate(old)
    for copy in (first, second):
        with closing(sqlite3.connect(copy)) as raw:
            assert list(raw.iterdump()) == dump


def test_what_is_up_to_date_has_nothing_to_do(old, migrate):
    assert migrate(old)
    assert migrate(old) == []


def test_two_at_once_do_it_once(old):
    with (
        closing(SqliteRegistry.migration(old, settings=SETTINGS)) as one,
        closing(SqliteRegistry.migration(old, settings=SETTINGS)) as other,
    ):
        one.run(lambda *_: None)
        with pytest.raises(ConflictError, match="somebody else"):
            other.run(lambda *_: None)


def test_a_newer_one_says_which_pantler_it_needs(old, migrate):
    migrate(old)
    with closing(sqlite3.connect(old)) as raw, raw:
        for name, value in {
            "schema_version": "99",
            "readable_since": "98",
            "made_by": "7.5.3",
        }.items():
            raw.execute("UPDATE attribute SET value = ? WHERE name = ?", (value, name))
    for open_it in (SqliteRegistry.open, SqliteRegistry.migration):
        with pytest.raises(SchemaError, match=r"version 99.*Use pantler 7\.5\.3"):
            open_it(old)


def test_steps_follow_each_other():
    versions = [step.version for step in STEPS]
    assert versions == list(range(versions[0], SCHEMA_VERSION + 1))


def _add_a_column(op, _datastores):
    op.add_column("collection", sa.Column("owner", sa.String))


ADDING = Step(SCHEMA_VERSION + 1, "an owner", SCHEMA_VERSION, _add_a_column)
CLOSING = Step(
    SCHEMA_VERSION + 2,
    "an owner that is always there",
    SCHEMA_VERSION + 1,
    lambda op, _: op.execute("UPDATE collection SET owner = '' WHERE owner IS NULL"),
)


@pytest.fixture
def server(postgresql):
    """The location of a new registry."""
    with postgresql.database() as name:
        location = postgresql.uri(name)
        PostgresqlRegistry.create(location, Universe.default()).close()
        yield location


class AtWork:
    """Programs of the old version, which write and read until they are ended."""

    def __init__(self, location, dataset_type):
        self.location = location
        self.dataset_type = dataset_type
        self.turns = Counter()
        self.failures = []
        self.threads = []
        self.ended = threading.Event()

    def start(self, name, turn):
        """Have a thread take turns with a registry of its own."""

        def work():
            try:
                is_writer = turn == self.write
                opened = PostgresqlRegistry.open(self.location, writeable=is_writer)
                with closing(opened):
                    while not self.ended.is_set():
                        turn(opened, f"{name} {self.turns[name]}")
                        self.turns[name] += 1
            except BaseException as error:
                self.failures.append(error)
                raise

        self.threads.append(threading.Thread(target=work, name=name))
        self.threads[-1].start()

    def write(self, registry, run):
        ids = insert_some(registry, self.dataset_type, run, [1])
        assert registry.datasets.get(ids[0]).run == run

    def read(self, registry, _):
        exposures = registry.universe.group(["exposure"])
        assert registry.query(Query(exposures)).height == 3
        assert registry.collections.all()

    def wait(self, *names):
        """Wait until each of these has begun and ended a turn, or all have."""
        names = names or [thread.name for thread in self.threads]
        goals = {name: self.turns[name] + 2 for name in names}
        until = time.monotonic() + 60
        while any(self.turns[name] < goal for name, goal in goals.items()):
            assert not self.failures
            assert time.monotonic() < until, (goals, self.turns)
            time.sleep(0.01)

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        assert not self.failures


@pytest.fixture
def at_work(server):
    with closing(PostgresqlRegistry.open(server, writeable=True)) as registry:
        fill_survey(registry)
        some = AtWork(server, raw_type(registry))
    yield some
    some.end()


def test_on_a_server_old_and_new_ones_work_at_once(server, at_work):
    """Before a step that only adds something, while it is made, and after it."""
    for number in range(2):
        at_work.start(f"old {number}", at_work.write)
    at_work.start("reader", at_work.read)
    at_work.wait()

    def report(_title, done, count):
        if done == 0 and count:  # the transaction of the step is open
            at_work.wait("reader")

    with closing(PostgresqlRegistry.migration(server)) as opened:
        migration = Migration(opened._db, [*STEPS, ADDING])
        assert migration.is_online
        migration.run(report)
        at_work.wait()
        # One that knows the new column is at work beside those that do not.
        for number in range(5):
            opened._db.run(
                sa.text(
                    "INSERT INTO collection (name, type, doc, owner) "
                    "VALUES (:name, 1, '', 'me')"
                ).bindparams(name=f"new {number}")
            )
            at_work.wait("reader")
    at_work.start("old after", at_work.write)
    at_work.wait()
    at_work.end()
    with closing(PostgresqlRegistry.open(server)) as registry:
        kinds = {c.name: c.type for c in registry.collections.all()}
        assert kinds["new 4"] is kinds["old 0 0"] is CollectionType.RUN


def test_on_a_server_the_oldest_are_shut_out_by_a_step_that_closes(server):
    with closing(PostgresqlRegistry.migration(server)) as opened:
        db = opened._db
        Migration(db, [*STEPS, ADDING, CLOSING]).run(lambda *_: None)
        found = read_attributes(db)
        for version in (SCHEMA_VERSION + 1, SCHEMA_VERSION + 2):
            check_version(db, found, version)
    with pytest.raises(SchemaError, match="newer than this pantler"):
        PostgresqlRegistry.open(server)
