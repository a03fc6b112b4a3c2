"""Where a statement finds its columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from pantler.errors import InvalidInputError, close_match
from pantler.registry.sql.compile.tables import stage_name

if TYPE_CHECKING:
    from pantler.registry.sql.compile.joins import Joins
    from pantler.registry.sql.compile.predicates import Sql
    from pantler.registry.sql.core import Core
    from pantler.registry.sql.driver import Driver

_FIELDS: Final = {
    "dataset_id": "uuid",
    "timespan_begin": "begin_ns",
    "timespan_end": "end_ns",
}
"""Fields of datasets that matches call otherwise."""


@dataclass(slots=True)
class Columns:
    """The columns of joined relations; a `predicates.Scope`.

    Attributes
    ----------
    matches
        By dataset type, the matches whose fields can be named.
    tables
        Tables of the user's own, by name.
    """

    joins: Joins
    core: Core
    matches: dict[str, sa.FromClause] = field(default_factory=dict)
    tables: dict[str, sa.FromClause] = field(default_factory=dict)

    @property
    def driver(self) -> Driver:
        """What writes that which systems write differently."""
        return self.core.db.driver

    def dimension(self, name: str) -> Sql:
        """Return the column of a dimension."""
        return self.joins.dimensions[name]

    def field(self, element: str, name: str) -> Sql:
        """Return a column of an element's records."""
        return self.joins.elements[element].c[name]

    def span(self, element: str) -> tuple[Sql, Sql]:
        """Return begin and end of an element's records."""
        table = self.joins.elements[element]
        return table.c.timespan_begin, table.c.timespan_end

    def dataset(self, dataset_type: str, name: str) -> Sql:
        """Return a column of a dataset search."""
        if name in {"run", "collection"}:
            number = "run_id" if name == "run" else "collection_id"
            return self._collection_name(self.match(dataset_type, number))
        if name == "size":
            return self._size(self.match(dataset_type, "uuid"))
        return self.match(dataset_type, _FIELDS.get(name, name))

    def match(self, dataset_type: str, name: str) -> Sql:
        """Return a column of the matches of a search."""
        rows = self.matches.get(dataset_type)
        if rows is None:
            raise InvalidInputError(
                f"The query does not search for datasets of type '{dataset_type}'."
                f"{close_match(dataset_type, self.matches)}"
            )
        return rows.c[name]

    def table(self, name: str, column: str) -> Sql:
        """Return a column of a table of the user's own."""
        rows = self.tables.get(name)
        if rows is None:
            raise InvalidInputError(
                f"No table '{name}' is joined to the query."
                f"{close_match(name, self.tables)}"
            )
        return rows.c[stage_name(name, column)]

    def _collection_name(self, number: Sql) -> Sql:
        """Return the name of the collection with a number."""
        table = self.core.schema.collection
        named = sa.select(table.c.name).where(table.c.id == number)
        return named.scalar_subquery()

    def _size(self, uuid: Sql) -> Sql:
        """Return the bytes of all files of a dataset; null if none are recorded."""
        total: Sql = sa.cast(sa.null(), sa.BigInteger)
        for name in self.core.catalog.now.record_tables:
            table = self.core.schema.record_table(name)
            found = sa.select(sa.func.sum(table.c.size_bytes))
            size = found.where(table.c.dataset_id == uuid).scalar_subquery()
            total = sa.func.coalesce(total + size, total, size)
        return sa.cast(total, sa.BigInteger)
