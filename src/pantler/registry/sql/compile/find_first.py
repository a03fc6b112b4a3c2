"""Find-first: which match of a data ID counts. The only place where matches are ranked.

Every match has the rank, in the order of the search, of the collection in which it was
found. What a query asks of
datasets (their run, say) chooses among the matches, as all its conditions do. Of those
that are left and compete, the ones of least rank stay: the first collection that has
any wins, and all that it has count, so certified datasets with all their ranges.
Matches of the datasets that are the answer compete

- if they have the same data ID;
- and are looked for at the same time, where the rows of a query have a time (that of an
  exposure, say), at which a certified dataset must be valid.

Those of other searches, whose fields are shown or give an order, compete within each
combination of dimensions.

Frames of rows are ranked, as a database can only rank by sorting all rows, which takes
longer than fetching them. `registry.sql.first_match`, which looks for one data ID, asks
the collections in order instead, and so needs no ranks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from pantler.registry.sql.compile.searches import ResolvedSearch

RANK = "rank"
FOUND_IN = "collection_id"
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


def with_rank(
    frame: pl.DataFrame, search: ResolvedSearch, found_in: str, rank: str
) -> pl.DataFrame:
    """Add the rank of the collection in which each match was found."""
    ranks = search.ranks
    named = pl.col(found_in).replace_strict(
        list(ranks), list(ranks.values()), return_dtype=pl.Int64
    )
    return frame.with_columns(named.alias(rank))


def first_rows(
    frame: pl.DataFrame, equal: tuple[str, ...], rank: str = RANK
) -> pl.DataFrame:
    """Return the rows of least rank among those that are equal in some columns."""
    best = pl.col(rank).min()
    return frame.filter(pl.col(rank) == (best.over(equal) if equal else best))
