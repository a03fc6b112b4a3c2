"""``pantler demo``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--processes",
    "-j",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="How many worker processes.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the night.")
@click.option(
    "--force", is_flag=True, help="Remove a demo that is in the folder already."
)
def demo(folder: Path, processes: int, seed: int, *, force: bool) -> None:
    r"""Run the main job in FOLDER: from raw frames to coadds and merged sources.

    A night of a small camera is simulated; everything else is done by the commands
    that you would type, which are shown. It takes about a minute.

    \b
    Example:
      pantler demo my-demo
    """
    from pantler.cli.demo_job import DemoJob

    DemoJob(folder, processes=processes, seed=seed).run(force=force)
