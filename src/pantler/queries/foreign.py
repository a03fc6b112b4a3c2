"""Tables and lists of other libraries, read without importing any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

_KINDS: Final = "a data frame or table (polars, Arrow, pandas, astropy), or mappings"


def read_table(table: Any) -> pl.DataFrame:
    """Return a table of any library as a frame; times of astropy as TAI ns.

    Raises
    ------
    InvalidInputError
        If it is no table.
    """
    if isinstance(table, pl.DataFrame):
        return table
    if isinstance(table, pl.LazyFrame):
        return table.collect()
    if hasattr(table, "colnames") and hasattr(table, "columns"):
        return _of_astropy(table)
    try:
        if hasattr(table, "to_polars"):
            return pl.DataFrame(table.to_polars())
        if hasattr(table, "__arrow_c_stream__"):
            return pl.DataFrame(table)
        if isinstance(table, dict):
            return pl.DataFrame(table)
        return pl.DataFrame([dict(row) for row in table], infer_schema_length=None)
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        kind = type(table).__name__
        raise InvalidInputError(
            f"A {kind} cannot be read as a table ({error}): give {_KINDS}."
        ) from None


def is_table(value: object) -> bool:
    """Whether something is a table of some library, which `read_table` reads."""
    return isinstance(value, pl.DataFrame | pl.LazyFrame) or any(
        hasattr(value, name) for name in ("to_polars", "__arrow_c_stream__", "colnames")
    )


def listed_values(value: Any) -> Iterable[object] | None:
    """Return the values that something stands for; None if it is one value itself.

    Lists, sets, ranges, arrays and series of any library are several values, and so is
    a table with one column.

    Raises
    ------
    InvalidInputError
        If it is a table with several columns.
    """
    if isinstance(value, np.ndarray):
        if value.ndim == 0:
            return None
        plain: Iterable[object] = without_unit(value, "These values are")
        return plain
    if isinstance(value, list | tuple | set | frozenset | range | pl.Series):
        return value
    if isinstance(value, str | bytes | dict):
        return None
    for method in ("to_pylist", "to_list"):  # arrays of pyarrow, series of pandas
        if hasattr(value, method) and not hasattr(value, "column_names"):
            values: list[object] = getattr(value, method)()
            return values
    names = ("__arrow_c_stream__", "colnames", "collect_schema")
    if not any(hasattr(value, name) for name in names):
        return None
    frame = read_table(value)
    if frame.width != 1:
        raise InvalidInputError(
            f"A list of values has one column, and this table has {frame.width}: "
            f"{', '.join(frame.columns)}. Choose one, or join the table."
        )
    return frame.to_series()


def without_unit(values: Any, what: str) -> Any:
    """Return numbers of astropy without their unit, which has to be none.

    Parameters
    ----------
    values
        A quantity, a column, or anything else, which is returned as it is.
    what
        What they are, to begin a sentence.

    Raises
    ------
    InvalidInputError
        If they have a unit: a repository knows numbers only.
    """
    unit = getattr(values, "unit", None)
    if unit is None or not hasattr(unit, "is_equivalent"):
        return values
    if not unit.is_equivalent(""):
        raise InvalidInputError(
            f"{what} in the unit '{unit}', but a repository's numbers have no units. "
            "Convert to the unit in which the field is recorded, and give the numbers: "
            f"quantity.to_value('{unit}'), say."
        )
    if hasattr(values, "to_value"):
        return values.to_value("")
    # A column of numbers in percent, say; it may be masked.
    return np.ma.asarray(values) * unit.to("")


def is_astropy_time(table: Any, name: str) -> bool:
    """Whether a column of a table of astropy is of times."""
    return hasattr(table[name], "tai") and hasattr(table[name], "isscalar")


def _of_astropy(table: Any) -> pl.DataFrame:
    """Return a table of astropy, which has no units, with times as TAI ns."""
    columns = []
    for name in table.colnames:
        column = table[name]
        if is_astropy_time(table, name):
            from pantler.dimensions.times import from_astropy

            times_ns = [from_astropy(each) for each in column]
            columns.append(pl.Series(name, times_ns, pl.Int64))
            continue
        column = without_unit(column, f"Column '{name}' of the table is")
        values: Any = getattr(column, "value", column)
        if isinstance(values, np.ma.MaskedArray):
            values = values.tolist()
        else:
            values = np.asarray(values)
            if values.ndim != 1:
                raise InvalidInputError(
                    f"Column '{name}' of the table has {values.ndim} axes; remove it."
                )
            if values.dtype.kind not in "iufbU":
                values = values.tolist()
            elif not values.dtype.isnative:
                values = values.astype(values.dtype.newbyteorder("="))
        columns.append(pl.Series(name, values))
    return pl.DataFrame(columns)
