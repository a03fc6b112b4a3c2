"""What a run did: counts by task, and what failed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pantler.execution.outcome import QuantumStatus

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Failure:
    """A quantum that failed."""

    label: str
    data_id: str
    message: str


@dataclass(slots=True)
class RunReport:
    """What a run did.

    Parameters
    ----------
    run
        The RUN collection with the outputs.
    planned
        How many quanta the graph has.
    """

    run: str
    planned: int
    counts: Counter[tuple[str, QuantumStatus]] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0

    def count(self, *statuses: QuantumStatus) -> int:
        """Return how many quanta ended in one of some ways; of all, if none is said."""
        wanted = statuses or tuple(QuantumStatus)
        return sum(n for (_, status), n in self.counts.items() if status in wanted)

    @property
    def succeeded(self) -> bool:
        """Whether no quantum failed."""
        return not self.count(QuantumStatus.FAILED)

    def rows(self, labels: Iterable[str]) -> list[dict[str, object]]:
        """Return a row a task: its label, and a count for each status."""
        return [
            {
                "task": label,
                **{s.value: self.counts.get((label, s), 0) for s in QuantumStatus},
            }
            for label in labels
        ]

    def summary(self) -> str:
        """Return a sentence."""
        done = self.count(QuantumStatus.DONE, QuantumStatus.NO_WORK)
        text = f"{done} of {self.planned} quanta done in {self.seconds:.1f} s"
        failed = self.count(QuantumStatus.FAILED)
        if failed:
            blocked = self.count(QuantumStatus.BLOCKED)
            text += f"; {failed} failed, and {blocked} could not run for want of them"
        unstarted = self.planned - self.count()
        if unstarted:
            text += f"; {unstarted} were not started"
        return f"{text}."
