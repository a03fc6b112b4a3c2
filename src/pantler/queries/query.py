"""A query: what a registry is asked, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pantler.datasets.dataset_type import DatasetType
    from pantler.dimensions.universe import DimensionGroup
    from pantler.queries.tree import DatasetField, DimensionKey, Predicate, RecordField


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


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """A column to order rows by."""

    column: DimensionKey | RecordField | DatasetField
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

    - without ``element`` and ``target``: ``dimensions.names``, distinct rows;
    - with ``element``: the columns of that element's record frames;
    - with ``target``: ``dimensions.required``, then ``dataset_id`` (Binary), ``run``
      (String), and ``timespan_begin``, ``timespan_end`` (Int64, null outside
      CALIBRATION collections). A dataset has a row for each of its validity ranges,
      where those that touch or overlap are one. A time chooses among these ranges, and
      does not cut them.

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
    """

    dimensions: DimensionGroup
    where: Predicate | None = None
    datasets: tuple[DatasetSearch, ...] = ()
    element: str | None = None
    target: DatasetSearch | None = None
    order_by: tuple[OrderTerm, ...] = ()
    limit: int | None = None
    offset: int = 0
