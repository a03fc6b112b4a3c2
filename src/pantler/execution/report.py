"""What a run did: counts by task, and what failed, by cause."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pantler.execution.outcome import QuantumStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantler.dimensions.column import DataIdValue
    from pantler.execution.outcome import Fault


@dataclass(frozen=True, slots=True)
class Failure:
    """A quantum that failed.

    Parameters
    ----------
    label
        Its task.
    data_id
        Its data ID.
    fault
        Why; the traceback is kept with the first of each cause.
    """

    label: str
    data_id: dict[str, DataIdValue]
    fault: Fault

    @property
    def message(self) -> str:
        """Why, in a sentence."""
        return str(self.fault)


@dataclass(frozen=True, slots=True)
class Cause:
    """What several quanta of a task failed for: one error at one place.

    Parameters
    ----------
    failures
        Those that failed so, in the order in which they ended.
    """

    failures: tuple[Failure, ...]

    @property
    def first(self) -> Failure:
        """The failure that stands for all."""
        return self.failures[0]


@dataclass(slots=True)
class RunReport:
    """What a run did.

    Parameters
    ----------
    run
        The RUN collection with the outputs.
    planned
        How many quanta each task has in the graph.
    """

    run: str
    planned: dict[str, int]
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

    @property
    def total(self) -> int:
        """How many quanta the graph has."""
        return sum(self.planned.values())

    def finished_tasks(self) -> list[str]:
        """Return the labels of the tasks whose quanta have all been done."""
        good = (QuantumStatus.DONE, QuantumStatus.NO_WORK)
        return [
            label
            for label, planned in self.planned.items()
            if sum(self.counts[label, status] for status in good) == planned
        ]

    def causes(self) -> list[Cause]:
        """Return the failures by cause, the most frequent first."""
        groups: dict[tuple[str, str, str], list[Failure]] = {}
        for failure in self.failures:
            fault = failure.fault
            # Messages of one cause may differ by a data ID or a number.
            where = fault.place or fault.message
            groups.setdefault((failure.label, fault.error, where), []).append(failure)
        ordered = sorted(groups.values(), key=len, reverse=True)
        return [Cause(tuple(failures)) for failures in ordered]

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
        text = f"{done} of {self.total} quanta done in {self.seconds:.1f} s"
        failed = self.count(QuantumStatus.FAILED)
        if failed:
            blocked = self.count(QuantumStatus.BLOCKED)
            text += f"; {failed} failed"
            if blocked:
                need = "needs" if blocked == 1 else "need"
                its = "its outputs" if failed == 1 else "their outputs"
                text += f", and {blocked} that {need} {its} could not run"
        unstarted = self.total - self.count()
        if unstarted:
            verb = "was" if unstarted == 1 else "were"
            text += f"; {unstarted} {verb} not started"
        return f"{text}."


class RunInterrupted(KeyboardInterrupt):
    """A run was stopped by Ctrl-C or its like; what was done is recorded.

    Parameters
    ----------
    report
        How far it got.
    """

    def __init__(self, report: RunReport) -> None:
        super().__init__(report.summary())
        self.report = report
