"""Lazy results of queries: nothing is asked until rows, a count or objects are.

Each is immutable: ``where``, ``order_by``, ``limit`` and ``offset`` return a new one.
"""

from __future__ import annotations

import itertools
import operator
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Self, TypeVar, overload
from uuid import UUID

from pantler.datasets.ref import DatasetRef
from pantler.dimensions.coordinate import DataCoordinate
from pantler.dimensions.records import DimensionRecord
from pantler.errors import InternalError, InvalidInputError
from pantler.queries import exports
from pantler.queries.binding import combine, data_id_predicate
from pantler.queries.columns import parse_columns, parse_order
from pantler.queries.condition import Condition, refuse_digits
from pantler.queries.described import described
from pantler.queries.explanation import Explanation, explain
from pantler.queries.implied import with_implied
from pantler.queries.query import Aggregate
from pantler.queries.summary import summary
from pantler.queries.tree import DatasetField, column_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import polars as pl

    from pantler.datasets.dataset_type import DatasetType
    from pantler.dimensions.universe import DimensionGroup
    from pantler.queries.query import Query
    from pantler.queries.runner import QueryRunner
    from pantler.queries.tree import Column

# Rows that are Python objects at one time while results are iterated over.
_CHUNK_ROWS = 50_000

# The most rows that any database can count.
_MOST = 2**63 - 1

_SHOWN_ROWS: Final = 10
_MOST_COUNTED: Final = 10_000
"""Rows that a notebook shows, and up to which it says how many more there are."""

Item_co = TypeVar("Item_co", covariant=True)


def _nothing(query: Query) -> Mapping[str, object]:  # noqa: ARG001 - no query does
    """Assume nothing."""
    return {}


