"""How commands print frames: tables for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl

OutputFormat = Literal["table", "json", "csv"]

_WIDEST_CELL = 60


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
    """Print a frame: UUIDs as text, times as TAI, regions as a word."""
    if output_format == "json":
        rows = readable(frame).to_dicts()
        click.echo(json.dumps(rows, indent=1, default=str))
    elif output_format == "csv":
        click.echo(readable(frame).write_csv(), nl=False)
    else:
        click.echo(render_frame(frame))


def render_frame(frame: pl.DataFrame) -> str:
    """Return a frame as a table of text."""
    frame = readable(frame)
    return _table(frame.columns, frame.rows())


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
        lines.writerows([[_text(cell) for cell in row] for row in cells])
        click.echo(text.getvalue(), nl=False)
    else:
        click.echo(_table(columns, cells))


def readable(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame in which binary and time columns are text.

    The two bounds of a time span stay columns of their own.
    """
    import polars as pl

    changed: list[pl.Series] = []
    for series in frame.iter_columns():
        if series.dtype == pl.Binary:
            show = _binary_text(series.name)
            changed.append(pl.Series(series.name, [show(v) for v in series], pl.String))
        elif series.name.endswith(("timespan_begin", "timespan_end")):
            changed.append(
                pl.Series(series.name, [_time_text(v) for v in series], pl.String)
            )
    return frame.with_columns(changed)


def _binary_text(name: str) -> Callable[[bytes | None], str | None]:
    if name.endswith("dataset_id"):
        return lambda value: None if value is None else str(UUID(bytes=value))
    if name.endswith("region"):
        return lambda value: None if value is None else f"<{len(value)} bytes>"
    return lambda value: None if value is None else value.hex()


def _time_text(value: int | None) -> str | None:
    from pantler.dimensions.times import format_time
    from pantler.dimensions.timespan import Timespan

    if value is None:
        return None
    if value in {Timespan.MIN, Timespan.MAX}:
        return "unbounded"
    return format_time(value)


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    numeric = [
        all(isinstance(row[place], int | float) or row[place] is None for row in rows)
        for place in range(len(columns))
    ]
    # The last column may be as long as it likes: nothing has to line up after it.
    cells = [
        [*(_shorten(_text(value)) for value in row[:-1]), *map(_text, row[-1:])]
        for row in rows
    ]
    widths = [
        max(len(name), *(len(row[place]) for row in cells)) if cells else len(name)
        for place, name in enumerate(columns)
    ]
    lines = [_line(columns, widths, numeric), _rule(widths)]
    lines.extend(_line(row, widths, numeric) for row in cells)
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, numeric, strict=True)
    )
    return "  ".join(padded).rstrip()


def _rule(widths: Sequence[int]) -> str:
    return "  ".join("─" * width for width in widths)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value)


def _shorten(text: str) -> str:
    return text if len(text) <= _WIDEST_CELL else text[: _WIDEST_CELL - 1] + "…"
