"""A registry in PostgreSQL in trouble: lost servers, locks, too many who use it."""

from __future__ import annotations

import logging
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager

import psycopg
import pytest
import sqlalchemy as sa

from pantler.datasets.collection import CollectionType
from pantler.errors import BusyError, StoppedError, StorageError
from pantler.registry.sql import postgresql_connection, postgresql_driver
from pantler.registry.sql.catalog_reader import CatalogReader
from pantler.registry.sql.postgresql import PostgresqlRegistry
from pantler.registry.sql.settings import PostgresqlSettings
from pantler.testing.postgresql_server import PostgresqlServer
from pantler.testing.survey import fill_survey, insert_some, raw_type


def open_(location, **settings):
    settings = {"lock_timeout_s": 20.0, **settings}
    return closing(
        PostgresqlRegistry.open(
            location, settings=PostgresqlSettings(**settings), writeable=True
        )
    )


@pytest.fixture
def registry(postgresql, database):
    with open_(postgresql.uri(database)) as registry:
        yield registry


def names(registry):
    return [collection.name for collection in registry.collections.all()]


def register(registry, name="run"):
    return registry.collections.register(name, CollectionType.RUN)


def pid_of(registry):
    return registry._db._mine().raw.info.backend_pid


def end(postgresql, registry):
    """End the connection of this thread, as an administrator or a network would."""
    postgresql.run(f"SELECT pg_terminate_backend({pid_of(registry)}, 5000)")


# Connections that are lost


def test_a_lost_connection_is_replaced_where_nothing_was_begun(postgresql, registry):
    register(registry)
    for use in (
        lambda: names(registry),
        lambda: register(registry, "another"),
        lambda: registry.dimensions.find("instrument", {"instrument": "Cam"}),
        lambda: insert_some(registry, raw_type(registry), "run", [1]),
    ):
        old = pid_of(registry)
        end(postgresql, registry)
        assert use()
        assert pid_of(registry) != old
    assert names(registry) == ["another", "run"]


def test_a_connection_that_is_lost_within_a_change_undoes_it(postgresql, registry):
    with pytest.raises(StorageError, match=r"lost|ended"):  # noqa: SIM117, PT012
        with registry.transaction():
            register(registry, "undone")
            end(postgresql, registry)
            register(registry, "never")
    assert names(registry) == []
    assert register(registry)


def test_a_reading_that_loses_its_connection_says_so(postgresql, registry):
    with pytest.raises(StorageError, match=r"lost|ended"):  # noqa: SIM117, PT012
        with registry.reading():
            assert names(registry) == []
            end(postgresql, registry)
            registry.dimensions.find("instrument", {"instrument": "Cam"})
    assert names(registry) == []


def test_whether_a_commit_was_kept_that_lost_its_connection_is_not_known(
    postgresql, registry
):
    with pytest.raises(StorageError, match="whether it was kept is not known"):  # noqa: SIM117, PT012
        with registry.transaction():
            register(registry, "perhaps")
            end(postgresql, registry)
    assert names(registry) == []


def test_a_server_that_is_restarted_is_waited_for():
    with PostgresqlServer() as server:
        PostgresqlRegistry.create(server.uri(), _universe()).close()
        with open_(server.uri()) as registry, ThreadPoolExecutor(1) as pool:
            register(registry)
            server.stop(signal.SIGINT)
            waiting = pool.submit(names, registry)
            time.sleep(0.3)
            server.start()
            assert waiting.result() == ["run"]
            assert register(registry, "another")


def test_a_server_that_does_not_come_back_is_an_error(monkeypatch):
    monkeypatch.setattr(postgresql_driver, "_COMING_BACK_S", 0.3)
    with PostgresqlServer() as server:
        PostgresqlRegistry.create(server.uri(), _universe()).close()
        with open_(server.uri()) as registry:
            register(registry)
            server.stop(signal.SIGINT)
            for _ in range(2):
                with pytest.raises(StorageError, match="No PostgreSQL server answers"):
                    names(registry)
            server.start()
            assert names(registry) == ["run"]


