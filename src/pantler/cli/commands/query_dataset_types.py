"""``pantler query-dataset-types``."""

from __future__ import annotations

import click

from pantler.cli import options
from pantler.cli.output import OutputFormat, format_option, print_rows


@click.command()
@options.repository
@click.argument("globs", nargs=-1, metavar="[GLOB...]")
@options.names_option(
    "--collections", "-i", help="Only those of which these collections hold some."
)
@format_option
def query_dataset_types(
    repo: str,
    globs: tuple[str, ...],
    *,
    collections: list[str],
    output_format: OutputFormat,
) -> None:
    """List dataset types.

    Those whose names are, or match, one of GLOB, patterns of * and ?; all of them
    without it.

    \b
    Example:
      pantler query-dataset-types my-repository 'coadd*' -i demo
    """
    from pantler.butler.interface import Butler

    with Butler.open(repo) as butler:
        found = butler.dataset_types.query(globs or "*")
        held = {
            name
            for collection in collections
            for name in butler.collections.dataset_types(collection)
        }
        rows = [
            {
                "name": one.name,
                "dimensions": one.dimensions.required,
                "storage_class": one.storage_class,
                "is_calibration": one.is_calibration,
            }
            for one in found
            if not collections or one.name in held
        ]
    columns = ["name", "dimensions", "storage_class", "is_calibration"]
    print_rows(rows, columns, output_format)
    if not rows:
        click.echo("There are no such dataset types.", err=True)
