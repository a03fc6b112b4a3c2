"""The registry in any SQL database: its facets, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

from pantler.dimensions.universe import Universe
from pantler.registry.sql.associations import Associations
from pantler.registry.sql.catalog import Catalog
from pantler.registry.sql.collections import SqlCollections
from pantler.registry.sql.core import Core
from pantler.registry.sql.data_ids import DataIds
from pantler.registry.sql.dataset_types import SqlDatasetTypes
from pantler.registry.sql.datasets import SqlDatasets
from pantler.registry.sql.dimensions import SqlDimensions
from pantler.registry.sql.migrations.plan import (
    check_version,
    read_attributes,
    version_attributes,
)
from pantler.registry.sql.query import SqlQueries
from pantler.registry.sql.records import SqlRecordTable, open_record_table
from pantler.registry.sql.removals import SqlRemovals
from pantler.registry.sql.schema import SCHEMA_VERSION, Schema
from pantler.registry.sql.universe_change import extend_universe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import polars as pl

    from pantler.dimensions.extension import Extension
    from pantler.queries.plan import QueryPlan
    from pantler.queries.query import Query
    from pantler.registry.sql.database import Database


class SqlRegistry:
    """Implements `pantler.registry.interface.Registry`.

    Parameters
    ----------
    db
        An open database that has the tables.
    universe
        The dimensions that the tables were made from.
    """

    def __init__(self, db: Database, universe: Universe) -> None:
        schema = Schema(universe)
        self._db = db
        self.id = _read_id(db, schema)
        self._core = core = Core(db, schema, Catalog(db, schema))
        data_ids = DataIds(core)
        self.dimensions = SqlDimensions(core)
        self.dataset_types = SqlDatasetTypes(core)
        self.collections = SqlCollections(core, Associations(core, data_ids))
        self.datasets = SqlDatasets(core, data_ids)
        self.removals = SqlRemovals(core)
        self._queries = SqlQueries(core)

    @property
    def universe(self) -> Universe:
        """The repository's dimensions."""
        return self._core.universe

    @property
    def is_writeable(self) -> bool:
        """Whether changes are allowed."""
        return self._db.writeable

    @property
    def lock_timeout_s(self) -> float:
        """How long to wait for the locks of others; infinite: for ever."""
        return self._db.lock_timeout_s

    @lock_timeout_s.setter
    def lock_timeout_s(self, value: float) -> None:
        self._db.lock_timeout_s = value

    def query(self, query: Query) -> pl.DataFrame:
        """Return the rows of a query, columns as `Query` says."""
        return self._queries.query(query)

    def count(self, query: Query) -> int:
        """Return how many rows a query has."""
        return self._queries.count(query)

    def extend_universe(
        self, universe: Universe, *, dry_run: bool = False
    ) -> Extension:
        """Go over to a newer version of the universe, which only adds."""
        return extend_universe(self._core, universe, dry_run=dry_run)

    def query_batches(self, query: Query, rows: int = 50_000) -> Iterator[pl.DataFrame]:
        """Yield the rows of a query in frames; see `Registry.query_batches`."""
        return self._queries.batches(query, rows)

    def explain(self, query: Query) -> QueryPlan:
        """Answer a query, and return how."""
        return self._queries.explain(query)

    def record_table(self, name: str) -> SqlRecordTable:
        """Return the table of one datastore's records, made if need be."""
        return open_record_table(name, self._core)

    def transaction(self) -> AbstractContextManager[None]:
        """Make all changes within all or nothing; nests.

        On a registry that is open for reading, all reads within see one state.
        """
        return self._db.writing() if self._db.writeable else self._db.reading()

    def reading(self) -> AbstractContextManager[None]:
        """See one state in all that is read within; nothing can be changed there."""
        return self._db.reading()

    def close(self) -> None:
        """Close the connections of all threads."""
        self._db.close()


def create_schema(db: Database, universe: Universe) -> None:
    """Make all tables in an empty database, in one transaction."""
    schema = Schema(universe)
    attributes = {
        **version_attributes(SCHEMA_VERSION),
        "id": str(uuid4()),
        "universe": universe.to_yaml(),
    }
    with db.writing():
        for table in schema.fixed:
            db.run(CreateTable(table))
            for index in table.indexes:
                db.run(CreateIndex(index))
        db.insert_rows(schema.attribute, attributes.items())
        # The journal of the catalog always has a last line.
        first = {"subject": "collection", "number": 0, "type_id": 0}
        db.run(sa.insert(schema.catalog_journal).values(first))


def _read_id(db: Database, schema: Schema) -> str:
    table = schema.attribute
    ((found,),) = db.rows(sa.select(table.c.value).where(table.c.name == "id"))
    return str(found)


def read_universe(db: Database) -> Universe:
    """Return the dimensions of a registry.

    Raises
    ------
    SchemaError
        If the database is not a registry, or is one of another version.
    """
    attributes = read_attributes(db)
    check_version(db, attributes, SCHEMA_VERSION)
    text, default = attributes["universe"], Universe.default()
    # The same object where it can be: equal universes are slow to compare.
    return default if text == default.to_yaml() else Universe.restored(text)
