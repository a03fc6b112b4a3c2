"""What any registry must answer to queries of datasets."""

# ruff: noqa: S101 - these are tests
from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pytest

from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.dimensions.timespan import Timespan
from pantler.errors import InvalidInputError
from pantler.queries.query import DatasetSearch, OrderTerm, Query
from pantler.queries.tree import (
    And,
    Comparison,
    Constant,
    DatasetField,
    DimensionKey,
    Membership,
    Not,
    Or,
    RecordField,
)
from pantler.testing.constants import integer, text
from pantler.testing.survey import (
    bias_type,
    fill_survey,
    insert_some,
    raw_type,
)

if TYPE_CHECKING:
    from pantler.queries.tree import Predicate
    from pantler.registry.interface import Registry

EXPOSURE = DimensionKey("exposure", "int")
DETECTOR = DimensionKey("detector", "int")
TIME = RecordField("exposure", "exposure_time", "float")


class DatasetQuerySuite:
    """Queries of datasets, and of what has datasets."""

    def test_datasets_have_their_ids_runs_and_no_time(self, registry: Registry) -> None:
        """Required values first, then the rest."""
        fill_survey(registry)
        raw = raw_type(registry)
        ids = insert_some(registry, raw, "run")
        query = Query(raw.dimensions, target=DatasetSearch(raw, ("run",)))
        found = registry.query(query)
        assert found.schema == {
            "instrument": pl.String(),
            "detector": pl.Int64(),
            "exposure": pl.Int64(),
            "dataset_id": pl.Binary(),
            "run": pl.String(),
            "timespan_begin": pl.Int64(),
            "timespan_end": pl.Int64(),
        }
        assert sorted(found["dataset_id"]) == sorted(ids)
        assert found["timespan_begin"].null_count() == registry.count(query) == 12

    def test_only_the_first_match_counts_where_asked(self, registry: Registry) -> None:
        """Runs and tags, in any order; otherwise each dataset once."""
        fill_survey(registry)
        raw = raw_type(registry)
        one, two = (insert_some(registry, raw, run, [1]) for run in ("one", "two"))
        registry.collections.register("tag", CollectionType.TAGGED)
        registry.collections.associate("tag", two[:1])

        def found(*collections: str, find_first: bool = True) -> list[bytes]:
            search = DatasetSearch(raw, collections, find_first)
            order = (
                OrderTerm(DETECTOR),
                OrderTerm(DatasetField("raw", "run", "string")),
            )
            query = Query(raw.dimensions, target=search, order_by=order)
            return registry.query(query)["dataset_id"].to_list()

        def part(limit: int | None = None, offset: int = 0) -> list[bytes]:
            query = Query(
                raw.dimensions,
                target=DatasetSearch(raw, ("two", "one")),
                order_by=(OrderTerm(DETECTOR),),
                limit=limit,
                offset=offset,
            )
            assert registry.count(query) == registry.query(query).height
            return registry.query(query)["dataset_id"].to_list()

        assert part(limit=2, offset=1) == two[1:3]
        assert part(offset=1) == two[1:]
        assert found("one", "two") == one
        assert found("two", "one") == two
        assert found("tag", "one", "two") == [two[0], *one[1:]]
        assert found("one", "tag") == one
        assert found("tag") == two[:1]
        assert sorted(found("one", "tag", find_first=False)) == sorted([*one, two[0]])
        assert sorted(found("two", "tag", find_first=False)) == sorted(two)

    @pytest.mark.parametrize("find_first", [True, False])
    def test_a_dataset_is_found_in_each_collection_that_has_it(
        self, registry: Registry, *, find_first: bool
    ) -> None:
        """So a condition on it misses nothing, whatever else is searched."""
        fill_survey(registry)
        raw = raw_type(registry)
        ids = sorted(insert_some(registry, raw, "run", [1]))
        for name, some in (("t1", ids[:2]), ("t2", ids[1:])):
            registry.collections.register(name, CollectionType.TAGGED)
            registry.collections.associate(name, some)
        collection = DatasetField("raw", "collection", "string")

        def found(condition: Predicate, *names: str) -> list[bytes]:
            search = DatasetSearch(raw, names, find_first)
            query = Query(raw.dimensions, condition, target=search)
            rows = registry.query(query)
            assert registry.count(query) == rows.height
            return sorted(rows["dataset_id"])

        def one_of(*names: str) -> Membership:
            return Membership(collection, tuple(map(text, names)))

        for names in itertools.permutations(["t1", "t2", "run"]):
            for name, some in (("t1", ids[:2]), ("t2", ids[1:]), ("run", ids)):
                assert found(Comparison("=", collection, text(name)), *names) == some
            assert found(Comparison("!=", collection, text("run")), *names) == ids
            assert found(one_of("t1", "no"), *names) == ids[:2]
            assert found(Not(one_of("run", "t2")), *names) == ids[:2]
            assert found(Not(one_of("run", "t2", "t1")), *names) == []
        if not find_first:
            either = Or((one_of("t1"), Comparison("=", DETECTOR, Constant(1, "int"))))
            with pytest.raises(InvalidInputError, match=r"joined by AND"):
                found(either, "t1", "run")
            assert found(either, "t1") == ids[:2]

    def test_conditions_on_a_dataset_come_before_the_first_match(
        self, registry: Registry
    ) -> None:
        """What does not satisfy them hides nothing."""
        fill_survey(registry)
        raw = raw_type(registry)
        insert_some(registry, raw, "one", [1])
        two = insert_some(registry, raw, "two", [1, 2])
        run = DatasetField("raw", "run", "string")
        search = DatasetSearch(raw, ("one", "two"))
        query = Query(raw.dimensions, Comparison("=", run, text("two")), target=search)
        assert sorted(registry.query(query)["dataset_id"]) == sorted(two)
        assert registry.count(query) == 8
        assert registry.count(replace(query, limit=3)) == 3
        for one in (two[5], two[0]):
            uuid = Comparison(
                "=", DatasetField("raw", "dataset_id", "uuid"), Constant(one, "uuid")
            )
            query = Query(raw.dimensions, uuid, target=search)
            assert registry.query(query)["dataset_id"].to_list() == [one]
            assert registry.count(query) == 1
        early = Comparison(
            "<", DatasetField("raw", "ingest_time", "time"), Constant(0, "time")
        )
        assert registry.count(Query(raw.dimensions, early, target=search)) == 0
        late = replace(early, operator=">")
        query = Query(raw.dimensions, late, target=search)
        assert registry.query(query)["run"].value_counts().sort("run").rows() == [
            ("one", 4),
            ("two", 4),
        ]

    def test_datasets_are_chosen_by_records(self, registry: Registry) -> None:
        """Conditions, order, limit and offset."""
        fill_survey(registry)
        raw = raw_type(registry)
        ids = insert_some(registry, raw, "run")
        query = Query(
            raw.dimensions,
            And(
                (
                    Comparison("=", DimensionKey("band", "string"), text("g")),
                    Comparison("=", DETECTOR, integer(1)),
                )
            ),
            target=DatasetSearch(raw, ("run",)),
            order_by=(OrderTerm(TIME, descending=True),),
        )
        assert registry.query(query)["dataset_id"].to_list() == [ids[5], ids[1]]

    def test_datasets_are_chosen_by_what_their_data_ids_imply(
        self, registry: Registry
    ) -> None:
        """Also where that follows only from what is implied in turn."""
        fill_survey(registry)
        raw = raw_type(registry)
        ids = insert_some(registry, raw, "run")
        band = DimensionKey("band", "string")
        for name, expected in (("g", ids[:8]), ("r", ids[8:])):
            query = Query(
                raw.dimensions,
                Comparison("=", band, text(name)),
                target=DatasetSearch(raw, ("run",)),
            )
            assert sorted(registry.query(query)["dataset_id"]) == sorted(expected)
            assert registry.count(query) == len(expected)

    def test_datasets_are_chosen_by_the_sky(self, registry: Registry) -> None:
        """First matches only, of those that overlap anything that is wanted."""
        fill_survey(registry)
        group = registry.universe.group(["visit", "detector"])
        calexp = DatasetType("calexp", group, "StructuredDict")
        registry.dataset_types.register(calexp)
        frame = registry.query(Query(group))
        ids = uuid_series(make_uuids(2 * frame.height))
        for run, part in (("one", ids[: frame.height]), ("two", ids[frame.height :])):
            registry.collections.register(run, CollectionType.RUN)
            registry.datasets.insert(calexp, run, frame, part)
        patch = Comparison(">=", DimensionKey("patch", "int"), integer(2))
        query = Query(group, patch, target=DatasetSearch(calexp, ("two", "one")))
        found = registry.query(query)
        rows = found.select("visit", "detector", "run").rows()
        assert sorted(rows) == [(v, d, "two") for v in (1, 2) for d in (2, 3)]

    def test_rows_must_have_the_datasets(self, registry: Registry) -> None:
        """Each row once, however many datasets it has."""
        fill_survey(registry)
        raw = raw_type(registry)
        for run in ("one", "two"):
            insert_some(registry, raw, run, [1, 3])
        insert_some(registry, raw, "not searched", [2])
        search = DatasetSearch(raw, ("one", "two"))
        group = registry.universe.group(["exposure"])
        query = Query(group, datasets=(search,))
        assert sorted(registry.query(query)["exposure"]) == [1, 3]
        visits = Query(registry.universe.group(["visit"]), datasets=(search,))
        assert sorted(registry.query(visits)["visit"]) == [1, 3]
        none = Query(
            group, datasets=(search, DatasetSearch(bias_type(registry), ("one",)))
        )
        assert registry.query(none).is_empty()

    @pytest.mark.parametrize("kind", ["RUN", "TAGGED", "CALIBRATION"])
    @pytest.mark.parametrize(
        "dimensions", [["detector"], ["exposure"], ["instrument"], ["band"]]
    )
    def test_only_the_searched_collections_count(
        self, registry: Registry, kind: str, dimensions: list[str]
    ) -> None:
        """Whatever else a row is made of, and however many types it needs."""
        fill_survey(registry)
        bias = bias_type(registry)
        here, there = (insert_some(registry, bias, run) for run in ("run", "other"))
        collections = registry.collections
        for name, ids in (("here", here[:2]), ("there", there[2:])):
            if kind == "RUN":
                collections.set_chain(name, ["run" if name == "here" else "other"])
                continue
            collections.register(name, CollectionType[kind])
            if kind == "TAGGED":
                collections.associate(name, ids)
            else:
                collections.certify(name, ids, Timespan.always())
        if kind == "RUN":
            registry.datasets.delete([*here[2:], *there[:2]])
        found, nowhere = DatasetSearch(bias, ("here",)), DatasetSearch(bias, ())
        detectors = registry.universe.group(["detector"])
        query = Query(detectors, datasets=(found,))
        assert sorted(registry.query(query)["detector"]) == [0, 1]
        assert registry.count(query) == 2
        group = registry.universe.group(dimensions)
        assert registry.query(Query(group, datasets=(found,))).height
        assert registry.query(Query(group, datasets=(nowhere,))).is_empty()
        assert registry.query(Query(group, datasets=(found, nowhere))).is_empty()
        other = DatasetSearch(bias, ("there",))
        assert registry.query(Query(detectors, datasets=(found, other))).is_empty()
        target = Query(bias.dimensions, datasets=(other,), target=found)
        assert registry.query(target).is_empty()

    def test_records_are_those_of_data_ids_with_the_datasets(
        self, registry: Registry
    ) -> None:
        """In the searched collections."""
        fill_survey(registry)
        bias = bias_type(registry)
        ids = insert_some(registry, bias, "run")
        insert_some(registry, bias, "other")
        registry.datasets.delete(ids[1:])
        query = Query(
            bias.dimensions,
            datasets=(DatasetSearch(bias, ("run",)),),
            element="detector",
        )
        assert registry.query(query)["full_name"].to_list() == ["S0"]

    @pytest.mark.parametrize("order", [(), (OrderTerm(DETECTOR, descending=True),)])
    def test_a_part_of_first_matches_is_a_part_of_the_whole(
        self, registry: Registry, order: tuple[OrderTerm, ...]
    ) -> None:
        """Pages have no row twice, together all rows, and are as many as counted."""
        fill_survey(registry)
        raw = raw_type(registry)
        for run, exposures in (("one", [1]), ("two", [1, 2]), ("three", [2, 3])):
            insert_some(registry, raw, run, exposures)
        search = DatasetSearch(raw, ("one", "two", "three"))
        where = Comparison(">", DETECTOR, integer(0))
        whole = Query(raw.dimensions, where, target=search, order_by=order)
        rows = registry.query(whole)
        assert rows.height == registry.count(whole) == 9
        assert dict(rows.group_by("run").len().iter_rows()) == {
            "one": 3,
            "two": 3,
            "three": 3,
        }
        pages = [replace(whole, limit=4, offset=start) for start in (0, 4, 8, 12)]
        found = [registry.query(page) for page in pages]
        assert [page.height for page in found] == [4, 4, 1, 0]
        assert [registry.count(page) for page in pages] == [4, 4, 1, 0]
        together = pl.concat(found)
        assert sorted(together["dataset_id"]) == sorted(rows["dataset_id"])
        if order:
            assert together["detector"].to_list() == rows["detector"].to_list()
            assert rows["detector"].is_sorted(descending=True)

    def test_fields_of_datasets_may_be_mixed_with_others(
        self, registry: Registry
    ) -> None:
        """Below OR, in the order, and of several searches."""
        fill_survey(registry)
        raw, other = raw_type(registry), raw_type(registry, "other")
        for name, exposures in (("one", [1]), ("two", [1, 2])):
            insert_some(registry, raw, name, exposures)
            insert_some(registry, other, name, exposures)
        run = DatasetField("raw", "run", "string")
        second = Comparison("=", run, text("two"))
        first_detector = Comparison("=", DETECTOR, integer(0))
        search = DatasetSearch(raw, ("one", "two"))
        query = Query(
            raw.dimensions,
            Or((second, And((first_detector, Comparison(">", TIME, integer(0)))))),
            target=search,
            order_by=(
                OrderTerm(run, descending=True),
                OrderTerm(EXPOSURE, descending=True),
                OrderTerm(DETECTOR),
            ),
        )
        rows = registry.query(query).select("run", "exposure", "detector").rows()
        second_runs = [("two", 2, d) for d in range(4)]
        second_runs += [("two", 1, d) for d in range(1, 4)]
        assert rows == [*second_runs, ("one", 1, 0)]
        assert registry.count(query) == 8
        part = replace(query, limit=2, offset=3)
        assert registry.query(part)["exposure"].to_list() == [2, 1]
        assert registry.count(part) == 2
        both = Query(
            registry.universe.group(["exposure"]),
            And((second, Comparison("=", DatasetField("other", "run", "string"), run))),
            (search, DatasetSearch(other, ("two", "one"))),
        )
        assert sorted(registry.query(both)["exposure"]) == [1, 2]
        assert registry.count(both) == 2
        firsts = replace(both, where=None, order_by=(OrderTerm(run, descending=True),))
        assert registry.query(firsts)["exposure"].to_list() == [2, 1]
        assert registry.count(firsts) == 2

    def test_a_type_may_be_searched_for_twice(self, registry: Registry) -> None:
        """Fields are those of the datasets that are the answer."""
        fill_survey(registry)
        raw = raw_type(registry)
        insert_some(registry, raw, "one", [1, 2])
        two = insert_some(registry, raw, "two", [2, 3])
        run = DatasetField("raw", "run", "string")
        query = Query(
            raw.dimensions,
            Comparison("=", run, text("two")),
            (DatasetSearch(raw, ("one",)),),
            target=DatasetSearch(raw, ("two", "one")),
        )
        assert sorted(registry.query(query)["dataset_id"]) == sorted(two[:4])
        assert registry.count(query) == 4

    def test_datasets_without_dimensions_can_be_asked_for(
        self, registry: Registry
    ) -> None:
        """They have one empty data ID."""
        group = registry.universe.group([])
        config = DatasetType("config", group, "StructuredDict")
        registry.dataset_types.register(config)
        query = Query(group, target=DatasetSearch(config, ()))
        assert registry.query(query).is_empty()