@dataclass(frozen=True, slots=True)
class Results(ABC, Generic[Item_co]):
    """Rows that a query would give.

    Parameters
    ----------
    runner
        What answers.
    query
        What is asked.
    assume
        Says which data ID values hold besides, for dimensions that a query needs and
        does not name.
    is_described
        Whether the data IDs of objects hold the records of their dimensions.
    """

    runner: QueryRunner
    query: Query
    assume: Callable[[Query], Mapping[str, object]] = field(
        default=_nothing, compare=False
    )
    is_described: bool = False

    @property
    def asked(self) -> Query:
        """What is asked, with what is assumed."""
        values = self.assume(self.query)
        if not values:
            return self.query
        said = data_id_predicate(values, self.query.dimensions.universe)
        return replace(self.query, where=combine(self.query.where, said))

    def where(
        self,
        *conditions: str | Mapping[str, object],
        bind: Mapping[str, object] | None = None,
        **values: object,
    ) -> Self:
        """Return the rows for which conditions hold too.

        Parameters
        ----------
        *conditions
            Expressions, of which an empty one holds; or data IDs.
        bind
            Values that the expressions name.
        **values
            Values that the expressions name; and values of dimensions that they do not
            name as ``:dimension``, which the rows must have: ``where(visit=3)``.

        Raises
        ------
        QuerySyntaxError
            If an expression cannot be understood.
        InvalidInputError
            If a value is neither used by the expression nor that of a dimension.
        """
        universe = self.query.dimensions.universe
        stated = Condition.stated(conditions, bind, values, universe)
        refuse_digits(stated, self.runner, universe)
        meant = (condition.meant(self.query) for condition in stated)
        where = combine(self.query.where, *meant)
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
        order = parse_order(terms, self.query)
        return replace(self, query=replace(self.query, order_by=order))

    def limit(self, count: int | None) -> Self:
        """Return at most so many of the rows; None for all."""
        if count is not None:
            count = checked_number(count, "A limit")
        return replace(self, query=replace(self.query, limit=count))

    def offset(self, count: int) -> Self:
        """Return the rows without the first ones; the limit counts from there."""
        number = checked_number(count, "An offset")
        return replace(self, query=replace(self.query, offset=number))

    # Rows

    def to_polars(self) -> pl.DataFrame:
        """Return all rows as a frame, columns as `Query` says."""
        return self.runner.query(self.asked)

    def to_arrow(self) -> Any:
        """Return all rows as a `pyarrow.Table`; pyarrow must be installed."""
        return exports.to_arrow(self.to_polars())

    def to_pandas(self) -> Any:
        """Return all rows as a `pandas.DataFrame`; pandas must be installed.

        UUIDs are text. Times are integers as in `to_polars`, TAI ns since 1970.
        """
        return exports.to_pandas(self.to_polars())

    def to_astropy(self) -> Any:
        """Return all rows as an `astropy.table.Table`.

        UUIDs are text and times are `astropy.time.Time`. What is missing is masked,
        and so is a bound of a time span that has none.
        """
        frame = self.to_polars()
        return exports.to_astropy(frame, self._times(frame.columns))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the rows to whatever reads Arrow streams."""
        stream = self.to_polars().__arrow_c_stream__
        return stream(requested_schema)

    def batches(self, rows: int = 50_000) -> Iterator[pl.DataFrame]:
        """Yield the rows in frames, so that no more memory is needed for more rows.

        Parameters
        ----------
        rows
            How many a frame has; the last one may have fewer.

        Raises
        ------
        InvalidInputError
            If a frame would have no rows.
        """
        number = checked_number(rows, "The number of rows of a frame")
        return self.runner.query_batches(self.asked, number)

    @abstractmethod
    def __iter__(self) -> Iterator[Item_co]:
        """Return objects, one a row."""

    # Numbers

    @overload
    def count(self) -> int: ...

    @overload
    def count(self, by: Sequence[str] | str) -> pl.DataFrame: ...

    def count(self, by: Sequence[str] | str | None = None) -> int | pl.DataFrame:
        """Return how many rows there are.

        Parameters
        ----------
        by
            Names of columns, to count separately for each of their values: the answer
            is then a frame with these columns and ``count``, in their order.

        Raises
        ------
        InvalidInputError
            If a name is unknown, or only a part of the rows is to be counted by it.
        """
        if by is None:
            return self.runner.count(self.asked)
        return self._aggregated(Aggregate("count"), by)

    @overload
    def min(self, column: str) -> Any: ...

    @overload
    def min(self, column: str, by: Sequence[str] | str) -> pl.DataFrame: ...

    def min(self, column: str, by: Sequence[str] | str | None = None) -> Any:
        """Return the least value of a column; None if there is none.

        Parameters
        ----------
        column
            Its name, as in an expression. Times are TAI ns since 1970.
        by
            As for `count`.
        """
        return self._extreme("min", column, by)

    @overload
    def max(self, column: str) -> Any: ...

    @overload
    def max(self, column: str, by: Sequence[str] | str) -> pl.DataFrame: ...

    def max(self, column: str, by: Sequence[str] | str | None = None) -> Any:
        """Return the greatest value of a column; None if there is none; as `min`."""
        return self._extreme("max", column, by)

    def any(self) -> bool:
        """Return whether there is any row."""
        if self.query.limit == 0:
            return False
        return self.runner.count(replace(self.asked, limit=1, order_by=())) > 0

    def __bool__(self) -> bool:
        """Return whether there is any row, as `any`."""
        return self.any()

    def __repr__(self) -> str:
        """Return what is asked; nothing is asked for this."""
        return f"<{type(self).__name__}: {summary(self.query)}>"

    def why_empty(self) -> list[str]:
        """Return sentences that say why there are no rows; none if there are some."""
        return [] if self.any() else explain(self.runner, self.asked)

    def explain(self) -> Explanation:
        """Answer the query, and return how, with timings, and why there is nothing."""
        reasons = tuple(self.why_empty())
        return Explanation(self.runner.explain(self.asked), reasons)

    def _extreme(
        self,
        function: Literal["min", "max"],
        column: str,
        by: Sequence[str] | str | None,
    ) -> Any:
        (term,) = parse_order([column], self.query)
        if isinstance(term.column, Aggregate):
            raise InternalError(f"'{column}' is no column of a row.")
        aggregate = Aggregate(function, term.column)
        found = self._aggregated(aggregate, by or ())
        return found if by is not None else found[aggregate.name][0]

    def _aggregated(
        self, aggregate: Aggregate, by: Sequence[str] | str
    ) -> pl.DataFrame:
        if self.query.limit is not None or self.query.offset:
            raise InvalidInputError(
                "The rows of a part are not counted or compared by columns: leave out "
                "its limit and offset."
            )
        columns = parse_columns(by, self.query)
        order = parse_order([column_name(column) for column in columns], self.query)
        query = replace(
            self.query, aggregates=(aggregate,), group_by=columns, order_by=order
        )
        return self.runner.query(replace(self, query=query).asked)

    # Showing

    def _repr_html_(self) -> str:
        """Return the first rows, and how many more there are, for a notebook."""
        limit = _MOST if self.query.limit is None else self.query.limit
        frame = self.limit(min(limit, _SHOWN_ROWS)).to_polars()
        left = 0
        if frame.height == _SHOWN_ROWS:
            most = min(limit, _MOST_COUNTED + _SHOWN_ROWS + 1)
            left = self.limit(most).count() - frame.height
        more = f"and more than {_MOST_COUNTED:,} more" if left > _MOST_COUNTED else ""
        said = more or (f"and {left:,} more" if left else f"{frame.height} rows")
        return exports.to_html(frame, f"{type(self).__name__}: {said}")

    def _times(self, names: Sequence[str]) -> set[str]:
        """Return which columns of frames are times."""
        kinds = {column_name(column): column.type for column in self.query.columns}
        return {
            name
            for name in names
            if kinds.get(name) == "time"
            or name.endswith(("timespan_begin", "timespan_end"))
        }

    def _chunks(self) -> Iterator[pl.DataFrame]:
        """Yield the rows, so that memory for one chunk is enough."""
        if self.query.limit is not None and self.query.limit <= _CHUNK_ROWS:
            yield self.to_polars()
        else:
            yield from self.batches(_CHUNK_ROWS)

    def _data_ids(
        self, full: pl.DataFrame, group: DimensionGroup
    ) -> Iterator[DataCoordinate]:
        """Yield the data IDs of a frame with the columns ``group.names``."""
        found = _coordinates(full, group)
        if not self.is_described:
            return found
        return described(self.runner, full, group, found)


def checked_number(count: int, what: str) -> int:
    """Return a number of rows as databases can count them.

    Raises
    ------
    InvalidInputError
        If it is no integer, or negative.
    """
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

    def with_records(self) -> Self:
        """Return the same, whose data IDs hold the records of their dimensions.

        ``data_id.records["visit"]["exposure_time"]``: see `DescribedCoordinate`.
        """
        return replace(self, is_described=True)

    def with_columns(self, *names: str) -> RowResults:
        """Return the data IDs with columns beside them.

        Parameters
        ----------
        *names
            Of records (``"visit.exposure_time"``), of datasets that each data ID must
            have (``"calexp.run"``), or of joined tables.

        Raises
        ------
        InvalidInputError
            If a name is unknown.
        """
        return RowResults.of(self, parse_columns(names, self.query))

    def __iter__(self) -> Iterator[DataCoordinate]:
        group = self.query.dimensions
        for chunk in self._chunks():
            yield from self._data_ids(chunk.select(group.names), group)


def _coordinates(full: pl.DataFrame, group: DimensionGroup) -> Iterator[DataCoordinate]:
    """Yield the data IDs of a frame with the columns ``group.names``."""
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
    """Datasets, as refs whose data IDs hold their implied values too."""

    __slots__ = ()

    @property
    def dataset_type(self) -> DatasetType:
        """The type of the datasets."""
        if self.query.target is None:
            raise InternalError("The query of these results names no dataset type.")
        return self.query.target.dataset_type

    def with_records(self) -> Self:
        """Return the same, whose data IDs hold the records of their dimensions.

        ``ref.data_id.records["visit"]["exposure_time"]``: see `DescribedCoordinate`.
        """
        return replace(self, is_described=True)

    def with_columns(self, *names: str) -> RowResults:
        """Return the datasets with columns beside ``dataset_id`` and ``run``.

        Parameters
        ----------
        *names
            Of the datasets (``"ingest_time"``, ``"collection"``), of records
            (``"visit.exposure_time"``), or of joined tables.

        Raises
        ------
        InvalidInputError
            If a name is unknown.
        """
        name = self.dataset_type.name
        shown = (
            DatasetField(name, "dataset_id", "uuid"),
            DatasetField(name, "run", "string"),
        )
        return RowResults.of(self, (*shown, *parse_columns(names, self.query)))

    def __iter__(self) -> Iterator[DatasetRef]:
        dataset_type = self.dataset_type
        group = dataset_type.dimensions
        for chunk in self._chunks():
            if group.names:
                full = with_implied(self.runner, chunk, group)
                data_ids = self._data_ids(full, group)
            else:  # one without values for each
                data_ids = itertools.repeat(DataCoordinate(group, ()))
            runs, ids = chunk["run"].to_list(), chunk["dataset_id"].to_list()
            for data_id, run, dataset_id in zip(data_ids, runs, ids, strict=False):
                yield DatasetRef(dataset_type, data_id, run, UUID(bytes=dataset_id))


class RowResults(Results[dict[str, Any]]):
    """Rows of chosen columns, without repeats, as dictionaries."""

    __slots__ = ()

    @classmethod
    def of(cls, results: Results[Any], columns: tuple[Column, ...]) -> RowResults:
        """Return other results with other columns."""
        query = results.query
        chosen = tuple(dict.fromkeys(columns))
        asked = replace(query, datasets=query.searches, target=None, columns=chosen)
        return cls(results.runner, asked, results.assume)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for chunk in self._chunks():
            yield from chunk.iter_rows(named=True)
