"""Where a statement finds its columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa

from pantler.errors import InvalidInputError, close_match
from pantler.registry.sql.compile.tables import stage_name

if TYPE_CHECKING:
    from pantler.registry.sql.compile.joins import Joins
    from pantler.registry.sql.compile.predicates import Sql
    from pantler.registry.sql.driver import Driver
    from pantler.registry.sql.schema import Schema


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
    schema: Schema
    driver: Driver
    matches: dict[str, sa.FromClause] = field(default_factory=dict)
    tables: dict[str, sa.FromClause] = field(default_factory=dict)

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
        if name == "run":
            return self.run_name(self.match(dataset_type, "run_id"))
        return self.match(dataset_type, "uuid" if name == "dataset_id" else name)

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

    def run_name(self, number: Sql) -> Sql:
        """Return the name of the run with a number."""
        table = self.schema.collection
        named = sa.select(table.c.name).where(table.c.id == number)
        return named.scalar_subquery()
