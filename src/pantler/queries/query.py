"""A query: what a registry is asked, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pantler.queries.tree import column_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from pantler.datasets.dataset_type import DatasetType
    from pantler.dimensions.universe import DimensionGroup
    from pantler.queries.tree import Column, Predicate, TableType


@dataclass(frozen=True, slots=True)
class DatasetSearch:
    """Datasets of one type in some collections.

    Parameters
    ----------
    dataset_type
        Its type.
    collections
        Names, in the order of the search; chains are resolved by the registry.
    find_first
        Whether only the first collection counts that has a match of a data ID, with all
        validity ranges that it has for it; or, where rows have a time, the first one
        that has a match valid then.
    """

    dataset_type: DatasetType
    collections: tuple[str, ...]
    find_first: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class JoinedTable:
    """Rows of the user's own, joined by the dimensions that they name.

    Parameters
    ----------
    name
        By which conditions and selections name its other columns: ``name.column``.
        It is neither an element of the universe nor a dataset type of the query.
    frame
        Dimension columns have the types of record frames and no nulls; the others are
        Int64 (times: TAI ns), Float64, String, Boolean or Binary.
    dimensions
        Which of its columns are dimensions; at least one.
    types
        What the other columns are.
    """

    name: str
    frame: pl.DataFrame
    dimensions: tuple[str, ...]
    types: Mapping[str, TableType] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One number for each group of rows.

    Parameters
    ----------
    function
        ``count`` of the rows, or of the values that are not null; ``min``, ``max`` of
        the values, null if there are none.
    column
        Whose values; None for the rows.
    """

    function: Literal["count", "min", "max"]
    column: Column | None = None

    @property
    def name(self) -> str:
        """The name of its column in the answer: ``count``, ``max(visit.seq_num)``."""
        if self.column is None:
            return self.function
        return f"{self.function}({column_name(self.column)})"


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """A column to order rows by; one of the aggregates if there are any."""

    column: Column | Aggregate
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What a registry is asked.

    A row of the answer is a data ID of ``dimensions`` that the repository's records
    allow: related by shared dimensions, by the elements that are always joined, and,
    where two spatial families (or temporal ones) are present, by overlap. Where a row
    has a time (that of an exposure among ``dimensions`` or in ``where``, say) that the
    data IDs of certified datasets do not name, these must be valid at that time.

    The columns are, in this order:

    - without ``element``, ``target`` and ``columns``: ``dimensions.names``, distinct
      rows;
    - with ``columns`` (and so neither ``element`` nor ``target``):
      ``dimensions.names``, which may be none, then those of the columns that are not
      among them, each named by `pantler.queries.tree.column_name`; distinct rows. A
      dataset column belongs to a search in ``datasets``, and the row has its match, of
      which there is one for each data ID if only the first counts;
    - with ``element``: the columns of that element's record frames;
    - with ``target``: ``dimensions.required``, then ``dataset_id`` (Binary), ``run``
      (String), and ``timespan_begin``, ``timespan_end`` (Int64, null outside
      CALIBRATION collections). A dataset has a row for each of its validity ranges,
      where those that touch or overlap are one. A time chooses among these ranges, and
      does not cut them;
    - with ``aggregates``: ``group_by``, then the aggregates, each by its name. They are
      taken over the rows that there are without them, distinct, each with the columns
      of ``group_by`` and of the aggregates beside it (a dataset counts once, whatever
      its validity ranges). There is one row for each different set of values of
      ``group_by`` (null is a value), and just one if it is empty. Order, limit and
      offset are those of the groups.

    Parameters
    ----------
    dimensions
        The dimensions of the rows.
    where
        What must hold; may name dimensions outside of ``dimensions``.
    datasets
        Each row must have a dataset of each of these.
    element
        The element whose records are the answer.
    target
        The search whose datasets are the answer; ``dimensions`` are its type's.
    order_by, limit, offset
        Order and part of the rows; limit None for all.
    columns
        What is shown beside the data IDs.
    tables
        Rows of the user's own; each row of the answer must have one in each of them.
    aggregates, group_by
        What is counted or taken the least or greatest of, and for what separately.
    """

    dimensions: DimensionGroup
    where: Predicate | None = None
    datasets: tuple[DatasetSearch, ...] = ()
    element: str | None = None
    target: DatasetSearch | None = None
    order_by: tuple[OrderTerm, ...] = ()
    limit: int | None = None
    offset: int = 0
    columns: tuple[Column, ...] = ()
    tables: tuple[JoinedTable, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    group_by: tuple[Column, ...] = ()

    @property
    def searches(self) -> tuple[DatasetSearch, ...]:
        """All dataset searches, the target among them."""
        return self.datasets if self.target is None else (*self.datasets, self.target)

    @property
    def dataset_types(self) -> dict[str, DatasetType]:
        """The dataset types that are searched for, by name."""
        return {each.dataset_type.name: each.dataset_type for each in self.searches}
