"""What any registry must answer to queries of certified datasets."""

# ruff: noqa: S101 - these are tests
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from pantler.datasets.collection import CollectionType
from pantler.dimensions.coordinate import DataCoordinate
from pantler.dimensions.timespan import Timespan
from pantler.queries.explanation import explain
from pantler.queries.query import DatasetSearch, OrderTerm, Query
from pantler.queries.tree import (
    And,
    Comparison,
    DatasetField,
    DimensionKey,
    Membership,
    RecordField,
)
from pantler.testing.constants import integer, text
from pantler.testing.survey import (
    DAY_NS,
    DETECTORS,
    bias_type,
    fill_survey,
    insert_some,
    raw_type,
)

if TYPE_CHECKING:
    from pantler.datasets.dataset_type import DatasetType
    from pantler.registry.interface import Registry

EXPOSURE = DimensionKey("exposure", "int")
DETECTOR = DimensionKey("detector", "int")


class CertifiedQuerySuite:
    """Queries of CALIBRATION collections."""

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

    def test_certified_datasets_are_valid_at_the_time_of_the_rows(
        self, registry: Registry
    ) -> None:
        """A time among the dimensions or the conditions decides, as it does for get."""
        fill_survey(registry)
        bias, old, new = _certified(registry)
        search = DatasetSearch(bias, ("calib",))
        for exposure, ids in ((1, old), (2, new), (3, [])):
            where = Comparison("=", EXPOSURE, integer(exposure))
            query = Query(bias.dimensions, where, target=search)
            assert sorted(registry.query(query)["dataset_id"]) == sorted(ids)
            assert registry.count(query) == len(ids)
        day = Comparison("=", DimensionKey("day_obs", "int"), integer(20260102))
        assert _found(registry, Query(bias.dimensions, day, target=search)) == set(new)
        name = Comparison(
            "=", RecordField("exposure", "obs_id", "string"), text("obs-1")
        )
        assert _found(registry, Query(bias.dimensions, name, target=search)) == set(old)
        both = Membership(EXPOSURE, (integer(1), integer(2)))
        query = Query(bias.dimensions, both, target=search)
        assert _found(registry, query) == {*old, *new}
        assert registry.count(query) == registry.query(query).height == 8

        group = registry.universe.group(["exposure", "detector"])
        rows = registry.query(Query(group, datasets=(search,)))
        pairs = rows.select("exposure", "detector").rows()
        assert sorted(pairs) == [(e, d) for e in (1, 2) for d in range(4)]
        assert registry.count(Query(group, datasets=(search,))) == 8
        records = Query(
            registry.universe.group(["exposure"]),
            Comparison("=", DETECTOR, integer(1)),
            (search,),
            element="exposure",
        )
        assert sorted(registry.query(records)["exposure"]) == [1, 2]
        target = Query(
            group, datasets=(search,), target=DatasetSearch(raw_type(registry), ())
        )
        assert registry.query(target).is_empty()

    def test_that_none_is_valid_at_a_time_is_said_with_when_some_are(
        self, registry: Registry
    ) -> None:
        """And not that there is no such exposure; whatever was asked first."""
        fill_survey(registry)
        bias, _, _ = _certified(registry)
        search = DatasetSearch(bias, ("calib",))
        three = Comparison("=", EXPOSURE, integer(3))
        one = Comparison("=", DETECTOR, integer(1))
        ids = registry.query(Query(bias.dimensions, one, target=search))
        times = [
            str(Timespan(*row))
            for row in ids.select("timespan_begin", "timespan_end").unique().rows()
        ]
        assert len(times) == 2
        pairs = registry.universe.group(["exposure", "detector"])
        for where in (three, And((one, three)), And((three, one))):
            for query in (
                Query(bias.dimensions, where, target=search),
                Query(pairs, where, (search,)),
            ):
                said = " ".join(explain(registry, query))
                assert "No 'bias' in 'calib' is valid then." in said
                assert all(time in said for time in times)
                assert "values of" not in said
        never = Query(bias.dimensions, And((three, one)), target=search)
        registry.collections.decertify("calib", "bias", Timespan.always())
        assert "valid then" not in " ".join(explain(registry, never))
        registry.collections.certify(
            "calib",
            list(
                _found(
                    registry,
                    replace(
                        never, where=one, target=replace(search, collections=("old",))
                    ),
                )
            ),
            Timespan(0, 10),
        )
        (sentence,) = explain(registry, Query(pairs, datasets=(search,)))
        assert "No 'bias' in 'calib' is valid then." in sentence
        # What is not there at any time is not for want of a valid one.
        far = Comparison("=", EXPOSURE, integer(77))
        said = " ".join(explain(registry, replace(never, where=far)))
        assert "The values of 'exposure' there are" in said or "No row" in said
        assert "valid then" not in said
        other = Comparison("=", DETECTOR, integer(2))
        said = " ".join(explain(registry, replace(never, where=And((other, three)))))
        assert "valid then" not in said

    def test_a_record_without_a_time_has_no_certified_datasets(
        self, registry: Registry
    ) -> None:
        """Datasets in runs it has."""
        fill_survey(registry)
        bias, _, _ = _certified(registry)
        row = {"instrument": "Cam", "exposure": 9, "obs_id": "9"}
        registry.dimensions.insert("exposure", [row])
        nine = Comparison("=", EXPOSURE, integer(9))
        for collection, count in (("calib", 0), ("old", 4)):
            search = DatasetSearch(bias, (collection,))
            query = Query(bias.dimensions, nine, target=search)
            assert registry.count(query) == registry.query(query).height == count
            group = registry.universe.group(["exposure", "detector"])
            query = Query(group, nine, (search,))
            assert registry.count(query) == registry.query(query).height == count

    def test_the_first_collection_with_a_valid_dataset_counts(
        self, registry: Registry
    ) -> None:
        """For each time anew; runs hold what is always valid."""
        fill_survey(registry)
        bias, old, new = _certified(registry)
        whole = insert_some(registry, bias, "whole")
        collections = registry.collections
        collections.register("other", CollectionType.CALIBRATION)
        collections.certify("other", whole, Timespan.always())

        def found(exposures: list[int], *names: str, first: bool = True) -> set[bytes]:
            return _found(
                registry,
                Query(
                    bias.dimensions,
                    Membership(EXPOSURE, tuple(map(integer, exposures))),
                    target=DatasetSearch(bias, names, first),
                ),
            )

        assert found([1], "calib", "other") == set(old)
        assert found([3], "calib", "other") == set(whole)
        assert found([1, 3], "calib", "other") == {*old, *whole}
        assert found([1, 2], "other", "calib") == set(whole)
        assert found([2, 3], "calib", "whole") == {*new, *whole}
        assert found([1], "old", "calib") == found([1], "calib", "old") == set(old)
        assert found([3], "calib", "other", first=False) == set(whole)
        assert found([1], "calib", "other", first=False) == {*old, *whole}
        run = Comparison("=", DatasetField("bias", "run", "string"), text("whole"))
        where = And((run, Membership(EXPOSURE, (integer(1), integer(3)))))
        search = DatasetSearch(bias, ("calib", "other"))
        query = Query(bias.dimensions, where, target=search)
        assert _found(registry, query) == set(whole)
        only = And((run, Comparison("=", EXPOSURE, integer(1))))
        query = Query(bias.dimensions, only, target=search)
        assert _found(registry, query) == set(whole)

    def test_what_is_valid_for_ever_is_found_without_a_time(
        self, registry: Registry
    ) -> None:
        """Also when it was certified in parts that touch; nothing else is."""
        fill_survey(registry)
        bias = bias_type(registry)
        ids = insert_some(registry, bias, "run")
        never, later = 5 * DAY_NS, 7 * DAY_NS
        _certify(registry, "c1", ids[:1], (0, never))
        _certify(registry, "c1", ids[1:2], (Timespan.MIN, never), (never, None))
        _certify(registry, "c1", ids[2:3], (Timespan.MIN, never), (later, None))
        _certify(registry, "c2", ids[:1], (Timespan.MIN, None))
        found = []
        for detector in DETECTORS:
            data_id = DataCoordinate.from_mapping(
                {"instrument": "Cam", "detector": detector}, bias.dimensions
            )
            ref = registry.datasets.find(bias, data_id, ["c1", "c2"])
            found.append(None if ref is None else ref.id.bytes)
        assert found == [ids[0], ids[1], None, None]

    def test_adjoining_ranges_of_a_dataset_are_one(self, registry: Registry) -> None:
        """It counts once, and get finds it at a time that lies in both."""
        fill_survey(registry)
        bias = bias_type(registry)
        ids = insert_some(registry, bias, "run")
        registry.collections.register("calib", CollectionType.CALIBRATION)
        middle = DAY_NS + 5_000_000_000  # within exposure 1
        for span in (Timespan(0, DAY_NS), Timespan(middle, 9 * DAY_NS)):
            registry.collections.certify("calib", ids[:2], span)
        registry.collections.certify("calib", ids[:1], Timespan(DAY_NS, middle))
        order = (OrderTerm(DETECTOR),)
        query = Query(
            bias.dimensions, target=DatasetSearch(bias, ("calib",)), order_by=order
        )
        found = registry.query(query).select("detector", "timespan_end")
        assert sorted(found.rows()) == [(0, 9 * DAY_NS), (1, DAY_NS), (1, 9 * DAY_NS)]
        assert found["detector"].to_list() == [0, 1, 1]
        assert registry.count(query) == 3
        at = Query(
            bias.dimensions,
            Comparison("=", EXPOSURE, integer(1)),
            target=DatasetSearch(bias, ("calib",)),
        )
        assert sorted(registry.query(at)["dataset_id"]) == sorted(ids[:2])
        data_id = DataCoordinate.from_mapping(
            {"instrument": "Cam", "detector": 0}, bias.dimensions
        )
        time = Timespan(DAY_NS, DAY_NS + 10_000_000_000)
        ref = registry.datasets.find(bias, data_id, ["calib"], time)
        assert ref is not None
        assert ref.id.bytes == ids[0]

    def test_the_first_collection_with_any_match_counts_with_all_its_times(
        self, registry: Registry
    ) -> None:
        """Without a time, whatever the ranges of later collections are."""
        fill_survey(registry)
        bias = bias_type(registry)
        one, two = (insert_some(registry, bias, name) for name in ("one", "two"))
        _certify(registry, "c1", one[:1], (0, 2 * DAY_NS), (3 * DAY_NS, 4 * DAY_NS))
        _certify(registry, "c1", one[1:2], (0, 10 * DAY_NS))
        _certify(registry, "c2", two[:1], (0, 9 * DAY_NS))
        _certify(registry, "c2", two[1:3], (DAY_NS, 5 * DAY_NS), (6 * DAY_NS, None))
        first = [
            (0, "one", 0, 2 * DAY_NS),
            (0, "one", 3 * DAY_NS, 4 * DAY_NS),
            (1, "one", 0, 10 * DAY_NS),
            (2, "two", DAY_NS, 5 * DAY_NS),
            (2, "two", 6 * DAY_NS, Timespan.MAX),
        ]
        second = [
            (0, "two", 0, 9 * DAY_NS),
            *((d, *first[row][1:]) for d in (1, 2) for row in (3, 4)),
        ]
        always = [(d, "one", None, None) for d in DETECTORS]
        for names, rows in (
            (("c1", "c2"), first),
            (("c2", "c1"), second),
            (("one", "c1", "c2"), always),
            (("c1", "one"), [*first[:3], *always[2:]]),
        ):
            query = Query(bias.dimensions, target=DatasetSearch(bias, names))
            assert _ranges(registry, query) == rows
            assert registry.count(replace(query, limit=1)) == 1
            page = replace(query, limit=2, offset=len(rows) - 1)
            assert registry.count(page) == registry.query(page).height == 1
            by_run = OrderTerm(DatasetField("bias", "run", "string"))
            assert _ranges(registry, replace(query, order_by=(by_run,))) == rows
        where = Comparison("=", DatasetField("bias", "run", "string"), text("two"))
        search = DatasetSearch(bias, ("c1", "c2"))
        query = Query(bias.dimensions, where, target=search)
        assert _ranges(registry, query) == second
        bands = Membership(DimensionKey("band", "string"), (text("g"), text("r")))
        query = Query(bias.dimensions, bands, target=search)
        assert _ranges(registry, query) == first
        every = DatasetSearch(bias, ("c1", "c2"), find_first=False)
        query = Query(bias.dimensions, target=every)
        assert _ranges(registry, query) == sorted({*first, *second})

    def test_ranges_of_a_dataset_are_united_over_collections(
        self, registry: Registry
    ) -> None:
        """Whether they are equal, nested, or only touch."""
        fill_survey(registry)
        bias = bias_type(registry)
        ids = insert_some(registry, bias, "run")
        _certify(registry, "c1", ids[:1], (0, 10), (10, 30))
        _certify(registry, "c2", ids[:1], (0, 10), (20, 40))
        _certify(registry, "c1", ids[1:2], (0, 100), (200, 300))
        _certify(registry, "c2", ids[1:2], (10, 20), (30, 40), (90, 110), (250, 260))
        _certify(registry, "c1", ids[2:3], (0, 10))
        _certify(registry, "c2", ids[2:3], (0, 10))
        names = ("c1", "c2")
        search = DatasetSearch(bias, names, find_first=False)
        query = Query(bias.dimensions, target=search)
        united = [
            (0, "run", 0, 40),
            (1, "run", 0, 110),
            (1, "run", 200, 300),
            (2, "run", 0, 10),
        ]
        assert _ranges(registry, query) == united
        ordered = replace(query, order_by=(OrderTerm(DETECTOR, descending=True),))
        assert registry.query(ordered)["detector"].to_list() == [2, 1, 1, 0]
        page = replace(ordered, limit=2, offset=2)
        assert registry.query(page)["detector"].to_list() == [1, 0]
        assert registry.count(page) == 2
        search = DatasetSearch(bias, (*names, "run"), find_first=False)
        always = [(d, "run", None, None) for d in DETECTORS]
        rows = _ranges(registry, Query(bias.dimensions, target=search))
        assert [row for row in rows if row[2] is None] == always
        assert [row for row in rows if row[2] is not None] == united

    def test_a_time_chooses_ranges_and_does_not_cut_them(
        self, registry: Registry
    ) -> None:
        """They are those that the dataset has without a time."""
        fill_survey(registry)
        bias = bias_type(registry)
        one, two = (insert_some(registry, bias, name) for name in ("one", "two"))
        middle, end = 2 * DAY_NS, 9 * DAY_NS
        for ids in (one[:1], one[1:2]):
            _certify(registry, "c1", ids, (0, middle), (middle, end), (end + 1, None))
        _certify(registry, "c2", one[:1], (end, end + 1))
        _certify(registry, "c2", two[1:3], (0, middle), (middle + 1, end))
        run = OrderTerm(DatasetField("bias", "run", "string"))

        def at(*exposures: int, first: bool, order: tuple[OrderTerm, ...]) -> _Rows:
            where = Membership(EXPOSURE, tuple(map(integer, exposures)))
            search = DatasetSearch(bias, ("c1", "c2"), first)
            query = Query(bias.dimensions, where, target=search, order_by=order)
            return _ranges(registry, query)

        two_first, two_then = (2, "two", 0, middle), (2, "two", middle + 1, end)
        first = [(0, "one", 0, end), (1, "one", 0, end)]
        for order in ((), (run,)):
            assert at(1, first=True, order=order) == [*first, two_first]
            assert at(1, 3, first=True, order=order) == [*first, two_first, two_then]
            assert at(1, first=False, order=order) == [
                (0, "one", 0, Timespan.MAX),
                first[1],
                (1, "two", 0, middle),
                two_first,
            ]
        alone = DatasetSearch(bias, ("c1",))
        where = Comparison("=", EXPOSURE, integer(1))
        query = Query(bias.dimensions, where, target=alone, limit=1)
        assert _ranges(registry, query) in [[row] for row in first]


