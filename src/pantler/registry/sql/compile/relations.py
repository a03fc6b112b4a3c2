"""The relations of a query: what takes part in it, joined, and what relates it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from pantler.queries.tree import (
    DatasetField,
    DatasetTimespan,
    DimensionKey,
    RecordField,
    TableField,
    TimespanField,
)
from pantler.registry.sql.bulk import frame_rows
from pantler.registry.sql.compile.columns import Columns
from pantler.registry.sql.compile.find_first import Competition
from pantler.registry.sql.compile.joins import Joins, join_elements, needed_elements
from pantler.registry.sql.compile.overlaps import (
    candidate_pairs,
    implied_overlaps,
    near_region,
    stated_overlaps,
)
from pantler.registry.sql.compile.pixels import (
    PixelPairs,
    pixel_overlaps,
    pixel_table,
    stage_pairs,
)
from pantler.registry.sql.compile.predicates import conjuncts, to_sql, walk
from pantler.registry.sql.compile.searches import matches, valid_at
from pantler.registry.sql.compile.tables import stage_name, stage_table

_FEW: Final = 200
"""Records that are looked up before, so that the database begins with them."""

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.universe import DimensionGroup
    from pantler.queries.query import JoinedTable, Query
    from pantler.queries.tree import Column, Predicate
    from pantler.registry.sql.compile.pixels import Ask, PixelOverlap
    from pantler.registry.sql.compile.predicates import Sql
    from pantler.registry.sql.compile.searches import ResolvedSearch, Within
    from pantler.registry.sql.core import Core


def shown_columns(query: Query) -> tuple[Column, ...]:
    """Return the columns beside data IDs that are shown, counted by or counted."""
    counted = (each.column for each in query.aggregates if each.column is not None)
    return tuple(dict.fromkeys((*query.columns, *query.group_by, *counted)))


def _said(search: ResolvedSearch, what: str) -> str:
    count = len(search.members)
    return f"{what} of '{search.name}' in {count:,} collection{'s' * (count != 1)}"


def _timed_types(conditions: Sequence[Predicate]) -> set[str]:
    """Return the dataset types whose validity conditions name."""
    types: set[str] = set()
    for node in walk(tuple(conditions)):
        match node:
            case DatasetTimespan(name):
                types.add(name)
            case DatasetField(name, "timespan_begin" | "timespan_end"):
                types.add(name)
    return types


def _is_of(condition: Predicate, element: DimensionElement) -> bool:
    """Whether a condition is on the records of one element only."""
    of_records = False
    for node in walk(condition):
        match node:
            case DimensionKey(name):
                if name not in (*element.required, *element.implied):
                    return False
            case RecordField(name, _, kind):
                if name != element.name or kind == "region":
                    return False
                of_records = True
            case TimespanField(name):
                if name != element.name:
                    return False
                of_records = True
            case DatasetField() | DatasetTimespan() | TableField():
                return False
    return of_records


class Relations:
    """Dataset searches, pairs of records near each other, and elements, joined.

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
    ask
        Answers other queries, in the same state of the registry.
    within
        The condition that a dataset of the target has one of the data IDs of interest.

    Attributes
    ----------
    columns
        Where their columns are.
    rows
        The matches of each search that is joined with more than its data IDs.
    overlaps
        Overlaps on the sky, which must be tested exactly later on.
    fields, shown
        Names of the dataset types of which a field is named; or shown or in the order,
        so that it must be that of the first match.
    timed
        Names of the dataset types whose validity conditions name.
    is_staged
        Whether rows were staged to be joined, which other queries may replace.
    steps
        What was joined, in words.
    """

    def __init__(
        self,
        query: Query,
        core: Core,
        searches: Sequence[ResolvedSearch],
        target: ResolvedSearch | None,
        *,
        ask: Ask,
        within: Within | None = None,
    ) -> None:
        self._query = query
        self._core = core
        self._schema = core.schema
        self._universe = core.universe
        self._searches = searches
        self._target = target
        self._everything = [*searches, *([target] if target else [])]
        self._element = self._universe[query.element] if query.element else None
        conditions = conjuncts(query.where)
        self._dimensions, self._records, self.fields = self._mentioned(conditions)
        ordered = (term.column for term in query.order_by)
        self.shown = {
            column.dataset_type
            for column in (*ordered, *shown_columns(query))
            if isinstance(column, DatasetField)
        }
        self.timed = _timed_types(conditions)
        self._group = self._whole_group()
        stated = stated_overlaps(conditions, self._universe)
        implied = implied_overlaps(self._group, stated, self._related)
        self.overlaps = (*stated, *implied)
        self._pixels = PixelPairs(query, core, ask, self._group)
        self.columns = Columns(Joins(), core)
        self.rows: dict[ResolvedSearch, sa.FromClause] = {}
        # Dimensions whose values come from the user, who may name what there is not.
        self._unproven: set[str] = set()
        self.is_staged = False
        self.steps: list[str] = []
        self._join(within)

    @property
    def _related(self) -> list[frozenset[str]]:
        """The dimensions of each search and table, which relate what they have."""
        tables = [frozenset(table.dimensions) for table in self._query.tables]
        return [*(search.dimensions for search in self._everything), *tables]

    @property
    def searches(self) -> list[ResolvedSearch]:
        """All searches, the target among them."""
        return self._everything

    def competition(self, search: ResolvedSearch) -> Competition:
        """Return which matches of a search compete to be the first."""
        times = (n for element in self._timed_by(search) for n in element.required)
        return Competition(search, tuple(dict.fromkeys(times)))

    def conditions(self) -> list[Sql]:
        """Return what relates them, apart from the dimensions that they share."""
        return [
            *self.columns.joins.conditions,
            *self._sky_conditions(),
            *self._time_conditions(),
            *self._validity_conditions(),
            *self._few_records(),
        ]

    def _few_records(self) -> list[Sql]:
        """Name the records that conditions choose, where they are few.

        A database cannot know that they are: it would go through all datasets of many
        runs for the few of some records, or of none.
        """
        if not any(search.needs_ranking for search in self._everything):
            return []
        found: list[Sql] = []
        for name in sorted(self._records):
            element = self._universe[name]
            parts = [c for c in conjuncts(self._query.where) if _is_of(c, element)]
            if not parts:
                continue
            table = self._schema.elements[name]
            key = element.required[-1]
            scope = Columns(Joins(), self._core)
            scope.joins.add_element(element, table, supplier=False)
            chosen = sa.select(table.c[key]).where(
                *(to_sql(part, scope) for part in parts)
            )
            values = self._core.db.rows(chosen.distinct().limit(_FEW + 1))
            if len(values) <= _FEW:
                listed = [value for (value,) in values]
                found.append(self._is_one_of(self.columns.dimension(key), listed))
        return found

    def _is_one_of(self, column: Sql, values: list[Any]) -> Sql:
        if not values:
            return sa.false()
        return self._core.db.driver.is_listed(column, values)

    def _mentioned(
        self, conditions: Sequence[Predicate]
    ) -> tuple[set[str], set[str], set[str]]:
        """Return the dimensions, elements and dataset types that the query names."""
        dimensions: set[str] = set()
        records: set[str] = set()
        types: set[str] = set()
        ordered = tuple(term.column for term in self._query.order_by)
        for node in walk((tuple(conditions), ordered, shown_columns(self._query))):
            match node:
                case DimensionKey(name):
                    dimensions.add(name)
                case RecordField(name) | TimespanField(name):
                    records.add(name)
                case DatasetField(name) | DatasetTimespan(name):
                    types.add(name)
        return dimensions, records, types

    def _whole_group(self) -> DimensionGroup:
        names = {*self._query.dimensions.names, *self._dimensions}
        elements = [self._universe[name] for name in self._records]
        if self._element is not None:
            elements.append(self._element)
        for element in elements:
            names.update(element.required)
        for part in self._related:
            names.update(part)
        return self._universe.group(names)

    def _timed_by(self, search: ResolvedSearch) -> list[DimensionElement]:
        """Return the elements at whose times certified datasets must be valid.

        Those that its own data IDs name say nothing of when it is looked for.
        """
        if not search.has_calibrations:
            return []
        return [
            element
            for element in self._group.temporal_elements()
            if not search.dimensions.issuperset(element.required)
        ]

    def _temporal_pairs(self) -> list[tuple[DimensionElement, DimensionElement]]:
        """Return the elements of different temporal families that must overlap."""
        return [
            (first, second)
            for first, second in itertools.combinations(
                self._group.temporal_elements(), 2
            )
            if not any(
                part.issuperset((*first.required, *second.required))
                for part in self._related
            )
        ]

    def _join(self, within: Within | None) -> None:
        overlaps = pixel_overlaps(self._group, self._related)
        found = self._pixels.frames(overlaps)  # asks other queries: before any stage
        if self._target is not None:
            self._join_rows(self._target, within)
        for search in self._searches:
            if search.name in self.fields or self._timed_by(search):
                self._join_rows(search)
            else:
                self._join_data_ids(search)
        for search in self._everything:
            self.columns.joins.keys.update(search.dimensions)
        for overlap in self.overlaps:
            if len(overlap.elements) == 2:
                pairs, columns = candidate_pairs(overlap, self._schema)
                names = " and ".join(f"'{e.name}'" for e in overlap.elements)
                self.steps.append(f"pairs of {names} with a common pixel")
                self.columns.joins.add(pairs, columns)
                self.columns.joins.keys.update(columns)
        for table in self._query.tables:
            self._join_table(table)
        for pixels in overlaps:
            self._join_pixels(pixels, found)
        self._join_stated_pixels()
        self._join_elements()

    def _join_table(self, table: JoinedTable) -> None:
        stage = stage_table(table, self._core)
        self.is_staged = True
        self.steps.append(f"table '{table.name}', {table.frame.height:,} rows")
        names = table.dimensions
        columns = {name: stage.c[stage_name(table.name, name)] for name in names}
        self._unproven.update(
            name
            for name in names
            if name not in self.columns.joins.dimensions
            and not self._universe[name].is_pixel  # any pixel exists
        )
        self.columns.tables[table.name] = stage
        self.columns.joins.add(stage, columns)
        self.columns.joins.keys.update(columns)

    def _join_pixels(
        self, overlap: PixelOverlap, found: dict[PixelOverlap, pl.DataFrame]
    ) -> None:
        """Join the pairs of pixels and what they overlap."""
        known = pixel_table(overlap, self._schema)
        names = overlap.dimensions
        self.steps.append(f"pairs of '{names[0]}' and '{overlap.other.name}'")
        if known is None:
            self.is_staged = True
            stage = stage_pairs(overlap, found[overlap], self._core)
            self.columns.joins.add(stage, {name: stage.c[name] for name in names})
        else:
            columns = {name: known.c[name] for name in overlap.other.required}
            columns[names[0]] = known.c.pixel
            self.columns.joins.add(known, columns)
        self.columns.joins.keys.update(names)

    def _join_stated_pixels(self) -> None:
        """Join pixels that only conditions name, which list them."""
        joins = self.columns.joins
        for element in self._group.elements:
            if not element.is_pixel or element.name in joins.dimensions:
                continue
            values = self._pixels.values(element)
            if values is not None:
                self.is_staged = True
                self.steps.append(f"listed values of '{element.name}'")
                columns = self._schema.dimension_columns([element.name])
                rows = frame_rows(values.unique().to_frame())
                stage = self._core.db.stage(columns, rows)
                joins.add(stage, {element.name: stage.c[element.name]})
                joins.keys.add(element.name)

    def _join_rows(self, search: ResolvedSearch, within: Within | None = None) -> None:
        """Join the matches of a search, and their data IDs."""
        rows = matches(search, self._core, within)
        self.steps.append(_said(search, "datasets"))
        joins = self.columns.joins
        joins.add(rows, {})
        table, columns = self._data_ids(search)
        joins.add(table, columns, [table.c.id == rows.c.data_id])
        self.rows[search] = rows
        self.columns.matches.setdefault(search.name, rows)  # the target comes first

    def _join_data_ids(self, search: ResolvedSearch) -> None:
        """Join the data IDs for which a search has any match."""
        rows = matches(search, self._core)
        self.steps.append(_said(search, "data IDs with datasets"))
        table, columns = self._data_ids(search)
        found = table.c.id.in_(sa.select(rows.c.data_id))
        self.columns.joins.add(table, columns, [found])

    def _data_ids(self, search: ResolvedSearch) -> tuple[Any, dict[str, Sql]]:
        table = search.row.data_ids.alias()
        names = search.row.dataset_type.dimensions.required
        return table, {name: table.c[name] for name in names}

    def _join_elements(self) -> None:
        query = self._query
        is_data_ids = self._element is None and self._target is None
        wanted = query.dimensions.names if is_data_ids else query.dimensions.required
        used = [*wanted, *self._dimensions]
        referenced = set(self._records)
        if self._element is not None:
            referenced.add(self._element.name)
        for first, second in self._temporal_pairs():
            referenced.update((first.name, second.name))
        for overlap in self.overlaps:
            used.extend(overlap.dimensions)
        for part in self._related:
            used.extend(part)
        for search in self._everything:
            referenced.update(element.name for element in self._timed_by(search))
        chosen = needed_elements(
            self._group,
            used=used,
            referenced=sorted(referenced),
            related=self._related,
            provided=frozenset(self.columns.joins.dimensions) - self._unproven,
        )
        self.steps += (f"records of '{element.name}'" for element, _ in chosen)
        join_elements(self.columns.joins, self._schema, chosen)

    def _time_conditions(self) -> list[Sql]:
        span = self.columns.span
        return [
            sa.and_(
                span(first.name)[0] < span(second.name)[1],
                span(second.name)[0] < span(first.name)[1],
            )
            for first, second in self._temporal_pairs()
        ]

    def _validity_conditions(self) -> list[Sql]:
        return [
            valid_at(self.rows[search], *self.columns.span(element.name))
            for search in self._everything
            for element in self._timed_by(search)
        ]

    def _sky_conditions(self) -> list[Sql]:
        return [
            near_region(
                overlap,
                self._schema,
                [self.columns.dimension(name) for name in overlap.left.required],
            )
            for overlap in self.overlaps
            if len(overlap.elements) == 1
        ]
