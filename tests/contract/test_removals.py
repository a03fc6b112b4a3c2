"""Removals with files, on each database, while others write and read."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress

import pytest

from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.config.settings import RepositorySettings
from pantler.errors import (
    CollectionNotFoundError,
    ConflictError,
    DatasetNotFoundError,
    PantlerError,
)
from pantler.registry.sql.collections import SqlCollections
from pantler.registry.sql.database import Database
from pantler.testing.survey_repository import make_survey_repository

KEYS = {"exposure": 1, "detector": 1}
ROUNDS = 40


@pytest.fixture(params=["sqlite", "postgresql"])
def root(request, tmp_path):
    """The folder of a repository, whose registry is in a database of each kind."""
    with ExitStack() as stack:
        settings = None
        if request.param == "postgresql":
            server = request.getfixturevalue("postgresql")
            place = server.uri(stack.enter_context(server.database()))
            settings = RepositorySettings().with_registry(place)
        make_survey_repository(tmp_path / "repo", settings).close()
        yield tmp_path / "repo"


@pytest.fixture
def open_butler(root):
    """A function that opens a butler of its own, for writing."""
    with ExitStack() as stack:

        def make():
            opened = Repository.open(root, writeable=True)
            return Butler.of(stack.enter_context(closing(opened)))

        yield make


def _is_whole(root):
    with Repository.open(root) as repository:
        report = repository.check(deep=True)
        assert repository.records.discarded(1) == []
    return not (report.remains or report.damaged or report.odd)


def _put_often(writer):
    for _ in range(ROUNDS):
        with suppress(ConflictError):
            writer.put({"level": 1}, "raw", KEYS, run="busy")


def _remove_often(writer):
    for _ in range(ROUNDS):
        writer.remove_datasets(writer.query_datasets("raw", collections="busy"))


def _read_while(reader, stop):
    """Read until somebody says stop; return what was wrong."""
    while not stop.is_set():
        try:
            if reader.get("raw", KEYS, collections="busy") != {"level": 1}:
                return "another value"
        except DatasetNotFoundError:
            continue
        except PantlerError as error:
            return str(error)
    return ""


def test_putters_removers_and_a_reader_of_one_data_id(root, open_butler):
    """What is there has its file, and what is not leaves none."""
    stop = threading.Event()
    open_butler().collections.register("busy")
    works = [_put_often, _remove_often, _put_often, _remove_often]
    with ThreadPoolExecutor(len(works) + 1) as pool:
        reading = pool.submit(_read_while, open_butler(), stop)
        working = [pool.submit(work, open_butler()) for work in works]
        try:
            for each in working:
                each.result(timeout=120)
        finally:
            stop.set()
        assert not reading.result(timeout=30)
    assert _is_whole(root)


def test_several_remove_the_same_run(root, open_butler):
    """All of them end, and nothing is left."""
    butler = open_butler()
    for exposure in (1, 2, 3):
        for detector in range(4):
            keys = {"exposure": exposure, "detector": detector}
            butler.put({"level": 1}, "raw", keys, run="old")
    plans = [open_butler().plan_removal(runs="old") for _ in range(3)]
    barrier = threading.Barrier(len(plans))

    def apply(plan):
        barrier.wait(timeout=30)
        try:
            plan.apply()
        except CollectionNotFoundError:
            return "gone"
        return "done"

    with ThreadPoolExecutor(len(plans)) as pool:
        ends = list(pool.map(apply, plans))
    assert "done" in ends
    assert butler.collections.query("old") == []
    assert _is_whole(root)


def test_a_run_that_is_filled_as_it_is_removed_stays_with_what_is_new(
    root, open_butler
):
    """Or goes before; no dataset is without its file."""
    butler, other = open_butler(), open_butler()
    for _ in range(8):
        butler.put({"level": 1}, "raw", KEYS, run="old")
        plan = butler.plan_removal(runs="old")

        def put():
            with suppress(ConflictError):
                other.put({"level": 2}, "raw", exposure=2, detector=2, run="old")

        with ThreadPoolExecutor(1) as pool:
            putting = pool.submit(put)
            with suppress(ConflictError):
                plan.apply()
            putting.result(timeout=60)
        assert _is_whole(root)
        if butler.collections.query("old"):
            found = butler.query_datasets("raw", collections="old")
            assert all(butler.get(ref)["level"] in {1, 2} for ref in found)
            butler.remove_runs("old")


def test_records_and_types_go_with_what_depends_on_them(root, open_butler):
    """By plans, with files."""
    butler = open_butler()
    plan = butler.dimensions.plan_removal("exposure", [{"exposure": 1}])
    assert {one.name: one.count for one in plan.dependents} == {
        "visit_definition": 1,
        "raw": 4,
    }
    plan.apply(cascade=True)
    plan = butler.plan_removal(runs="Cam/raw")
    assert plan.dataset_count == 8
    assert plan.size_bytes > 0
    plan.apply()
    butler.dataset_types.remove("raw")
    assert _is_whole(root)


def test_many_runs_go_with_the_statements_of_few(root, open_butler, monkeypatch):
    """Each takes a few rows, and none has a statement made or a chain written anew."""
    butler = open_butler()
    made, written = [], []
    prepare, remove = Database.prepare, SqlCollections.remove_from_chain
    monkeypatch.setattr(
        Database, "prepare", lambda *words: made.append(1) or prepare(*words)
    )
    monkeypatch.setattr(
        SqlCollections,
        "remove_from_chain",
        lambda *words: written.append(words[2]) or remove(*words),
    )
    counts = []
    for count in (3, 3, 30):
        runs = [f"many/{n:02}" for n in range(count)]
        for run in runs:
            butler.collections.register(run)
        butler.collections.chain("long", [*runs, "Cam/raw"])
        made.clear()
        written.clear()
        butler.remove_runs("many/*", unlink=True)
        counts.append(len(made))
        assert [sorted(names) for names in written] == [runs]
        assert butler.collections.get("long").children == ("Cam/raw",)
    assert counts[1] == counts[2]
    assert _is_whole(root)
