"""A query as one statement, built in stages, and the stages that are left for its rows.

The stages of the statement are these:

1. *relations*: dataset searches, pairs of records with a common pixel on the sky, and
   tables of elements, joined by the dimensions that they share;
2. *rows*: those that satisfy all conditions, also those on fields of datasets, which so
   choose among the matches before the first ones are taken;
3. *order*, and *part* if no other stage is left for the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import polars as pl
import sqlalchemy as sa

from pantler.dimensions.records import record_columns
from pantler.errors import InvalidInputError
from pantler.queries.tree import And, DatasetField, Not, Or, column_name
from pantler.registry.sql.compile.find_first import (
    DATA_ID,
    FOUND_IN,
    RANK,
    Competition,
)
from pantler.registry.sql.compile.overlaps import is_sky_overlap
from pantler.registry.sql.compile.predicates import all_hold, conjuncts, to_sql
from pantler.registry.sql.compile.relations import Relations, shown_columns
from pantler.registry.sql.compile.stages import (
    Compiled,
    DropRepeats,
    RankMatches,
    TakeFirst,
    TestOverlap,
    UniteRanges,
    WholeRanges,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantler.queries.query import Query
    from pantler.queries.tree import Predicate
    from pantler.registry.sql.compile.pixels import Ask
    from pantler.registry.sql.compile.predicates import Sql
    from pantler.registry.sql.compile.searches import ResolvedSearch, Within
    from pantler.registry.sql.compile.stages import Stage
    from pantler.registry.sql.core import Core

_Selected: TypeAlias = "tuple[Sql, type[pl.DataType] | None]"
"""A column and its type in the frame; None if it only orders rows."""

_TYPES: Final[dict[str, type[pl.DataType]]] = {
    "string": pl.String,
    "int": pl.Int64,
    "time": pl.Int64,
    "float": pl.Float64,
    "bool": pl.Boolean,
}
"""Types of frames; those that are not named are bytes."""

_NUMBERS: Final = {"run": "run_id", "collection": FOUND_IN}
"""Fields of datasets that are fetched as numbers of collections, and named here."""

_MOST_CONDITIONS: Final = 10_000
"""Conditions of one query; a list counts as one."""

RUN_ID = "run_id"
"""The column of run numbers, which become names when the rows are here."""


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
    ask
        Answers other queries, in the same state of the registry.
    within
        The condition that a dataset of the target has one of the data IDs of interest.
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
        self._universe = core.universe
        self._keeps_order = core.db.driver.phrases.keeps_order
        self._target = target
        self._relations = Relations(
            query, core, searches, target, ask=ask, within=within
        )
        self._columns = self._relations.columns
        self._overlaps = self._relations.overlaps
        self._rows = self._relations.rows
        self._element = self._universe[query.element] if query.element else None
        self._extras = {column_name(column): column for column in shown_columns(query)}
        self._ranked = [
            search
            for search in self._rows
            if (search is target or search.name in self._relations.shown)
            and not self._competition(search).is_decided
        ]
        _check_size(query)
        self._conditions = [c for c in conjuncts(query.where) if not is_sky_overlap(c)]

    def _competition(self, search: ResolvedSearch) -> Competition:
        return self._relations.competition(search)

    def compile(self) -> Compiled:
        """Return the statement and the stages that are left."""
        output = self._output()
        columns = {**output, **self._keys(output), **self._match_columns()}
        where = all_hold(
            [
                *self._relations.conditions(),
                *(to_sql(c, self._columns) for c in self._conditions),
            ]
        )
        ordering = self._order_columns()
        rows = self._select({**columns, **ordering}).where(where)
        stages = self._stages(ordering)
        if self._is_distinct_in_sql():
            rows = rows.distinct()
        schema = {name: kind for name, (_, kind) in {**columns, **ordering}.items()}
        compiled = Compiled(
            statement=self._ordered(rows),
            schema=schema or {"nothing": pl.Int64},
            output=tuple(output),
            constants=self._constants(),
            collections=self._collections(),
            stages=stages,
            data_ids=self._data_ids_of_answer(ordering, where),
            is_staged=self._relations.is_staged,
            relations=tuple(self._relations.steps),
        )
        return compiled.with_part(
            self._query.limit, self._query.offset, is_ordered=bool(ordering)
        )

    # Columns

    def _output(self) -> dict[str, _Selected]:
        """Return the columns of the answer."""
        if self._element is not None:
            table = self._columns.joins.elements[self._element.name]
            shown: dict[str, _Selected] = {
                column.name: (table.c[column.name], column.dtype)
                for column in record_columns(self._element, self._universe)
            }
        elif self._target is None:
            shown = self._dimension_columns(self._query.dimensions.names)
        else:
            shown = self._dataset_columns(self._target)
        return {**shown, **self._extra_columns()}

    def _extra_columns(self) -> dict[str, _Selected]:
        """Return what is shown beside the data IDs, or counted."""
        columns: dict[str, _Selected] = {}
        for name, column in self._extras.items():
            if isinstance(column, DatasetField) and column.field in _NUMBERS:
                number = _NUMBERS[column.field]
                found = self._columns.match(column.dataset_type, number)
                columns[name] = (found, pl.Int64)
            else:
                dtype = _TYPES.get(column.type, pl.Binary)
                columns[name] = (to_sql(column, self._columns), dtype)
        return columns

    def _collections(self) -> tuple[str, ...]:
        """Return the columns that hold numbers of collections, to be named."""
        named = [
            name
            for name, column in self._extras.items()
            if isinstance(column, DatasetField) and column.field in _NUMBERS
        ]
        return (*named, *([RUN_ID] if self._target else []))

    def _dataset_columns(self, target: ResolvedSearch) -> dict[str, _Selected]:
        rows = self._rows[target]
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

    def _keys(self, output: dict[str, _Selected]) -> dict[str, _Selected]:
        """Return the other dimensions that later stages need."""
        names = {name for overlap in self._overlaps for name in overlap.dimensions}
        for search in self._ranked:
            if search is self._target:
                names.update(self._competition(search).times)
            else:
                names.update(self._columns.joins.keys)
        others = self._dimension_columns(sorted(names - output.keys()))
        return {f"key:{name}": column for name, column in others.items()}

    def _match_columns(self) -> dict[str, _Selected]:
        """Return the numbers of data IDs and collections that later stages need."""
        columns: dict[str, _Selected] = {}
        target = self._target
        if target is not None:
            is_worked_on = target in self._ranked or target.has_calibrations
            if is_worked_on or self._overlaps:
                columns[DATA_ID] = (self._rows[target].c[DATA_ID], pl.Int64)
            if target in self._ranked or self._has_whole_ranges:
                columns[FOUND_IN] = (self._rows[target].c[FOUND_IN], pl.Int64)
        for place, search in enumerate(self._ranked):
            if search is not target:
                number = self._rows[search].c[FOUND_IN]
                columns[f"{FOUND_IN}:{place}"] = (number, pl.Int64)
        return columns

    def _select(self, columns: dict[str, _Selected]) -> sa.Select[Any]:
        labelled = [column.label(name) for name, (column, _) in columns.items()]
        statement = sa.select(*(labelled or [sa.literal(1).label("nothing")]))
        source = self._columns.joins.source
        return statement if source is None else statement.select_from(source)

    # Order, and what is left

    def _order_columns(self) -> dict[str, _Selected]:
        return {
            f"order:{i}": (to_sql(term.column, self._columns), None)
            for i, term in enumerate(self._query.order_by)
        }

    def _ordered(self, statement: sa.Select[Any]) -> sa.Select[Any]:
        chosen = statement.selected_columns
        ordered = statement.order_by(
            *(
                # Where nulls come is said, as databases differ.
                chosen[f"order:{i}"].desc().nulls_last()
                if term.descending
                else chosen[f"order:{i}"].nulls_first()
                for i, term in enumerate(self._query.order_by)
            )
        )
        if not self._needs_full_order():
            return ordered
        shown = self._element.required if self._element else self._output()
        keys = [name for name in (DATA_ID, *shown) if name in chosen]
        return ordered.order_by(*(chosen[name].nulls_first() for name in keys))

    def _needs_full_order(self) -> bool:
        """Whether no two rows may change places, so that parts fit together."""
        if self._query.limit is None and not self._query.offset:
            return False
        return bool(self._query.order_by) or not self._keeps_order

    @property
    def _repeats(self) -> bool:
        """Whether the joined rows may be equal in all columns of the answer."""
        shown = {*self._query.dimensions.names, *self._extras}
        if self._query.tables or not self._columns.joins.keys.issubset(shown):
            return True
        return any(search is not self._target for search in self._rows)

    def _is_distinct_in_sql(self) -> bool:
        return self._repeats and not self._overlaps and not self._ranked

    def _stages(self, ordering: dict[str, _Selected]) -> tuple[Stage, ...]:
        stages: list[Stage] = [TestOverlap(overlap) for overlap in self._overlaps]
        stages += self._first_stages()
        target = self._target
        if target is not None and target in self._ranked:
            if self._competition(target).times or len(self._ranked) > 1:
                stages.append(DropRepeats())
            elif self._repeats:
                # Of one collection, the ranges of a data ID begin at different times.
                begin = ("begin_ns",) if target.has_calibrations else ()
                stages.append(DropRepeats((DATA_ID, *begin)))
        elif self._repeats and (self._overlaps or self._ranked or ordering):
            stages.append(DropRepeats())
        if target is not None and target.has_calibrations:
            if self._has_whole_ranges:
                stages.append(WholeRanges(target))
            stages.append(UniteRanges())
        return tuple(stages)

    @property
    def _has_whole_ranges(self) -> bool:
        """Whether a time chooses among the ranges of the answer's datasets."""
        target = self._target
        if target is None or not target.has_calibrations:
            return False
        named = target.name in self._relations.timed
        return bool(self._competition(target).times) or named

    def _first_stages(self) -> list[Stage]:
        """Return what leaves first matches only: those of the answer, then others."""
        stages: list[Stage] = []
        target = self._target
        for place, search in enumerate(self._ranked):
            if search is not target:
                found_in, rank = f"{FOUND_IN}:{place}", f"{RANK}:{place}"
                keys = sorted(self._columns.joins.keys)
                equal = tuple(map(self._shown_as, keys))
                stages.append(RankMatches(search, found_in, rank))
                stages.append(TakeFirst(equal, rank))
        if target is None:
            return stages
        first: list[Stage] = []
        if target in self._ranked or self._has_whole_ranges:
            first.append(RankMatches(target, FOUND_IN, RANK))
        if target in self._ranked:
            times = self._competition(target).times
            first.append(TakeFirst((DATA_ID, *map(self._shown_as, times))))
        return [*first, *stages]

    def _shown_as(self, name: str) -> str:
        """Return the column of a dimension among those of the statement."""
        return name if name in self._output() else f"key:{name}"

    def _data_ids_of_answer(
        self, ordering: dict[str, _Selected], where: Sql
    ) -> sa.Select[Any] | None:
        target = self._target
        if target is None or self._ranked != [target]:
            return None
        if self._overlaps or target.name in self._relations.shown:
            return None
        if not self._competition(target).is_by_data_id or (ordering and self._repeats):
            return None
        number = self._rows[target].c[DATA_ID]
        query = self._query
        if not (query.where or query.datasets or query.tables or ordering):
            return sa.select(number).distinct()  # the table of data IDs says no more
        columns: dict[str, _Selected] = {DATA_ID: (number, pl.Int64), **ordering}
        return self._ordered(self._select(columns).where(where).distinct())


def _check_size(query: Query) -> None:
    """Refuse what would take the database minutes only to read."""
    todo: list[Predicate | None] = [query.where]
    count = 0
    while todo:
        match todo.pop():
            case And(parts) | Or(parts):
                todo.extend(parts)
            case Not(part):
                todo.append(part)
            case _:
                count += 1
    if count > _MOST_CONDITIONS:
        raise InvalidInputError(
            f"{count} conditions are too many for one query. Where a value must be "
            "equal to any of many, bind them as a list: x IN :values."
        )
