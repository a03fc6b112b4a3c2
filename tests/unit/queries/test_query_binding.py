"""Names get their meaning, types are checked, constants folded."""

from __future__ import annotations

import datetime as dt
import time
from uuid import UUID

import numpy as np
import polars as pl
import pytest

from pantler.datasets.dataset_type import DatasetType
from pantler.dimensions.sky.regions import Box, Circle, ConvexPolygon, Region
from pantler.dimensions.times import parse_time
from pantler.dimensions.timespan import Timespan
from pantler.dimensions.universe import Universe
from pantler.errors import DataIdError, QuerySyntaxError
from pantler.queries.binding import bind, combine, data_id_predicate
from pantler.queries.conditions import ALWAYS, NEVER
from pantler.queries.parser import parse
from pantler.queries.rendering import to_text
from pantler.queries.tree import (
    And,
    Arithmetic,
    Comparison,
    Constant,
    DatasetField,
    DatasetTimespan,
    DimensionKey,
    IsNull,
    Like,
    Membership,
    Not,
    Or,
    Overlaps,
    RecordField,
    RegionConstant,
    TimespanConstant,
    TimespanField,
    Truth,
)

UNIVERSE = Universe.default()
TYPES = {
    name: DatasetType(name, UNIVERSE.group(["visit", "detector"]), "NumpyArray")
    for name in ("calexp", "src")
}
VISIT = DimensionKey("visit", "int")
DETECTOR = DimensionKey("detector", "int")
FULL_NAME = RecordField("detector", "full_name", "string")


def bound(text, types=None, **parameters):
    return bind(parse(text), UNIVERSE, dataset_types=types or {}, parameters=parameters)


def right(text, **parameters):
    return bound(text, **parameters).right


def ints(*values):
    return tuple(Constant(value, "int") for value in values)


def test_empty_text_is_not_a_condition():
    assert bound("  ") is None


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("visit = 1", VISIT),
        ("visit.id = 1", VISIT),
        ("visit.visit = 1", VISIT),
        ("htm7 = 1", DimensionKey("htm7", "int")),
        ("visit.instrument = 'x'", DimensionKey("instrument", "string")),
        ("visit_detector_region.detector = 1", DETECTOR),
        (
            "visit.physical_filter = 'r'",
            RecordField("visit", "physical_filter", "string"),
        ),
        ("visit.name = 'x'", RecordField("visit", "name", "string")),
        ("detector.full_name = 'x'", FULL_NAME),
        ("tracking_ra = 1", RecordField("exposure", "tracking_ra", "float")),
        (
            "visit.timespan.begin = T'60000'",
            RecordField("visit", "timespan_begin", "time"),
        ),
        ("visit.timespan.end = T'60000'", RecordField("visit", "timespan_end", "time")),
    ],
)
def test_a_name_is_the_column_that_it_stands_for(text, column):
    assert bound(text).left == column


def test_fields_of_datasets_are_known_where_their_type_is_searched_for():
    assert bound("calexp.run = 'u'", TYPES).left == DatasetField(
        "calexp", "run", "string"
    )
    one = {"calexp": TYPES["calexp"]}
    assert bound("ingest_time > T'60000'", one).left == DatasetField(
        "calexp", "ingest_time", "time"
    )
    text = "0190b7f4-0000-7000-8000-000000000000"
    value = Constant(UUID(text).bytes, "uuid")
    assert bound(f"dataset_id = '{text}'", one).right == value
    assert bound(f"dataset_id = UUID('{text}')", one).right == value
    assert bound("dataset_id = :it", one, it=UUID(text)).right == value


