"""``pantler demo``."""

from __future__ import annotations

from pathlib import Path

import click

from pantler.cli.options import MOST_PROCESSES


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--processes",
    "-j",
    type=click.IntRange(min=1, max=MOST_PROCESSES),
    default=2,
    show_default=True,
    help="How many worker processes.",
)
@click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    help="Another number, another night.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Replace a demo that is there. Only what it made is removed.",
)
def demo(folder: Path, processes: int, seed: int, *, force: bool) -> None:
    """Simulate a night, and reduce it to coadds.

    A night of a small camera is simulated in FOLDER. Everything else is done by the
    commands that you would type, which are shown. It takes about half a minute.

    \b
    Example:
      pantler demo my-demo
    """
    from pantler.cli.demo_job import DemoJob

    DemoJob(folder, processes=processes, seed=seed).run(force=force)
