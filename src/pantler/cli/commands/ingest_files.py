"""``pantler ingest-files``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pantler.cli import options

if TYPE_CHECKING:
    from pantler.storage.interface import TransferMode


@click.command()
@options.repository
@click.argument("dataset_type", type=options.NAME)
@click.argument("run", type=options.NAME)
@click.argument("table", type=click.Path(path_type=Path))
@click.option(
    "--data-id",
    multiple=True,
    metavar="DIMENSION=VALUE",
    help="A value that is the same for all files. May be given again.",
)
@click.option(
    "--prefix",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="What relative paths start from, in place of the table's folder.",
)
@options.transfer
@click.option(
    "--formatter", type=options.NAME, help="What can read them, if not the usual one."
)
def ingest_files(
    repo: str,
    dataset_type: str,
    run: str,
    table: Path,
    *,
    data_id: tuple[str, ...],
    prefix: Path | None,
    transfer: TransferMode,
    formatter: str | None,
) -> None:
    """Make datasets of files of other programs.

    TABLE lists them, as CSV, ECSV or Parquet: its first column has the paths, each
    other one is called like a dimension of the dataset type, and has its values. All
    files come into RUN, or none.

    \b
    Example:
      pantler ingest-files my-repository stars u/me/stars stars.csv
    """
    from pantler.butler.interface import Butler
    from pantler.ingest.file_table import read_file_table

    with Butler.open(repo, writeable=True) as butler:
        files = read_file_table(
            table,
            butler.dataset_types.get(dataset_type),
            run,
            data_id=dict(_pair(text) for text in data_id),
            folder=prefix,
            formatter=formatter,
        )
        refs = butler.ingest(files, transfer)
    click.echo(f"{len(refs)} files are datasets '{dataset_type}' in {run} now.")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise click.BadParameter(
            f"'{text}' is not a value: write DIMENSION=VALUE.", param_hint="--data-id"
        )
    return name, value
