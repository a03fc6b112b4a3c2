"""Which quanta and datasets remain when missing inputs are counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from pantler.quanta.tables import Link


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """The inputs of one connection, and how many of them each quantum needs."""

    link: Link
    minimum: int


@dataclass(slots=True, eq=False)
class Alive:
    """Which quanta and datasets remain when inputs that are missing are counted.

    Parameters
    ----------
    quanta
        By label; shape (n_quanta,) each.
    datasets
        By name of the dataset type; shape (n_datasets,) each.
    """

    quanta: dict[str, NDArray[np.bool_]]
    datasets: dict[str, NDArray[np.bool_]]

    def drop_starved(
        self, label: str, inputs: Iterable[Taken], outputs: Iterable[Link]
    ) -> list[Taken]:
        """Drop a task's quanta with too few inputs, and what they would make.

        Parameters
        ----------
        label
            The task's.
        inputs, outputs
            Of its connections.

        Returns
        -------
        list of Taken
            The inputs of which a quantum has too few.
        """
        short = []
        alive = self.quanta[label]
        for taken in inputs:
            edges, minimum = taken.link.edges, taken.minimum
            wanted = self.datasets[taken.link.dataset_type]
            if minimum and not (wanted.all() and (edges.counts >= minimum).all()):
                enough = edges.count_where(wanted) >= minimum
                if not enough.all():
                    short.append(taken)
                alive &= enough
        if alive.all():
            return short
        for link in outputs:
            made = np.zeros(len(self.datasets[link.dataset_type]), dtype=np.bool_)
            made[link.edges.columns[alive[link.edges.rows]]] = True
            self.datasets[link.dataset_type] &= made
        return short
