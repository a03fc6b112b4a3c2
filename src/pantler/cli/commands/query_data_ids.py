"""``pantler query-data-ids``."""

from __future__ import annotations

import click

from pantler.cli import options
from pantler.cli.output import (
    OutputFormat,
    format_option,
    print_explanation,
    print_frame,
)
from pantler.errors import InvalidInputError


@click.command()
@options.repository
@click.argument("dimensions", nargs=-1, required=True, metavar="DIMENSION...")
@options.collections
@options.names_option(
    "--datasets", help="Dataset types that each data ID must have, in the collections."
)
@options.where
@options.table
@format_option
def query_data_ids(
    repo: str,
    dimensions: tuple[str, ...],
    *,
    collections: list[str],
    datasets: list[str],
    where: str,
    table: options.TableChoice,
    output_format: OutputFormat,
) -> None:
    """List the data IDs of some dimensions.

    Dimensions are such as visit, detector, tract or patch. Where they meet on the
    sky, only data IDs that overlap are listed. If there are none, the reason is given.

    \b
    Examples:
      pantler query-data-ids my-repository visit detector --where "band = 'g'"
      pantler query-data-ids my-repository tract patch visit
      pantler query-data-ids my-repository visit --columns visit.exposure_time
      pantler query-data-ids my-repository visit detector --count-by band
    """
    from pantler.butler.interface import Butler

    if collections and not datasets:
        raise InvalidInputError(
            "--collections says where --datasets are searched: name some datasets too."
        )
    with Butler.open(repo) as butler:
        results = butler.query_data_ids(
            dimensions,
            where=where,
            datasets=datasets,
            collections=collections or None,
        )
        if table.count_by:
            frame = table.counted(results, table.count_by)
        else:
            chosen = table.of(results)
            shown = chosen.with_columns(*table.columns) if table.columns else chosen
            if table.explain:
                print_explanation(shown, output_format)
                return
            frame = shown.to_polars()
        reasons = table.of(results).why_empty() if frame.is_empty() else []
    print_frame(frame, output_format)
    for reason in reasons:
        click.echo(reason, err=True)
