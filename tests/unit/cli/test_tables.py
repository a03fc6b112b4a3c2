"""Rows at a terminal: none wraps, and nothing is lost that tells them apart."""

from __future__ import annotations

import itertools

import pytest

from pantler.cli.tables import cell_text, table, text_width

UUIDS = [
    "01a20d43-91ed-7000-8000-1f72b4674729",
    "01a20d43-91ed-7000-8004-5165c0e4b0f9",
]
RUN = "DemoCam/calib/bias/20261124T111441899104Z"


def widest(text):
    return max(map(text_width, text.splitlines()))


def test_without_a_terminal_nothing_is_shortened():
    rows = [["x" * 500, RUN * 10, 3]]
    assert "…" not in table(["a", "b", "c"], rows, None)
    assert rows[0][0] in table(["a", "b", "c"], rows, None)


def test_a_table_that_fits_is_as_without_a_terminal():
    rows = [["a", 1], ["bcd", 22]]
    text = table(["name", "count"], rows, None)
    assert text.splitlines() == [
        "name  count",
        "────  ─────",
        "a         1",
        "bcd      22",
    ]
    assert table(["name", "count"], rows, 80) == text


@pytest.mark.parametrize("width", [20, 40, 60, 79, 80, 81, 200])
def test_no_line_is_wider_than_the_terminal(width):
    rows = [
        ["DemoCam", 250301001, UUIDS[0], RUN, "a sentence that is rather long " * 4],
        ["DemoCam", 250301002, UUIDS[1], RUN, ""],
    ]
    titles = ["instrument", "exposure", "dataset_id", "run", "meaning"]
    assert widest(table(titles, rows, width)) <= width


def test_no_value_is_cut_at_a_terminal():
    prose = "a sentence that is rather long, longer than its column"
    region = "POLYGON(150.08, 2.18, 150.11, 2.18, 150.11, 2.21, 150.08, 2.21)"
    for rows in ([[uuid, RUN] for uuid in UUIDS], [[RUN, region]], [[RUN, prose]]):
        text = table(["first", "second"], rows, 75)
        assert "…" not in text
        assert widest(text) == 75
        for value in itertools.chain(*rows):
            assert value in text


def test_a_table_is_as_wide_as_the_terminal_at_most():
    rows = [[RUN, "w" * 20]]
    fits = len(RUN) + 2 + 20
    assert table(["run", "target"], rows, fits).startswith("run ")
    assert table(["run", "target"], rows, fits - 1).startswith("── 1 of 1 ─")
    assert table(["run", "target"], [], 8).startswith("run ")


def test_prose_of_a_block_is_broken_between_words():
    rows = [[RUN, "Whether files are flushed to the disk before they are recorded."]]
    assert table(["run", "meaning"], rows, 50).splitlines()[2:] == [
        "meaning  Whether files are flushed to the disk",
        "         before they are recorded.",
    ]


def test_many_columns_become_one_value_a_line():
    titles = [f"column_{i}" for i in range(20)]
    rows = [[i * 1000 for i in range(20)], [None, *range(19)]]
    lines = table(titles, rows, 80).splitlines()
    assert lines[0].startswith("── 1 of 2 ─")
    assert lines[1] == "column_0   0"
    assert lines[20] == "column_19  19000"
    assert lines[22].startswith("column_1 "), "what is empty is left out"


def test_long_values_of_a_block_go_on_below_themselves():
    titles = [f"column_{i}" for i in range(20)]
    rows = [[*range(19), "file:///data/" + "x" * 100]]
    lines = table(titles, rows, 60).splitlines()
    start = lines.index(next(line for line in lines if "file:" in line))
    assert "".join(line[11:] for line in lines[start:]) == rows[0][-1]
    assert all(line.startswith(" " * 11) for line in lines[start + 1 :])


def test_wide_characters_take_two_cells_and_marks_none():
    assert text_width("星図") == 4
    assert text_width("é") == 1
    text = table(["name", "n"], [["星図", 1], ["abcd", 2]], None)
    assert len({text_width(line) for line in text.splitlines()}) == 1
    assert widest(table(["name"], [["星" * 60]], 21)) <= 21


def test_a_value_stays_on_its_line():
    assert cell_text("a\nb\x1b[31m\u2028") == "a\\nb\\x1b[31m\\u2028"
    assert cell_text("\ud800") == "\\ud800"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (0.1234567, "0.123457"),
        (["a", "b"], "a, b"),
        ({}, "{}"),
        ({"a": 1}, '{"a": 1}'),
        (250301001, "250301001"),
    ],
)
def test_values_are_text(value, text):
    assert cell_text(value) == text


def test_tables_without_rows_and_without_columns():
    assert table([], [], 80) == ""
    assert table(["run", "type"], [], 80).splitlines()[0] == "run  type"
