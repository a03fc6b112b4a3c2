"""Tables of all kinds: from one to another and back, through every format."""

from __future__ import annotations

import datetime as dt
import itertools
import operator

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time
from polars.testing import assert_frame_equal

from pantler.datasets.storage_class import get_storage_class
from pantler.errors import InvalidInputError, PluginError
from pantler.formatters.tables.ecsv import EcsvFormatter
from pantler.formatters.tables.fits_table import FitsTableFormatter
from pantler.formatters.tables.parquet import ParquetFormatter
from pantler.formatters.tables.votable import VoTableFormatter

KINDS = ["Table", "DataFrame", "PandasFrame", "ArrowTable", "StructuredArray"]
FORMATTERS = [
    ParquetFormatter(),
    EcsvFormatter(),
    FitsTableFormatter(),
    VoTableFormatter(),
]
NAMES = [type(formatter).__name__ for formatter in FORMATTERS]
LISTS, DATES = pd.ArrowDtype(pa.list_(pa.int64())), pd.ArrowDtype(pa.date32())
MEANINGS = {
    "<": operator.lt,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
    "in": pl.Expr.is_in,
}


def make_columns():
    """Return columns that every kind of table holds."""
    table = Table()
    table["count"] = np.arange(3, dtype="i2")
    table["wide"] = np.array([0, 1, 2**64 - 1], dtype="u8")
    table["flux"] = np.array([1.5, np.nan, -0.0])
    table["low"] = np.array([1.5, np.inf, 0.1], dtype="f4")
    table["name"] = ["a", "", "Ωμέγα"]
    table["good"] = [True, False, True]
    table["vector"] = np.arange(6.0).reshape(3, 2)
    table["missing"] = MaskedColumn([1, 2, 3], mask=[False, True, False])
    table["missing_flux"] = MaskedColumn([np.nan, 2, 3], mask=[False, True, False])
    table["missing_flag"] = MaskedColumn([True, True, False], mask=[0, 1, 0])
    table["missing_name"] = MaskedColumn(["x", "y", ""], mask=[False, True, False])
    return table


def rows(frame):
    """Return the values of a polars frame, in which NaN equals itself."""
    return repr(frame.rows())


def as_frame(value):
    return get_storage_class("DataFrame").convert(value, "it")


@pytest.mark.parametrize("through", KINDS)
@pytest.mark.parametrize("start", KINDS)
def test_a_table_comes_back_from_every_other_kind(start, through):
    first = get_storage_class(start).convert(make_columns(), "it")
    other = get_storage_class(through).convert(first, "it")
    assert isinstance(other, get_storage_class(through).load_type())
    back = get_storage_class(start).convert(other, "it")
    expected = as_frame(make_columns())
    for found in (first, other, back):
        assert rows(as_frame(found)) == rows(expected)
        if through != "PandasFrame" and start != "PandasFrame":
            assert as_frame(found).schema == expected.schema


@pytest.mark.parametrize("formatter", FORMATTERS, ids=NAMES)
@pytest.mark.parametrize("written", KINDS)
def test_every_kind_is_written_and_read_as_every_kind(written, formatter, tmp_path):
    table = make_columns()
    value = get_storage_class(written).convert(table, "it")
    path = tmp_path / "table"
    formatter.write_file(value, path, get_storage_class(written))
    for name in KINDS:
        found = formatter.read_file(path, get_storage_class(name))
        assert isinstance(found, get_storage_class(name).load_type())
        assert rows(as_frame(found)) == rows(as_frame(table))


@pytest.mark.parametrize("through", ["PandasFrame", "ArrowTable"])
def test_units_metadata_and_mixtures_come_back(through):
    table = QTable(meta={"night": [20300101, {"seeing": 0.7}]})
    table["flux"] = [1.0, 2.0] * u.nJy
    table["place"] = SkyCoord([1, 2] * u.deg, [3, 4] * u.deg)
    table["time"] = Time([5e4, 5e4 + 1e-9], format="mjd", scale="tai")
    table["flux"].info.description = "total flux"
    other = get_storage_class(through).convert(table, "it")
    back = get_storage_class("Table").convert(other, "it")
    assert type(back) is QTable
    assert back.meta == table.meta
    assert back["flux"].unit == u.nJy
    assert back["flux"].info.description == "total flux"
    assert isinstance(back["place"], SkyCoord)
    assert back["time"].scale == "tai"
    assert (back["time"] == table["time"]).all()


@pytest.mark.parametrize("formatter", FORMATTERS, ids=NAMES)
def test_what_is_put_as_a_frame_keeps_its_units(formatter, tmp_path):
    """A polars frame has no units; the file of an astropy table put as one does."""
    frame, path = get_storage_class("DataFrame"), tmp_path / "table"
    table = Table({"flux": [1.0] * u.nJy}, meta={"a": 1})
    assert formatter.takes(table, frame)
    formatter.write_file(table, path, frame)
    assert formatter.read_file(path, frame).rows() == [(1.0,)]
    found = formatter.read_file(path, get_storage_class("Table"))
    assert (found["flux"].unit, found.meta) == (u.nJy, {"a": 1})


