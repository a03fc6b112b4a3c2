"""A pipeline graph as a picture: SVG with nothing but shapes, text and colours."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from pantler.drawings.layout import Layout, Line, Point, Size, lay_out
from pantler.drawings.names import short_dimensions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pantler.pipelines.graph import PipelineGraph
    from pantler.pipelines.nodes import DatasetNode

_MARGIN = 12
_NAME_PX = 14
_SMALL_PX = 11
_EM = 0.61  # width of a monospace letter, in units of its size
_TASK_HEIGHT = 48.0
_DATA_HEIGHT = 40.0

_STYLE = """
  text { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas,
         'DejaVu Sans Mono', monospace; text-anchor: middle; }
  .name { font-size: 14px; } .small { font-size: 11px; }
  .task rect { fill: #2f6690; } .task text { fill: #ffffff; }
  .task .name { font-weight: 600; } .task .small { fill: #d3e3ee; }
  .data rect { fill: #f4f7f9; stroke: #a9bac6; stroke-width: 1.2; }
  .data text { fill: #24323d; } .data .small { fill: #5d6f7c; }
  .last rect { fill: #e7f3ea; stroke: #7fb08c; }
  .prerequisite rect { fill: #fbf4e4; stroke: #cfa54c; stroke-dasharray: 5 3; }
  .edge { fill: none; stroke: #8796a3; stroke-width: 1.5; }
  .tip { fill: #8796a3; }
  .dashed { stroke: #cfa54c; stroke-dasharray: 5 4; } .tip.golden { fill: #cfa54c; }
  @media (prefers-color-scheme: dark) {
    .data rect { fill: #212c35; stroke: #5b7080; }
    .data text { fill: #e3ebf0; } .data .small { fill: #a5b6c2; }
    .last rect { fill: #1f3327; stroke: #5d9470; }
    .prerequisite rect { fill: #362d18; stroke: #b08c3e; }
  }
"""


def draw_svg(graph: PipelineGraph) -> str:
    """Return a graph as SVG, top to bottom, readable on light and on dark pages.

    Tasks are filled boxes; dataset types are rounded, with their dimensions;
    prerequisites are dashed; what no task takes any more is green.
    """
    sizes = {f"data {name}": _data_size(node) for name, node in graph.datasets.items()}
    for label, task in graph.tasks.items():
        lines = (label, short_dimensions(task.dimensions))
        sizes[f"task {label}"] = Size(_width(lines, padding=28), _TASK_HEIGHT)
    layout = lay_out(sizes, _edges(graph))
    body = [*_draw_edges(graph, layout), *_draw_nodes(graph, layout, sizes)]
    width = round(layout.width + 2 * _MARGIN)
    height = round(layout.height + 2 * _MARGIN)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="{-_MARGIN} {-_MARGIN} {width} {height}" role="img">\n'
        f"<title>{escape(graph.description)}</title>\n"
        f"<style>{_STYLE}</style>\n" + "\n".join(body) + "\n</svg>\n"
    )


def _width(lines: Sequence[str], *, padding: float) -> float:
    name, small = lines
    return padding + _EM * max(_NAME_PX * len(name), _SMALL_PX * len(small))


def _data_size(node: DatasetNode) -> Size:
    dataset_type = node.dataset_type
    lines = (dataset_type.name, _dimensions(node))
    return Size(_width(lines, padding=32), _DATA_HEIGHT)


def _dimensions(node: DatasetNode) -> str:
    return short_dimensions(node.dataset_type.dimensions) or "once for each run"


def _edges(graph: PipelineGraph) -> Iterator[Line]:
    for label, task in graph.tasks.items():
        for edge in task.consumed():
            yield Line(f"data {edge.dataset_type.name}", f"task {label}")
        for edge in task.produced():
            yield Line(f"task {label}", f"data {edge.dataset_type.name}")


def _draw_edges(graph: PipelineGraph, layout: Layout) -> Iterator[str]:
    def is_dashed(edge: Line) -> bool:
        first, last = edge
        name = (first if first.startswith("data ") else last)[5:]
        return graph.datasets[name].is_prerequisite

    # Dashed ones first, so that where arrows meet the other tip is on top.
    for edge in sorted(layout.routes, key=is_dashed, reverse=True):
        first, last = edge
        route = layout.routes[edge]
        dashed = is_dashed(edge)
        y_first, y_last = layout.centres[first].y, layout.centres[last].y
        half_first = (_DATA_HEIGHT if first.startswith("data ") else _TASK_HEIGHT) / 2
        half_last = (_DATA_HEIGHT if last.startswith("data ") else _TASK_HEIGHT) / 2
        points = [
            (route[0].x, y_first + half_first),
            *((at.x, y) for at in route[1:-1] for y in (at.top, at.bottom)),
            (route[-1].x, y_last - half_last - 6),
        ]
        path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            middle = (y0 + y1) / 2
            path += f" C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
        x, y = points[-1]
        yield f'<path class="edge{" dashed" if dashed else ""}" d="{path}"/>'
        yield (
            f'<path class="tip{" golden" if dashed else ""}" '
            f'd="M{x - 4:.1f} {y - 2:.1f}h8l-4 8z"/>'
        )


def _draw_nodes(
    graph: PipelineGraph, layout: Layout, sizes: dict[str, Size]
) -> Iterator[str]:
    for name, node in graph.datasets.items():
        kind = "data"
        if node.is_prerequisite:
            kind += " prerequisite"
        elif node.producer is not None and not node.consumers:
            kind += " last"
        key = f"data {name}"
        yield _box(
            layout.centres[key], sizes[key], kind, name=name, small=_dimensions(node)
        )
    for label, task in graph.tasks.items():
        key = f"task {label}"
        small = short_dimensions(task.dimensions)
        yield _box(layout.centres[key], sizes[key], "task", name=label, small=small)


def _box(
    centre: Point,
    size: Size,
    kind: str,
    *,
    name: str,
    small: str,
) -> str:
    x, y = centre
    width, height = size
    corner = 6 if kind == "task" else height / 2
    return (
        f'<g class="{kind}"><rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" '
        f'width="{width:.1f}" height="{height:.1f}" rx="{corner:g}"/>'
        f'<text class="name" x="{x:.1f}" y="{y - 2:.1f}">{escape(name)}</text>'
        f'<text class="small" x="{x:.1f}" y="{y + 13:.1f}">{escape(small)}</text></g>'
    )