def test_a_field_alone_is_looked_for_among_the_rows_elements_first():
    rows = UNIVERSE.group(["visit", "detector"])
    found = bind(parse("exposure_time > 3"), UNIVERSE, dimensions=rows)
    assert found.left == RecordField("visit", "exposure_time", "float")
    text = "timespan OVERLAPS (T'60000', NULL) AND region OVERLAPS POINT(1, 2)"
    overlap = bind(parse(text), UNIVERSE, dimensions=rows)
    assert overlap.operands[0].left == TimespanField("visit")
    assert overlap.operands[1].left.element == "visit_detector_region"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "physical_filer = 'x'",
            ["'physical_filer'", "Did you mean 'physical_filter'?"],
        ),
        ("visit.exposre_time > 3", ["'visit' has no field", "'exposure_time'"]),
        ("visit.zzzzzz > 3", ["It has name,", "timespan.begin"]),
        (
            "exposure_time > 3",
            ["visit.exposure_time, exposure.exposure_time", "say which"],
        ),
        ("run = 'u'", ["calexp.run, src.run"]),
        ("calepx.run = 'u'", ["Did you mean 'calexp'?"]),
        ("calexp.rnu = 'u'", ["Did you mean 'run'?"]),
        ("calexp = 'u'", ["is a dataset type", "calexp.run"]),
        ("visit_definition = 3", ["relates dimensions"]),
        ("instrument = Demo", ["If it is text, write 'Demo' in single quotes"]),
        ("visit = :vv", ["No value is bound to ':vv'", "Did you mean 'v'?"]),
        ("band = 5", ["`band` is text", "`5` is an integer", "'5'"]),
        ("visit.exposure_time = 'x'", ["is a number", "is text"]),
        ("visit.timespan.begin < '2024-01-01'", ["is a time", "T'2025"]),
        ("visit.timespan.begin < 60000", ["T'60000.5'"]),
        ("visit.timespan.begin < T'yesterday'", ["'yesterday'"]),
        ("visit.timespan = 3", ["OVERLAPS"]),
        ("visit.region = POINT(1, 2)", ["OVERLAPS"]),
        ("visit OVERLAPS patch", ["visit.region or visit.timespan"]),
        ("visit.region OVERLAPS visit.timespan", ["a sky region", "a time span"]),
        ("POINT(1, 2) OVERLAPS POINT(1, 2)", ["must be a column"]),
        ("visit.timespan OVERLAPS (T'60001', T'60000')", ["end after it begins"]),
        ("visit.timespan OVERLAPS (1, 2)", ["span of time", "`1` is an integer"]),
        ("visit", ["A condition is needed", "an integer"]),
        ("(visit = 1) = 2", ["A value is needed"]),
        ("exposure.can_see_sky < TRUE", ["only `=` and `!=`"]),
        ("visit < NULL", ["IS NULL"]),
        ("visit.name LIKE 3", ["pattern of LIKE must be text"]),
        ("visit.name LIKE visit.target_name", ["pattern of LIKE must be text"]),
        ("visit.exposure_time LIKE 'a%'", ["LIKE takes a column of text", "a number"]),
        ("'a' LIKE 'a%'", ["LIKE takes a column of text"]),
        ("visit.name LIKE 'a' ESCAPE 'ab'", ["one character"]),
        ("visit.name LIKE 'a' ESCAPE visit", ["one character"]),
        ("visit.name LIKE 'a!b' ESCAPE '!'", ["`!b`", "before `%`, `_`"]),
        ("visit.name LIKE 'a!' ESCAPE '!'", ["`!`", "before `%`, `_`"]),
        ("calexp.sise > 3", ["no field 'sise'", "Did you mean 'size'?"]),
        ("visit IN (1, TRUE)", ["`visit` is an integer, but `TRUE`"]),
        ("band IN ('r', 5)", ["`band` is text, but `5` is an integer"]),
        ("visit IN (9..5)", ["empty", "smaller"]),
        ("visit IN (1..9:0)", ["stride"]),
        ("visit IN (1..2.5)", ["range is of integers"]),
        ("visit IN (1..detector)", ["not known beforehand"]),
        ("band IN (1..3)", ["`band` is text"]),
        ("visit = :list", ["IN :list"]),
        ("visit = 1e999", ["not finite"]),
        ("visit = 9223372036854775808", ["64 bits"]),
        ("visit = 9223372036854775807 + 1", ["64 bits"]),
        ("visit / 0 = 1", ["divides by zero"]),
        ("visit.exposure_time % 2 = 1", ["`%` takes integers"]),
        ("band + 1 = 2", ["`+` takes numbers", "text"]),
        ("-band = 2", ["`-` takes numbers"]),
        ("visit = :odd", ["complex"]),
        ("FOO(1) = visit", ["no function 'FOO'", "CIRCLE"]),
        ("visit.region OVERLAPS CIRCEL(1, 2, 3)", ["Did you mean 'CIRCLE'?"]),
        ("visit.region OVERLAPS CIRCLE(1, 2)", ["2 values", "CIRCLE(ra, dec, radius)"]),
        ("visit.region OVERLAPS POLYGON(1, 2, 3, 4, 5, 6, 7)", ["7 values"]),
        ("visit.region OVERLAPS CIRCLE(1, visit, 3)", ["takes numbers, in degrees"]),
        ("visit.region OVERLAPS CIRCLE(1, 95, 3)", ["CIRCLE:"]),
        ("visit.region OVERLAPS BOX(1, 2, -3, 4)", ["not negative"]),
        ("visit.region OVERLAPS REGION('BLOB 3')", ["REGION:"]),
        ("visit.region OVERLAPS REGION('0xzz')", ["REGION:"]),
        ("visit.region OVERLAPS REGION(3)", ["takes one text"]),
        ("visit.region OVERLAPS BOX(1e308, 0, 1, 1)", ["BOX: ", "-1e6 to 1e6 degrees"]),
        ("visit.region OVERLAPS BOX(0, 0, 1, 1e999)", ["not finite"]),
        ("visit.region OVERLAPS POINT(1e308, 0)", ["POINT: ", "-1e6 to 1e6"]),
        ("visit.region OVERLAPS CIRCLE(0, 0, 1e308)", ["CIRCLE: ", "0° to 180°"]),
        ("band = '\ud800'", ["characters that are not text"]),
        ("band = :lone", ["characters that are not text"]),
        ("band IN :lones", ["characters that are not text"]),
        ("GLOB(band, :lone)", ["characters that are not text"]),
        ("visit = :nan", ["nan is not finite"]),
        ("calexp.dataset_id = 'x'", ["'x' is not a UUID"]),
        ("skymap.hash = 'xyz'", ["hexadecimal"]),
        ("GLOB(visit.exposure_time, 'x*')", ["a column of text"]),
        ("GLOB(band)", ["two values"]),
        ("GLOB(band, 3)", ["must be text"]),
    ],
)
def test_a_mistake_is_named_together_with_what_to_try(text, words):
    with pytest.raises(QuerySyntaxError) as caught:
        bound(
            text,
            TYPES,
            v=1,
            list=[1, 2],
            odd=1j,
            lone="\udfff",
            lones=["r", "\udfff"],
            nan=float("nan"),
        )
    for word in words:
        assert word in caught.value.message


