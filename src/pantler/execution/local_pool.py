"""The executor that runs quanta in worker processes on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.errors import InvalidInputError
from pantler.execution.memory import available_memory_mb
from pantler.execution.pool import AHEAD, WorkerPool
from pantler.execution.quantum_runner import death_outcome
from pantler.execution.worker_process import Death

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pantler.execution.executor import GraphWork
    from pantler.execution.outcome import QuantumOutcome
    from pantler.execution.schedule import Schedule
    from pantler.execution.stopping import Stop


class LocalPool:
    """Runs quanta in processes of their own, each of which runs many.

    A task that ends or breaks its process costs its own quantum, with one worker as
    with several. A worker that dies is replaced.

    Parameters
    ----------
    processes
        How many workers; so many cores do the quanta that run share.
    memory_mb
        How much memory they share, megabytes. When None, as much as there is: the
        least that the machine, the control groups of this process (of a container, a
        batch job) and ulimit allow.

    Attributes
    ----------
    memory_mb
        How much memory they share, megabytes.
    """

    def __init__(self, processes: int = 1, *, memory_mb: int | None = None) -> None:
        if processes < 1:
            raise InvalidInputError(
                f"Cannot run on {processes} processes; give 1 or more."
            )
        self._processes = processes
        self.memory_mb = (
            available_memory_mb(processes) if memory_mb is None else memory_mb
        )

    def run(
        self, work: GraphWork, schedule: Schedule, stop: Stop
    ) -> Iterator[QuantumOutcome | None]:
        """Yield outcomes; see `Executor`."""
        # What was sent ahead would still be started after a failure.
        ahead = 1 if work.fail_fast else AHEAD
        with WorkerPool(
            work.workspace, self._processes, memory_mb=self.memory_mb, ahead=ahead
        ) as pool:
            while schedule.unfinished and not stop:
                pool.hand_out(schedule)
                events = pool.receive()
                yield from _outcomes(events, work, schedule)
                if not events:
                    yield None
            if stop:
                last = pool.wind_down(at_once=stop.interrupted, urgent=stop.is_urgent)
                for outcome in _outcomes(last, work, schedule):
                    # A quantum that was given up has not failed.
                    died = outcome.fault is not None and outcome.fault.error == "Died"
                    yield None if died and stop.interrupted else outcome


def _outcomes(
    events: Iterable[QuantumOutcome | Death], work: GraphWork, schedule: Schedule
) -> Iterator[QuantumOutcome]:
    for event in events:
        if isinstance(event, Death):
            for index in event.untouched:
                schedule.put_back(index)
            if event.running is not None:
                yield _bury(event.running, event.reason, work)
        else:
            yield event


def _bury(index: int, reason: str, work: GraphWork) -> QuantumOutcome:
    """Remove what a quantum stored before its process died: nothing records it."""
    quantum = work.graph.quantum(index)
    datastore = work.workspace.open_datastore()
    datastore.delete(
        [
            path
            for refs in quantum.outputs.values()
            for ref in refs
            for path in datastore.paths(ref)
        ]
    )
    return death_outcome(quantum, f"{reason}.")
