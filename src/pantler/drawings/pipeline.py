"""Drawings of a pipeline graph: terminal text, Mermaid, SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.drawings.names import short_dimensions
from pantler.errors import InvalidInputError, close_match

if TYPE_CHECKING:
    from pantler.pipelines.graph import PipelineGraph

DRAWINGS = ("text", "mermaid", "svg")
"""The kinds of drawing."""


def draw(graph: PipelineGraph, kind: str) -> str:
    """Return a drawing of a graph.

    Parameters
    ----------
    graph
        What to draw.
    kind
        One of `DRAWINGS`.

    Raises
    ------
    InvalidInputError
        If there is no such kind.
    """
    if kind == "text":
        from pantler.drawings.text import draw_text

        return draw_text(graph)
    if kind == "mermaid":
        return draw_mermaid(graph)
    if kind == "svg":
        from pantler.drawings.svg import draw_svg

        return draw_svg(graph)
    raise InvalidInputError(
        f"There is no drawing '{kind}'.{close_match(kind, DRAWINGS)} "
        f"Choose one of: {', '.join(DRAWINGS)}."
    )


def draw_mermaid(graph: PipelineGraph) -> str:
    """Return a graph as a Mermaid flowchart, which many web pages render.

    Tasks are boxes, dataset types are rounded; prerequisites hang on dotted arrows.
    """
    lines = ["flowchart TD"]
    for label, task in graph.tasks.items():
        dimensions = short_dimensions(task.dimensions)
        lines.append(f'    task_{label}["<b>{label}</b><br/>{dimensions}"]')
    for name, node in graph.datasets.items():
        dimensions = short_dimensions(node.dataset_type.dimensions)
        lines.append(f'    data_{name}(["{name}<br/><i>{dimensions}</i>"])')
    for name, node in graph.datasets.items():
        if node.producer is not None:
            lines.append(f"    task_{node.producer} --> data_{name}")
        arrow = "-.->" if node.is_prerequisite else "-->"
        lines += [f"    data_{name} {arrow} task_{label}" for label in node.consumers]
    lines.append("    classDef task fill:#2f6690,stroke:#2f6690,color:#ffffff")
    lines.append(f"    class {','.join(f'task_{label}' for label in graph.tasks)} task")
    return "\n".join(lines) + "\n"