def test_an_error_of_meaning_has_its_line_and_column():
    with pytest.raises(QuerySyntaxError) as caught:
        bound("visit = 1\n  AND band = 5")
    assert (caught.value.line, caught.value.column) == (2, 12)


def test_integers_become_floats_where_they_meet_one():
    assert right("visit.exposure_time > 3") == Constant(3.0, "float")
    time = RecordField("visit", "exposure_time", "float")
    twice = Arithmetic("*", time, Constant(2.0, "float"))
    assert bound("visit.exposure_time * 2 > 3").left == twice
    assert bound("visit.exposure_time IN (1, 2.5)") == Membership(
        time, (Constant(1.0, "float"), Constant(2.5, "float"))
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("visit = 1 + 2 * 3 - -4", 11),
        ("visit = +3", 3),
        ("visit = 7 / 2", 3),
        ("visit = -7 / 2", -3),
        ("visit = -7 % 3", -1),
        ("visit = 7 % -3", 1),
        ("visit = 7.0 / 2", 3.5),
        ("visit = -(2 + 3)", -5),
        ("visit = -9223372036854775808", -(2**63)),
    ],
)
def test_arithmetic_of_constants_is_done_as_sql_does_it(text, value):
    assert right(text).value == value


def test_text_for_an_integer_dimension_is_its_alternate_key():
    assert bound("detector = 'S01'") == Comparison(
        "=", FULL_NAME, Constant("S01", "string")
    )
    assert bound("'S01' != detector").left == FULL_NAME
    assert bound("GLOB(detector, 'S*')").operand == FULL_NAME
    mixed = bound("detector IN ('S01', 3)")
    assert set(mixed.operands) == {
        Membership(FULL_NAME, (Constant("S01", "string"),)),
        Membership(DETECTOR, ints(3)),
    }
    with pytest.raises(
        QuerySyntaxError, match="`tract` is an integer, but `'x'` is text"
    ):
        bound("tract = 'x'")  # it has no alternate key


