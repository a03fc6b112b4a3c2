"""The registry in any SQL database: its facets, put together."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from pantler.dimensions.universe import Universe
from pantler.errors import SchemaError
from pantler.registry.sql.associations import Associations
from pantler.registry.sql.bulk import Staging
from pantler.registry.sql.catalog import Catalog
from pantler.registry.sql.collections import SqlCollections
from pantler.registry.sql.data_ids import DataIds
from pantler.registry.sql.dataset_types import SqlDatasetTypes
from pantler.registry.sql.datasets import SqlDatasets
from pantler.registry.sql.dimensions import SqlDimensions
from pantler.registry.sql.query import QueryRunner
from pantler.registry.sql.records import SqlRecordTable, open_record_table
from pantler.registry.sql.schema import SCHEMA_VERSION, Schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import polars as pl

    from pantler.queries.query import Query
    from pantler.registry.sql.connection import Connection


class SqlRegistry:
    """Implements `pantler.registry.interface.Registry`.

    Parameters
    ----------
    connection
        An open connection to a database that has the tables.
    universe
        The dimensions that the tables were made from.
    """

    def __init__(self, connection: Connection, universe: Universe) -> None:
        self._connection = connection
        self._schema = schema = Schema(universe)
        self._catalog = catalog = Catalog(connection, schema)
        self._staging = staging = Staging(connection, schema)
        data_ids = DataIds(connection, schema, catalog)
        self.dimensions = SqlDimensions(connection, schema, catalog, staging)
        self.dataset_types = SqlDatasetTypes(connection, schema, catalog)
        self.collections = SqlCollections(
            connection,
            schema,
            catalog,
            Associations(
                connection, schema, catalog=catalog, staging=staging, data_ids=data_ids
            ),
        )
        self.datasets = SqlDatasets(
            connection,
            schema,
            catalog=catalog,
            staging=staging,
            data_ids=data_ids,
            dataset_types=self.dataset_types,
        )
        self._queries = QueryRunner(
            connection,
            schema,
            catalog=catalog,
            staging=staging,
            dataset_types=self.dataset_types,
        )

    @property
    def universe(self) -> Universe:
        """The repository's dimensions."""
        return self._schema.universe

    @property
    def is_writeable(self) -> bool:
        """Whether changes are allowed."""
        return self._connection.writeable

    def query(self, query: Query) -> pl.DataFrame:
        """Return the rows of a query, columns as `Query` says."""
        return self._queries.fetch(query)

    def count(self, query: Query) -> int:
        """Return how many rows a query has."""
        return self._queries.count(query)

    def record_table(self, name: str) -> SqlRecordTable:
        """Return the table of one datastore's records, made if need be."""
        return open_record_table(
            name,
            self._connection,
            self._schema,
            catalog=self._catalog,
            staging=self._staging,
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all changes within all or nothing; nests.

        On a registry that is open for reading, all reads within see one state.
        """
        guard = self._connection
        with guard.writing() if guard.writeable else guard.reading():
            yield

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a registry says of itself.

    Parameters
    ----------
    universe
        Its dimensions.
    settings
        All attributes by name.
    """

    universe: Universe
    settings: Mapping[str, str]


def create_schema(
    connection: Connection, universe: Universe, settings: Mapping[str, str]
) -> None:
    """Make all tables in an empty database, in one transaction."""
    schema = Schema(universe)
    attributes = {
        **settings,
        "schema_version": str(SCHEMA_VERSION),
        "universe": universe.to_yaml(),
        "revision": "0",
    }
    with connection.transaction():
        for table in schema.fixed:
            connection.execute(CreateTable(table))
        connection.run_many(
            connection.prepare(sa.insert(schema.attribute)), attributes.items()
        )


def read_universe(connection: Connection, where: str) -> Attributes:
    """Return what a registry says of itself.

    Raises
    ------
    SchemaError
        If it is no registry, or one of another version.
    """
    table = sa.table("attribute", sa.column("name"), sa.column("value"))
    found = connection.rows(
        sa.text("SELECT name FROM sqlite_master WHERE name = 'attribute'")
    )
    settings = dict(connection.rows(sa.select(table))) if found else {}
    version = settings.get("schema_version")
    if version != str(SCHEMA_VERSION):
        raise SchemaError(
            f"'{where}' has schema version {version or 'none'}, and this pantler needs "
            f"{SCHEMA_VERSION}. "
            + ("Migrate the repository." if version else "It is no registry.")
        )
    text, default = settings["universe"], Universe.default()
    # The same object where it can be: equal universes are slow to compare.
    universe = default if text == default.to_yaml() else Universe.from_yaml(text)
    return Attributes(universe, settings)
