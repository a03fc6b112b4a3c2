"""Which quanta and datasets remain when missing inputs are counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pantler.quanta.join.csr import Csr


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
        self,
        label: str,
        inputs: Sequence[tuple[str, Csr, int]],
        outputs: Sequence[tuple[str, Csr]],
    ) -> None:
        """Drop a task's quanta with too few inputs, and what they would make.

        Parameters
        ----------
        label
            The task's.
        inputs
            Dataset type, edges and least number of each connection.
        outputs
            Dataset type and edges of each connection.
        """
        alive = self.quanta[label]
        for name, edges, minimum in inputs:
            wanted = self.datasets[name]
            if minimum and not (wanted.all() and (edges.counts >= minimum).all()):
                alive &= edges.count_where(wanted) >= minimum
        if alive.all():
            return
        for name, edges in outputs:
            made = np.zeros(len(self.datasets[name]), dtype=np.bool_)
            made[edges.columns[alive[edges.rows]]] = True
            self.datasets[name] &= made