_Rows: TypeAlias = "list[tuple[int, str, int | None, int | None]]"


def _certify(
    registry: Registry, name: str, ids: list[bytes], *ranges: tuple[int, int | None]
) -> None:
    registry.collections.register(name, CollectionType.CALIBRATION)
    for begin, end in ranges:
        span = Timespan(begin, Timespan.MAX if end is None else end)
        registry.collections.certify(name, ids, span)


def _ranges(registry: Registry, query: Query) -> _Rows:
    """Return detector, run and range of the rows, in order of these."""
    rows = registry.query(query)
    assert registry.count(query) == rows.height
    columns = "detector", "run", "timespan_begin", "timespan_end"
    found = rows.select(columns).sort(columns, nulls_last=True)
    return [(d, run, begin, end) for d, run, begin, end in found.iter_rows()]


def _certified(registry: Registry) -> tuple[DatasetType, list[bytes], list[bytes]]:
    """Return biases valid on the first two days, and their IDs: old and new ones."""
    bias = bias_type(registry)
    old, new = insert_some(registry, bias, "old"), insert_some(registry, bias, "new")
    registry.collections.register("calib", CollectionType.CALIBRATION)
    registry.collections.certify("calib", old, Timespan(0, 2 * DAY_NS))
    registry.collections.certify("calib", new, Timespan(2 * DAY_NS, 3 * DAY_NS))
    return bias, old, new


def _found(registry: Registry, query: Query) -> set[bytes]:
    rows = registry.query(query)
    assert registry.count(query) == rows.height
    return set(rows["dataset_id"])