def _universe():
    from pantler.dimensions.universe import Universe

    return Universe.default()


# Locks of others


@contextmanager
def catalog_locked(postgresql, database):
    """Hold the lock of the catalog, in another program."""
    with psycopg.connect(
        postgresql.uri(database), autocommit=True, application_name="night watch"
    ) as other:
        other.execute("SET search_path = pantler")
        other.execute("BEGIN")
        lock = postgresql_driver.PostgresqlDriver.phrases.lock_catalog
        other.execute(lock.encode())
        yield other


def test_who_waits_in_vain_is_told_for_whom(postgresql, database, registry):
    registry.lock_timeout_s = 0.3
    with catalog_locked(postgresql, database):
        begun = time.monotonic()
        with pytest.raises(BusyError, match=r"night watch \(user butler\)"):
            register(registry)
        assert 0.2 < time.monotonic() - begun < 5
    assert register(registry)


def test_who_waits_says_for_whom(postgresql, database, registry, caplog, monkeypatch):
    monkeypatch.setattr(postgresql_connection, "SAY_AFTER_S", 0.2)
    with ThreadPoolExecutor(1) as pool:
        with catalog_locked(postgresql, database):
            waiting = pool.submit(register, registry)
            time.sleep(1)
        assert waiting.result()
    said = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert 2 <= len(said) <= 6
    assert "locked by night watch (user butler): 0 s so far" in said[0].getMessage()
    assert f"'{postgresql.uri(database)}'" in said[0].getMessage()


def test_a_slow_statement_that_waits_for_nobody_is_not_ended(
    registry, caplog, monkeypatch
):
    import sqlalchemy as sa

    monkeypatch.setattr(postgresql_connection, "SAY_AFTER_S", 0.1)
    registry.lock_timeout_s = 0.1
    assert registry._db.rows(sa.text("SELECT 1 FROM pg_sleep(0.7)")) == [(1,)]
    assert not caplog.records


def test_two_who_wait_for_each_other_are_told_apart(postgresql, database):
    # Each has one data ID, and wants that of the other. PostgreSQL stops one of them.
    place, meet, stopped = postgresql.uri(database), threading.Barrier(2), []

    def work(mine, theirs):
        with open_(place) as registry:
            raw = raw_type(registry)
            for number in (mine, theirs):
                insert_some(registry, raw, f"{mine} {number}", [3])
            meet.wait(20)
            try:
                with registry.transaction():
                    insert_some(registry, raw, f"{mine} {mine}", [mine])
                    meet.wait(20)
                    insert_some(registry, raw, f"{mine} {theirs}", [theirs])
            except StoppedError as error:
                stopped.append(str(error))
            return registry.id

    with ThreadPoolExecutor(2) as pool:
        works = [pool.submit(work, 1, 2), pool.submit(work, 2, 1)]
        assert len({one.result() for one in works}) == 1
    (message,) = stopped
    assert "try again" in message