def test_a_constant_on_the_left_changes_sides():
    assert bound("5 < visit") == bound("visit > 5")
    assert bound("POINT(1, 2) OVERLAPS visit.region") == bound(
        "visit.region OVERLAPS POINT(1, 2)"
    )


def test_conditions_on_constants_are_folded_away():
    assert bound("1 = 1 AND visit = 3") == bound("visit = 3")
    assert bound("visit = 3 AND 'a' > 'b'") == NEVER
    assert bound("visit = 3 OR NOT FALSE") == ALWAYS
    assert bound("3 IN (1..9:2)") == ALWAYS
    assert bound("4 IN (1..9:2, 5)") == NEVER
    assert bound("9 IN (1..9)") == bound("1 IN (1..9)") == ALWAYS
    assert bound("10 IN (1..9)") == bound("0 IN (1..9)") == NEVER
    assert bound("visit IN ()") == NEVER
    assert bound("NULL IS NULL AND 1 IS NOT NULL") == ALWAYS


def test_and_or_and_not_are_flat():
    found = bound("visit = 1 AND (visit = 2 AND (visit = 3 AND NOT NOT visit = 4))")
    assert isinstance(found, And)
    assert [part.right.value for part in found.operands] == [1, 2, 3, 4]


def test_a_conjunction_within_a_disjunction_stays_whole():
    found = bound("visit = 1 OR (visit = 2 AND detector = 3) OR visit = 4")
    assert isinstance(found, Or)
    assert found.operands[1] == bound("visit = 2 AND detector = 3")
    found = bound("visit = 1 AND (visit = 2 OR detector = 3)")
    assert isinstance(found, And)
    assert found.operands[1] == bound("visit = 2 OR detector = 3")


def test_null_and_truth_have_their_own_conditions():
    assert bound("visit.name = NULL") == IsNull(RecordField("visit", "name", "string"))
    assert bound("visit.name != NULL") == bound("visit.name IS NOT NULL")
    assert bound("NULL = 1") == NEVER
    assert bound("NULL != 1") == ALWAYS


def test_null_in_a_list_stands_for_no_value():
    found = bound("visit.name IN ('a', NULL, 'b')")
    assert found == bound("visit.name IN ('a', 'b') OR visit.name IS NULL")
    assert bound("visit.name IN :v", v=["a", None]) == bound(
        "visit.name IN ('a', NULL)"
    )
    assert bound("1 IN (2, NULL)") == NEVER
    assert bound("visit NOT IN (NULL)") == bound("visit IS NOT NULL")


def test_what_a_list_has_often_is_one_condition():
    often = bound("visit.name IN :v", v=["a", *[None] * 20_000])
    assert often == bound("visit.name IN ('a', NULL)")
    often = bound("exposure.can_see_sky IN :v", v=[True, None] * 20_000)
    assert often == bound("exposure.can_see_sky IN (TRUE, NULL)")


def test_like_keeps_its_pattern_with_a_backslash_as_escape():
    name = RecordField("visit", "name", "string")
    assert bound("visit.name LIKE 'a%_'") == Like(name, "a%_")
    assert bound(r"visit.name LIKE 'a\%'") == Like(name, r"a\\%")
    assert bound("visit.name NOT LIKE '1!%!!_' ESCAPE '!'") == Not(Like(name, r"1\%!_"))
    assert bound("visit.name like :p escape :e", p="x|_", e="|") == Like(name, r"x\_")
    # An escape character that is itself special still stands for itself when doubled.
    assert bound("visit.name LIKE '%%a' ESCAPE '%'") == Like(name, r"\%a")


