"""Frames are printed as people and programs read them."""

from __future__ import annotations

import csv
import io
import json
from uuid import UUID

import polars as pl
import pytest

from pantler.cli import output
from pantler.cli.output import print_frame, print_rows, readable
from pantler.dimensions.sky.region_text import region_text
from pantler.dimensions.sky.regions import (
    Box,
    Circle,
    ConvexPolygon,
    UnionRegion,
    decode_region,
)
from pantler.dimensions.timespan import Timespan
from pantler.dimensions.universe import Universe
from pantler.queries.binding import bind
from pantler.queries.parser import parse

UUID_7 = UUID("01a20d43-91ed-7000-8000-1f72b4674729")
POLYGON = ConvexPolygon.from_lonlat([10, 11, 11], [-1, -1, 0.5])


@pytest.fixture
def frame():
    return pl.DataFrame(
        {
            "visit": [1, 2],
            "dataset_id": pl.Series([UUID_7.bytes, None], dtype=pl.Binary),
            "region": pl.Series([POLYGON.encode(), None], dtype=pl.Binary),
            "digest": pl.Series([b"\x00\xff", b""], dtype=pl.Binary),
            "timespan_begin": [1_740_859_237_500_000_000, Timespan.MIN],
            "timespan_end": [Timespan.MAX, None],
        }
    )


def test_nothing_binary_is_left(frame):
    first, second = readable(frame).to_dicts()
    assert first == {
        "visit": 1,
        "dataset_id": str(UUID_7),
        "region": "POLYGON(10, -1, 11, -1, 11, 0.5)",
        "digest": "00ff",
        "timespan_begin_tai": "2025-03-01T20:00:37.5",
        "timespan_end_tai": "unbounded",
    }
    for name in ("region", "dataset_id", "timespan_end_tai"):
        assert second[name] is None


def test_csv_and_json_say_the_same(frame, capsys):
    print_frame(frame, "csv")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    print_frame(frame, "json")
    objects = json.loads(capsys.readouterr().out)
    assert rows[0]["region"] == objects[0]["region"]
    assert rows[0]["timespan_begin_tai"] == "2025-03-01T20:00:37.5"
    assert rows[1]["region"] == ""
    assert objects[1]["region"] is None


@pytest.mark.parametrize("output_format", ["csv", "json", "table"])
def test_only_a_terminal_shortens(frame, capsys, monkeypatch, output_format):
    monkeypatch.setenv("COLUMNS", "40")
    long = frame.with_columns(note=pl.lit("word " * 100))
    print_frame(long, output_format)
    piped = capsys.readouterr().out
    assert "word " * 99 in piped
    monkeypatch.setattr(output, "terminal_width", lambda: 40)
    print_frame(long, output_format)
    at_terminal = capsys.readouterr().out
    if output_format == "table":
        assert max(map(len, at_terminal.splitlines())) <= 40
    else:
        assert at_terminal == piped


def test_rows_of_plain_values_keep_their_kind_in_json(capsys):
    rows = [{"name": "demo", "children": ["a", "b"], "checked": True}, {"name": "x"}]
    columns = ["name", "children", "checked"]
    print_rows(rows, columns, "json")
    shown = json.loads(capsys.readouterr().out)
    assert shown == [rows[0], {"name": "x", "children": None, "checked": None}]
    print_rows(rows, columns, "csv")
    assert capsys.readouterr().out.splitlines() == [
        "name,children,checked",
        'demo,"a, b",true',
        "x,,",
    ]
    print_rows([], columns, "table")
    assert "children" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("region", "text"),
    [
        (Circle.from_lonlat(150.1, 2.2, 0.02), "CIRCLE(150.1, 2.2, 0.02)"),
        (Circle.from_lonlat(0, -90, 1e-9), "CIRCLE(0, -90, 0)"),
        (Box.from_lonlat(359, 1, -1, 3), "BOX(0, 1, 2, 4)"),
        (Box.from_lonlat(10, 12, -2, -1), "BOX(11, -1.5, 2, 1)"),
        (
            UnionRegion((POLYGON, Circle.from_lonlat(1, 2, 3))),
            "UNION(POLYGON(10, -1, 11, -1, 11, 0.5), CIRCLE(1, 2, 3))",
        ),
    ],
)
def test_regions_are_written_as_in_a_query(region, text):
    assert region_text(region) == text
    assert region_text(decode_region(region.encode())) == text


@pytest.mark.parametrize(
    "region",
    [POLYGON, Circle.from_lonlat(150.1, 2.2, 0.02), Box.from_lonlat(359, 1, -1, 3)],
)
def test_what_is_printed_can_be_asked_for(region):
    universe = Universe.default()
    text = f"visit.region OVERLAPS {region_text(region)}"
    assert bind(parse(text), universe) is not None
