"""What any registry must answer to queries: a part of the registry suite."""

# ruff: noqa: S101 - these are tests
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pantler.dimensions.records import record_columns
from pantler.errors import InvalidInputError
from pantler.queries.query import OrderTerm, Query
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
from pantler.testing.constants import integer, text
from pantler.testing.survey import (
    DAY_NS,
    fill_survey,
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


IS_2 = Comparison("=", EXPOSURE, integer(2))
IS_3 = Comparison("=", EXPOSURE, integer(3))
NO_TIME = IsNull(RecordField("exposure", "dark_time", "float"))
DARK = Comparison(">", RecordField("exposure", "dark_time", "float"), integer(0))


class QuerySuite:
    """Queries."""

    def test_data_ids_are_combinations_that_records_allow(
        self, registry: Registry
    ) -> None:
        """With required and implied values as columns; of all there must be one."""
        fill_survey(registry)
        other = {"instrument": "Without detectors"}
        registry.dimensions.insert("instrument", [other])
        registry.dimensions.insert(
            "exposure", [{**other, "exposure": 1, "obs_id": "1"}]
        )
        idle = {"instrument": "Without exposures"}
        registry.dimensions.insert("instrument", [idle])
        detector = {**idle, "detector": 1, "full_name": "S1"}
        registry.dimensions.insert("detector", [detector])
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
        """Exposures go with their visits only, and one without a visit with none."""
        fill_survey(registry)
        row = {"instrument": "Cam", "exposure": 9, "obs_id": "9", "group": "group 1"}
        alike = {"physical_filter": "g1", "day_obs": 20260101}  # as the first visit
        registry.dimensions.insert("exposure", [{**row, **alike}])
        group = registry.universe.group(["exposure", "visit"])
        found = registry.query(Query(group)).select("exposure", "visit")
        assert sorted(found.iter_rows()) == [(1, 1), (2, 2), (3, 3)]

    @pytest.mark.parametrize(
        ("where", "expected"),
        [
            (IS_2, {2}),
            (Comparison("!=", EXPOSURE, integer(2)), {1, 3}),
            (Comparison("<=", TIME, Constant(20.0, "float")), {1, 2}),
            (Comparison("=", NAME, text("obs-3")), {3}),
            (Comparison("=", Arithmetic("%", EXPOSURE, integer(2)), integer(0)), {2}),
            (
                Comparison("=", Arithmetic("/", EXPOSURE, integer(2)), integer(1)),
                {2, 3},
            ),
            (
                Comparison(
                    "=",
                    Arithmetic("*", Arithmetic("+", EXPOSURE, integer(1)), integer(2)),
                    integer(6),
                ),
                {2},
            ),
            (Comparison("<", Negative(EXPOSURE), integer(-2)), {3}),
            (Comparison(">=", BEGIN, Constant(2 * DAY_NS, "time")), {2, 3}),
            (Comparison("=", DimensionKey("band", "string"), text("r")), {3}),
            (Comparison("=", DimensionKey("visit", "int"), integer(1)), {1}),
            (Membership(EXPOSURE, (integer(1), integer(3))), {1, 3}),
            (Membership(EXPOSURE, (), ((1, 9, 2),)), {1, 3}),
            (Membership(EXPOSURE, tuple(map(integer, range(2, 900)))), {2, 3}),
            (Membership(NAME, tuple(text(f"obs-{i}") for i in range(2, 900))), {2, 3}),
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

    def test_conditions_may_be_many(self, registry: Registry) -> None:
        """Joined by OR, by AND, and each by the other."""
        fill_survey(registry)
        group = registry.universe.group(["exposure"])
        equal = tuple(Comparison("=", EXPOSURE, integer(n)) for n in range(3, 2_000))
        long = tuple(
            Comparison(">", TIME, Constant(n, "float")) for n in range(-400, 15)
        )
        either = tuple(Or((IS_2, condition)) for condition in long)
        for where, expected in (
            (Or(equal), {3}),
            (And(tuple(map(Not, equal))), {1, 2}),
            (Or((And(either), *equal)), {2, 3}),
        ):
            assert set(registry.query(Query(group, where))["exposure"]) == expected

    def test_conditions_beyond_all_bounds_are_refused(self, registry: Registry) -> None:
        """With an error that says what to do."""
        fill_survey(registry)
        where = Or(tuple(Comparison("=", EXPOSURE, integer(n)) for n in range(20_000)))
        with pytest.raises(InvalidInputError, match="list"):
            registry.query(Query(registry.universe.group(["exposure"]), where))

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
            Comparison("=", DimensionKey("visit", "int"), integer(2)),
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
        only = And((overlap, Comparison("=", DimensionKey("tract", "int"), integer(0))))
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
        where = Comparison("=", DimensionKey("detector", "int"), integer(1))
        query = Query(universe.group(["exposure"]), where, element="exposure")
        found = registry.query(query)
        columns = record_columns(element, universe)
        assert found.schema == {c.name: c.dtype() for c in columns}
        assert found.height == 3
        assert set(found["can_see_sky"]) == {True, False}

    def test_what_a_query_cannot_mean_is_said(self, registry: Registry) -> None:
        """Fields of datasets that are not searched, pixels that nothing fixes."""
        fill_survey(registry)
        group = registry.universe.group(["exposure"])
        run = Comparison("=", DatasetField("raw", "run", "string"), text("x"))
        with pytest.raises(InvalidInputError, match="raw"):
            registry.query(Query(group, run))
        with pytest.raises(InvalidInputError, match="htm9"):
            registry.query(Query(registry.universe.group(["htm9"])))