def test_datasets_have_fields_of_where_they_are_and_when_they_are_valid():
    assert bound("calexp.size > 3", TYPES) == Comparison(
        ">", DatasetField("calexp", "size", "int"), Constant(3, "int")
    )
    assert bound("calexp.collection = 'c'", TYPES) == Comparison(
        "=", DatasetField("calexp", "collection", "string"), Constant("c", "string")
    )
    assert bound("calexp.timespan.begin IS NULL", TYPES) == IsNull(
        DatasetField("calexp", "timespan_begin", "time")
    )
    found = bound("calexp.timespan OVERLAPS visit.timespan", TYPES)
    assert found == Overlaps(
        DatasetTimespan("calexp"), TimespanField("visit"), "temporal"
    )
    sky = RecordField("exposure", "can_see_sky", "bool")
    assert bound("can_see_sky") == bound("can_see_sky = TRUE") == Truth(sky)
    assert bound("can_see_sky = FALSE") == Not(Truth(sky))
    assert bound("can_see_sky IN (TRUE)") == Truth(sky)


@pytest.mark.parametrize(
    "values",
    [[3, 1, 3], (3, 1), np.array([3, 1]), pl.Series([3, 1]), [np.int32(3), 1]],
    ids=["list", "tuple", "numpy", "polars", "scalars of numpy"],
)
@pytest.mark.parametrize(
    "text", ["visit IN :v", "visit IN v", "visit IN (v)", "visit IN (:v)"]
)
def test_a_bound_list_stands_for_its_values(text, values):
    assert bound(text, v=values) == Membership(VISIT, ints(3, 1))


def test_a_list_of_integers_has_each_once_and_fits_its_column():
    assert bound("visit IN (3, 1, -3, 3)") == Membership(VISIT, ints(3, 1, -3))
    assert bound("visit.exposure_time IN (1, 2, 1)") == Membership(
        RecordField("visit", "exposure_time", "float"),
        (Constant(1.0, "float"), Constant(2.0, "float")),
    )
    assert bound("3 IN (1, 3)") == ALWAYS
    assert bound("2 IN (1, 3)") == NEVER
    with pytest.raises(QuerySyntaxError, match="64 bits"):
        bound(f"visit IN (1, {2**63})")
    with pytest.raises(QuerySyntaxError, match="`band` is text"):
        bound("band IN (1, 2)")


def test_a_hundred_thousand_integers_are_read_within_a_second():
    text = f"visit IN ({', '.join(map(str, range(0, 200_000, 2)))})"
    start = time.process_time()
    assert len(bound(text).values) == 100_000
    assert time.process_time() - start < 1


def test_a_bound_range_stays_a_range():
    assert bound("visit IN :v", v=range(2, 9, 3)).ranges == ((2, 8, 3),)
    assert bound("visit IN :v", v=range(9, 2, -3)).ranges == ((3, 9, 3),)
    assert bound("visit IN :v", v=range(0)) == NEVER


def test_a_bound_name_hides_no_dimension():
    assert bound("band = band", band="r").right == DimensionKey("band", "string")
    assert right("band = :band", band="r") == Constant("r", "string")


def test_columns_in_a_list_are_compared_one_by_one():
    assert bound("5 IN (visit, detector)") == bound("visit = 5 OR detector = 5")
    assert bound("visit IN (detector, 5)") == bound("visit IN (5) OR visit = detector")


def test_python_values_of_all_kinds_can_be_bound():
    moment = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    expected = Constant(parse_time("2024-01-01"), "time")
    assert right("visit.timespan.begin > :t", t=moment) == expected
    assert right("visit.timespan OVERLAPS :s", s=Timespan(1, 5)) == TimespanConstant(
        1, 5
    )
    circle = Circle.from_lonlat(1, 2, 3)
    assert right("visit.region OVERLAPS :r", r=circle) == RegionConstant(
        circle.encode()
    )
    assert bound("can_see_sky = :y", y=np.True_) == bound("can_see_sky")
    assert bound("visit.name = :n", n=None) == bound("visit.name IS NULL")
    assert right("skymap.hash = :h", h=b"\xab") == right("skymap.hash = 'ab'")


def test_a_box_of_a_whole_turn_or_more_has_all_longitudes():
    for width in ("360", "1e6", "1e308"):
        assert right(f"visit.region OVERLAPS BOX(10, 20, {width}, 4)") == (
            right("visit.region OVERLAPS BOX(200, 20, 360, 4)")
        )


