"""Running graphs at a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from pantler.execution.log_lines import safe_text

if TYPE_CHECKING:
    from pantler.butler.repository import Repository
    from pantler.execution.executor import Executor
    from pantler.execution.report import Failure, RunReport
    from pantler.quanta.file.reading import GraphFile
    from pantler.quanta.graph import QuantumGraph

_MOST_CAUSES = 10


def keep_graph(repository: Repository, graph: QuantumGraph) -> Path:
    """Write a graph to the repository's folder of graphs; return its path.

    Every run has a file name of its own.

    Raises
    ------
    AccessError
        If the folder cannot be made.
    """
    from pantler.errors import AccessError
    from pantler.quanta.file.writing import write_graph

    name = quote(graph.header.output_run, safe=" ")
    path = Path(repository.root, "graphs", f"{name}.qgraph")
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise AccessError(f"Cannot make '{path.parent}': {error.strerror}.") from error
    write_graph(graph, path)
    return path


def run_with_progress(
    repository: Repository,
    graph: GraphFile,
    executor: Executor,
    *,
    fail_fast: bool = False,
    show: bool = True,
) -> RunReport:
    """Run a graph, and show how far it is."""
    from pantler.cli.progress import RunProgress
    from pantler.execution.graph_run import run_graph

    progress = RunProgress(graph.counts) if show else None
    try:
        return run_graph(
            repository,
            graph,
            executor=executor,
            fail_fast=fail_fast,
            on_progress=progress,
        )
    finally:
        if progress is not None:
            progress.end()


def describe_failures(report: RunReport, repo: str, *, traceback: bool) -> str:
    """Return what failed, by cause, and where the logs are.

    Parameters
    ----------
    report
        Of the run.
    repo
        The repository, as the user named it.
    traceback
        Whether to add a traceback for each cause.
    """
    parts = []
    causes = report.causes()
    for cause in causes[:_MOST_CAUSES]:
        first = cause.first
        count = len(cause.failures)
        quanta = "1 quantum" if count == 1 else f"{count} quanta, such as"
        parts.append(
            f"  {first.label}: {first.message}\n    {quanta} {_spoken(first.data_id)}"
        )
        if traceback and first.fault.trace:
            parts.append(_indented(first.fault.trace))
    if len(causes) > _MOST_CAUSES:
        parts.append(f"  … and {len(causes) - _MOST_CAUSES} more causes.")
    if causes:
        parts.append(f"Logs say more, such as:\n{_log_line(report, repo)}")
        if not traceback and any(cause.first.fault.trace for cause in causes):
            parts.append("'pantler run --traceback' shows where each error came from.")
    return safe_text("\n".join(parts))  # messages of tasks hold anything


def describe_stop(report: RunReport, output: str, inputs: tuple[str, ...]) -> str:
    """Return how far a run got that was stopped, and how to go on.

    Parameters
    ----------
    report
        Of the run.
    output
        Its chain; empty for none.
    inputs
        The collections that it searched.
    """
    lines = [f"Stopped. {report.summary()}", where_outputs_are(report, output)]
    finished = report.finished_tasks()
    rest = [label for label in report.planned if label not in finished]
    if finished and rest:
        source = (
            f"-o {output}"
            if output
            else f"-i {','.join([report.run, *inputs])} and another --output-run"
        )
        lines.append(
            f"Finished tasks: {', '.join(finished)}. To keep what they made, run the "
            f"rest with --tasks {','.join(rest)} {source}."
        )
    else:
        lines.append("No task is finished: run the same command again to start anew.")
    return "\n".join(lines)


def where_outputs_are(report: RunReport, output: str) -> str:
    """Return in a sentence where the outputs of a run are."""
    first = f", the first in the chain '{output}'" if output else ""
    return f"Outputs are in {report.run}{first}."


def _spoken(data_id: dict[str, int | str]) -> str:
    return "{" + ", ".join(f"{k}: {v!r}" for k, v in data_id.items()) + "}"


def _log_line(report: RunReport, repo: str) -> str:
    first: Failure = report.causes()[0].first
    keys = ", ".join(f"{k}={v!r}" for k, v in first.data_id.items())
    return (
        f"  >>> butler = Butler.open({repo!r}, collections={report.run!r})\n"
        f"  >>> butler.get('{first.label}_log', {keys})"
    )


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines())


def echo_chain(repository: Repository, output: str) -> None:
    """Say what a chain holds."""
    children = repository.registry.collections.get(output).children
    click.echo(f"The chain '{output}' holds: {', '.join(children)}.")
