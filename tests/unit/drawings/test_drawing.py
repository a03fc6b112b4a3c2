"""Drawings of pipeline graphs."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantler.dimensions.universe import Universe
from pantler.drawings.layout import Line, Size, lay_out, spread
from pantler.drawings.names import short_dimensions
from pantler.drawings.pipeline import draw
from pantler.errors import InvalidInputError
from pantler.pipelines.graph import PipelineGraph
from pantler.pipelines.pipeline import Pipeline
from pantler.tasks.connections import Input, Output

TEXT = """
description: Three <small> tasks.
tasks:
  reduce: pantler.testing.tasks.ReduceTask
  measure: pantler.testing.tasks.MeasureTask
  gather: pantler.testing.tasks.GatherTask
"""
DICT = "StructuredDict"
VISIT = ("visit",)


@pytest.fixture
def graph() -> PipelineGraph:
    return PipelineGraph.from_pipeline(Pipeline.from_yaml(TEXT), Universe.default())


def test_text_has_a_line_for_each_node_and_rails_between(graph: PipelineGraph) -> None:
    assert draw(graph, "text").splitlines() == [
        "○    raw       detector, exposure  StructuredDict",
        "│ ◌  bias      detector            StructuredDict, prerequisite, calibration",
        "■─╯  reduce    detector, exposure  ReduceTask",
        "○    reduced   detector, exposure  StructuredDict",
        "■    measure   detector, visit     MeasureTask",
        "○    measured  detector, visit     StructuredDict",
        "■    gather    band, patch         GatherTask",
        "○    gathered  band, patch         StructuredDict",
    ]


def test_a_rail_that_is_crossed_stays_whole_and_a_dead_end_stays_alone(
    make_task: Any, graph_of: Any
) -> None:
    def takes(name: str) -> Input:
        return Input(name, DICT, dimensions=VISIT)

    def makes(name: str) -> Output:
        return Output(name, DICT, dimensions=VISIT)

    graph = graph_of(
        make_task("a", VISIT, x=makes("one"), y=makes("two"), z=makes("dead")),
        make_task("b", VISIT, x=takes("two"), y=makes("three")),
        make_task("c", VISIT, x=takes("raw"), y=takes("three")),
        make_task("d", VISIT, x=takes("one"), y=takes("three")),
    )
    rails = [
        line.split("visit")[0].rstrip() for line in draw(graph, "text").splitlines()
    ]
    assert rails == [
        "■      a",
        "├─○    dead",
        "├───○  one",
        "○   │  two",
        "■   │  b",
        "○   │  three",
        "│ ○ │  raw",
        "├─■ │  c",
        "■───╯  d",
    ]


def test_mermaid_names_every_arrow(graph: PipelineGraph) -> None:
    text = draw(graph, "mermaid")
    for arrow in (
        "data_raw --> task_reduce",
        "data_bias -.-> task_reduce",
        "task_reduce --> data_reduced",
        "data_measured --> task_gather",
    ):
        assert f"    {arrow}\n" in text


def test_svg_is_well_formed_and_names_every_node(graph: PipelineGraph) -> None:
    space = "{http://www.w3.org/2000/svg}"
    root = ET.fromstring(draw(graph, "svg"))
    assert root.findtext(f"{space}title") == "Three <small> tasks."
    names = {
        text.text
        for text in root.iter(f"{space}text")
        if text.attrib["class"] == "name"
    }
    assert names == {*graph.tasks, *graph.datasets}
    assert len([p for p in root.iter(f"{space}path") if "h8l" in p.attrib["d"]]) == 7


def test_an_unknown_drawing_is_refused(graph: PipelineGraph) -> None:
    with pytest.raises(InvalidInputError, match=r"'sgv'.*Did you mean 'svg'"):
        draw(graph, "sgv")


def test_short_dimensions_leave_out_what_others_need() -> None:
    group = Universe.default().group(["visit", "detector", "patch"])
    assert set(short_dimensions(group).split(", ")) == {"visit", "detector", "patch"}
    assert short_dimensions(Universe.default().group([])) == ""


@st.composite
def drawn_graphs(draw_one: Any) -> tuple[int, list[Line]]:
    count = draw_one(st.integers(2, 12))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    edges = draw_one(st.lists(pairs, max_size=20))
    return count, [Line(str(a), str(b)) for a, b in edges if a < b]


@given(drawn_graphs())
def test_no_boxes_overlap_and_every_edge_goes_down(
    drawn: tuple[int, list[Line]],
) -> None:
    count, edges = drawn
    sizes = {str(node): Size(40.0 + 10 * node, 20.0) for node in range(count)}
    layout = lay_out(sizes, edges)
    for a, b in itertools.combinations(sizes, 2):
        (xa, ya), (xb, yb) = layout.centres[a], layout.centres[b]
        apart = abs(xa - xb) >= (sizes[a][0] + sizes[b][0]) / 2 - 1e-6
        assert apart or abs(ya - yb) >= 20
    for a, b in edges:
        assert layout.centres[a][1] < layout.centres[b][1]
    for node, (x, _) in layout.centres.items():
        assert x - sizes[node][0] / 2 >= -1e-6
        assert x + sizes[node][0] / 2 <= layout.width + 1e-6


def test_a_needless_crossing_is_undone() -> None:
    sizes = dict.fromkeys("abcd", Size(10.0, 10.0))
    layout = lay_out(sizes, [Line("a", "d"), Line("b", "c")])
    x = {node: place[0] for node, place in layout.centres.items()}
    assert (x["a"] < x["b"]) == (x["d"] < x["c"])


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=8))
def test_spread_keeps_order_and_distance(wanted: list[float]) -> None:
    placed = spread(wanted, [1.0] * len(wanted), [5.0] * (len(wanted) - 1))
    assert all(b - a >= 5 - 1e-6 for a, b in itertools.pairwise(placed))
    # Moving all together cannot help: the mean is kept.
    assert sum(placed) == pytest.approx(sum(wanted), abs=1e-6)
