"""``pantler show``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from pantler.cli import options
from pantler.cli.files import read_bytes, write_text
from pantler.cli.output import render_frame, terminal_width


@click.command()
@click.argument("what", type=click.Choice(["pipeline", "config", "yaml", "graph"]))
@click.argument("location")
@click.option(
    "--drawing",
    type=click.Choice(["text", "mermaid", "svg"]),
    default="text",
    show_default=True,
    help="How to draw a pipeline.",
)
@options.names_option("--tasks", help="Only these tasks.")
@click.option(
    "--instrument",
    type=options.NAME,
    metavar="NAME",
    help="Apply the configuration that suits this instrument.",
)
@click.option(
    "--config",
    "-c",
    multiple=True,
    metavar="LABEL:KEY=VALUE",
    help="Set a configuration value of a task; may be given again.",
)
@click.option(
    "--universe",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file of the dimensions of the tasks, if not the packaged ones.",
)
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to a file instead of the terminal.",
)
def show(
    what: Literal["pipeline", "config", "yaml", "graph"],
    location: str,
    *,
    drawing: str,
    tasks: list[str],
    instrument: str | None,
    config: tuple[str, ...],
    universe: Path | None,
    save: Path | None,
) -> None:
    """Show a pipeline or a graph; no repository needed.

    LOCATION is the file of a pipeline; for 'graph', of a graph. 'pipeline' checks
    and draws it; 'config' prints the whole configuration of its tasks; 'yaml' the
    pipeline with all imports and overrides put in; 'graph' counts what would run.

    \b
    Examples:
      pantler show pipeline pantler.science.pipelines:science.yaml
      pantler show config science.yaml --tasks isr
      pantler show graph demo.qgraph
    """
    if what == "graph":
        text = _graph(location, None if save else terminal_width())
    else:
        choice = options.PipelineChoice(location, tasks, config, instrument)
        text = _pipeline(what, choice, drawing, universe)
    if save is None:
        click.echo(text)
    else:
        write_text(save, text)
        click.echo(f"Wrote {save}.")


def _pipeline(
    what: str, choice: options.PipelineChoice, drawing: str, universe: Path | None
) -> str:
    import yaml

    from pantler.cli.pipeline_options import load_pipeline
    from pantler.dimensions.universe import Universe
    from pantler.drawings.pipeline import draw
    from pantler.instruments.instrument import get_instrument
    from pantler.pipelines.graph import PipelineGraph

    pipeline = load_pipeline(choice)
    if pipeline.instrument is not None:
        overrides = get_instrument(pipeline.instrument).config_overrides()
        pipeline = pipeline.with_instrument_overrides(overrides)
    if what == "yaml":
        return pipeline.to_yaml()
    dimensions = (
        Universe.default()
        if universe is None
        else Universe.from_yaml(read_bytes(universe), f"'{universe}'")
    )
    graph = PipelineGraph.from_pipeline(pipeline, dimensions)
    if what == "config":
        values = {
            label: node.config.model_dump(mode="json")
            for label, node in graph.tasks.items()
        }
        return yaml.safe_dump(values, sort_keys=False)
    return draw(graph, drawing)


def _graph(location: str, width: int | None) -> str:
    from pantler.quanta.file.reading import GraphFile

    graph = GraphFile.open(location)
    header = graph.header
    return "\n".join(
        [
            f"output run: {header.output_run}",
            f"inputs:     {', '.join(header.inputs)}",
            f"quanta:     {len(graph)}",
            "",
            render_frame(graph.load().summary(), width),
        ]
    )
