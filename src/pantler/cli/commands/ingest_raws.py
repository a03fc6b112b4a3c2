"""``pantler ingest-raws``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pantler.cli import options
from pantler.cli.output import OutputFormat, format_option, print_rows

if TYPE_CHECKING:
    from pantler.storage.interface import TransferMode


@click.command()
@options.repository
@click.argument(
    "locations", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)
@click.option(
    "--instrument",
    type=options.NAME,
    help="Its name; not needed where there is just one.",
)
@options.transfer
@click.option(
    "--output-run",
    type=options.NAME,
    help="RUN collection; default INSTRUMENT/raw/all.",
)
@click.option("--fail-fast", is_flag=True, help="Stop at the first bad file.")
@format_option
def ingest_raws(
    repo: str,
    locations: tuple[Path, ...],
    *,
    instrument: str | None,
    transfer: TransferMode,
    output_run: str | None,
    fail_fast: bool,
    output_format: OutputFormat,
) -> None:
    """Bring raw frames in: files, or folders of them.

    LOCATIONS are files, and folders that are searched for FITS files. The
    instrument's translator reads the headers. A file that cannot be used is named,
    with the reason, and the rest goes on; the exit code is then 2.

    \b
    Example:
      pantler ingest-raws my-repository night-1/ --transfer symlink
    """
    from pantler.butler.repository import Repository
    from pantler.cli.instruments import choose_instrument
    from pantler.ingest.frames import SUFFIXES
    from pantler.ingest.raws import ingest_raws as ingest

    with Repository.open(repo, writeable=True) as repository:
        report = ingest(
            repository,
            locations,
            choose_instrument(repository, instrument),
            transfer=transfer,
            run=output_run,
            fail_fast=fail_fast,
        )
    if output_format == "table":
        click.echo(
            f"{len(report.ingested)} ingested, {len(report.skipped)} there already, "
            f"{len(report.failed)} could not be used."
        )
        for path, message in report.failed:
            named = message.startswith(str(path))  # once is enough
            click.echo(f"  {message if named else f'{path}: {message}'}", err=True)
    else:
        rows = [{"outcome": "ingested", "file": str(p)} for p in report.ingested]
        rows += [{"outcome": "skipped", "file": str(p)} for p in report.skipped]
        rows += [
            {"outcome": "failed", "file": str(p), "reason": m} for p, m in report.failed
        ]
        print_rows(rows, ["outcome", "file", "reason"], output_format)
    if not (report.ingested or report.skipped or report.failed):
        searched = ", ".join(f"'{location}'" for location in locations)
        click.echo(
            f"There are no FITS files in {searched}: no name ends in "
            f"{', '.join(SUFFIXES)}.",
            err=True,
        )
    if report.failed:
        raise click.exceptions.Exit(2)
