"""Frames as other libraries have them; each is imported when it is asked for."""

from __future__ import annotations

import html
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import numpy as np
import polars as pl

from pantler.dimensions.timespan import Timespan
from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_DAY_NS: Final = 86_400 * 10**9
_UNIX_MJD: Final = 40_587


def to_arrow(frame: pl.DataFrame) -> Any:
    """Return a frame as a `pyarrow.Table`, which shares its memory.

    Raises
    ------
    InvalidInputError
        If pyarrow is not installed.
    """
    _library("pyarrow")
    return frame.to_arrow()


def to_pandas(frame: pl.DataFrame) -> Any:
    """Return a frame as a `pandas.DataFrame`.

    Integers and truth values keep their type where some are missing, and UUIDs become
    text.

    Raises
    ------
    InvalidInputError
        If pandas is not installed.
    """
    pandas = _library("pandas")
    columns = {}
    for series in _with_readable_ids(frame).iter_columns():
        values: Any = series.to_list()
        if series.dtype == pl.Binary:
            values = pandas.Series(values, dtype=object)
        elif series.null_count() == 0:
            values = series.to_numpy() if series.dtype.is_numeric() else values
        elif series.dtype in {pl.Int64, pl.Boolean}:
            kind = "Int64" if series.dtype == pl.Int64 else "boolean"
            values = pandas.array(values, dtype=kind)
        columns[series.name] = values
    return pandas.DataFrame(columns, index=pandas.RangeIndex(frame.height))


def to_astropy(frame: pl.DataFrame, times: Collection[str]) -> Any:
    """Return a frame as an `astropy.table.Table`.

    Times are `astropy.time.Time`, TAI, and UUIDs are text. What is missing is masked,
    and so is a bound of a time span that has none.

    Parameters
    ----------
    frame
        Rows.
    times
        Which of its columns are times, TAI ns since 1970.
    """
    from astropy.table import Column, MaskedColumn, Table

    table = Table()
    for series in _with_readable_ids(frame).iter_columns():
        if series.name in times:
            table[series.name] = _times(series)
            continue
        empty = {pl.String: "", pl.Binary: b"", pl.Boolean: False}
        filled = series.fill_null(empty.get(series.dtype, 0))  # type: ignore[call-overload]
        is_text = series.dtype == pl.String
        kind = object if series.dtype == pl.Binary else (str if is_text else None)
        values = np.array(filled.to_list(), dtype=kind) if kind else filled.to_numpy()
        if series.null_count():
            mask = series.is_null().to_numpy()
            table[series.name] = MaskedColumn(values, mask=mask)
        else:
            table[series.name] = Column(values)
    return table


def to_html(frame: pl.DataFrame, more: str) -> str:
    """Return a few rows as a table for a notebook.

    Parameters
    ----------
    frame
        The rows to show.
    more
        What to say below them.
    """
    head = "".join(f"<th>{html.escape(name)}</th>" for name in frame.columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>"
        for row in _with_readable_ids(frame).rows()
    )
    below = f"<p>{html.escape(more)}</p>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{below}"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return html.escape(f"{value:.6g}" if isinstance(value, float) else str(value))


def _with_readable_ids(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame whose UUIDs are text."""
    return frame.with_columns(
        pl.Series(name, list(_uuids(frame[name])), dtype=pl.String)
        for name, kind in frame.schema.items()
        if kind == pl.Binary and name.rpartition(".")[2] == "dataset_id"
    )


def _uuids(series: pl.Series) -> Iterator[str | None]:
    for value in series:
        yield None if value is None else str(UUID(bytes=value))


def _times(series: pl.Series) -> Any:
    from astropy.time import Time

    known = series.is_not_null() & ~series.is_in([Timespan.MIN, Timespan.MAX])
    times_ns = series.fill_null(0).to_numpy()
    times_ns = np.where(known.to_numpy(), times_ns, 0)
    # In two parts: one number of 64 bits does not hold nanoseconds.
    days, rest = np.divmod(times_ns, _DAY_NS)
    made = Time(days + _UNIX_MJD, rest / _DAY_NS, format="mjd", scale="tai")
    made.format = "isot"
    if not known.all():
        made[~known.to_numpy()] = np.ma.masked
    return made


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise InvalidInputError(
            f"{name} is not installed: 'pip install {name}', or use to_polars()."
        ) from None
