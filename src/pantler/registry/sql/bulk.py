"""Many rows at once: frames into temporary tables, cursors into frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pantler.registry.sql.connection import Connection, Prepared
    from pantler.registry.sql.schema import Schema

_BATCH = 2_000
"""Rows that are fetched together: more were slower, as they leave the cache."""


def series_rows(columns: Iterable[pl.Series]) -> Iterable[tuple[Any, ...]]:
    """Return the rows of some columns as tuples."""
    return zip(*(series.to_list() for series in columns), strict=True)


def frame_rows(frame: pl.DataFrame) -> Iterable[tuple[Any, ...]]:
    """Return the rows of a frame as tuples, column by column underneath."""
    return series_rows(frame.get_columns())


def fetch_frame(
    cursor: Any, schema: Mapping[str, type[pl.DataType] | pl.DataType | None]
) -> pl.DataFrame:
    """Return all that a cursor has left as a frame.

    Parameters
    ----------
    cursor
        A driver's cursor with as many columns as the schema.
    schema
        Names and types of the columns; those of type None are left out.
    """
    wanted = [(name, dtype) for name, dtype in schema.items() if dtype is not None]
    kept = [at for at, dtype in enumerate(schema.values()) if dtype is not None]
    parts = []
    while rows := cursor.fetchmany(_BATCH):
        columns = list(zip(*rows, strict=True))
        parts.append(
            pl.DataFrame(
                [
                    # SQLite has no truth values: 0 and 1 are converted.
                    pl.Series(name, values, dtype=dtype, strict=dtype != pl.Boolean)
                    for (name, dtype), values in zip(
                        wanted, (columns[at] for at in kept), strict=True
                    )
                ]
            )
        )
    return pl.concat(parts) if parts else pl.DataFrame(schema=dict(wanted))


class Staging:
    """Temporary tables of one connection, through which bulk changes pass.

    Parameters
    ----------
    connection
        Whose temporary tables they are.
    schema
        Where their definitions are kept.
    """

    def __init__(self, connection: Connection, schema: Schema) -> None:
        self._connection = connection
        self._schema = schema
        self._prepared: dict[str, tuple[str, Prepared, Prepared]] = {}

    def fill(
        self, columns: Sequence[sa.Column[Any]], rows: Iterable[tuple[Any, ...]]
    ) -> sa.Table:
        """Return a temporary table that holds just these rows.

        Its content is lost when a table of the same columns is filled again.
        """
        table = self._schema.stage(columns)
        connection = self._connection
        known = self._prepared.get(table.name)
        if known is None:
            create = str(
                CreateTable(table, if_not_exists=True).compile(
                    dialect=connection.dialect
                )
            )
            known = (
                create,
                connection.prepare(sa.delete(table)),
                connection.prepare(sa.insert(table)),
            )
            self._prepared[table.name] = known
        create, delete, insert = known
        connection.run_text(create)
        connection.run(delete)
        connection.run_many(insert, rows)
        return table

    def fill_ids(self, dataset_ids: Iterable[bytes]) -> sa.Table:
        """Return a temporary table of dataset IDs, in a column ``uuid``."""
        column = self._schema.dataset.c.uuid
        return self.fill([column], ((bytes(one),) for one in dataset_ids))