def test_pandas_has_missing_values_apart_from_nan_and_types_of_its_own():
    frame = get_storage_class("PandasFrame").convert(make_columns(), "it")
    assert str(frame["missing"].dtype) == "Int64"
    assert str(frame["missing_flux"].dtype) == "Float64"
    assert str(frame["missing_flag"].dtype) == "boolean"
    assert frame["flux"].dtype == np.float64
    assert frame["name"].tolist() == ["a", "", "Ωμέγα"]


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(["x", "y"], name="star"),
        pd.Index([5, 7]),
        pd.MultiIndex.from_tuples([(1, "a"), (1, "b")], names=["visit", None]),
        pd.RangeIndex(2, name="row"),
    ],
    ids=["named", "unnamed", "several", "range"],
)
def test_the_index_of_a_pandas_frame_comes_back(index, tmp_path):
    frame = pd.DataFrame({"a": [1.5, 2.5]}, index=index)
    frame.attrs = {"seeing": {"r": 0.7}, "filters": ["r"]}
    kind, path = get_storage_class("PandasFrame"), tmp_path / "frame"
    ParquetFormatter().write_file(frame, path, kind)
    found = ParquetFormatter().read_file(path, kind)
    pd.testing.assert_frame_equal(found, frame)
    assert found.attrs == frame.attrs
    some = ParquetFormatter().read_file(path, kind, parameters={"columns": ["a"]})
    assert some["a"].tolist() == [1.5, 2.5]


def test_types_that_pandas_has_apart_come_back(tmp_path):
    frame = pd.DataFrame(
        {
            "zoned": pd.to_datetime(["2030-01-01", None]).tz_localize("Europe/Rome"),
            "naive": pd.to_datetime(["2030-01-01T00:00:00.123456", None]),
            "span": pd.to_timedelta([1, None], unit="s"),
            "band": pd.Categorical(["g", None], categories=["r", "g"]),
            "bytes": [b"\x00", b"a"],
            "lists": pd.Series(
                pa.array([[1], [2, 3]]), dtype=pd.ArrowDtype(pa.list_(pa.int64()))
            ),
            "date": pd.Series(
                [dt.date(2030, 1, 1), None], dtype=pd.ArrowDtype(pa.date32())
            ),
        }
    )
    kind, path = get_storage_class("PandasFrame"), tmp_path / "frame"
    ParquetFormatter().write_file(frame, path, kind)
    found = ParquetFormatter().read_file(path, kind)
    assert found["zoned"].dtype == frame["zoned"].dtype
    for name in ("zoned", "naive", "span", "date"):
        pd.testing.assert_series_equal(found[name], frame[name])
    assert found["band"].tolist()[0] == "g"
    assert found["band"].isna().tolist() == [False, True]
    assert found["lists"].tolist() == [[1], [2, 3]]
    assert found["bytes"].tolist() == [b"\x00", b"a"]


def test_a_table_of_arrow_comes_back_with_its_schema(tmp_path):
    table = pa.table(
        {
            "d": pa.array([1, None], pa.decimal128(5, 2)),
            "s": pa.array(["a", None]).dictionary_encode(),
            "m": pa.array([{"x": 1}, {"x": None}]),
            "t": pa.array([1, None], pa.timestamp("us", "UTC")),
            "f": pa.array([b"ab", None], pa.binary(2)),
        }
    ).replace_schema_metadata({"origin": "survey"})
    kind, path = get_storage_class("ArrowTable"), tmp_path / "table"
    ParquetFormatter().write_file(table, path, kind)
    found = ParquetFormatter().read_file(path, kind)
    assert found.equals(table)
    assert found.schema.field("d").type == table.schema.field("d").type
    assert found.schema.metadata[b"origin"] == b"survey"


@pytest.mark.parametrize(
    ("value", "to", "words"),
    [
        (Table({"c": [1j]}), "DataFrame", "'c' holds complex128"),
        (pd.DataFrame({"o": [object()]}), "Table", "'o' holds Python objects"),
        (pd.DataFrame({1: [1]}), "Table", "A column is called 1"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "Table", "the same name"),
        (pl.DataFrame({"l": [[1], [2, 3]]}), "Table", "'l' holds values of type List"),
        (pl.DataFrame({"s": [{"a": 1}]}), "StructuredArray", "of type Struct"),
        (np.arange(3), "Table", "is no table"),
        (np.zeros(2, [("a", [("b", "i4")])]), "Table", "'a' has fields itself"),
        (pl.DataFrame({"o": [object()]}), "StructuredArray", "of type Object"),
        (
            [1],
            "Table",
            "takes a astropy.table.Table, not a list. These are converted: polars",
        ),
    ],
    ids=range(10),
)
def test_what_cannot_be_converted_is_said(value, to, words):
    with pytest.raises(InvalidInputError, match=words):
        get_storage_class(to).convert(value, "it")


