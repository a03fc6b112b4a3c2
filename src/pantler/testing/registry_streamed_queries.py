"""What any registry must do with queries in batches, and say of how it answers them."""

# ruff: noqa: S101 - these are tests
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pytest

from pantler.datasets.collection import CollectionType
from pantler.dimensions.timespan import Timespan
from pantler.errors import InvalidInputError
from pantler.queries.query import (
    Aggregate,
    DatasetSearch,
    JoinedTable,
    OrderTerm,
    Query,
)
from pantler.queries.tree import Comparison, Constant, DatasetField, DimensionKey
from pantler.testing.survey import (
    DAY_NS,
    bias_type,
    fill_survey,
    insert_some,
    raw_type,
)

if TYPE_CHECKING:
    from pantler.registry.interface import Registry

DETECTOR = DimensionKey("detector", "int")
EXPOSURE = DimensionKey("exposure", "int")


class StreamedQuerySuite:
    """Batches, and plans."""

    def test_batches_are_the_rows_of_the_query(self, registry: Registry) -> None:
        """Whatever is asked: each row once, and just so many in each."""
        for query in _queries(registry):
            rows = registry.query(query)
            batches = list(registry.query_batches(query, 3))
            heights = [batch.height for batch in batches]
            full, rest = divmod(rows.height, 3)
            assert heights == [3] * full + [rest] * (rest > 0)
            if not batches:
                continue
            found = pl.concat(batches)
            assert found.schema == rows.schema
            assert sorted(map(str, found.rows())) == sorted(map(str, rows.rows()))
            if query.order_by:
                assert found.rows() == rows.rows()

    def test_a_part_comes_in_batches(self, registry: Registry) -> None:
        """With as many rows as are asked for, which are those of the query."""
        for query in _queries(registry):
            for limit, offset in ((4, 0), (4, 2), (None, 3), (0, 0), (3, 1000)):
                part = replace(query, limit=limit, offset=offset)
                batches = list(registry.query_batches(part, 2))
                rows = registry.query(part)
                assert sum(batch.height for batch in batches) == rows.height
                if not batches:
                    continue
                found = pl.concat(batches)
                if query.order_by:
                    assert found.rows() == rows.rows()
                else:  # any of the rows will do, each once
                    whole = set(map(str, registry.query(query).rows()))
                    shown = list(map(str, found.rows()))
                    assert len(set(shown)) == len(shown)
                    assert whole.issuperset(shown)

    def test_others_may_be_asked_and_changed_between_batches(
        self, registry: Registry
    ) -> None:
        """Of one state each, and no row twice."""
        fill_survey(registry)
        raw = raw_type(registry)
        ids = insert_some(registry, raw, "one")
        query = Query(raw.dimensions, target=DatasetSearch(raw, ("one", "two")))
        registry.collections.register("two", CollectionType.RUN)
        seen: list[bytes] = []
        for batch in registry.query_batches(query, 5):
            seen += batch["dataset_id"].to_list()
            assert registry.count(query) == 12
            with registry.transaction():
                if len(seen) == 5:
                    insert_some(registry, raw, "two", [1])
        assert sorted(seen) == sorted(ids)
        frame = pl.DataFrame({"instrument": ["Cam"] * 2, "exposure": [1, 3]})
        names = ("instrument", "exposure")
        mine = replace(query, tables=(JoinedTable("mine", frame, names),))
        other = replace(mine, tables=(JoinedTable("mine", frame[:1], names),))
        seen = []
        for batch in registry.query_batches(mine, 3):
            seen += batch["dataset_id"].to_list()
            assert registry.query(other).height == 4
        assert sorted(seen) == sorted([*ids[:4], *ids[8:]])

    def test_a_batch_has_a_row_at_least(self, registry: Registry) -> None:
        """And is refused otherwise."""
        fill_survey(registry)
        query = Query(registry.universe.group(["exposure"]))
        with pytest.raises(InvalidInputError, match="one row"):
            list(registry.query_batches(query, 0))

    def test_a_plan_says_what_was_done(self, registry: Registry) -> None:
        """Relations, steps with rows, and values apart from the statement."""
        fill_survey(registry)
        raw = raw_type(registry)
        for run in ("one", "two"):
            insert_some(registry, raw, run, [1, 2])
        nasty = "a'); DROP TABLE dataset; --"
        where = Comparison(
            "!=", DatasetField("raw", "run", "string"), Constant(nasty, "string")
        )
        query = Query(raw.dimensions, where, target=DatasetSearch(raw, ("one", "two")))
        plan = registry.explain(query)
        assert plan.relations[0] == "datasets of 'raw' in 2 collections"
        assert [(s.is_in_database, s.rows) for s in plan.steps] == [
            (False, 0),
            (True, 16),
            (False, 16),
            (False, 8),
        ]
        assert nasty in plan.values
        assert "DROP" not in plan.statement
        assert plan.database
        assert plan.seconds > 0
        text = str(plan)
        assert "take the first matches, here: 8 rows" in text
        for each in _queries(registry):
            assert str(registry.explain(each))


def _queries(registry: Registry) -> list[Query]:
    _fill(registry)
    raw, bias = raw_type(registry), bias_type(registry)
    universe = registry.universe
    search = DatasetSearch(raw, ("r1", "r2"))
    calibrations = DatasetSearch(bias, ("certified", "b1"))
    ordered = (OrderTerm(EXPOSURE, descending=True), OrderTerm(DETECTOR))
    patch = universe.group(["patch"])
    return [
        Query(universe.group(["exposure", "detector"])),
        Query(universe.group(["exposure", "detector"]), order_by=ordered),
        Query(universe.group(["visit", "patch"])),
        Query(patch, Comparison("=", DimensionKey("visit", "int"), Constant(1, "int"))),
        Query(universe.group(["exposure"]), element="exposure"),
        Query(universe.group(["visit", "htm9"])),
        Query(raw.dimensions, target=search),
        Query(raw.dimensions, target=search, order_by=ordered),
        Query(raw.dimensions, target=replace(search, find_first=False)),
        Query(raw.dimensions, target=DatasetSearch(raw, ("r1",))),
        Query(raw.dimensions, target=DatasetSearch(raw, ())),
        Query(bias.dimensions, target=calibrations),
        Query(
            bias.dimensions,
            Comparison("=", EXPOSURE, Constant(1, "int")),
            target=calibrations,
        ),
        Query(
            universe.group(["exposure"]),
            datasets=(search,),
            columns=(DatasetField("raw", "run", "string"),),
        ),
        Query(
            raw.dimensions,
            target=search,
            aggregates=(Aggregate("count"),),
            group_by=(EXPOSURE,),
            order_by=(OrderTerm(EXPOSURE),),
        ),
    ]


def _fill(registry: Registry) -> None:
    """Fill the survey, with datasets in runs and a CALIBRATION collection."""
    fill_survey(registry)
    if any(c.name == "r1" for c in registry.collections.all()):
        return
    raw, bias = raw_type(registry), bias_type(registry)
    insert_some(registry, raw, "r1", [1, 2])
    insert_some(registry, raw, "r2", [2, 3])
    ids = insert_some(registry, bias, "b1")
    registry.collections.register("certified", CollectionType.CALIBRATION)
    registry.collections.certify("certified", ids[:2], Timespan(0, 2 * DAY_NS))
    registry.collections.certify("certified", ids[:1], Timespan(3 * DAY_NS, 4 * DAY_NS))
