"""What answers queries, as results see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import polars as pl

    from pantler.queries.query import Query


class QueryRunner(Protocol):
    """What answers queries: a registry, or the client of one."""

    def query(self, query: Query) -> pl.DataFrame:
        """Return the rows of a query, columns as `Query` says."""
        ...

    def count(self, query: Query) -> int:
        """Return how many rows a query has."""
        ...
