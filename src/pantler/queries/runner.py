"""What answers queries, as results see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from pantler.queries.plan import QueryPlan
    from pantler.queries.query import Query


class QueryRunner(Protocol):
    """What answers queries: a registry, or the client of one."""

    def query(self, query: Query) -> pl.DataFrame:
        """Return the rows of a query, columns as `Query` says."""
        ...

    def count(self, query: Query) -> int:
        """Return how many rows a query has."""
        ...

    def query_batches(self, query: Query, rows: int = 50_000) -> Iterator[pl.DataFrame]:
        """Yield the rows of a query in frames, in memory that does not grow with them.

        See `pantler.registry.interface.Registry.query_batches`.
        """
        ...

    def explain(self, query: Query) -> QueryPlan:
        """Answer a query, and return how."""
        ...