def test_integers_of_any_type_can_be_bound():
    class Anything:
        def __index__(self):
            return 7

    for value in (np.uint16(7), np.array(7), Anything()):
        assert right("visit = :n", n=value) == Constant(7, "int")
        assert data_id_predicate({"visit": value}, UNIVERSE) == bound("visit = 7")


def test_a_time_of_astropy_can_be_bound():
    time = pytest.importorskip("astropy.time").Time(60000.5, format="mjd", scale="tai")
    assert right("visit.timespan.begin > :t", t=time) == right(
        "visit.timespan.begin > T'60000.5'"
    )


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("POINT(10, -5)", Circle.from_lonlat(10, -5, 0)),
        ("CIRCLE(10, -5, 1.5)", Circle.from_lonlat(10, -5, 1.5)),
        ("BOX(0, 0, 4, 2)", Box.from_lonlat(-2, 2, -1, 1)),
        ("BOX(0, 89, 4, 4)", Box.from_lonlat(-2, 2, 87, 90)),
        ("POLYGON(0, 0, 1, 0, 0, 1)", ConvexPolygon.from_lonlat([0, 1, 0], [0, 0, 1])),
        ("REGION('CIRCLE 10 -5 1.5')", Region.from_pos("CIRCLE 10 -5 1.5")),
    ],
)
def test_regions_are_written_in_degrees(text, region):
    found = bound(f"patch.region OVERLAPS {text}")
    assert found == Overlaps(
        RecordField("patch", "region", "region"),
        RegionConstant(region.encode()),
        "spatial",
    )


def test_spans_of_time_may_be_open_and_overlap_times():
    begin = parse_time("2024-01-01")
    span = TimespanConstant(begin, Timespan.MAX)
    found = bound("visit.timespan OVERLAPS (T'2024-01-01', NULL)")
    assert found == Overlaps(TimespanField("visit"), span, "temporal")
    found = bound("T'2024-01-01' OVERLAPS visit.timespan")
    assert found == Overlaps(
        TimespanField("visit"), Constant(begin, "time"), "temporal"
    )


def test_a_data_id_is_a_condition():
    data_id = {"instrument": "Demo", "visit": [1, 2], "detector": "S01"}
    assert data_id_predicate(data_id, UNIVERSE) == bound(
        "instrument = 'Demo' AND visit IN (1, 2) AND detector = 'S01'"
    )
    assert data_id_predicate({"visit": np.int64(3)}, UNIVERSE) == bound("visit = 3")


@pytest.mark.parametrize(
    ("data_id", "words"),
    [
        ({"vist": 3}, "Did you mean 'visit'?"),
        ({"visit": 3.5}, "takes an integer, not 3.5"),
        ({"visit": 3.0}, "takes an integer, not 3.0"),
        ({"visit": [3.5]}, "takes an integer, not 3.5"),
        ({"visit": True}, "TRUE"),
        ({"visit": None}, "None"),
        ({"band": 3}, "is text"),
    ],
)
def test_a_wrong_data_id_is_refused(data_id, words):
    with pytest.raises(DataIdError) as caught:
        data_id_predicate(data_id, UNIVERSE)
    assert words in str(caught.value)


def test_conditions_combine_into_a_flat_one():
    one, two = bound("visit = 1 AND band = 'r'"), bound("detector = 2")
    assert combine() is combine(None, None) is None
    assert combine(None, one) == one
    assert (
        to_text(combine(one, None, two)) == "visit = 1 AND band = 'r' AND detector = 2"
    )


def test_constants_take_the_type_that_they_meet():
    assert right("visit.exposure_time > 0") == Constant(0.0, "float")
    value = bytes(range(16))
    found = bound("calexp.dataset_id = :b", TYPES, b=value)
    assert found.right == Constant(value, "uuid")
    with pytest.raises(QuerySyntaxError, match="is bytes"):
        bound("calexp.dataset_id = :b", TYPES, b=value[:-1])


@pytest.mark.parametrize("text", ["tract = 'x'", "visit = TRUE", "band = TRUE"])
def test_quotes_are_suggested_for_numbers_only(text):
    with pytest.raises(QuerySyntaxError) as caught:
        bound(text)
    assert "quotes" not in caught.value.message
