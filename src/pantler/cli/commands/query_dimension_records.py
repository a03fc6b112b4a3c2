"""``pantler query-dimension-records``."""

from __future__ import annotations

import click

from pantler.cli import options
from pantler.cli.output import (
    OutputFormat,
    format_option,
    print_explanation,
    print_frame,
)


@click.command()
@options.repository
@click.argument("element")
@options.where
@options.count_by
@options.rows
@format_option
def query_dimension_records(
    repo: str,
    element: str,
    *,
    where: str,
    count_by: list[str],
    rows: options.RowChoice,
    output_format: OutputFormat,
) -> None:
    """List what is recorded for a dimension.

    ELEMENT is a dimension, such as exposure or detector, or a relation between some,
    such as visit_detector_region. Columns that no record fills are left out. If there
    are no records, the reason is given.

    \b
    Examples:
      pantler query-dimension-records my-repository exposure \\
          --where "exposure.exposure_time > 30" --order-by -exposure.timespan.begin
      pantler query-dimension-records my-repository exposure --count-by target_name
    """
    from pantler.butler.interface import Butler

    with Butler.open(repo) as butler:
        results = butler.query_dimension_records(element, where=where)
        if count_by:
            frame = rows.counted(results, count_by)
        elif rows.explain:
            print_explanation(rows.of(results), output_format)
            return
        else:
            frame = rows.of(results).to_polars()
        reasons = rows.of(results).why_empty() if frame.is_empty() else []
    if output_format == "table" and not count_by:
        # Columns that no record fills are noise to a person.
        full = [s.name for s in frame.iter_columns() if s.null_count() < len(s)]
        frame = frame.select(full) if full else frame
    print_frame(frame, output_format)
    for reason in reasons:
        click.echo(reason, err=True)
