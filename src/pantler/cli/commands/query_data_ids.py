"""``pantler query-data-ids``."""

from __future__ import annotations

import click

from pantler.cli import options
from pantler.cli.output import OutputFormat, format_option, print_frame


@click.command()
@options.repository
@click.argument("dimensions", nargs=-1, required=True, metavar="DIMENSION...")
@options.collections
@click.option(
    "--datasets",
    type=options.CommaList(),
    multiple=True,
    help="Dataset types that each data ID must have, in the collections.",
)
@options.where
@options.order_and_limit
@format_option
def query_data_ids(
    repo: str,
    dimensions: tuple[str, ...],
    *,
    collections: tuple[list[str], ...],
    datasets: tuple[list[str], ...],
    where: str,
    order_by: tuple[list[str], ...],
    limit: int | None,
    output_format: OutputFormat,
) -> None:
    r"""List the data IDs of some dimensions.

    \b
    Examples:
      pantler query-data-ids my-repository visit detector --where "band = 'g'"
      pantler query-data-ids my-repository tract patch visit
    """
    from pantler.butler.interface import Butler

    with Butler.open(repo) as butler:
        results = butler.query_data_ids(
            dimensions,
            where=where,
            datasets=options.joined(datasets),
            collections=options.joined(collections) or None,
        )
        order = options.joined(order_by)
        if order:
            results = results.order_by(*order)
        if limit is not None:
            results = results.limit(limit)
        frame = results.to_polars()
        reasons = results.explain() if frame.is_empty() else []
    print_frame(frame, output_format)
    for reason in reasons:
        click.echo(reason, err=True)
