"""Tables of the user's own, of any library, as queries join them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from pantler.errors import InvalidInputError, close_match, counted
from pantler.queries.foreign import is_astropy_time, read_table
from pantler.queries.query import JoinedTable

if TYPE_CHECKING:
    from pantler.dimensions.universe import Universe
    from pantler.queries.tree import TableType


def own_table(table: object, name: str, universe: Universe) -> JoinedTable:
    """Return a table as it is joined to queries.

    Parameters
    ----------
    table
        A frame of polars, whatever hands out an Arrow stream (tables of pyarrow, frames
        of pandas, results of queries), a table of astropy, a mapping of columns, or
        mappings as rows (data IDs, say).
    name
        By which expressions name its columns.
    universe
        Which columns are dimensions.

    Raises
    ------
    InvalidInputError
        If it is none of these or no column of it is a dimension, a data ID value is
        missing or of the wrong type, or the name means something else.
    """
    if not name.isidentifier() or name in universe:
        raise InvalidInputError(
            f"A joined table cannot be called '{name}': give it a name of letters that "
            "no dimension has, join_table(..., name='mine')."
        )
    frame = read_table(table)
    tai = {n for n in getattr(table, "colnames", ()) if is_astropy_time(table, n)}
    dimensions = [n for n in frame.columns if _is_dimension(n, universe)]
    if not dimensions:
        hint = "".join(close_match(n, universe.elements) for n in frame.columns[:1])
        raise InvalidInputError(
            f"No column of the table '{name}' is a dimension by which it could be "
            f"joined; it has {', '.join(frame.columns) or 'none'}.{hint}"
        )
    types: dict[str, TableType] = {}
    columns: list[pl.Series] = []
    for series in frame.iter_columns():
        if series.name in dimensions:
            columns.append(_dimension(series, name, universe))
        else:
            kind, values = _typed(series, name)
            if series.name in tai:
                kind = "time"
            types[series.name] = kind
            columns.append(values)
    return JoinedTable(name, pl.DataFrame(columns), tuple(dimensions), types)


def _is_dimension(name: str, universe: Universe) -> bool:
    return name in universe and universe[name].is_dimension


def _dimension(series: pl.Series, table: str, universe: Universe) -> pl.Series:
    """Return a column of dimension values, as data IDs have them."""
    key = universe[series.name].primary_key
    what = f"Column '{series.name}' of the table '{table}'"
    if not key.accepts(series.dtype):
        kind = "integers" if key.type == "int" else "text"
        raise InvalidInputError(
            f"{what} must be {kind}, as the dimension is, not {series.dtype}."
        )
    if series.null_count():
        raise InvalidInputError(
            f"{what} lacks {counted(series.null_count(), 'value')}: every row must "
            "name its data ID."
        )
    try:
        return series.cast(key.dtype)
    except pl.exceptions.PolarsError:
        raise InvalidInputError(f"{what} has integers of more than 64 bits.") from None


def _typed(series: pl.Series, table: str) -> tuple[TableType, pl.Series]:
    """Return the type of a column, and its values as they are joined."""
    kind = series.dtype
    if kind.is_integer() and kind != pl.UInt64:
        return "int", series.cast(pl.Int64)
    if kind.is_float() or kind.is_decimal():
        # Databases have no NaN.
        return "float", series.cast(pl.Float64).fill_nan(None)
    if kind == pl.Boolean:
        return "bool", series
    if kind in {pl.String, pl.Categorical, pl.Enum}:
        return "string", series.cast(pl.String)
    if kind == pl.Binary:
        is_id = (series.bin.size() == 16).fill_null(value=True).all()
        return ("uuid" if is_id else "hash"), series
    if isinstance(kind, pl.Datetime):
        return "time", _tai(series)
    if kind == pl.Null:
        return "string", series.cast(pl.String)
    raise InvalidInputError(
        f"Column '{series.name}' of the table '{table}' is {kind}, which no "
        "condition can use: remove it."
    )


def _tai(series: pl.Series) -> pl.Series:
    """Return times, UTC if they have no zone, as TAI ns since 1970."""
    from pantler.dimensions.times import datetime_to_tai

    zone = getattr(series.dtype, "time_zone", None)
    if zone is not None:
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    days = series.dt.date().unique().drop_nulls().to_list()
    midnights = [dt.datetime.combine(day, dt.time(), dt.UTC) for day in days]
    # Leap seconds come at the end of a day.
    starts = pl.Series(map(datetime_to_tai, midnights), dtype=pl.Int64)
    start = series.dt.date().replace_strict(days, starts, return_dtype=pl.Int64)
    since = series.cast(pl.Datetime("ns")) - series.dt.truncate("1d").cast(
        pl.Datetime("ns")
    )
    return start + since.cast(pl.Int64)
