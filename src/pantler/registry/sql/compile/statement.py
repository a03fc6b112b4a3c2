"""A query as one statement, and what is left to do with its rows."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl
import sqlalchemy as sa

from pantler.dimensions.records import record_columns
from pantler.errors import InvalidInputError, close_match
from pantler.queries.tree import (
    DatasetField,
    DimensionKey,
    RecordField,
    TimespanField,
)
from pantler.registry.sql.compile.joins import Joins, join_elements, needed_elements
from pantler.registry.sql.compile.overlaps import (
    SkyOverlap,
    candidate_pairs,
    implied_overlaps,
    is_sky_overlap,
    near_region,
    stated_overlaps,
)
from pantler.registry.sql.compile.predicates import conjuncts, to_sql, walk
from pantler.registry.sql.compile.searches import ResolvedSearch, first_of, matches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.universe import DimensionGroup
    from pantler.queries.query import Query
    from pantler.queries.tree import Predicate
    from pantler.registry.sql.compile.predicates import Sql
    from pantler.registry.sql.core import Core
    from pantler.registry.sql.driver import Driver
    from pantler.registry.sql.schema import Schema

_Selected: TypeAlias = "tuple[Sql, type[pl.DataType] | None]"
"""A column and its type in the frame; None if it only orders rows."""

RUN_ID = "run_id"
"""The column of run numbers, which become names when the rows are here."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement and the work that its rows still need, in the order of the fields.

    Parameters
    ----------
    statement
        Selects the columns of ``schema``.
    schema
        Names and types of all selected columns.
    output
        Names of those that are the answer.
    constants
        Columns of the answer that have one value in all rows, and are not selected.
    overlaps
        Exact tests on the sky: rows that fail are dropped.
    first_by
        Of the rows that are equal in these columns, one of the least ``rank`` is kept.
    distinct
        Whether equal rows must still be made one.
    limit, offset
        The part of the rows that must still be taken.
    """

    statement: sa.Select[Any]
    schema: dict[str, type[pl.DataType] | None]
    output: tuple[str, ...]
    constants: dict[str, int | None]
    overlaps: tuple[SkyOverlap, ...]
    first_by: tuple[str, ...]
    distinct: bool
    limit: int | None
    offset: int

    @property
    def is_finished(self) -> bool:
        """Whether the statement alone gives the rows."""
        return not (self.overlaps or self.first_by or self.distinct)

    def with_part_taken(self) -> Compiled:
        """Return the same with limit and offset in the statement."""
        if self.limit is None and not self.offset:
            return self
        statement = self.statement.limit(self.limit).offset(self.offset)
        return replace(self, statement=statement, limit=None, offset=0)


@dataclass(slots=True)
class Columns:
    """Where a statement finds its columns; a `predicates.Scope`."""

    joins: Joins
    schema: Schema
    driver: Driver
    datasets: dict[str, sa.FromClause] = field(default_factory=dict)

    def dimension(self, name: str) -> Sql:
        """Return the column of a dimension."""
        return self.joins.dimensions[name]

    def field(self, element: str, name: str) -> Sql:
        """Return a column of an element's records."""
        return self.joins.elements[element].c[name]

    def dataset(self, dataset_type: str, name: str) -> Sql:
        """Return a column of a dataset search."""
        rows = self.datasets.get(dataset_type)
        if rows is None:
            raise InvalidInputError(
                f"The query does not search for datasets of type '{dataset_type}'."
                f"{close_match(dataset_type, self.datasets)}"
            )
        if name == "run":
            table = self.schema.collection
            named = sa.select(table.c.name).where(table.c.id == rows.c.run_id)
            return named.scalar_subquery()
        return rows.c["uuid" if name == "dataset_id" else name]


