"""``pantler decertify``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pantler.cli import options
from pantler.cli.output import print_frame
from pantler.cli.removing import is_agreed, removal_options
from pantler.errors import counted

if TYPE_CHECKING:
    import polars as pl

    from pantler.butler.interface import Butler
    from pantler.dimensions.timespan import Timespan


@click.command()
@options.repository
@click.argument("collection")
@click.argument("dataset_type")
@click.option("--begin-date", help="From this time on; at any time if left out.")
@click.option("--end-date", help="Before this time; at any time if left out.")
@options.where
@removal_options
def decertify(
    repo: str,
    collection: str,
    dataset_type: str,
    *,
    begin_date: str | None,
    end_date: str | None,
    where: str,
    dry_run: bool,
    yes: bool,
) -> None:
    """Declare calibrations not valid for a time.

    In the CALIBRATION collection COLLECTION, no dataset of DATASET_TYPE is valid then
    any more: ranges of validity are cut, or split in two. With --where, only those for
    which a condition holds. The datasets themselves stay. Times are UTC, as
    2026-11-23T12:00:00.

    \b
    Example:
      pantler decertify my-repository DemoCam/calib bias \\
          --begin-date 2026-06-01 --dry-run
    """
    from pantler.butler.interface import Butler
    from pantler.dimensions.timespan import Timespan

    span = Timespan.from_text(begin_date, end_date)
    with Butler.open(repo, writeable=not dry_run) as butler:
        found = _valid(butler, collection, dataset_type, span, where=where)
        if found.is_empty():
            click.echo("No calibration is valid then: there is nothing to change.")
            return
        click.echo(f"These are valid at some time within {span}:")
        print_frame(found, "table")
        click.echo()
        if is_agreed("Cut these ranges?", dry_run=dry_run, yes=yes):
            count = butler.collections.decertify(
                collection, dataset_type, span, data_ids=found if where else None
            )
            click.echo(f"Cut {counted(count, 'range')} of validity.")


def _valid(
    butler: Butler, collection: str, dataset_type: str, span: Timespan, *, where: str
) -> pl.DataFrame:
    """Return the calibrations that are valid at some time of a span."""
    import polars as pl

    butler.collections.find_all(collection, type="CALIBRATION")
    found = butler.query_datasets(
        dataset_type, collections=collection, where=where, find_first=False
    ).to_polars()
    return found.filter(
        pl.col("timespan_begin") < span.end, pl.col("timespan_end") > span.begin
    )