def test_a_change_that_is_stopped_is_made_again(postgresql, database, registry):
    # The other has the second detector and wants the first, which we have by then.
    def insert(number):
        return (
            "INSERT INTO pantler.detector (instrument, detector, full_name) "
            f"VALUES ('Cam', {number}, 'D{number}')"
        ).encode()

    rows = [
        {"instrument": "Cam", "detector": number, "full_name": f"D{number}"}
        for number in (101, 102)
    ]
    with (
        psycopg.connect(postgresql.uri(database), autocommit=True) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute("BEGIN")
        other.execute("SET LOCAL deadlock_timeout = '30s'")  # it is never stopped
        other.execute(insert(102))
        inserting = pool.submit(registry.dimensions.insert, "detector", rows)
        time.sleep(0.4)
        other.execute(insert(101))
        other.execute("ROLLBACK")
        assert inserting.result() == 2


def test_who_brings_a_new_type_into_a_run_is_not_stuck_with_who_renames_it(
    postgresql, database, monkeypatch
):
    """Both have the catalog before the run, in that order."""
    location = postgresql.uri(database)
    with (
        open_(location) as registry,
        open_(location) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        fill_survey(registry)
        raw = raw_type(registry)
        register(registry)
        keep, begun = registry._core.catalog.keep, []

        def keep_and_let_the_other_begin(*words):
            keep(*words)
            begun.append(pool.submit(other.collections.rename, "run", "new"))
            time.sleep(0.5)

        monkeypatch.setattr(
            registry._core.catalog, "keep", keep_and_let_the_other_begin
        )
        # Within a transaction nothing is made again that was stopped.
        with registry.transaction():
            insert_some(registry, raw, "run", [1])
        begun[0].result(timeout=60)
        assert names(registry) == ["new"]
        assert registry.collections.dataset_types("new") == ["raw"]


# Many who use it


def test_a_thread_that_ends_gives_its_connection_to_the_next(postgresql, database):
    with open_(postgresql.uri(database), connections=2, lock_timeout_s=5) as registry:
        seen = set()
        for _ in range(20):
            thread = threading.Thread(target=lambda: seen.add(pid_of(registry)))
            thread.start()
            thread.join()
        assert len(seen) == 1


def test_more_threads_than_connections_wait_for_one(postgresql, database):
    with open_(postgresql.uri(database), connections=2, lock_timeout_s=0.5) as registry:
        with ThreadPoolExecutor(1) as first:
            assert first.submit(names, registry).result() == []
            with ThreadPoolExecutor(1) as second:
                asked = second.submit(names, registry)
                with pytest.raises(BusyError, match=r"All 2 connections .*connections"):
                    asked.result()
        registry.lock_timeout_s = 20
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(names, registry).result() == []


def test_who_waits_for_many_is_told_of_some(postgresql, database, monkeypatch, caplog):
    monkeypatch.setattr(postgresql_connection, "SAY_AFTER_S", 0.2)
    with ExitStack() as stack:
        several = [
            stack.enter_context(open_(postgresql.uri(database))) for _ in range(7)
        ]
        pool = stack.enter_context(ThreadPoolExecutor(6))
        with several[0].transaction():
            register(several[0])
            waiting = [
                pool.submit(register, own, f"{n}") for n, own in enumerate(several[1:])
            ]
            time.sleep(1)
        assert all(each.result(timeout=20) for each in waiting)
    said = [record.getMessage() for record in caplog.records]
    assert any("3 others: " in text for text in said)
    assert max(text.count("user ") for text in said) == 3


def test_the_catalog_is_free_while_datasets_are_inserted(postgresql, database):
    """Also while the first of a run are, which the catalog has to know of."""
    where = postgresql.uri(database)
    with ExitStack() as stack:
        first, second, third = (stack.enter_context(open_(where)) for _ in range(3))
        raw = raw_type(first)
        insert_some(first, raw, "one", [1])
        third.lock_timeout_s = 3
        pool = stack.enter_context(ThreadPoolExecutor(1))
        with first.transaction():
            insert_some(first, raw, "one", [2])
            # The same data IDs, which are new: it waits for the first to end.
            inserting = pool.submit(insert_some, second, raw, "two", [2])
            time.sleep(1)
            assert register(third, "three")
            assert not inserting.done()
        assert len(inserting.result(timeout=20)) == 4
        assert third.collections.dataset_types("two") == ["raw"]


@pytest.fixture
def lonely(postgresql, database):
    """The location for a user who may have one connection."""
    with postgresql.role("LOGIN SUPERUSER") as name:
        postgresql.run(f"ALTER ROLE {name} NOSUPERUSER CONNECTION LIMIT 1")
        postgresql.run(f"GRANT ALL ON SCHEMA pantler TO {name}", database)
        every = "ALL TABLES IN SCHEMA pantler"
        postgresql.run(f"GRANT ALL ON {every} TO {name}", database)
        try:
            yield postgresql.uri(database, name)
        finally:
            postgresql.run(f"DROP OWNED BY {name}", database)


def test_a_server_without_a_free_connection_is_waited_for(lonely, monkeypatch, caplog):
    def look():
        with open_(lonely) as registry:
            return names(registry)

    monkeypatch.setattr(postgresql_driver, "SAY_AFTER_S", 0.2)
    with open_(lonely) as registry:
        assert names(registry) == []
        with pytest.raises(BusyError, match="no connection left for us"):
            open_(lonely, lock_timeout_s=0.3)
        caplog.clear()
        with ThreadPoolExecutor(1) as pool:
            opening = pool.submit(look)
            time.sleep(0.5)
            assert not opening.done()
            registry.close()
            assert opening.result() == []
    said = {record.getMessage().rpartition(":")[0] for record in caplog.records}
    assert said == {f"Waiting for a connection to '{lonely}'"}


def test_a_slow_statement_that_waits_for_nobody_ends_by_itself(lonely):
    """Also when no other connection is to be had, to ask for whom it waits."""
    with open_(lonely, lock_timeout_s=0.3) as registry:
        registry._db.run(sa.text("SELECT pg_sleep(1)"))


def test_a_hundred_threads_share_a_few_connections(postgresql, database):
    with open_(postgresql.uri(database), connections=8) as registry:
        raw = raw_type(registry)

        def work(number):
            insert_some(registry, raw, f"run {number}", [1])

        threads = [threading.Thread(target=work, args=(n,)) for n in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(names(registry)) == 100
        fill = "SELECT count(*) FROM pantler.dataset"
        assert postgresql.run(fill, database) == [(400,)]


def test_psycopg_is_imported_when_it_is_needed():
    import subprocess
    import sys

    code = (
        "import sys, pantler.registry.sql.postgresql, pantler.cli.commands.create; "
        "sys.exit('psycopg' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_psycopg_one_is_told_what_to_install(monkeypatch):
    import sys

    from pantler.errors import PluginError

    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "pantler.registry.sql.postgresql_driver")
    monkeypatch.delitem(sys.modules, "pantler.registry.sql.postgresql_connection")
    with pytest.raises(PluginError, match=r"pip install 'pantler\[postgresql\]'"):
        PostgresqlRegistry.open("postgresql://h/d")


def test_the_survey_is_there(registry):
    fill_survey(registry)  # equal records are no conflict
    assert registry.dimensions.find("instrument", {"instrument": "Cam"})


# What others commit while the catalog is read


@pytest.mark.parametrize("is_new", [False, True])
def test_a_catalog_that_changes_while_it_is_read_is_read_on(
    postgresql, database, monkeypatch, is_new
):
    """A statement sees what was committed since the one before, so states could mix."""
    location = postgresql.uri(database)
    with open_(location) as other, open_(location) as registry:
        register(other, "first")
        other.collections.set_chain("chain", ["first"])
        if not is_new:
            assert names(registry) == ["chain", "first"]
            register(other, "second")
        reads = []
        read = CatalogReader._collection_rows if is_new else CatalogReader.apply

        def read_slowly(self, *arguments):
            found = read(self, *arguments)
            if self is registry._core.catalog._reader and not reads:
                reads.append(1)
                with ThreadPoolExecutor(1) as pool:
                    pool.submit(change).result(timeout=30)
            return found

        def change():
            register(other, "late")
            other.collections.set_chain("chain", ["late", "first"])

        monkeypatch.setattr(CatalogReader, read.__name__, read_slowly)
        with registry.transaction():
            assert "late" in names(registry)
            found = registry.collections.flatten(["chain"])
        assert [one.name for one in found] == ["late", "first"]
        assert reads
