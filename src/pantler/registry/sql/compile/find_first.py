"""Find-first: which match of a data ID counts. The only place where matches are ranked.

Every match has the rank of the collection in which it was found. Of the matches that
compete, those of the least rank stay: the first collection that has any match wins, and
all that it has count, so certified datasets with all their ranges. Matches compete

- if they have the same data ID;
- and are looked for at the same time, where the rows of a query have a time (that of an
  exposure, say), at which a certified dataset must be valid.

There are two renderings, because the database can only rank by sorting all rows, which
takes longer than fetching them: it ranks where later conditions need it to, and the
frame of fetched rows is ranked otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.registry.sql.compile.searches import ResolvedSearch

RANK = "rank"
DATA_ID = "data_id"


@dataclass(frozen=True, slots=True)
class Competition:
    """The matches of one search that compete with each other.

    Parameters
    ----------
    search
        Which matches.
    times
        Dimensions of the rows that have a time.
    """

    search: ResolvedSearch
    times: tuple[str, ...] = ()

    @property
    def is_decided(self) -> bool:
        """Whether no match has a competitor."""
        return not self.search.needs_ranking

    @property
    def is_by_data_id(self) -> bool:
        """Whether just one match of each data ID stays."""
        return not (self.times or self.search.has_calibrations)

    def place(
        self, rows: sa.FromClause, dimensions: Mapping[str, sa.ColumnElement[Any]]
    ) -> sa.ColumnElement[int]:
        """Return the place of a row among its competitors; the first ones have 1.

        Parameters
        ----------
        rows
            The matches.
        dimensions
            Where the values of ``times`` are.
        """
        equal = [rows.c[DATA_ID], *(dimensions[name] for name in self.times)]
        return sa.func.rank().over(partition_by=equal, order_by=rows.c[RANK])


def first_rows(frame: pl.DataFrame, equal: tuple[str, ...]) -> pl.DataFrame:
    """Return the rows of least rank among those that are equal in some columns."""
    return frame.filter(pl.col(RANK) == pl.col(RANK).min().over(equal))
