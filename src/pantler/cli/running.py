"""Running graphs at a terminal."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pantler.butler.repository import Repository
    from pantler.execution.outcome import QuantumOutcome
    from pantler.execution.report import RunReport
    from pantler.quanta.graph import QuantumGraph


def keep_graph(repository: Repository, graph: QuantumGraph) -> Path:
    """Write a graph to the repository's folder of graphs; return its path."""
    from pantler.quanta.file.graph_file import write_graph

    name = graph.header.output_run.replace("/", "_")
    path = Path(repository.root, "graphs", f"{name}.qgraph")
    path.parent.mkdir(exist_ok=True)
    write_graph(graph, path)
    return path


def run_with_progress(
    repository: Repository,
    path: Path,
    *,
    processes: int,
    fail_fast: bool = False,
    show: bool = True,
) -> tuple[RunReport, list[str]]:
    """Run a graph with a progress bar, and chain its output.

    Returns
    -------
    RunReport
        What became of it.
    list of str
        The labels of its tasks, in order.
    """
    from pantler.execution.executor import run_graph
    from pantler.quanta.file.graph_file import GraphFile
    from pantler.quanta.planning import chain_output

    graph = GraphFile.open(path)
    labels = list(graph.labels)
    bar = (
        click.progressbar(
            length=len(graph),
            label="Running",
            file=sys.stderr,
            show_pos=True,
            item_show_func=lambda label: label or "",
            width=30,
        )
        if show and sys.stderr.isatty()
        else nullcontext()
    )
    with bar as drawn:

        def note(outcome: QuantumOutcome, finished: int, total: int) -> None:
            del finished, total
            if drawn is not None:
                drawn.update(1, outcome.label)

        report = run_graph(
            repository,
            path,
            processes=processes,
            fail_fast=fail_fast,
            on_progress=note,
        )
    chain_output(repository, graph.header)
    return report, labels
