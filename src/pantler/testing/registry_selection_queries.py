"""What any registry must answer to general selections, aggregates and own tables.

Small repositories of chance are asked, and every answer is compared with what one
finds by looking at each combination of rows.
"""

# ruff: noqa: S101, S311 - these are tests, and chance is repeatable here
from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl
import pytest

from pantler.datasets.collection import CollectionType
from pantler.datasets.records import DatastoreRecord, records_to_frame
from pantler.dimensions.timespan import Timespan
from pantler.errors import InvalidInputError
from pantler.queries.query import (
    Aggregate,
    DatasetSearch,
    JoinedTable,
    OrderTerm,
    Query,
)
from pantler.queries.tree import (
    And,
    Comparison,
    Constant,
    DatasetField,
    DatasetTimespan,
    DimensionKey,
    IsNull,
    Like,
    Membership,
    Or,
    Overlaps,
    RecordField,
    TableField,
    TimespanConstant,
)
from pantler.testing.constants import integer, text
from pantler.testing.survey import (
    DAY_NS,
    DETECTORS,
    EXPOSURES,
    bias_type,
    fill_survey,
    insert_some,
    raw_type,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantler.queries.tree import Predicate
    from pantler.registry.interface import Registry

EXPOSURE = DimensionKey("exposure", "int")
DETECTOR = DimensionKey("detector", "int")
BAND = DimensionKey("band", "string")
TIME = RecordField("exposure", "exposure_time", "float")
NAME = RecordField("exposure", "obs_id", "string")
RUN = DatasetField("raw", "run", "string")
COLLECTION = DatasetField("raw", "collection", "string")
UUID = DatasetField("raw", "dataset_id", "uuid")
SIZE = DatasetField("raw", "size", "int")

BEGIN = DatasetField("bias", "timespan_begin", "time")
END = DatasetField("bias", "timespan_end", "time")


@dataclass(frozen=True, slots=True)
class _Match:
    """A raw as a search finds it."""

    exposure: int
    detector: int
    dataset_id: bytes
    run: str
    collection: str
    rank: int

    @property
    def data_id(self) -> tuple[int, int]:
        return self.exposure, self.detector

    @property
    def exposure_time(self) -> float:
        return 10.0 * self.exposure

    @property
    def band(self) -> str:
        return "r" if self.exposure == EXPOSURES[-1] else "g"


class _Chance:
    """A repository of chance: raws in some runs, some of them tagged."""

    def __init__(self, registry: Registry, seed: int) -> None:
        self.random = random.Random(seed)
        self.registry = registry
        fill_survey(registry)
        self.raw = raw_type(registry)
        self.runs = ["a", "b", "c", "d"]
        self.tags = ["t", "u"]
        self.held: dict[str, dict[bytes, tuple[int, int, str]]] = defaultdict(dict)
        for run in self.runs:
            some = sorted(self.random.sample(EXPOSURES, self.random.randint(1, 3)))
            ids = insert_some(registry, self.raw, run, some)
            keys = [(e, d) for e in some for d in DETECTORS]
            for dataset_id, (exposure, detector) in zip(ids, keys, strict=True):
                self.held[run][dataset_id] = (exposure, detector, run)
            gone = self.random.sample(ids, 3)
            registry.datasets.delete(gone)
            for dataset_id in gone:
                del self.held[run][dataset_id]
        for tag in self.tags:
            registry.collections.register(tag, CollectionType.TAGGED)
            for run in self.random.sample(self.runs, 2):
                for dataset_id, values in self.held[run].items():
                    if self.random.random() < 0.4:
                        registry.collections.associate(tag, [dataset_id])
                        self._tag(tag, dataset_id, values)

    def _tag(self, tag: str, dataset_id: bytes, values: tuple[int, int, str]) -> None:
        same = [k for k, v in self.held[tag].items() if v[:2] == values[:2]]
        for known in same:
            del self.held[tag][known]
        self.held[tag][dataset_id] = values

    def collections(self) -> tuple[str, ...]:
        """Return some collections in an order of chance."""
        names = [*self.runs, *self.tags]
        return tuple(self.random.sample(names, self.random.randint(1, len(names))))

    def matches(self, collections: tuple[str, ...]) -> list[_Match]:
        """Return all matches of a search."""
        return [
            _Match(exposure, detector, dataset_id, run, name, rank)
            for rank, name in enumerate(collections)
            for dataset_id, (exposure, detector, run) in self.held[name].items()
        ]

    def condition(self) -> tuple[Predicate, Callable[[_Match], bool]]:
        """Return a condition of chance, and the same in Python."""
        run = self.random.choice(self.runs)
        other = self.random.choice([*self.runs, *self.tags])
        number = self.random.choice(EXPOSURES)
        is_run = Comparison("=", RUN, text(run))
        choices: list[tuple[Predicate, Callable[[_Match], bool]]] = [
            (is_run, lambda m: m.run == run),
            (Comparison("!=", RUN, text(run)), lambda m: m.run != run),
            (
                Membership(RUN, (text(run), text("x"))),
                lambda m: m.run in {run, "x"},
            ),
            (
                Comparison("=", COLLECTION, text(other)),
                lambda m: m.collection == other,
            ),
            (
                Comparison(">=", EXPOSURE, integer(number)),
                lambda m: m.exposure >= number,
            ),
            (
                Comparison("<", TIME, Constant(10.0 * number, "float")),
                lambda m: m.exposure_time < 10.0 * number,
            ),
            (
                Or(
                    (
                        Comparison("=", RUN, text(run)),
                        Comparison("=", DETECTOR, integer(1)),
                    )
                ),
                lambda m: m.run == run or m.detector == 1,
            ),
            (Comparison("=", BAND, text("g")), lambda m: m.band == "g"),
        ]
        picked = self.random.sample(choices, self.random.randint(1, 2))
        if len(picked) == 1:
            return picked[0]
        (one, is_one), (two, is_two) = picked
        return And((one, two)), lambda m: is_one(m) and is_two(m)


def _firsts(matches: list[_Match]) -> list[_Match]:
    """Return the first match of each data ID."""
    best: dict[tuple[int, int], _Match] = {}
    for match in matches:
        known = best.get(match.data_id)
        if known is None or match.rank < known.rank:
            best[match.data_id] = match
    return list(best.values())


def _each_once(matches: list[_Match]) -> list[_Match]:
    """Return the datasets, each where it is found first."""
    best: dict[bytes, _Match] = {}
    for match in matches:
        known = best.get(match.dataset_id)
        if known is None or match.rank < known.rank:
            best[match.dataset_id] = match
    return list(best.values())


SEEDS = pytest.mark.parametrize("seed", range(4))


class SelectionQuerySuite:
    """General selections and aggregates."""

    @SEEDS
    def test_datasets_are_those_that_a_look_at_each_finds(
        self, registry: Registry, seed: int
    ) -> None:
        """Whatever the collections and conditions are; counted, and in parts."""
        chance = _Chance(registry, seed)
        for _ in range(8):
            names = chance.collections()
            where, holds = chance.condition()
            wanted = [match for match in chance.matches(names) if holds(match)]
            target = DatasetSearch(chance.raw, names)
            query = Query(chance.raw.dimensions, where, target=target)
            firsts = {match.dataset_id for match in _firsts(wanted)}
            rows = registry.query(query)
            assert sorted(rows["dataset_id"]) == sorted(firsts)
            assert registry.count(query) == len(firsts)
            assert registry.count(replace(query, limit=1)) == min(len(firsts), 1)
            pages = [
                registry.query(replace(query, limit=3, offset=start))
                for start in range(0, len(firsts) + 3, 3)
            ]
            assert sorted(pl.concat(pages)["dataset_id"]) == sorted(firsts)
            every = replace(query, target=replace(target, find_first=False))
            if "collection" not in str(where):
                ids = {match.dataset_id for match in wanted}
                assert sorted(registry.query(every)["dataset_id"]) == sorted(ids)
                assert registry.count(every) == len(ids)
            group = registry.universe.group(["exposure"])
            data_ids = Query(group, where, datasets=(target,))
            exposures = {match.exposure for match in wanted}
            assert sorted(registry.query(data_ids)["exposure"]) == sorted(exposures)
            assert registry.count(data_ids) == len(exposures)

    @SEEDS
    def test_fields_of_datasets_and_records_are_shown(
        self, registry: Registry, seed: int
    ) -> None:
        """Those of the first matches that satisfy the conditions."""
        chance = _Chance(registry, seed)
        group = registry.universe.group(["exposure", "detector"])
        for _ in range(6):
            names = chance.collections()
            where, holds = chance.condition()
            search = DatasetSearch(chance.raw, names)
            query = Query(
                group,
                where,
                datasets=(search,),
                columns=(RUN, COLLECTION, UUID, TIME, NAME),
                order_by=(OrderTerm(RUN, descending=True), OrderTerm(EXPOSURE)),
            )
            wanted = [match for match in chance.matches(names) if holds(match)]
            found = registry.query(query)
            shown = [
                "raw.run",
                "raw.collection",
                "raw.dataset_id",
                "exposure.exposure_time",
                "exposure.obs_id",
            ]
            assert found.columns == [*group.names, *shown]
            rows = found.select("exposure", "detector", *shown).rows()
            assert sorted(rows) == sorted(
                (
                    match.exposure,
                    match.detector,
                    match.run,
                    match.collection,
                    match.dataset_id,
                    match.exposure_time,
                    f"obs-{match.exposure}",
                )
                for match in _firsts(wanted)
            )
            assert found["raw.run"].is_sorted(descending=True)
            assert registry.count(query) == found.height
            every = replace(query, datasets=(replace(search, find_first=False),))
            if "collection" not in str(where):
                ids = registry.query(every)["raw.dataset_id"]
                assert sorted(ids) == sorted(m.dataset_id for m in _each_once(wanted))

    @SEEDS
    def test_rows_are_counted_by_anything(self, registry: Registry, seed: int) -> None:
        """With least and greatest values, in an order of these."""
        chance = _Chance(registry, seed)
        for _ in range(6):
            names = chance.collections()
            where, holds = chance.condition()
            wanted = _firsts([m for m in chance.matches(names) if holds(m)])
            longest = Aggregate("max", TIME)
            query = Query(
                chance.raw.dimensions,
                where,
                target=DatasetSearch(chance.raw, names),
                aggregates=(Aggregate("count"), longest, Aggregate("min", DETECTOR)),
                group_by=(RUN, BAND),
                order_by=(OrderTerm(Aggregate("count"), descending=True),),
            )
            groups: dict[tuple[str, str], list[_Match]] = defaultdict(list)
            for match in wanted:
                groups[match.run, match.band].append(match)
            found = registry.query(query)
            assert found.columns == [
                "raw.run",
                "band",
                "count",
                "max(exposure.exposure_time)",
                "min(detector)",
            ]
            assert sorted(found.rows()) == sorted(
                (
                    *key,
                    len(members),
                    max(m.exposure_time for m in members),
                    min(m.detector for m in members),
                )
                for key, members in groups.items()
            )
            assert found["count"].is_sorted(descending=True)
            assert registry.count(query) == len(groups)
            part = registry.query(replace(query, limit=1, offset=1))
            assert part.rows() == found.slice(1, 1).rows()
            whole = replace(query, group_by=(), order_by=())
            assert registry.query(whole)["count"].to_list() == [len(wanted)]

    def test_nothing_is_counted_as_none(self, registry: Registry) -> None:
        """One row without groups, none with them; of no values there is no least."""
        fill_survey(registry)
        raw = raw_type(registry)
        counts = (Aggregate("count"), Aggregate("max", TIME), Aggregate("count", TIME))
        query = Query(raw.dimensions, target=DatasetSearch(raw, ()), aggregates=counts)
        assert registry.query(query).rows() == [(0, None, 0)]
        by_run = replace(query, group_by=(RUN,))
        assert registry.query(by_run).is_empty()
        assert registry.count(by_run) == 0
        dark = RecordField("exposure", "dark_time", "float")
        exposures = Query(
            registry.universe.group(["exposure"]),
            aggregates=(Aggregate("count"), Aggregate("count", dark)),
            group_by=(BAND,),
        )
        assert sorted(registry.query(exposures).rows()) == [("g", 2, 0), ("r", 1, 0)]

    def test_rows_that_are_shown_once_are_counted_once(
        self, registry: Registry
    ) -> None:
        """However many records lie behind them."""
        fill_survey(registry)
        query = Query(
            registry.universe.group(["instrument"]),
            Comparison(">", EXPOSURE, integer(0)),
            aggregates=(Aggregate("count"), Aggregate("max", EXPOSURE)),
        )
        assert registry.query(query).rows() == [(1, 3)]
        bands = replace(query, group_by=(BAND,))
        assert sorted(registry.query(bands).rows()) == [("g", 1, 2), ("r", 1, 3)]


class FieldQuerySuite:
    """Fields of datasets, text patterns, and tables of one's own."""

    def test_sizes_are_those_of_recorded_files(self, registry: Registry) -> None:
        """Of all files of a dataset; null where none are recorded."""
        fill_survey(registry)
        raw = raw_type(registry)
        one, two = (insert_some(registry, raw, run, [1]) for run in ("one", "two"))
        table = registry.record_table("files")
        table.insert(
            records_to_frame(
                [
                    _record(one[0], "", 100),
                    _record(one[1], "a", 7),
                    _record(one[1], "b", 8),
                    _record(two[0], "", 5),
                ]
            )
        )
        search = DatasetSearch(raw, ("one", "two"))
        query = Query(
            raw.dimensions,
            datasets=(search,),
            columns=(SIZE,),
            order_by=(OrderTerm(DETECTOR),),
        )
        sizes = registry.query(query)["raw.size"].to_list()
        assert sizes == [100, 15, None, None]
        small = Comparison("<", SIZE, integer(50))
        target = Query(raw.dimensions, small, target=search)
        assert sorted(registry.query(target)["dataset_id"]) == sorted([two[0], one[1]])
        assert registry.count(target) == 2
        total = replace(target, where=None, aggregates=(Aggregate("max", SIZE),))
        assert registry.query(total).rows() == [(100,)]

    def test_validity_is_shown_and_asked_for(self, registry: Registry) -> None:
        """With ranges as they were certified; null for what is in a run."""
        fill_survey(registry)
        bias = bias_type(registry)
        old, new = (insert_some(registry, bias, run) for run in ("old", "new"))
        registry.collections.register("calib", CollectionType.CALIBRATION)
        registry.collections.certify("calib", old, Timespan(0, DAY_NS))
        registry.collections.certify("calib", new, Timespan(DAY_NS, 3 * DAY_NS))
        span = DatasetTimespan("bias")
        late = Overlaps(span, TimespanConstant(2 * DAY_NS, 9 * DAY_NS), "temporal")
        at = Overlaps(span, Constant(0, "time"), "temporal")
        search = DatasetSearch(bias, ("calib",))
        for where, ids, ends in (
            (late, new, (DAY_NS, 3 * DAY_NS)),
            (at, old, (0, DAY_NS)),
            (Comparison(">=", BEGIN, Constant(DAY_NS, "time")), new, (DAY_NS, None)),
        ):
            query = Query(bias.dimensions, where, target=search)
            found = registry.query(query)
            assert sorted(found["dataset_id"]) == sorted(ids)
            assert registry.count(query) == len(ids)
            assert set(found["timespan_begin"]) == {ends[0]}
        shown = Query(bias.dimensions, datasets=(search,), columns=(BEGIN, END))
        rows = registry.query(shown).select("detector", "bias.timespan_end").rows()
        assert sorted(rows) == sorted(
            (d, end) for d in DETECTORS for end in (DAY_NS, 3 * DAY_NS)
        )
        in_run = DatasetSearch(bias, ("new",))
        query = Query(bias.dimensions, IsNull(span), target=in_run)
        assert sorted(registry.query(query)["dataset_id"]) == sorted(new)
        assert registry.count(replace(query, target=search)) == 0
        assert registry.count(replace(query, where=late)) == 0

    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [
            ("obs-%", {1, 2, 3}),
            ("OBS-%", set()),
            ("obs__", {1, 2, 3}),
            ("%2", {2}),
            (r"obs\_2", set()),
            (r"%\%%", set()),
            ("obs-[12]", set()),
            ("*", set()),
            ("%-_", {1, 2, 3}),
            ("", set()),
        ],
    )
    def test_text_is_like_a_pattern(
        self, registry: Registry, pattern: str, expected: set[int]
    ) -> None:
        """Upper and lower case differ, and what is escaped stands for itself."""
        fill_survey(registry)
        group = registry.universe.group(["exposure"])
        found = registry.query(Query(group, Like(NAME, pattern)))
        assert set(found["exposure"]) == expected

    @pytest.mark.parametrize(
        ("name", "pattern"),
        [
            ("50%", r"50\%"),
            ("a_b", r"a\_b"),
            ("c\\d", r"c\\d"),
            ("e*f", "e*f"),
            ("g?h", "g?h"),
            ("i[j]", "i[j]"),
        ],
    )
    def test_patterns_hold_any_character(
        self, registry: Registry, name: str, pattern: str
    ) -> None:
        """Those that mean something in a pattern of another kind among them."""
        fill_survey(registry)
        row = {"instrument": "Cam", "exposure": 9, "obs_id": name}
        registry.dimensions.insert("exposure", [row])
        group = registry.universe.group(["exposure"])
        found = registry.query(Query(group, Like(NAME, pattern)))
        assert found["exposure"].to_list() == [9]

    def test_a_table_of_ones_own_is_joined(self, registry: Registry) -> None:
        """By its dimensions; its other columns are shown and asked for."""
        fill_survey(registry)
        raw = raw_type(registry)
        ids = insert_some(registry, raw, "run")
        frame = pl.DataFrame(
            {
                "exposure": [1, 2, 2, 7],
                "detector": [0, 1, 1, 0],
                "instrument": ["Cam"] * 4,
                "seeing": [0.7, 0.9, 1.1, 0.1],
                "note": ["a", None, "c", "d"],
                "good": [True, False, True, True],
            }
        )
        table = JoinedTable(
            "mine",
            frame,
            ("instrument", "exposure", "detector"),
            {"seeing": "float", "note": "string", "good": "bool"},
        )
        seeing = TableField("mine", "seeing", "float")
        note = TableField("mine", "note", "string")
        good = TableField("mine", "good", "bool")
        query = Query(
            raw.dimensions,
            datasets=(DatasetSearch(raw, ("run",)),),
            tables=(table,),
            columns=(seeing, note, good),
            order_by=(OrderTerm(seeing),),
        )
        rows = registry.query(query).select("exposure", "mine.seeing", "mine.note")
        assert rows.rows() == [(1, 0.7, "a"), (2, 0.9, None), (2, 1.1, "c")]
        assert registry.query(query)["mine.good"].to_list() == [True, False, True]
        assert registry.count(query) == 3
        target = DatasetSearch(raw, ("run",))
        found = Query(raw.dimensions, target=target, tables=(table,))
        assert sorted(registry.query(found)["dataset_id"]) == sorted([ids[0], ids[5]])
        assert registry.count(found) == 2
        fine = replace(found, where=Comparison("<", seeing, Constant(0.8, "float")))
        assert registry.query(fine)["dataset_id"].to_list() == [ids[0]]
        unknown = replace(found, where=IsNull(note))
        assert registry.query(unknown)["dataset_id"].to_list() == [ids[5]]
        best = replace(
            query, columns=(), order_by=(), aggregates=(Aggregate("min", seeing),)
        )
        assert registry.query(best).rows() == [(0.7,)]

    def test_a_table_brings_in_no_values_that_there_are_not(
        self, registry: Registry
    ) -> None:
        """What no record has is in no row, though the user's table names it."""
        fill_survey(registry)
        own = pl.DataFrame({"detector": [1, 77], "grade": ["a", "b"]})
        table = JoinedTable("own", own, ("detector",), {"grade": "string"})
        group = registry.universe.group(["detector"])
        found = registry.query(Query(group, tables=(table,)))
        assert found["detector"].to_list() == [1]
        grade = TableField("own", "grade", "string")
        nothing = registry.universe.group([])
        chosen = Query(nothing, tables=(table,), columns=(grade,))
        assert registry.query(chosen)["own.grade"].to_list() == ["a"]
        assert registry.count(chosen) == 1

    def test_tables_that_cannot_be_joined_are_refused(self, registry: Registry) -> None:
        """Without dimensions, with one that is missing or has nulls."""
        fill_survey(registry)
        group = registry.universe.group(["exposure"])
        frame = pl.DataFrame({"exposure": [1, None], "x": [1, 2]})
        for names, word in (
            ((), "no column"),
            (("visit",), "visit"),
            (("exposure",), "without"),
        ):
            table = JoinedTable("mine", frame, names, {"x": "int"})
            with pytest.raises(InvalidInputError, match=word):
                registry.query(Query(group, tables=(table,)))
        field = Comparison("=", TableField("other", "x", "int"), integer(1))
        with pytest.raises(InvalidInputError, match="other"):
            registry.query(Query(group, field))


def _record(dataset_id: bytes, component: str, size: int) -> DatastoreRecord:
    return DatastoreRecord(
        dataset_id,
        "store",
        component,
        f"{dataset_id.hex()}{component}",
        None,
        size,
        None,
        "json",
        "StructuredDict",
    )
