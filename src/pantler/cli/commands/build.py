"""``pantler build``."""

from __future__ import annotations

from pathlib import Path

import click

from pantler.cli import options
from pantler.cli.output import OutputFormat, format_option, print_frame


@click.command()
@options.repository
@options.plan
@click.option(
    "--save-graph",
    "-g",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file to write.",
)
@format_option
def build(
    repo: str,
    *,
    pipeline: options.PipelineChoice,
    data: options.DataChoice,
    save_graph: Path,
    output_format: OutputFormat,
) -> None:
    """See what a pipeline would run, and on which data.

    The pipeline is matched against the repository REPO. Nothing runs, and nothing is
    written but the file of the graph, which 'pantler run' takes.

    \b
    Example:
      pantler build my-repository -p science.yaml -i DemoCam/raw/all,skymaps \\
          -o demo -d "tract = 1" -g demo.qgraph
    """
    from pantler.butler.repository import Repository
    from pantler.cli.pipeline_options import plan
    from pantler.quanta.file.writing import write_graph

    with Repository.open(repo) as repository:
        graph = plan(repository, pipeline, data)
    write_graph(graph, save_graph)
    print_frame(graph.summary(), output_format)
    if output_format == "table":
        quanta, them = ("quantum", "it") if len(graph) == 1 else ("quanta", "them")
        click.echo(f"\n{len(graph)} {quanta} in {save_graph}. Run {them} with:")
        click.echo(f"  pantler run {repo} -g {save_graph} -j 2")
