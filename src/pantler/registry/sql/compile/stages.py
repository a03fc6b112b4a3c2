"""What is left to do with the rows of a statement: stages, each done on a frame."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from pantler.registry.sql.compile.find_first import DATA_ID, RANK

if TYPE_CHECKING:
    import polars as pl
    import sqlalchemy as sa

    from pantler.registry.sql.compile.overlaps import SkyOverlap
    from pantler.registry.sql.compile.searches import ResolvedSearch


@dataclass(frozen=True, slots=True)
class TestOverlap:
    """Drop the rows whose regions only share a pixel, and do not overlap."""

    overlap: SkyOverlap


@dataclass(frozen=True, slots=True)
class RankMatches:
    """Add the ranks of the collections in which matches of a search were found.

    Parameters
    ----------
    search
        In whose order.
    found_in
        The column of their numbers.
    rank
        The new column.
    """

    search: ResolvedSearch
    found_in: str
    rank: str


@dataclass(frozen=True, slots=True)
class TakeFirst:
    """Keep the first of the matches that are equal in some columns.

    Parameters
    ----------
    equal
        Those columns.
    rank
        The column of ranks.
    """

    equal: tuple[str, ...]
    rank: str = RANK


@dataclass(frozen=True, slots=True)
class DropRepeats:
    """Make one of the rows that are equal in some columns; None: in the answer's."""

    equal: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class WholeRanges:
    """Replace ranges of validity, chosen by a time, by those that are shown without."""

    search: ResolvedSearch


@dataclass(frozen=True, slots=True)
class UniteRanges:
    """Make one of the ranges of validity of a dataset that touch or overlap."""


@dataclass(frozen=True, slots=True)
class SortRows:
    """Order the rows by some columns, so that parts of them fit together."""

    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TakePart:
    """Take the rows of the limit and the offset."""

    limit: int | None
    offset: int


Stage: TypeAlias = (
    TestOverlap
    | RankMatches
    | TakeFirst
    | DropRepeats
    | WholeRanges
    | UniteRanges
    | SortRows
    | TakePart
)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement, and the stages that its rows go through to become the answer.

    Parameters
    ----------
    statement
        Selects the columns of ``schema``, in order.
    schema
        Names and types of all selected columns.
    output
        Names of those that are the answer.
    constants
        Columns of the answer that have one value in all rows, and are not selected.
    collections
        Columns that hold numbers of collections, of which the answer has the names.
    stages
        What is left to do, in this order.
    data_ids
        A statement that selects, in order, the number of each data ID for which the
        answer has a row; None if the answer is not one row for each of some data IDs.
    is_staged
        Whether it joins rows that were staged, which other queries may replace.
    relations
        What it joins, in words.
    """

    statement: sa.Select[Any]
    schema: dict[str, type[pl.DataType] | None]
    output: tuple[str, ...]
    constants: dict[str, int | None]
    collections: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    data_ids: sa.Select[Any] | None = field(default=None)
    is_staged: bool = False
    relations: tuple[str, ...] = ()

    def in_order(self) -> Compiled:
        """Return the same with datasets in the order of their data IDs' numbers."""
        names = (DATA_ID, "uuid", "begin_ns")
        if DATA_ID not in self.schema:
            return self
        order = SortRows(tuple(name for name in names if name in self.schema))
        return replace(self, stages=(*self.stages, order))

    def with_part(
        self, limit: int | None, offset: int, *, is_ordered: bool
    ) -> Compiled:
        """Return the same with only a part of the rows."""
        if limit is None and not offset:
            return self
        if self.stages:
            whole = self if is_ordered else self.in_order()
            return replace(self, stages=(*whole.stages, TakePart(limit, offset)))
        return replace(self, statement=part_of(self.statement, limit, offset))


def part_of(
    statement: sa.Select[Any], limit: int | None, offset: int
) -> sa.Select[Any]:
    """Return the statement of a part of the rows."""
    return statement.limit(limit).offset(offset or None)
