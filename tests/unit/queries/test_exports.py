"""Frames reach other libraries with their types, and notebooks in short."""

from __future__ import annotations

from uuid import UUID

import polars as pl
import pytest
from astropy.time import Time

from pantler.dimensions.times import parse_time
from pantler.dimensions.timespan import Timespan
from pantler.queries import exports

ID = UUID("0190b7f4-0000-7000-8000-000000000000")
BEGIN = parse_time("2025-03-01T20:08:00.123456789")
FRAME = pl.DataFrame(
    {
        "visit": [3, 4, 5],
        "band": ["g", None, "<r>"],
        "seeing": [0.75, None, 1.25],
        "count": [1, None, 3],
        "flag": [True, None, False],
        "dataset_id": [ID.bytes, None, ID.bytes],
        "timespan_begin": [BEGIN, None, Timespan.MIN],
    }
)


def test_pandas_keeps_integers_that_are_missing():
    pandas = pytest.importorskip("pandas")
    frame = exports.to_pandas(FRAME)
    assert list(frame.columns) == FRAME.columns
    assert frame["count"].tolist()[::2] == [1, 3]
    assert frame["count"].isna().tolist() == [False, True, False]
    assert frame["dataset_id"].tolist()[0] == str(ID)
    assert frame["visit"].dtype == "int64"
    assert frame["band"].isna().tolist() == [False, True, False]
    assert pandas.DataFrame(exports.to_pandas(FRAME.clear())).shape == (0, 7)


def test_arrow_has_the_same_values():
    pytest.importorskip("pyarrow")
    assert pl.DataFrame(exports.to_arrow(FRAME)).equals(FRAME)


def test_astropy_has_times_and_masks():
    table = exports.to_astropy(FRAME, ["timespan_begin"])
    assert table.colnames == FRAME.columns
    assert table["visit"].tolist() == [3, 4, 5]
    assert table["band"].tolist() == ["g", None, "<r>"]
    assert table["seeing"].mask.tolist() == [False, True, False]
    assert table["flag"].tolist() == [True, None, False]
    assert table["dataset_id"][0] == str(ID)
    begin = table["timespan_begin"]
    assert isinstance(begin, Time)
    assert begin.scale == "tai"
    assert begin.mask.tolist() == [False, True, True]  # a bound that is none is masked
    offset = begin[0] - Time("2025-03-01T20:08:00.123456789", scale="utc")
    assert abs(offset.to_value("ns")) < 1
    assert len(exports.to_astropy(FRAME.clear(), ["timespan_begin"])) == 0


def test_a_notebook_shows_text_that_cannot_be_markup():
    text = exports.to_html(FRAME, "and <2> more")
    assert "<td>&lt;r&gt;</td>" in text
    assert "and &lt;2&gt; more" in text
    assert str(ID) in text
    assert "<td></td>" in text
