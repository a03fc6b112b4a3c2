"""Lazy results of queries: nothing is asked until rows, a count or objects are.

Each is immutable: ``where``, ``order_by``, ``limit`` and ``offset`` return a new one.
"""

from __future__ import annotations

import itertools
import operator
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, Self, TypeVar
from uuid import UUID

from pantler.datasets.ref import DatasetRef
from pantler.dimensions.coordinate import DataCoordinate
from pantler.dimensions.records import DimensionRecord
from pantler.errors import InternalError, InvalidInputError, close_match
from pantler.queries.binding import bind, combine, data_id_predicate
from pantler.queries.explanation import explain
from pantler.queries.ordering import parse_order
from pantler.queries.parser import parse
from pantler.queries.syntax import names_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from pantler.datasets.dataset_type import DatasetType
    from pantler.dimensions.universe import DimensionGroup
    from pantler.queries.query import Query
    from pantler.queries.runner import QueryRunner

# Rows that are Python objects at one time while results are iterated over.
_CHUNK_ROWS = 50_000

# The most rows that any database can count.
_MOST = 2**63 - 1

Item_co = TypeVar("Item_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Results(ABC, Generic[Item_co]):
    """Rows that a query would give.

    Parameters
    ----------
    runner
        What answers.
    query
        What is asked.
    """

    runner: QueryRunner
    query: Query

    def where(self, text: str = "", /, **values: object) -> Self:
        """Return the rows for which a condition holds too.

        Parameters
        ----------
        text
            An expression; an empty one holds.
        **values
            Values that the expression names; and values of dimensions that it does not
            name as ``:dimension``, which the rows must have: ``where(visit=3)``.

        Raises
        ------
        QuerySyntaxError
            If the expression cannot be understood.
        InvalidInputError
            If a value is neither used by the expression nor that of a dimension.
        """
        syntax = parse(text)
        named = frozenset() if syntax is None else names_in(syntax)
        universe = self.query.dimensions.universe
        keys: dict[str, object] = {}
        bound: dict[str, object] = {}
        for name, value in values.items():
            is_dimension = name in universe and universe[name].is_dimension
            if f":{name}" in named or (name in named and not is_dimension):
                bound[name] = value
            elif is_dimension:
                keys[name] = value
            else:
                raise InvalidInputError(
                    f"'{name}' is neither named in the expression nor a dimension."
                    f"{close_match(name, universe.elements)}"
                )
        written = None
        if syntax is not None:
            written = bind(
                syntax,
                universe,
                dataset_types=self._dataset_types(),
                parameters=bound,
                dimensions=self.query.dimensions,
            )
        said = data_id_predicate(keys, universe) if keys else None
        where = combine(self.query.where, written, said)
        return replace(self, query=replace(self.query, where=where))

    def order_by(self, *terms: str) -> Self:
        """Return the rows in another order.

        Parameters
        ----------
        *terms
            Names as in an expression, with ``-`` before those that descend; none for
            no order.

        Raises
        ------
        InvalidInputError
            If a name is unknown or has no order.
        """
        order = parse_order(
            terms,
            self.query.dimensions.universe,
            dimensions=self.query.dimensions,
            dataset_types=self._dataset_types(),
        )
        return replace(self, query=replace(self.query, order_by=order))

    def limit(self, count: int | None) -> Self:
        """Return at most so many of the rows; None for all."""
        if count is not None:
            count = _checked_number(count, "A limit")
        return replace(self, query=replace(self.query, limit=count))

    def offset(self, count: int) -> Self:
        """Return the rows without the first ones; the limit counts from there."""
        number = _checked_number(count, "An offset")
        return replace(self, query=replace(self.query, offset=number))

    def to_polars(self) -> pl.DataFrame:
        """Return all rows as a frame, columns as `Query` says."""
        return self.runner.query(self.query)

    def count(self) -> int:
        """Return how many rows there are."""
        return self.runner.count(self.query)

    def any(self) -> bool:
        """Return whether there is any row."""
        if self.query.limit == 0:
            return False
        return self.runner.count(replace(self.query, limit=1, order_by=())) > 0

    def explain(self) -> list[str]:
        """Return sentences that say why there are no rows; none if there are some."""
        return [] if self.any() else explain(self.runner, self.query)

    @abstractmethod
    def __iter__(self) -> Iterator[Item_co]:
        """Return objects, one a row."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the rows to whatever reads Arrow streams."""
        stream = self.to_polars().__arrow_c_stream__
        return stream(requested_schema)

    def _dataset_types(self) -> dict[str, DatasetType]:
        searches = self.query.datasets
        if self.query.target is not None:
            searches = (*searches, self.query.target)
        return {search.dataset_type.name: search.dataset_type for search in searches}

    def _chunks(self) -> Iterator[pl.DataFrame]:
        yield from self.to_polars().iter_slices(_CHUNK_ROWS)


def _checked_number(count: int, what: str) -> int:
    try:
        number = operator.index(count)
    except TypeError:
        raise InvalidInputError(f"{what} is an integer, not {count!r}.") from None
    if number < 0:
        raise InvalidInputError(f"{what} is 0 or more, not {count}.")
    return min(number, _MOST)


class DataIdResults(Results[DataCoordinate]):
    """Data IDs, which hold their implied values too."""

    __slots__ = ()

    @property
    def dimensions(self) -> DimensionGroup:
        """The dimensions of the data IDs."""
        return self.query.dimensions

    def __iter__(self) -> Iterator[DataCoordinate]:
        group = self.query.dimensions
        for chunk in self._chunks():
            full = chunk.select(group.names)
            if any(full[name].null_count() for name in group.implied):
                # An implied value that is not known: such a data ID is not full.
                for row in full.rows():
                    known = row if None not in row else row[: len(group.required)]
                    yield DataCoordinate(group, known)
            else:
                for row in full.rows():
                    yield DataCoordinate(group, row)


class RecordResults(Results[DimensionRecord]):
    """Records of an element."""

    __slots__ = ()

    def __iter__(self) -> Iterator[DimensionRecord]:
        name = self.query.element
        if name is None:
            raise InternalError("The query of these results names no element.")
        element = self.query.dimensions.universe[name]
        for chunk in self._chunks():
            for row in chunk.rows(named=True):
                yield DimensionRecord(element, row)


class DatasetResults(Results[DatasetRef]):
    """Datasets, as refs."""

    __slots__ = ()

    @property
    def dataset_type(self) -> DatasetType:
        """The type of the datasets."""
        if self.query.target is None:
            raise InternalError("The query of these results names no dataset type.")
        return self.query.target.dataset_type

    def __iter__(self) -> Iterator[DatasetRef]:
        dataset_type = self.dataset_type
        group = dataset_type.dimensions
        for chunk in self._chunks():
            columns = [chunk[name].to_list() for name in group.required]
            # A type without dimensions has datasets with no values in their data IDs.
            data_ids = zip(*columns, strict=True) if columns else itertools.repeat(())
            runs, ids = chunk["run"].to_list(), chunk["dataset_id"].to_list()
            # Values come from the database: there is nothing to check in them.
            for values, run, dataset_id in zip(data_ids, runs, ids, strict=False):
                data_id = DataCoordinate(group, values)
                yield DatasetRef(dataset_type, data_id, run, UUID(bytes=dataset_id))
