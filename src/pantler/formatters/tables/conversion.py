"""From one kind of table to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from pantler.errors import InvalidInputError
from pantler.formatters.tables.columns import TableColumns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantler.datasets.storage_class import StorageClass

# What a table is called by the top of its package: that is imported by those only who
# have one in hand.
_CLASSES: Final = {
    "astropy": "Table",
    "pandas": "DataFrame",
    "pyarrow": "Table",
    "polars": "DataFrame",
    "numpy": "ndarray",
}


def kind_of(value: object) -> str | None:
    """Return the library of which a value is a table, such as ``"polars"``."""
    for cls in type(value).__mro__:
        library = cls.__module__.partition(".")[0]
        if _CLASSES.get(library) == cls.__name__:
            return library
    return None


def kind_of_class(storage_class: StorageClass) -> str | None:
    """Return the library of which the datasets of a storage class are tables."""
    library, _, rest = storage_class.python_type.partition(".")
    return library if _CLASSES.get(library) == rest.rpartition(".")[2] else None


def columns_of(value: object) -> TableColumns:
    """Return the columns of a table of any kind.

    Raises
    ------
    InvalidInputError
        If it is none, or holds what cannot be converted.
    """
    kind = kind_of(value)
    if isinstance(value, pl.DataFrame):
        columns = TableColumns(value)
    elif kind == "astropy":
        from pantler.formatters.tables.astropy_table import columns_of_table

        return columns_of_table(value)
    elif kind == "pandas":
        from pantler.formatters.tables.pandas_frame import columns_of_pandas

        columns = columns_of_pandas(value)
    elif kind == "pyarrow":
        from pantler.formatters.tables.arrow_table import columns_of_arrow

        columns = columns_of_arrow(value)
    elif kind == "numpy":
        from pantler.formatters.tables.structured_array import columns_of_array

        return columns_of_array(value)
    else:
        raise InvalidInputError(
            f"A {type(value).__qualname__} is no table: give one of astropy, polars, "
            "pandas, Arrow, or a structured array."
        )
    return columns


def table_as(
    columns: TableColumns,
    kind: str,
    chosen: Sequence[str] | None = None,
) -> Any:
    """Return columns as a table of some library.

    Parameters
    ----------
    columns
        What it holds.
    kind
        The library.
    chosen
        The table's columns that are there, if they are not all.

    Raises
    ------
    InvalidInputError
        If a column has a type that such a table does not hold.
    """
    if kind == "polars":
        return columns.frame
    if kind == "astropy":
        from pantler.formatters.tables.astropy_table import table_of_columns

        return table_of_columns(columns, chosen)
    if kind == "pandas":
        from pantler.formatters.tables.pandas_frame import pandas_of_columns

        return pandas_of_columns(columns)
    if kind == "pyarrow":
        from pantler.formatters.tables.arrow_table import arrow_of_columns

        return arrow_of_columns(columns)
    from pantler.formatters.tables.structured_array import array_of_columns

    return array_of_columns(columns)


def to_astropy(value: object) -> Any:
    """Return any table as one of astropy."""
    return table_as(columns_of(value), "astropy")


def to_polars(value: object) -> Any:
    """Return any table as a polars data frame, which has no room for units."""
    return table_as(columns_of(value), "polars")


def to_pandas(value: object) -> Any:
    """Return any table as a data frame of pandas."""
    return table_as(columns_of(value), "pandas")


def to_arrow(value: object) -> Any:
    """Return any table as one of Arrow."""
    return table_as(columns_of(value), "pyarrow")


def to_structured(value: object) -> Any:
    """Return any table as a structured array, which has no room for units."""
    return table_as(columns_of(value), "numpy")