class Statement:
    """Builds the statement of one query.

    Parameters
    ----------
    query
        What is asked.
    core
        The tables, and how the database writes SQL.
    searches
        The dataset searches that rows must satisfy.
    target
        The one whose datasets are the answer.
    """

    def __init__(
        self,
        query: Query,
        core: Core,
        searches: Sequence[ResolvedSearch],
        target: ResolvedSearch | None,
    ) -> None:
        self._query = query
        self._schema = core.schema
        self._universe = core.universe
        self._searches = searches
        self._target = target
        self._everything = [*searches, *([target] if target else [])]
        conditions = conjuncts(query.where)
        self._conditions = [c for c in conditions if not is_sky_overlap(c)]
        self._element = self._universe[query.element] if query.element else None
        self._dimensions, self._records, self._fields = self._mentioned(conditions)
        self._group = self._whole_group()
        stated = stated_overlaps(conditions, self._universe)
        related = [search.dimensions for search in self._everything]
        implied = implied_overlaps(self._group, stated, related)
        self._overlaps = (*stated, *implied)
        self._columns = Columns(Joins(), core.schema, core.db.driver)

    def compile(self) -> Compiled:
        """Return the statement and what is left to do."""
        ranks_first = self._target is not None and self._target.name in self._fields
        self._join_searches(ranks_first=ranks_first)
        self._join_pairs()
        self._join_elements()
        conditions = [*self._columns.joins.conditions]
        conditions += [to_sql(c, self._columns) for c in self._conditions]
        conditions += self._sky_conditions() + self._time_conditions()
        output = self._output()
        hidden = self._hidden(output)
        statement = self._select({**output, **hidden}).where(*conditions)
        if self._columns.joins.source is not None:
            statement = statement.select_from(self._columns.joins.source)
        ranks_last = (
            self._target is not None and self._target.needs_ranking and not ranks_first
        )
        repeats = not self._columns.joins.keys <= set(self._query.dimensions.names)
        first_by: tuple[str, ...] = ()
        if ranks_last and self._target is not None:
            repeats = False
            if self._overlaps or self._query.limit is None:
                # The database sorts all rows for it, which takes longer.
                first_by = self._target.ranked_within
            else:
                statement = first_of(statement.subquery(), self._target)
        elif repeats and not self._overlaps:
            statement = statement.distinct()
            repeats = any(name.startswith("order:") for name in hidden)
        compiled = Compiled(
            statement=self._ordered(statement),
            schema={name: kind for name, (_, kind) in {**output, **hidden}.items()},
            output=tuple(output),
            constants=self._constants(),
            overlaps=self._overlaps,
            first_by=first_by,
            distinct=repeats,
            limit=self._query.limit,
            offset=self._query.offset,
        )
        return compiled.with_part_taken() if compiled.is_finished else compiled

    def _ordered(self, statement: sa.Select[Any]) -> sa.Select[Any]:
        chosen = statement.selected_columns
        return statement.order_by(
            *(
                # Where nulls come is said, as databases differ.
                chosen[f"order:{i}"].desc().nulls_last()
                if term.descending
                else chosen[f"order:{i}"].nulls_first()
                for i, term in enumerate(self._query.order_by)
            )
        )

    def _mentioned(
        self, conditions: Sequence[Predicate]
    ) -> tuple[set[str], set[str], set[str]]:
        """Return the dimensions, elements and dataset types that the query names."""
        dimensions: set[str] = set()
        records: set[str] = set()
        types: set[str] = set()
        parts = (tuple(conditions), tuple(t.column for t in self._query.order_by))
        for node in walk(parts):
            match node:
                case DimensionKey(name):
                    dimensions.add(name)
                case RecordField(name) | TimespanField(name):
                    records.add(name)
                case DatasetField(name):
                    types.add(name)
        return dimensions, records, types

    def _whole_group(self) -> DimensionGroup:
        names = {*self._query.dimensions.names, *self._dimensions}
        elements = [self._universe[name] for name in self._records]
        if self._element is not None:
            elements.append(self._element)
        for element in elements:
            names.update(element.required)
        for search in self._everything:
            names.update(search.dimensions)
        return self._universe.group(names)

    def _join_searches(self, *, ranks_first: bool) -> None:
        target = self._target
        if target is not None:
            rows = matches(target, self._schema)
            if ranks_first:
                rows = first_of(rows, target).subquery()
            self._join_rows(target, rows)
        for search in self._searches:
            rows = matches(search, self._schema)
            if search.name in self._fields and search is not target:
                self._join_rows(search, first_of(rows, search).subquery())
            else:
                data_ids = self._data_ids(search)
                self._columns.joins.add(
                    data_ids[0],
                    data_ids[1],
                    [data_ids[0].c.id.in_(sa.select(rows.c.data_id))],
                )
        self._add_keys()

    def _join_rows(self, search: ResolvedSearch, rows: sa.Subquery) -> None:
        joins = self._columns.joins
        joins.add(rows, {})
        table, columns = self._data_ids(search)
        joins.add(table, columns, [table.c.id == rows.c.data_id])
        self._columns.datasets[search.name] = rows

    def _data_ids(self, search: ResolvedSearch) -> tuple[Any, dict[str, Sql]]:
        table = search.row.data_ids.alias()
        names = search.row.dataset_type.dimensions.required
        return table, {name: table.c[name] for name in names}

    def _add_keys(self) -> None:
        for search in self._everything:
            self._columns.joins.keys.update(search.dimensions)

    def _join_pairs(self) -> None:
        for overlap in self._overlaps:
            if len(overlap.elements) == 2:
                pairs, columns = candidate_pairs(overlap, self._schema)
                self._columns.joins.add(pairs, columns)
                self._columns.joins.keys.update(columns)

    def _join_elements(self) -> None:
        query = self._query
        wanted = (
            query.dimensions.names if self._is_data_ids else query.dimensions.required
        )
        used = [*wanted, *self._dimensions]
        referenced = set(self._records)
        if self._element is not None:
            referenced.add(self._element.name)
        for first, second in self._temporal_pairs():
            referenced.update((first.name, second.name))
        for overlap in self._overlaps:
            used.extend(overlap.dimensions)
        for search in self._everything:
            used.extend(search.dimensions)
        chosen = needed_elements(
            self._group,
            used=used,
            referenced=sorted(referenced),
            related=[search.dimensions for search in self._everything],
            provided=frozenset(self._columns.joins.dimensions),
        )
        join_elements(self._columns.joins, self._schema, chosen)

    @property
    def _is_data_ids(self) -> bool:
        return self._element is None and self._target is None

    def _temporal_pairs(self) -> list[tuple[DimensionElement, DimensionElement]]:
        """Return the elements of different temporal families that must overlap."""
        related = [search.dimensions for search in self._everything]
        return [
            (first, second)
            for first, second in itertools.combinations(
                self._group.temporal_elements(), 2
            )
            if not any(
                part.issuperset((*first.required, *second.required)) for part in related
            )
        ]

    def _time_conditions(self) -> list[Sql]:
        field_ = self._columns.field
        return [
            sa.and_(
                field_(first.name, "timespan_begin")
                < field_(second.name, "timespan_end"),
                field_(second.name, "timespan_begin")
                < field_(first.name, "timespan_end"),
            )
            for first, second in self._temporal_pairs()
        ]

    def _sky_conditions(self) -> list[Sql]:
        return [
            near_region(
                overlap,
                self._schema,
                [self._columns.dimension(name) for name in overlap.left.required],
            )
            for overlap in self._overlaps
            if len(overlap.elements) == 1
        ]

    def _output(self) -> dict[str, _Selected]:
        columns = self._columns
        if self._element is not None:
            table = columns.joins.elements[self._element.name]
            return {
                column.name: (table.c[column.name], column.dtype)
                for column in record_columns(self._element, self._universe)
            }
        if self._target is None:
            return self._dimension_columns(self._query.dimensions.names)
        rows = columns.datasets[self._target.name]
        constants = self._constants()
        return {
            **self._dimension_columns(self._query.dimensions.required),
            "uuid": (rows.c.uuid, pl.Binary),
            **{
                name: (rows.c[name], pl.Int64)
                for name in (RUN_ID, "begin_ns", "end_ns")
                if name not in constants
            },
        }

    def _constants(self) -> dict[str, int | None]:
        """Return what need not be fetched with each dataset."""
        constants: dict[str, int | None] = {}
        if self._target is not None:
            if self._target.is_one_run:
                constants[RUN_ID] = self._target.members[0][0]
            if not self._target.has_calibrations:
                constants.update(begin_ns=None, end_ns=None)
        return constants

    def _dimension_columns(self, names: Sequence[str]) -> dict[str, _Selected]:
        return {
            name: (
                self._columns.dimension(name),
                self._universe[name].primary_key.dtype,
            )
            for name in names
        }

    def _hidden(self, output: dict[str, _Selected]) -> dict[str, _Selected]:
        """Return columns by which rows are ordered, ranked and tested."""
        found: dict[str, _Selected] = {}
        for i, term in enumerate(self._query.order_by):
            found[f"order:{i}"] = (to_sql(term.column, self._columns), None)
        for overlap in self._overlaps:
            for name in overlap.dimensions:
                if name not in output:
                    column = self._dimension_columns([name])[name]
                    found[f"key:{name}"] = column
        if self._target is not None and self._target.needs_ranking:
            rows = self._columns.datasets[self._target.name]
            found["data_id"] = (rows.c.data_id, pl.Int64)
            found["rank"] = (rows.c.rank, pl.Int64)
        if not output and not found:
            found["nothing"] = (sa.literal(1), pl.Int64)
        return found

    def _select(self, columns: dict[str, _Selected]) -> sa.Select[Any]:
        return sa.select(*(column.label(name) for name, (column, _) in columns.items()))
