"""``pantler certify-calibrations``."""

from __future__ import annotations

import click

from pantler.cli import options


@click.command()
@options.repository
@click.argument("input_collection")
@click.argument("output_collection")
@click.argument("dataset_type")
@click.option("--begin-date", help="First time of validity; unbounded if left out.")
@click.option("--end-date", help="End of validity; unbounded if left out.")
@click.option(
    "--replace",
    is_flag=True,
    help="Take the place, for that time, of others that are valid then.",
)
def certify_calibrations(
    repo: str,
    input_collection: str,
    output_collection: str,
    *,
    dataset_type: str,
    begin_date: str | None,
    end_date: str | None,
    replace: bool,
) -> None:
    """Declare calibrations valid for a time.

    All datasets of DATASET_TYPE in INPUT_COLLECTION join the CALIBRATION collection
    OUTPUT_COLLECTION, which is made if need be. Times are UTC, as 2026-11-23T12:00:00.

    \b
    Example:
      pantler certify-calibrations my-repository DemoCam/bias/run DemoCam/calib bias \\
          --begin-date 2026-01-01 --end-date 2026-12-31
    """
    from pantler.butler.repository import Repository
    from pantler.dimensions.timespan import Timespan
    from pantler.ingest.certification import certify_calibrations as certify

    span = Timespan.from_text(begin_date, end_date)
    with Repository.open(repo, writeable=True) as repository:
        count = certify(
            repository,
            input_collection,
            output_collection,
            dataset_type,
            timespan=span,
            replace=replace,
        )
    click.echo(f"Certified {count} '{dataset_type}' for {span}.")