def test_attributes_of_a_frame_that_would_change_are_refused():
    frame = pd.DataFrame({"a": [1]})
    for attrs in ({1: 2}, {"a": (1,)}, {"a": object()}, {"a": float("nan")}):
        frame.attrs = attrs
        with pytest.raises(InvalidInputError, match="attrs of the data frame"):
            get_storage_class("Table").convert(frame, "it")


def test_a_library_that_is_missing_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(PluginError, match=r"pip install 'pantler\[pandas\]'"):
        get_storage_class("PandasFrame").load_type()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("formatter", FORMATTERS, ids=NAMES)
def test_rows_are_chosen_by_conditions(formatter, kind, tmp_path):
    frame = pl.DataFrame(
        {
            "mag": [20.0, 21.0, float("nan"), None, 23.0],
            "band": ["r", "g", "g", None, "i"],
            "n": [1, 2, 3, 4, 5],
            "ok": [True, None, False, True, False],
        }
    )
    path, storage_class = tmp_path / "t", get_storage_class(kind)
    formatter.write_file(frame, path, get_storage_class("DataFrame"))
    for conditions, expected in (
        ([("mag", "<", 22)], [1, 2]),
        ([("mag", ">=", 21.0)], [2, 5]),
        ([("mag", "!=", 21.0)], [1, 3, 5]),
        ([("band", "in", ["g", "i"]), ("n", ">", 2)], [3, 5]),
        ([("band", "not in", ["g"])], [1, 5]),
        ([("ok", "==", False)], [3, 5]),
        ([("n", "=", np.int64(9))], []),
        ([("n", "in", [])], []),
        ([], [1, 2, 3, 4, 5]),
    ):
        found = formatter.read_file(
            path, storage_class, parameters={"columns": ["n"], "rows": conditions}
        )
        assert as_frame(found)["n"].to_list() == expected, conditions
        assert as_frame(found).columns == ["n"]


@pytest.mark.parametrize("formatter", FORMATTERS, ids=NAMES)
def test_conditions_that_mean_nothing_are_refused(formatter, tmp_path):
    frame = pl.DataFrame({"mag": [20.0], "band": ["r"]})
    kind, path = get_storage_class("DataFrame"), tmp_path / "t"
    formatter.write_file(frame, path, kind)
    for rows_, words in (
        ("mag < 3", "a list of conditions"),
        ([("mag", "~", 3)], "one of <, <="),
        ([("mgg", "<", 3)], "Did you mean 'mag'"),
        ([("mag", "<", "3")], "cannot be compared with '3'"),
        ([("band", "<", 3)], "cannot be compared with 3"),
        ([("band", "in", "r")], "needs a list"),
        ([("mag", "<", None)], "cannot be compared with None"),
        ([("mag", "<")], "is .column, operator, value"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            formatter.read_file(path, kind, parameters={"rows": rows_})


def test_groups_of_rows_that_cannot_match_are_not_read(tmp_path, monkeypatch):
    """They may be damaged, and nobody would know."""
    frame = pl.DataFrame(
        {
            "n": np.arange(1000),
            "f": np.arange(1000) / 7,
            "s": [f"{i:04}" for i in range(1000)],
            "t": pl.Series(np.arange(1000)).cast(pl.Datetime("us")),
            "u": np.arange(1000).astype("u4") + 2**31,
        }
    )
    kind, path = get_storage_class("DataFrame"), tmp_path / "t"
    frame.write_parquet(path, row_group_size=100)
    conditions = [
        ("n", "<", 150),
        ("n", ">=", 850.5),
        ("f", "=", 500 / 7),
        ("s", ">", "0901"),
        ("s", "in", ["0001", "0555"]),
        ("t", "<", dt.datetime(1970, 1, 1, 0, 0, 0, 42)),
        ("u", ">", 2**31 + 998),
        ("n", "!=", 3),
        ("n", "=", -1),
    ]
    for condition in conditions:
        found = ParquetFormatter().read_file(
            path, kind, parameters={"rows": [condition]}
        )
        column, word, value = condition
        expected = MEANINGS[word](pl.col(column), value)
        assert_frame_equal(found, frame.filter(expected))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle - 500 : middle + 500] = b"\xff" * 1000
    path.write_bytes(data)
    found = ParquetFormatter().read_file(
        path, kind, parameters={"rows": [("n", "<", 50)]}
    )
    assert found["n"].to_list() == list(range(50))


def test_each_pair_of_kinds_says_that_it_converts():
    for one, other in itertools.permutations(map(get_storage_class, KINDS), 2):
        assert one.can_take(other)
    assert not get_storage_class("Table").can_take(get_storage_class("CCDImage"))
    assert not get_storage_class("StructuredDict").can_take(get_storage_class("Table"))
