"""Relations: coded columns over dimensions, and the operations of joins on them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from pantler.quanta.join.coding import closed, deciding
from pantler.quanta.join.keys import (
    count_matches,
    is_in,
    match,
    pack,
    pack_both,
    places,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from pantler.quanta.join.coding import Coding
    from pantler.quanta.join.keys import KeyPair

Kind = Literal["datasets", "records", "where", "overlap", "join"]


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """Rows of numbered dimension values that may occur together.

    Parameters
    ----------
    name
        What it holds, as an explanation says it: ``'raw' datasets in 'DEMO/raw'``.
    kind
        Where it comes from.
    coding
        The numbers.
    columns
        Numbers by dimension, none of which fixes another; shape (count,) each.
    count
        How many rows there are, for relations without dimensions too.
    """

    name: str
    kind: Kind
    coding: Coding
    columns: Mapping[str, NDArray[np.int32]]
    count: int

    def __len__(self) -> int:
        return self.count

    @property
    def names(self) -> frozenset[str]:
        """All dimensions that have a value in each row."""
        return closed(self.coding.universe, self.columns)

    def codes(self, name: str) -> NDArray[np.int32]:
        """Return the numbers of a dimension, shape (count,)."""
        return self.coding.codes(self.columns, name)

    def shared(self, other: Relation) -> tuple[str, ...]:
        """Return the dimensions by which to join another relation."""
        return deciding(self.coding.universe, self.names & other.names)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Relation:
        """Return the relation of some rows, by mask or by place."""
        count = np.count_nonzero(rows) if rows.dtype == np.bool_ else len(rows)
        columns = {name: codes[rows] for name, codes in self.columns.items()}
        return replace(self, columns=columns, count=int(count))

    def keys(self, names: Iterable[str]) -> NDArray[np.int64]:
        """Return one integer a row for some dimensions, shape (count,)."""
        names = list(names)
        sizes = [self.coding.size(name) for name in names]
        return pack([self.codes(name) for name in names], sizes, self.count)

    def semi_join(self, other: Relation) -> Relation:
        """Return the rows that agree with any row of another relation."""
        mine, theirs = self._key_pair(other)
        kept = is_in(mine, theirs)
        return self if kept.all() else self.take(kept)

    def join_size(self, other: Relation) -> int:
        """Return how many rows the join with another relation has."""
        return count_matches(*self._key_pair(other))

    def join(self, other: Relation) -> Relation:
        """Return the natural join with another relation."""
        i, j = match(*self._key_pair(other))
        names = deciding(self.coding.universe, {*self.columns, *other.columns})
        columns = {
            name: self.codes(name)[i] if name in self.names else other.codes(name)[j]
            for name in names
        }
        title = f"{self.name} with {other.name}"
        return Relation(title, "join", self.coding, columns, len(i))

    def project(self, names: Iterable[str]) -> Relation:
        """Return the distinct rows of some dimensions, in order."""
        wanted = deciding(self.coding.universe, names)
        keys = self.keys(wanted)
        if len(keys) > 1 and not np.all(keys[1:] > keys[:-1]):
            rows = np.unique(keys, return_index=True)[1]
        else:
            rows = np.arange(len(keys))
        columns = {name: self.codes(name)[rows] for name in wanted}
        return replace(self, columns=columns, count=len(rows))

    def places_of(self, other: Relation) -> NDArray[np.int32]:
        """Return the row that each row of another relation belongs to, or -1.

        Parameters
        ----------
        other
            Has all dimensions of this one, whose rows are distinct and in order.

        Returns
        -------
        numpy.ndarray, shape (len(other),)
            Rows of this relation.
        """
        names = tuple(self.columns)
        table, keys = pack_both(
            list(self.columns.values()),
            [other.codes(name) for name in names],
            [self.coding.size(name) for name in names],
            left_rows=self.count,
            right_rows=other.count,
        )
        return places(keys, table)

    def _key_pair(self, other: Relation) -> KeyPair:
        names = self.shared(other)
        return pack_both(
            [self.codes(name) for name in names],
            [other.codes(name) for name in names],
            [self.coding.size(name) for name in names],
            left_rows=self.count,
            right_rows=other.count,
        )
