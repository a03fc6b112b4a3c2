"""How long a run will still take, from how long its quanta have taken."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from pantler.execution.outcome import QuantumStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pantler.execution.outcome import QuantumOutcome

_ENOUGH: Final = 3
"""Quanta of a task from which its duration can be judged."""


class RemainingTime:
    """Estimates the time that a run still takes.

    Quanta of different tasks take very different times, so that the share of quanta
    that have ended says little: each task counts with the mean of its own.

    Parameters
    ----------
    planned
        How many quanta each task has.
    clock
        Returns seconds.
    """

    def __init__(
        self, planned: Mapping[str, int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._left = Counter(planned)
        self._planned = dict(planned)
        self._seconds: dict[str, float] = dict.fromkeys(planned, 0.0)
        self._measured: Counter[str] = Counter()
        self._clock = clock
        self._began = clock()

    def note(self, outcome: QuantumOutcome) -> None:
        """Take a quantum that has ended."""
        self._left[outcome.label] -= 1
        if outcome.status is not QuantumStatus.BLOCKED:
            self._seconds[outcome.label] += outcome.seconds
            self._measured[outcome.label] += 1

    def seconds(self) -> float | None:
        """Return how many seconds are left; None until every task can be judged.

        How many quanta run at once is what it has been until now.
        """
        work = 0.0
        for label, left in self._left.items():
            if left <= 0:
                continue
            if self._measured[label] < min(_ENOUGH, self._planned[label]):
                return None
            work += left * self._seconds[label] / self._measured[label]
        done = sum(self._seconds.values())
        elapsed = self._clock() - self._began
        return work * elapsed / done if done > 0 else None
