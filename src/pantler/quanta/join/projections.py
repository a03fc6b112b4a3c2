"""Projections of a join, and the edges between two of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pantler.quanta.join.coding import closed
from pantler.quanta.join.csr import Csr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantler.quanta.join.reduction import JoinTree
    from pantler.quanta.join.relations import Relation


@dataclass(slots=True, eq=False)
class Projections:
    """Projections of one join, each made once.

    Parameters
    ----------
    tree
        The reduced relations.
    """

    tree: JoinTree
    _made: dict[frozenset[str], Relation] = field(default_factory=dict)

    def on(self, names: Iterable[str]) -> Relation:
        """Return the distinct rows of some dimensions, in order."""
        universe = self.tree.relations[0].coding.universe
        key = closed(universe, names)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self.tree.project(key)
        return found

    def edges(self, rows: Relation, columns: Relation) -> Csr:
        """Return which rows of one projection occur together with which of another.

        Parameters
        ----------
        rows, columns
            Results of `on`.
        """
        if columns is rows:
            return Csr.one_each(np.arange(len(rows), dtype=np.int32))
        if columns.names <= rows.names:
            return Csr.one_each(columns.places_of(rows))
        both = self.on(rows.names | columns.names)
        return Csr.from_pairs(rows.places_of(both), columns.places_of(both), len(rows))
