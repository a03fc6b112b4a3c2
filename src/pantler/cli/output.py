"""How commands print frames: tables for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from typing import TYPE_CHECKING, Any, Literal

import click

from pantler.cli.tables import cell_text, table
from pantler.errors import InvalidInputError
from pantler.execution.log_lines import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl

    from pantler.queries.results import Results

OutputFormat = Literal["table", "json", "csv"]

_TIMES = ("timespan_begin", "timespan_end", "ingest_time")


def format_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--format`` to a command; it arrives as ``output_format``."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(["table", "json", "csv"]),
        default="table",
        show_default=True,
        help="How to print the result.",
    )(function)


def print_frame(frame: pl.DataFrame, output_format: OutputFormat) -> None:
    """Print a frame; binary columns and times as `readable` says."""
    if output_format == "json":
        rows = readable(frame).to_dicts()
        click.echo(json.dumps(rows, indent=1, default=str))
    elif output_format == "csv":
        click.echo(readable(frame).write_csv(), nl=False)
    else:
        click.echo(render_frame(frame, terminal_width()))


def render_frame(frame: pl.DataFrame, width: int | None = None) -> str:
    """Return a frame as a table of text, of some width or as wide as it is."""
    frame = readable(frame)
    return table(frame.columns, frame.rows(), width)


def print_explanation(
    results: Results[Any], output_format: OutputFormat, *, title: str = ""
) -> None:
    """Print how the rows of results are found, with timings, for people.

    Raises
    ------
    InvalidInputError
        If another format was asked for.
    """
    if output_format != "table":
        raise InvalidInputError(
            "An explanation is for people: leave out --format, or --explain."
        )
    if title:
        click.secho(title, bold=True)
    click.echo(safe_text(str(results.explain())))


def print_rows(
    rows: Sequence[Mapping[str, object]],
    columns: Sequence[str],
    output_format: OutputFormat,
) -> None:
    """Print a few rows of plain values; in JSON, lists stay lists."""
    if output_format == "json":
        chosen = [{name: row.get(name) for name in columns} for row in rows]
        click.echo(json.dumps(chosen, indent=1, default=str))
        return
    cells = [[row.get(name) for name in columns] for row in rows]
    if output_format == "csv":
        lines = csv.writer(text := io.StringIO(), lineterminator="\n")
        lines.writerow(columns)
        lines.writerows([map(cell_text, row) for row in cells])
        click.echo(text.getvalue(), nl=False)
    else:
        click.echo(table(columns, cells, terminal_width()))


def terminal_width() -> int | None:
    """Return the width of the terminal that reads our output; None if none does."""
    if not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def readable(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame in which binary and time columns are text.

    UUIDs have hyphens, and regions are written as in a query. Times are ISO 8601, in
    TAI, which the name of their column says; the two bounds of a time span stay
    columns of their own.
    """
    import polars as pl

    changed: list[pl.Series] = []
    names = {}
    for series in frame.iter_columns():
        if series.dtype == pl.Binary:
            show = _binary_text(series.name)
            changed.append(pl.Series(series.name, [show(v) for v in series], pl.String))
        elif series.name.endswith(_TIMES):
            names[series.name] = f"{series.name}_tai"
            changed.append(
                pl.Series(series.name, [_time_text(v) for v in series], pl.String)
            )
    return frame.with_columns(changed).rename(names)


def _binary_text(name: str) -> Callable[[bytes | None], str | None]:
    if name.endswith("dataset_id"):
        return _uuid_text
    if name.endswith("region"):
        return _region_text
    return lambda value: None if value is None else value.hex()


def _uuid_text(value: bytes | None) -> str | None:
    if value is None:
        return None
    digits = value.hex()  # three times as fast as a UUID
    parts = digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]
    return "-".join(parts)


def _region_text(value: bytes | None) -> str | None:
    from pantler.dimensions.sky.region_text import region_text
    from pantler.dimensions.sky.regions import decode_region

    return None if value is None else region_text(decode_region(value))


def _time_text(value: int | None) -> str | None:
    from pantler.dimensions.times import format_time
    from pantler.dimensions.timespan import Timespan

    if value is None:
        return None
    if value in {Timespan.MIN, Timespan.MAX}:
        return "unbounded"
    return format_time(value)
