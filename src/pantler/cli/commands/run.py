"""``pantler run``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pantler.cli import options
from pantler.cli.output import OutputFormat, format_option, print_rows
from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.butler.repository import Repository
    from pantler.execution.report import RunReport


@click.command()
@options.repository
@options.pipeline
@click.option(
    "--graph",
    "-g",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Run this graph, in place of building one.",
)
@click.option(
    "--processes",
    "-j",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many worker processes.",
)
@click.option("--fail-fast", is_flag=True, help="Stop at the first failure.")
@click.option(
    "--progress/--no-progress", default=True, help="Show a bar on standard error."
)
@format_option
def run(repo: str, *, output_format: OutputFormat, **choice: Any) -> None:
    """Run a pipeline, or a graph that was built before.

    The exit code is 9 if any quantum failed; its log says why. What needs the outputs
    of a failed quantum is not run ("blocked"); all else goes on.

    \b
    Examples:
      pantler run my-repository -p science.yaml -i DemoCam/raw/all,DemoCam/calib \\
          -o demo -j 2
      pantler run my-repository -g demo.qgraph -j 2
    """
    from pantler.butler.repository import Repository
    from pantler.cli.running import run_with_progress

    with Repository.open(repo, writeable=True) as repository:
        path = choice["graph"] or _build(repository, choice)
        report, labels = run_with_progress(
            repository,
            path,
            processes=choice["processes"],
            fail_fast=choice["fail_fast"],
            show=choice["progress"],
        )
    _print(report, labels, output_format)
    if not report.succeeded:
        raise click.exceptions.Exit(9)


def _build(repository: Repository, choice: Mapping[str, Any]) -> Path:
    """Build a graph, and keep it in the repository, named for its run."""
    from pantler.cli.pipeline_options import plan
    from pantler.cli.running import keep_graph

    if not (choice["output"] or choice["output_run"]):
        raise InvalidInputError("Name the output: -o CHAIN, or --output-run RUN.")
    return keep_graph(repository, plan(repository, choice))


def _print(report: RunReport, labels: list[str], output_format: OutputFormat) -> None:
    from pantler.execution.outcome import QuantumStatus

    columns = ["task", *(status.value for status in QuantumStatus)]
    print_rows(report.rows(labels), columns, output_format)
    if output_format == "table":
        click.echo(f"\n{report.summary()} Outputs are in {report.run}.")
    for failure in report.failures:
        click.echo(f"  {failure.label} {failure.data_id}: {failure.message}", err=True)
