"""Find-first asks the database for no more than it must."""

from __future__ import annotations

from contextlib import closing, contextmanager

import polars as pl
import pytest

from pantler.datasets.collection import CollectionType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.dimensions.universe import Universe
from pantler.queries.query import DatasetSearch, OrderTerm, Query
from pantler.queries.results import DatasetResults
from pantler.queries.tree import Comparison, Constant, DatasetField, DimensionKey
from pantler.registry.sql.database import Database
from pantler.registry.sql.sqlite import SqliteRegistry
from pantler.testing.survey import fill_survey, raw_type

RUNS = tuple(f"run{number}" for number in range(20))
EXPOSURES = 400


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """Return a registry with 32,000 datasets of 1,600 data IDs in 20 runs."""
    path = tmp_path_factory.mktemp("first") / "registry.sqlite"
    with closing(SqliteRegistry.create(path, Universe.default())) as made:
        fill_survey(made)
        numbers = range(10, 10 + EXPOSURES)
        made.dimensions.insert(
            "exposure",
            [{"instrument": "Cam", "exposure": n, "obs_id": str(n)} for n in numbers],
        )
        raw = raw_type(made)
        data_ids = pl.DataFrame(
            [
                {"instrument": "Cam", "exposure": exposure, "detector": detector}
                for exposure in numbers
                for detector in range(4)
            ]
        )
        for run in RUNS:
            made.collections.register(run, CollectionType.RUN)
            ids = uuid_series(make_uuids(data_ids.height))
            made.datasets.insert(raw, run, data_ids, ids)
        yield made


@pytest.fixture
def fetched(registry, monkeypatch):
    """Return a list that gets the height of each frame that is fetched."""
    heights = []
    fetch = Database.frame

    def frame(*args, **kwargs):
        found = fetch(*args, **kwargs)
        heights.append(found.height)
        return found

    monkeypatch.setattr(Database, "frame", frame)
    return heights


@pytest.fixture
def raws(registry):
    raw = registry.dataset_types.get("raw")
    search = DatasetSearch(raw, RUNS)
    return DatasetResults(registry, Query(raw.dimensions, target=search))


def test_whether_there_are_any_and_how_many_is_asked_without_rows(raws, fetched):
    assert raws.any()
    assert raws.count() == 4 * EXPOSURES
    assert raws.limit(7).count() == 7
    assert raws.offset(4 * EXPOSURES - 3).limit(7).count() == 3
    assert not raws.where("detector = 9").any()
    assert fetched == []


@pytest.mark.parametrize("order", [(), ("-detector", "exposure")])
def test_of_a_few_rows_only_their_own_matches_are_fetched(raws, fetched, order):
    found = raws.order_by(*order).limit(5).offset(2)
    assert [ref.run for ref in found] == [RUNS[0]] * 5
    assert max(fetched) <= 8 * len(RUNS)


def test_all_rows_are_fetched_and_ranked_once(raws, fetched):
    assert set(raws.to_polars()["run"]) == {RUNS[0]}
    assert fetched == [4 * EXPOSURES * len(RUNS)]


@contextmanager
def steps_of(registry):
    """Count the steps of the database's program, in hundreds."""
    steps = []
    connection = registry._db._mine().raw
    connection.set_progress_handler(lambda: steps.append(1), 100)
    try:
        yield steps
    finally:
        connection.set_progress_handler(None, 0)


def test_only_rows_that_satisfy_the_other_conditions_are_ranked(registry):
    raw = registry.dataset_types.get("raw")
    run = Comparison(
        "=", DatasetField("raw", "run", "string"), Constant(RUNS[0], "string")
    )
    whole = Query(raw.dimensions, run, target=DatasetSearch(raw, RUNS))
    results = DatasetResults(registry, whole)
    with steps_of(registry) as few:
        assert results.where(exposure=11, detector=1).count() == 1
    with steps_of(registry) as many:
        assert results.count() == 4 * EXPOSURES
    assert len(few) * 20 < len(many)


def test_the_database_stops_at_the_first_row(registry, raws):
    with steps_of(registry) as few:
        assert raws.any()
    with steps_of(registry) as many:
        assert raws.count()
    assert len(few) * 20 < len(many)


def test_an_order_that_a_row_has_several_times_is_no_hindrance(registry):
    raw = registry.dataset_types.get("raw")
    order = (OrderTerm(DimensionKey("physical_filter", "string")),)
    query = Query(
        raw.dimensions, target=DatasetSearch(raw, RUNS), order_by=order, limit=3
    )
    assert registry.query(query).height == registry.count(query) == 3
