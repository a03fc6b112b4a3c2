"""Which quanta can run now: counts of what each still waits for, and what it needs."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from pantler.tasks.needs import Needs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


class Schedule:
    """The order of the quanta of a graph, as they end one by one.

    Of those that can run, quanta of later tasks come first, so that intermediate
    products are used up before more are made; and of one task, those with lower
    numbers.

    Parameters
    ----------
    starts : (n + 1,)
        Where the dependents of each quantum begin in ``dependents``.
    dependents : (m,)
        The quanta that need a quantum, one after another.
    ranks : (n,)
        The place of each quantum's task in the pipeline.
    needs
        What a quantum of each task needs, by rank; the least when empty.
    """

    def __init__(
        self,
        starts: NDArray[np.int64],
        dependents: NDArray[np.integer],
        ranks: Sequence[int] | NDArray[np.int64],
        needs: Sequence[Needs] = (),
    ) -> None:
        self._starts = starts
        self._dependents = dependents
        self._ranks = np.asarray(ranks, dtype=np.int64)
        count = int(self._ranks.max()) + 1 if len(self._ranks) else 0
        self._needs = tuple(needs) or (Needs(),) * count
        self._waits_for = np.bincount(dependents, minlength=len(self._ranks))
        self._blocked = np.zeros(len(self._ranks), dtype=bool)
        self._ready: list[list[int]] = [[] for _ in self._needs]
        self.ready_count = 0
        for index in np.flatnonzero(self._waits_for == 0):
            self.put_back(int(index))
        self.unfinished = len(self._ranks)

    def take(self, fits: Callable[[Needs], bool] | None = None) -> int | None:
        """Return a quantum to run now; None if there is none.

        Parameters
        ----------
        fits
            Whether something with such needs can run now; anything can when None.
        """
        for rank in range(len(self._ready) - 1, -1, -1):
            ready = self._ready[rank]
            if ready and (fits is None or fits(self._needs[rank])):
                self.ready_count -= 1
                return heapq.heappop(ready)
        return None

    def put_back(self, index: int) -> None:
        """Return a quantum that was taken and never began."""
        heapq.heappush(self._ready[self._ranks[index]], index)
        self.ready_count += 1

    def needs(self, index: int) -> Needs:
        """Return what a quantum needs."""
        return self._needs[int(self._ranks[index])]

    def finish(self, index: int) -> None:
        """Say that a quantum ended well, with or without outputs."""
        self.unfinished -= 1
        for dependent in self._of(index):
            self._waits_for[dependent] -= 1
            if self._waits_for[dependent] == 0 and not self._blocked[dependent]:
                self.put_back(int(dependent))

    def fail(self, index: int) -> list[int]:
        """Say that a quantum failed; return those that can never run now."""
        self.unfinished -= 1
        lost: list[int] = []
        todo = [index]
        while todo:
            for dependent in self._of(todo.pop()):
                if not self._blocked[dependent]:
                    self._blocked[dependent] = True
                    lost.append(int(dependent))
                    todo.append(int(dependent))
        self.unfinished -= len(lost)
        return lost

    def _of(self, index: int) -> NDArray[np.integer]:
        return self._dependents[self._starts[index] : self._starts[index + 1]]
