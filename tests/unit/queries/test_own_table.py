"""Tables of any library are joined as the same frame, or refused with a reason."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time

from pantler.dimensions.coordinate import DataCoordinate
from pantler.dimensions.times import parse_time
from pantler.dimensions.universe import Universe
from pantler.errors import InvalidInputError
from pantler.queries.own_table import own_table

UNIVERSE = Universe.default()
COLUMNS = {"visit": [3, 4], "seeing": [0.75, None], "grade": ["a", "b"]}


def pandas_frame():
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(COLUMNS)


def arrow_table():
    return pytest.importorskip("pyarrow").table(COLUMNS)


def astropy_table():
    seeing = MaskedColumn([0.75, 0.0], mask=[False, True])
    return Table(
        {"visit": np.array([3, 4], ">i4"), "seeing": seeing, "grade": ["a", "b"]}
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: pl.DataFrame(COLUMNS),
        lambda: pl.LazyFrame(COLUMNS),
        lambda: COLUMNS,
        lambda: [
            dict(zip(COLUMNS, row, strict=True))
            for row in zip(*COLUMNS.values(), strict=True)
        ],
        pandas_frame,
        arrow_table,
        astropy_table,
    ],
    ids=["polars", "lazy", "columns", "rows", "pandas", "arrow", "astropy"],
)
def test_a_table_of_any_library_is_the_same_frame(make):
    joined = own_table(make(), "mine", UNIVERSE)
    assert joined.name == "mine"
    assert joined.dimensions == ("visit",)
    assert joined.types == {"seeing": "float", "grade": "string"}
    assert joined.frame.equals(pl.DataFrame(COLUMNS))


def test_data_ids_are_rows():
    group = UNIVERSE.group(["visit"])
    ids = [DataCoordinate(group, ("Demo", n)) for n in (3, 4)]
    joined = own_table(ids, "mine", UNIVERSE)
    assert joined.dimensions == ("instrument", "visit")
    assert joined.frame.rows() == [("Demo", 3), ("Demo", 4)]


def test_times_become_tai_through_leap_seconds():
    texts = ["2016-12-31T23:59:59.5", "2017-01-01T00:00:00"]
    expected = [parse_time(text) for text in texts]
    moments = [dt.datetime.fromisoformat(text) for text in texts]
    zone = dt.timezone(dt.timedelta(hours=2))
    for times in (
        pl.Series(moments, dtype=pl.Datetime("us")),
        pl.Series([m.replace(tzinfo=dt.UTC).astimezone(zone) for m in moments]),
    ):
        frame = pl.DataFrame({"visit": [1, 2], "start": times})
        joined = own_table(frame, "mine", UNIVERSE)
        assert joined.types == {"start": "time"}
        assert joined.frame["start"].to_list() == expected
    table = Table({"visit": [1, 2], "start": Time(texts, scale="utc")})
    joined = own_table(table, "mine", UNIVERSE)
    assert joined.types == {"start": "time"}
    assert joined.frame["start"].to_list() == expected


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"vist": [3]}, ["No column", "Did you mean 'visit'?"]),
        ({}, ["No column", "it has none"]),
        ({"visit": [3.0]}, ["'visit'", "must be integers", "Float64"]),
        ({"visit": ["3"]}, ["must be integers", "String"]),
        ({"visit": [None, 3]}, ["lacks 1 value: "]),
        ({"instrument": [3]}, ["must be text", "Int64"]),
        ({"visit": pl.Series([2**64 - 1], dtype=pl.UInt64)}, ["more than 64 bits"]),
        ({"visit": [3], "x": [[1, 2]]}, ["'x'", "List", "remove it"]),
        (7, ["A int cannot be read as a table", "data frame"]),
        ([3], ["cannot be read as a table"]),
    ],
)
def test_what_cannot_be_joined_is_refused_with_the_reason(table, words):
    with pytest.raises(InvalidInputError) as caught:
        own_table(table, "mine", UNIVERSE)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("name", ["visit", "my table", "", "a.b"])
def test_a_name_that_cannot_be_written_is_refused(name):
    with pytest.raises(InvalidInputError, match="cannot be called"):
        own_table(COLUMNS, name, UNIVERSE)


@pytest.mark.parametrize("kind", [Table, QTable])
def test_a_column_with_a_unit_is_refused_and_one_without_taken(kind):
    table = kind({"visit": [3], "seeing": [0.75] * u.arcsec})
    with pytest.raises(InvalidInputError, match=r"'seeing' .* unit 'arcsec'.*to_value"):
        own_table(table, "mine", UNIVERSE)
    plain = kind({"visit": [3], "airmass": [1.5] * u.dimensionless_unscaled})
    assert own_table(plain, "mine", UNIVERSE).frame["airmass"].to_list() == [1.5]
    parts = kind({"visit": [3], "share": [50.0] * u.percent})
    assert own_table(parts, "mine", UNIVERSE).frame["share"].to_list() == [0.5]
