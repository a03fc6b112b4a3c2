"""Tables of the user's own: rows that are staged, and joined by their dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl
import sqlalchemy as sa

from pantler.errors import InvalidInputError, close_match
from pantler.registry.sql.bulk import frame_rows
from pantler.registry.sql.schema import column_type

if TYPE_CHECKING:
    from pantler.queries.query import JoinedTable
    from pantler.registry.sql.core import Core

_TYPES: Final[dict[str, type[sa.types.TypeEngine[Any]]]] = {
    "string": sa.String,
    "int": sa.BigInteger,
    "float": sa.Double,
    "bool": sa.Boolean,
    "time": sa.BigInteger,
    "uuid": sa.LargeBinary,
    "hash": sa.LargeBinary,
}


def stage_table(table: JoinedTable, core: Core) -> sa.Table:
    """Return a temporary table with the rows; its columns have the table's name too.

    Raises
    ------
    InvalidInputError
        If the table has no dimensions, lacks one, or has nulls in one.
    """
    universe = core.universe
    if not table.dimensions:
        raise InvalidInputError(
            f"The table '{table.name}' has no column that is a dimension: nothing says "
            "which rows it belongs to."
        )
    for name in table.dimensions:
        if name not in table.frame.columns:
            raise InvalidInputError(
                f"The table '{table.name}' has no column '{name}'."
                f"{close_match(name, table.frame.columns)}"
            )
        if table.frame.get_column(name).null_count():
            raise InvalidInputError(
                f"The table '{table.name}' has rows without a value of '{name}'."
            )
    columns: list[sa.Column[Any]] = []
    for name in table.dimensions:
        kind = column_type(universe[name].primary_key)
        columns.append(sa.Column(stage_name(table.name, name), kind))
    for name, word in table.types.items():
        columns.append(sa.Column(stage_name(table.name, name), _TYPES[word]()))
    rows = table.frame.select(*table.dimensions, *table.types).with_columns(
        pl.col(name).cast(universe[name].primary_key.dtype) for name in table.dimensions
    )
    return core.db.stage(columns, frame_rows(rows))


def stage_name(table: str, column: str) -> str:
    """Return the name of a column of a table among those that are staged."""
    return f"{table}.{column}"
