"""Aggregates: rows counted, and least and greatest values, for each group of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from pantler.queries.query import Aggregate
from pantler.queries.tree import column_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantler.queries.query import Query

_ROWS: Final = "row:"
"""Begins the names of columns that together are a row of the answer."""


class Totals:
    """Adds up rows that come in several frames, of which none has a row of another.

    Parameters
    ----------
    query
        Its aggregates and groups.
    shown
        The columns of the rows that are counted.
    """

    def __init__(self, query: Query, shown: Iterable[str]) -> None:
        self._query = query
        self._keys = [column_name(column) for column in query.group_by]
        self._shown = list(shown)
        self._total: pl.DataFrame | None = None

    def add(self, frame: pl.DataFrame) -> None:
        """Count the rows of a frame."""
        part = self._grouped(frame, [self._of_rows(a) for a in self._query.aggregates])
        if self._total is not None:
            merged = pl.concat([self._total, part])
            part = self._grouped(merged, [_of_parts(a) for a in self._query.aggregates])
        self._total = part

    def answer(self) -> pl.DataFrame:
        """Return one row for each group, in the order and part that is asked for."""
        assert self._total is not None  # noqa: S101 - a frame without rows is added too
        query, found = self._query, self._total
        if query.order_by:
            names = [_ordered_name(term.column) for term in query.order_by]
            descending = [term.descending for term in query.order_by]
            found = found.sort(
                names,
                descending=descending,
                nulls_last=descending,
                maintain_order=True,
            )
        return found.slice(query.offset, query.limit)

    def _grouped(self, frame: pl.DataFrame, expressions: list[pl.Expr]) -> pl.DataFrame:
        if self._keys:
            return frame.group_by(self._keys, maintain_order=True).agg(expressions)
        return frame.select(expressions)

    def _of_rows(self, aggregate: Aggregate) -> pl.Expr:
        if aggregate.column is None:
            # A row is there several times, if what is counted beside it differs.
            counted = pl.struct(self._shown).n_unique() if self._shown else pl.len()
            return counted.cast(pl.Int64).alias(aggregate.name)
        column = pl.col(column_name(aggregate.column))
        match aggregate.function:
            case "count":
                return column.count().cast(pl.Int64).alias(aggregate.name)
            case "min":
                return column.min().alias(aggregate.name)
            case "max":
                return column.max().alias(aggregate.name)


def _of_parts(aggregate: Aggregate) -> pl.Expr:
    column = pl.col(aggregate.name)
    match aggregate.function:
        case "count":
            return column.sum()
        case "min":
            return column.min()
        case "max":
            return column.max()


def _ordered_name(column: object) -> str:
    return column.name if isinstance(column, Aggregate) else column_name(column)  # type: ignore[arg-type]  # all else are columns
