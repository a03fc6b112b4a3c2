"""What all kinds of tables are in between: columns, and text that belongs to them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

TABLE_META: Final = "table_meta_yaml"
"""Units, descriptions and metadata of an astropy table, as astropy writes them."""

TABLE_CLASS: Final = "pantler::table_class"
"""The class of an astropy table that is no plain one."""

LENGTH: Final = "table::len::"
"""Before the name of a column: how wide its text was."""

INDEX: Final = "pantler::index"
"""The columns that were the index of a pandas data frame, as JSON."""

ATTRIBUTES: Final = "pantler::attrs"
"""The attributes of a pandas data frame, as JSON."""

OURS: Final = (TABLE_META, TABLE_CLASS, LENGTH, INDEX, ATTRIBUTES)
"""How the keys begin that one of our tables may have."""

_KINDS: Final = "biufUSMm"


@dataclass(frozen=True, slots=True)
class TableColumns:
    """The columns of any table, and what a Parquet file would say of them.

    Parameters
    ----------
    frame
        The columns; values that are masked or missing are null. Columns of several
        dimensions are of type Array.
    metadata
        Text by key, as in the footer of a Parquet file.
    """

    frame: pl.DataFrame
    metadata: Mapping[str, str] = field(default_factory=dict)

    def width(self, name: str) -> int | None:
        """Return how wide the text of a column was, if that is known."""
        text = self.metadata.get(LENGTH + name, "")
        return int(text) if text.isdecimal() else None


@dataclass(frozen=True, slots=True)
class ColumnValues:
    """A column as numpy has it.

    Parameters
    ----------
    values
        Of the column; some value stands where one is missing.
    mask
        True where a value is missing; None if there are all.
    """

    values: NDArray[Any]
    mask: NDArray[np.bool_] | None


def unstorable(name: str, what: str) -> InvalidInputError:
    """Return the error for a column that cannot be held."""
    return InvalidInputError(
        f"Column '{name}' holds {what}, which neither Parquet nor a data frame can "
        "hold here: use numbers, truth values, text, or times in ms, us or ns."
    )


def column_from(name: str, values: Any, mask: Any = None) -> pl.Series:
    """Return a column of an array.

    Parameters
    ----------
    name
        Of the column.
    values
        Shape (rows, ...).
    mask
        True where a value is missing, in the shape of the values; or None.

    Raises
    ------
    InvalidInputError
        If it has a data type that columns cannot have.
    """
    dtype = values.dtype
    if dtype.kind not in _KINDS or (dtype.kind == "f" and dtype.itemsize > 8):
        raise unstorable(name, f"{dtype} in {values.ndim} dimensions")
    shape = values.shape
    flat = np.ascontiguousarray(values).view(np.ndarray)
    flat = flat.astype(dtype.newbyteorder("="), copy=False).reshape(-1)
    try:
        series = pl.Series(name, flat)
    except ValueError as error:
        raise unstorable(name, str(dtype)) from error
    if mask is not None and np.any(mask):
        there = pl.Series(~np.asarray(mask).reshape(-1))
        series = pl.select(pl.when(there).then(series).alias(name)).to_series()
    if len(shape) == 1:
        return series
    if not flat.size:
        inner = pl.Array(series.dtype, shape[1:])
        if 0 in shape[1:]:
            raise unstorable(name, f"arrays of shape {shape[1:]}")
        return pl.Series(name, [], dtype=inner)
    return series.reshape(shape)


def values_of(series: pl.Series, width: int | None = None) -> ColumnValues:
    """Return a column as an array.

    Parameters
    ----------
    series
        The column.
    width
        How many characters or bytes its text is to have at least.

    Raises
    ------
    InvalidInputError
        If it has a type that numpy has no word for.
    """
    shape: tuple[int, ...] = (len(series),)
    if isinstance(series.dtype, pl.Array):
        shape = (len(series), *series.dtype.shape)
        if series.null_count():
            raise _no_array(series, "whole arrays that are missing")
        series = series.reshape((-1,)) if len(series) else _empty(series)
    dtype = series.dtype
    if isinstance(dtype, pl.Categorical | pl.Enum):
        series, dtype = series.cast(pl.String), pl.String()
    if not _has_values(dtype):
        raise _no_array(series, f"values of type {dtype}")
    mask = series.is_null().to_numpy().reshape(shape) if series.null_count() else None
    if mask is not None:
        series = series.fill_null(_filler(dtype))
    if dtype in (pl.String, pl.Binary):
        kind = "U" if dtype == pl.String else "S"
        texts = series.to_list()
        longest = max(map(len, texts), default=0)
        values = np.array(texts, dtype=f"{kind}{max(longest, width or 0) or 1}")
    else:
        values = series.to_numpy(writable=True)
    return ColumnValues(values.reshape(shape), mask)


def width_of(dtype: np.dtype[Any]) -> int | None:
    """Return how wide text of a data type is, in characters or bytes."""
    if dtype.kind not in "US":
        return None
    return int(dtype.itemsize) // (4 if dtype.kind == "U" else 1)


def json_text(value: object, what: str) -> str:
    """Return something as JSON, or say that it is not plain.

    Raises
    ------
    InvalidInputError
        If it has no form in JSON from which it would come back the same.
    """
    try:
        text = json.dumps(value, allow_nan=False)
        is_same = json.loads(text) == value
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"{what} cannot be kept: {error}.") from None
    if not is_same:
        raise InvalidInputError(
            f"{what} would not come back as they are: use text as keys, and lists."
        )
    return text


def _empty(series: pl.Series) -> pl.Series:
    dtype: Any = series.dtype
    while isinstance(dtype, pl.Array):
        dtype = dtype.inner
    return pl.Series(series.name, [], dtype=dtype)


def _has_values(dtype: Any) -> bool:
    is_plain = dtype.is_integer() or dtype.is_float() or dtype.is_temporal()
    return (is_plain and dtype != pl.Time) or dtype in (
        pl.Boolean,
        pl.String,
        pl.Binary,
    )


def _no_array(series: pl.Series, what: str) -> InvalidInputError:
    return InvalidInputError(
        f"Column '{series.name}' holds {what}, which arrays of numpy and so tables of "
        "astropy cannot hold: read it as a DataFrame or an ArrowTable, or leave the "
        "column out (columns=[...])."
    )


def _filler(dtype: Any) -> Any:
    """Return what stands under the mask of a masked value."""
    if dtype == pl.String:
        return ""
    if dtype == pl.Binary:
        return b""
    if dtype == pl.Boolean:
        return False
    return pl.lit(0).cast(dtype)
