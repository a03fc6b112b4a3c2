"""Tables of Arrow to columns and back."""

from __future__ import annotations

from typing import Any

import polars as pl
from polars.exceptions import PanicException, PolarsError

from pantler.errors import InvalidInputError
from pantler.formatters.tables.columns import OURS, TableColumns
from pantler.plugins import import_extra


def columns_of_arrow(table: Any) -> TableColumns:
    """Return the columns of a table of Arrow.

    Raises
    ------
    InvalidInputError
        If a column has a type that polars does not have, or two have one name.
    """
    metadata = {
        key.decode(): value.decode()
        for key, value in (table.schema.metadata or {}).items()
        if key.startswith(tuple(word.encode() for word in OURS))
    }
    try:
        frame = pl.from_arrow(table)
    except (PolarsError, PanicException, ValueError, TypeError) as error:
        raise InvalidInputError(
            f"The table of Arrow cannot be converted: {error}."
        ) from error
    if isinstance(frame, pl.Series):
        frame = frame.to_frame()
    return TableColumns(frame, metadata)


def arrow_of_columns(columns: TableColumns) -> Any:
    """Return a table of Arrow, with the metadata in its schema."""
    import_extra("pyarrow", "arrow")
    table = columns.frame.to_arrow()
    if not columns.metadata:
        return table
    return table.replace_schema_metadata(dict(columns.metadata))
