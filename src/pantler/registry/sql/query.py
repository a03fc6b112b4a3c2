"""Running queries: statement, rows, what only Python can tell, frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from pantler.queries.query import Query
    from pantler.registry.sql.bulk import Staging
    from pantler.registry.sql.catalog import Catalog
    from pantler.registry.sql.connection import Connection
    from pantler.registry.sql.schema import Schema


class QueryRunner:
    """Answers queries."""

    def __init__(
        self, connection: Connection, schema: Schema, catalog: Catalog, staging: Staging
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._catalog = catalog
        self._staging = staging

    def fetch(self, query: Query) -> pl.DataFrame:
        """Return the rows of a query."""
        raise NotImplementedError

    def count(self, query: Query) -> int:
        """Return how many rows a query has."""
        raise NotImplementedError
