"""Data frames of pandas to columns and back.

Values that are missing stay apart from NaN: such columns have pandas' types with a
mask (``Int64``, ``Float64``, ``boolean``). Types that only Arrow has stay Arrow's. An
index that is more than the numbers of the rows is kept.
"""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.tables.columns import (
    ATTRIBUTES,
    INDEX,
    OURS,
    TableColumns,
    column_from,
    json_text,
    unstorable,
    values_of,
)
from pantler.plugins import import_extra

_UNNAMED: Final = "__index_level_{}__"  # as Arrow and pandas call it


def columns_of_pandas(frame: Any) -> TableColumns:
    """Return the columns of a data frame of pandas.

    Raises
    ------
    InvalidInputError
        If a column holds Python objects, or its name is no text.
    """
    pandas = import_extra("pandas", "pandas")
    metadata = {
        key: value
        for key, value in frame.attrs.items()
        if isinstance(key, str) and isinstance(value, str) and key.startswith(OURS)
    }
    others = {key: value for key, value in frame.attrs.items() if key not in metadata}
    if others:
        metadata[ATTRIBUTES] = json_text(others, "The attrs of the data frame")
    index = frame.index
    plain = pandas.RangeIndex(len(frame))
    if not (isinstance(index, pandas.RangeIndex) and index.equals(plain)) or (
        index.name is not None
    ):
        names = [
            _UNNAMED.format(number) if name is None else name
            for number, name in enumerate(index.names)
        ]
        frame = frame.reset_index(names=names)
        metadata[INDEX] = json_text(names, "The names of the index")
    _check_names(frame.columns)
    series = [_column(name, frame[name]) for name in frame.columns]
    return TableColumns(pl.DataFrame(series), metadata)


def pandas_of_columns(columns: TableColumns) -> Any:
    """Return a data frame of pandas; the metadata is in its ``attrs``.

    Raises
    ------
    IntegrityError
        If the names of its index or its attributes are damaged.
    """
    pandas = import_extra("pandas", "pandas")
    found = {series.name: _pandas_column(series) for series in columns.frame}
    frame = pandas.DataFrame(found, index=range(columns.frame.height))
    frame.index = pandas.RangeIndex(columns.frame.height)
    metadata = dict(columns.metadata)
    try:
        names = json.loads(metadata.pop(INDEX, "[]"))
        attributes = json.loads(metadata.pop(ATTRIBUTES, "{}"))
        # Of an index, columns may have been left out.
        if names and set(names) <= set(frame.columns):
            frame = frame.set_index(names)
            frame.index.names = [
                None if name == _UNNAMED.format(number) else name
                for number, name in enumerate(names)
            ]
        frame.attrs.update(metadata, **attributes)
    except (ValueError, TypeError, LookupError) as error:
        raise IntegrityError(f"What belongs to pandas is damaged: {error}.") from error
    return frame


def _check_names(names: Any) -> None:
    for name in names:
        if not isinstance(name, str):
            raise InvalidInputError(
                f"A column is called {name!r}, and columns are called by text: rename "
                "it, as with frame.columns = [...]."
            )
    if len(set(names)) < len(names):
        raise InvalidInputError("Two columns of the data frame have the same name.")


def _column(name: str, series: Any) -> pl.Series:
    pandas = import_extra("pandas", "pandas")
    dtype = series.dtype
    array = series.array
    if isinstance(dtype, pandas.ArrowDtype):
        found = pl.from_arrow(array.__arrow_array__())
        return found.alias(name) if isinstance(found, pl.Series) else found.to_series()
    if isinstance(dtype, pandas.CategoricalDtype):
        texts = _objects(name, series.astype(object))
        return texts.cast(pl.Enum(list(dtype.categories)))
    if isinstance(dtype, pandas.DatetimeTZDtype):
        naive = series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        utc = column_from(name, naive).dt.replace_time_zone("UTC")
        return utc.dt.convert_time_zone(str(dtype.tz))
    if isinstance(dtype, np.dtype) and dtype.kind != "O":
        return column_from(name, series.to_numpy())
    if hasattr(dtype, "numpy_dtype"):  # Int64, Float64, boolean
        mask = series.isna().to_numpy()
        values = series.to_numpy(
            dtype=dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0)
        )
        return column_from(name, values, mask)
    return _objects(name, series)


def _objects(name: str, series: Any) -> pl.Series:
    """Return a column of text, bytes or arrays of one shape, some missing."""
    pandas = import_extra("pandas", "pandas")
    values = list(series)
    if values and all(isinstance(value, np.ndarray) for value in values):
        if len({(value.shape, value.dtype) for value in values}) > 1:
            raise unstorable(name, "arrays of different shapes or types")
        return column_from(name, np.stack(values))
    plain = [
        None if value is None or value is pandas.NA or value != value else value  # noqa: PLR0124 - NaN
        for value in values
    ]
    kinds = {type(value) for value in plain if value is not None}
    if len(kinds) > 1 or not kinds <= {str, bytes, bool}:
        words = ", ".join(sorted(kind.__qualname__ for kind in kinds))
        raise unstorable(name, f"Python objects ({words})")
    dtype: Any = {bytes: pl.Binary, bool: pl.Boolean}.get(
        next(iter(kinds), str), pl.String
    )
    try:
        return pl.Series(name, plain, dtype=dtype)
    except (PolarsError, TypeError, UnicodeEncodeError) as error:
        raise unstorable(name, f"what is no text ({error})") from error


def _pandas_column(series: pl.Series) -> Any:
    pandas = import_extra("pandas", "pandas")
    dtype = series.dtype
    if dtype == pl.String:
        return pandas.Series(series.to_list(), dtype="str")
    if dtype.is_integer() or dtype.is_float() or dtype == pl.Boolean:
        found = values_of(series)
        if found.mask is None:
            return found.values
        if found.values.dtype.itemsize > 2 or found.values.dtype.kind != "f":
            return _masked(found.values, found.mask)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        utc = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        naive = pandas.Series(utc.to_numpy(writable=True))
        return naive.dt.tz_localize("UTC").dt.tz_convert(dtype.time_zone)
    if isinstance(dtype, pl.Datetime | pl.Duration):
        return series.to_numpy(writable=True)
    if isinstance(dtype, pl.Array):
        found = values_of(series)
        if found.mask is None:
            return pandas.Series(list(found.values), dtype=object)
    import_extra("pyarrow", "pandas")
    return pandas.arrays.ArrowExtensionArray(series.to_arrow())


def _masked(values: Any, mask: Any) -> Any:
    pandas = import_extra("pandas", "pandas")
    kinds = {
        "b": pandas.arrays.BooleanArray,
        "i": pandas.arrays.IntegerArray,
        "u": pandas.arrays.IntegerArray,
        "f": pandas.arrays.FloatingArray,
    }
    return kinds[values.dtype.kind](values, mask)
