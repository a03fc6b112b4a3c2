"""What any registry must answer to queries: a part of the registry suite."""

# ruff: noqa: S101 - these are tests
from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.datasets.identity import make_uuids, uuid_series
from pantler.dimensions.records import record_columns
from pantler.dimensions.timespan import Timespan
from pantler.errors import InvalidInputError
from pantler.queries.query import DatasetSearch, OrderTerm, Query
from pantler.queries.tree import (
    And,
    Arithmetic,
    Comparison,
    Constant,
    DatasetField,
    DimensionKey,
    Glob,
    IsNull,
    Membership,
    Negative,
    Not,
    Or,
    Overlaps,
    RecordField,
    RegionConstant,
    TimespanConstant,
    TimespanField,
    Truth,
)
from pantler.testing.survey import (
    DAY_NS,
    bias_type,
    fill_survey,
    insert_some,
    raw_type,
    square,
)

if TYPE_CHECKING:
    from pantler.queries.tree import Predicate
    from pantler.registry.interface import Registry

EXPOSURE = DimensionKey("exposure", "int")
DETECTOR = DimensionKey("detector", "int")
TIME = RecordField("exposure", "exposure_time", "float")
NAME = RecordField("exposure", "obs_id", "string")
SKY = RecordField("exposure", "can_see_sky", "bool")
BEGIN = RecordField("exposure", "timespan_begin", "time")
SPAN = TimespanField("exposure")


def _int(value: int) -> Constant:
    return Constant(value, "int")


def _text(value: str) -> Constant:
    return Constant(value, "string")


IS_2 = Comparison("=", EXPOSURE, _int(2))
IS_3 = Comparison("=", EXPOSURE, _int(3))
NO_TIME = IsNull(RecordField("exposure", "dark_time", "float"))
DARK = Comparison(">", RecordField("exposure", "dark_time", "float"), _int(0))


