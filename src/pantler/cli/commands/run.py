"""``pantler run``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pantler.cli import options
from pantler.cli.options import MOST_PROCESSES
from pantler.cli.output import OutputFormat, format_option, print_rows
from pantler.cli.running import echo_chain, keep_graph, run_with_progress
from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from pantler.butler.repository import Repository
    from pantler.execution.report import RunReport
    from pantler.quanta.file.reading import GraphFile


@dataclass(frozen=True, slots=True)
class RunChoice:
    """How a graph runs.

    Parameters
    ----------
    processes
        How many workers.
    fail_fast
        Whether to stop at the first failure.
    in_process
        Whether to run in this process.
    progress
        Whether to show a bar.
    """

    processes: int
    fail_fast: bool
    in_process: bool
    progress: bool


_RUN_OPTIONS = (
    click.option(
        "--processes",
        "-j",
        type=click.IntRange(min=1, max=MOST_PROCESSES),
        default=1,
        show_default=True,
        help="How many worker processes.",
    ),
    click.option("--fail-fast", is_flag=True, help="Stop at the first failure."),
    click.option(
        "--in-process",
        is_flag=True,
        help="Run in this process, for a debugger: a task that ends it ends the run.",
    ),
    click.option(
        "--progress/--no-progress",
        default=True,
        help="Show progress on standard error.",
    ),
)


@click.command()
@options.repository
@options.plan
@click.option(
    "--graph",
    "-g",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Run this graph, in place of building one.",
)
@options.gathered("how", RunChoice, _RUN_OPTIONS)
@click.option("--traceback", is_flag=True, help="Show where each error came from.")
@format_option
def run(
    repo: str,
    *,
    pipeline: options.PipelineChoice,
    data: options.DataChoice,
    graph: Path | None,
    how: RunChoice,
    traceback: bool,
    output_format: OutputFormat,
) -> None:
    """Run a pipeline, or a graph that was built before.

    The outputs go into a run of their own. With -o CHAIN, the chain is searched for
    inputs first, and then holds the new run in front of what it held before.

    The exit code is 9 if any quantum failed; its log says why. What needs the outputs
    of a failed quantum is not run ("blocked"); all else goes on.

    \b
    Examples:
      pantler run my-repository -p science.yaml -i DemoCam/raw/all,DemoCam/calib \\
          -o demo -j 2
      pantler run my-repository -g demo.qgraph -j 2
    """
    from pantler.butler.repository import Repository
    from pantler.cli.running import describe_failures
    from pantler.execution.report import RunInterrupted
    from pantler.quanta.file.reading import GraphFile

    with Repository.open(repo, writeable=True) as repository:
        opened = GraphFile.open(graph or _build(repository, pipeline, data))
        try:
            report = _run(repository, opened, how)
        except RunInterrupted as stopped:
            _tell_stop(stopped.report, opened, repo)
            raise click.exceptions.Exit(130) from None
        _print(report, opened, output_format)
        if output_format == "table" and opened.header.output:
            echo_chain(repository, opened.header.output)
    if not report.succeeded:
        text = describe_failures(report, repo, traceback=traceback)
        click.echo(text, err=True)
        raise click.exceptions.Exit(9)


def _build(
    repository: Repository, pipeline: options.PipelineChoice, data: options.DataChoice
) -> Path:
    """Build a graph, and keep it in the repository, named for its run."""
    from pantler.cli.pipeline_options import plan

    if not (data.output or data.output_run):
        raise InvalidInputError("Name the output: -o CHAIN, or --output-run RUN.")
    return keep_graph(repository, plan(repository, pipeline, data))


def _run(repository: Repository, graph: GraphFile, how: RunChoice) -> RunReport:
    from pantler.execution.executor import InProcess
    from pantler.execution.local_pool import LocalPool

    if how.in_process and how.processes != 1:
        raise InvalidInputError("--in-process is one process: leave out --processes.")
    return run_with_progress(
        repository,
        graph,
        InProcess() if how.in_process else LocalPool(how.processes),
        fail_fast=how.fail_fast,
        show=how.progress,
    )


def _tell_stop(report: RunReport, graph: GraphFile, repo: str) -> None:
    from pantler.cli.running import describe_failures, describe_stop

    if report.failures:
        click.echo(describe_failures(report, repo, traceback=False), err=True)
    header = graph.header
    click.echo(describe_stop(report, header.output, header.inputs), err=True)


def _print(report: RunReport, graph: GraphFile, output_format: OutputFormat) -> None:
    from pantler.execution.outcome import QuantumStatus

    columns = ["task", *(status.value for status in QuantumStatus)]
    print_rows(report.rows(graph.labels), columns, output_format)
    if output_format == "table":
        click.echo(f"\n{report.summary()} Outputs are in {report.run}.")