class QuerySuite:
    """Queries."""

    def test_data_ids_are_combinations_that_records_allow(
        self, registry: Registry
    ) -> None:
        """With required and implied values as columns."""
        fill_survey(registry)
        group = registry.universe.group(["exposure", "detector"])
        found = registry.query(Query(group))
        assert found.columns == list(group.names)
        assert found.height == registry.count(Query(group)) == 12
        assert found.unique().height == 12
        assert set(found["band"]) == {"g", "r"}

    def test_rows_without_an_implied_value_stay(self, registry: Registry) -> None:
        """An exposure without filter has no band, and is there."""
        fill_survey(registry)
        row = {"instrument": "Cam", "exposure": 9, "obs_id": "9"}
        registry.dimensions.insert("exposure", [row])
        found = registry.query(Query(registry.universe.group(["exposure"])))
        assert dict(found.select("exposure", "band").iter_rows())[9] is None
        assert found.height == 4

    def test_elements_that_relate_are_always_joined(self, registry: Registry) -> None:
        """Exposures go with their visits only."""
        fill_survey(registry)
        group = registry.universe.group(["exposure", "visit"])
        found = registry.query(Query(group)).select("exposure", "visit")
        assert sorted(found.iter_rows()) == [(1, 1), (2, 2), (3, 3)]

    @pytest.mark.parametrize(
        ("where", "expected"),
        [
            (IS_2, {2}),
            (Comparison("!=", EXPOSURE, _int(2)), {1, 3}),
            (Comparison("<=", TIME, Constant(20.0, "float")), {1, 2}),
            (Comparison("=", NAME, _text("obs-3")), {3}),
            (Comparison("=", Arithmetic("%", EXPOSURE, _int(2)), _int(0)), {2}),
            (Comparison("=", Arithmetic("/", EXPOSURE, _int(2)), _int(1)), {2, 3}),
            (
                Comparison(
                    "=",
                    Arithmetic("*", Arithmetic("+", EXPOSURE, _int(1)), _int(2)),
                    _int(6),
                ),
                {2},
            ),
            (Comparison("<", Negative(EXPOSURE), _int(-2)), {3}),
            (Comparison(">=", BEGIN, Constant(2 * DAY_NS, "time")), {2, 3}),
            (Comparison("=", DimensionKey("band", "string"), _text("r")), {3}),
            (Comparison("=", DimensionKey("visit", "int"), _int(1)), {1}),
            (Membership(EXPOSURE, (_int(1), _int(3))), {1, 3}),
            (Membership(EXPOSURE, (), ((1, 9, 2),)), {1, 3}),
            (Membership(EXPOSURE, tuple(map(_int, range(2, 900)))), {2, 3}),
            (Membership(NAME, tuple(_text(f"obs-{i}") for i in range(2, 900))), {2, 3}),
            (Glob(NAME, "obs-[1-3]"), set()),
            (Glob(NAME, "?bs*2"), {2}),
            (Truth(SKY), {1, 3}),
            (Not(Truth(SKY)), {2}),
            (Truth(Constant(False, "bool")), set()),
            (NO_TIME, {1, 2, 3}),
            (Not(NO_TIME), set()),
            (DARK, set()),
            (Not(DARK), set()),
            (Or((IS_2, IS_3)), {2, 3}),
            (And((Or((IS_2, IS_3)), Not(IS_3))), {2}),
            (Overlaps(SPAN, TimespanConstant(0, 2 * DAY_NS), "temporal"), {1}),
            (Overlaps(SPAN, TimespanConstant(0, 2 * DAY_NS + 1), "temporal"), {1, 2}),
            (Overlaps(SPAN, Constant(3 * DAY_NS, "time"), "temporal"), {3}),
            (Not(Overlaps(SPAN, Constant(3 * DAY_NS, "time"), "temporal")), {1, 2}),
        ],
    )
    def test_conditions_choose_rows(
        self, registry: Registry, where: Predicate, expected: set[int]
    ) -> None:
        """As in SQL: what compares with no value is neither true nor false."""
        fill_survey(registry)
        query = Query(registry.universe.group(["exposure"]), where)
        found = registry.query(query)["exposure"].to_list()
        assert set(found) == expected
        assert len(found) == registry.count(query) == len(expected)

    def test_overlap_on_the_sky_relates_families(self, registry: Registry) -> None:
        """Each detector of the first two visits sees one patch."""
        fill_survey(registry)
        group = registry.universe.group(["visit", "detector", "patch"])
        found = registry.query(Query(group))
        rows = found.select("visit", "detector", "tract", "patch").rows()
        assert sorted(rows) == [(v, d, v - 1, d) for v in (1, 2) for d in range(4)]
        assert registry.count(Query(group)) == 8

    def test_overlap_on_the_sky_comes_before_the_limit(
        self, registry: Registry
    ) -> None:
        """Also when only one of the families is asked for."""
        fill_survey(registry)
        query = Query(
            registry.universe.group(["patch"]),
            Comparison("=", DimensionKey("visit", "int"), _int(2)),
            order_by=(OrderTerm(DimensionKey("patch", "int"), descending=True),),
            limit=2,
            offset=1,
        )
        rows = registry.query(query).select("tract", "patch").rows()
        assert rows == [(1, 2), (1, 1)]

    def test_a_region_can_be_given(self, registry: Registry) -> None:
        """Alone at the top of a condition, not below OR."""
        fill_survey(registry)
        region = RegionConstant(square(11.3, 0.15).encode())
        overlap = Overlaps(RecordField("patch", "region", "region"), region, "spatial")
        group = registry.universe.group(["patch"])
        only = And((overlap, Comparison("=", DimensionKey("tract", "int"), _int(0))))
        for where in (overlap, only):
            found = registry.query(Query(group, where))
            assert found.select("tract", "patch").rows() == [(0, 1)]
        with pytest.raises(InvalidInputError, match="AND"):
            registry.query(Query(group, Or((overlap, IS_2))))

    def test_a_replaced_region_is_indexed_anew(self, registry: Registry) -> None:
        """It is found where it is, and not where it was."""
        fill_survey(registry)
        key = {"skymap": "sky", "tract": 0, "patch": 0, "cell_x": 0, "cell_y": 0}
        registry.dimensions.insert(
            "patch", [{**key, "region": square(99, 0.1)}], on_conflict="replace"
        )
        group = registry.universe.group(["patch"])
        patch = RecordField("patch", "region", "region")
        for lon, count in ((99.01, 1), (11.06, 0)):
            region = RegionConstant(square(lon, 0.01).encode())
            query = Query(group, Overlaps(patch, region, "spatial"))
            assert registry.query(query).height == count

    def test_records_are_frames_of_their_element(self, registry: Registry) -> None:
        """Columns and types are those of the record frames."""
        fill_survey(registry)
        universe = registry.universe
        element = universe["exposure"]
        where = Comparison("=", DimensionKey("detector", "int"), _int(1))
        query = Query(universe.group(["exposure"]), where, element="exposure")
        found = registry.query(query)
        columns = record_columns(element, universe)
        assert found.schema == {c.name: c.dtype() for c in columns}
        assert found.height == 3
        assert set(found["can_see_sky"]) == {True, False}

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

    def test_conditions_on_a_dataset_come_after_the_search(
        self, registry: Registry
    ) -> None:
        """A first match in another run hides the later ones."""
        fill_survey(registry)
        raw = raw_type(registry)
        insert_some(registry, raw, "one", [1])
        two = insert_some(registry, raw, "two", [1, 2])
        run = DatasetField("raw", "run", "string")
        search = DatasetSearch(raw, ("one", "two"))
        query = Query(raw.dimensions, Comparison("=", run, _text("two")), target=search)
        assert sorted(registry.query(query)["dataset_id"]) == sorted(two[4:])
        uuid = Comparison(
            "=", DatasetField("raw", "dataset_id", "uuid"), Constant(two[5], "uuid")
        )
        query = Query(raw.dimensions, uuid, target=search)
        assert registry.query(query)["dataset_id"].to_list() == [two[5]]

    def test_datasets_are_chosen_by_records(self, registry: Registry) -> None:
        """Conditions, order, limit and offset."""
        fill_survey(registry)
        raw = raw_type(registry)
        ids = insert_some(registry, raw, "run")
        query = Query(
            raw.dimensions,
            And(
                (
                    Comparison("=", DimensionKey("band", "string"), _text("g")),
                    Comparison("=", DETECTOR, _int(1)),
                )
            ),
            target=DatasetSearch(raw, ("run",)),
            order_by=(OrderTerm(TIME, descending=True),),
        )
        assert registry.query(query)["dataset_id"].to_list() == [ids[5], ids[1]]

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
        patch = Comparison(">=", DimensionKey("patch", "int"), _int(2))
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

    def test_certified_datasets_have_their_times(self, registry: Registry) -> None:
        """A row for each range of validity."""
        fill_survey(registry)
        bias = bias_type(registry)
        ids = insert_some(registry, bias, "run")
        registry.collections.register("calib", CollectionType.CALIBRATION)
        registry.collections.certify("calib", ids, Timespan(0, 10))
        registry.collections.certify("calib", ids[:1], Timespan(20, 30))
        query = Query(
            bias.dimensions, target=DatasetSearch(bias, ("calib",), find_first=False)
        )
        found = registry.query(query).sort("detector", "timespan_begin")
        spans = found.select("timespan_begin", "timespan_end").rows()
        assert spans == [(0, 10), (20, 30), (0, 10), (0, 10), (0, 10)]
        assert set(found["run"]) == {"run"}

    def test_datasets_without_dimensions_can_be_asked_for(
        self, registry: Registry
    ) -> None:
        """They have one empty data ID."""
        group = registry.universe.group([])
        config = DatasetType("config", group, "StructuredDict")
        registry.dataset_types.register(config)
        query = Query(group, target=DatasetSearch(config, ()))
        assert registry.query(query).is_empty()

    def test_what_a_query_cannot_mean_is_said(self, registry: Registry) -> None:
        """Fields of datasets that are not searched, pixels that nothing fixes."""
        fill_survey(registry)
        group = registry.universe.group(["exposure"])
        run = Comparison("=", DatasetField("raw", "run", "string"), _text("x"))
        with pytest.raises(InvalidInputError, match="raw"):
            registry.query(Query(group, run))
        with pytest.raises(InvalidInputError, match="htm9"):
            registry.query(Query(registry.universe.group(["htm9"])))
