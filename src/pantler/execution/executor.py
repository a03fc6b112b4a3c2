"""Executors: who runs the quanta of a graph; here, one after another in process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantler.execution.outcome import QuantumOutcome
    from pantler.execution.schedule import Schedule
    from pantler.execution.stopping import Stop
    from pantler.execution.workspace import Workspace
    from pantler.quanta.file.reading import GraphFile


@dataclass(frozen=True, slots=True)
class GraphWork:
    """What an executor is to run.

    Parameters
    ----------
    graph
        The graph, open.
    workspace
        The same, and the datastore, for other processes to open.
    fail_fast
        Whether to begin nothing more after a quantum has failed.
    """

    graph: GraphFile
    workspace: Workspace
    fail_fast: bool = False


class Executor(Protocol):
    """Runs the quanta of a graph, wherever that is.

    It takes quanta from the schedule as they can run, and yields what became of each.
    The caller records that and keeps the schedule; no executor touches a registry.
    """

    def run(
        self, work: GraphWork, schedule: Schedule, stop: Stop
    ) -> Iterator[QuantumOutcome | None]:
        """Yield outcomes until all quanta have ended, or a stop is asked for.

        None is yielded from time to time while nothing ends.

        Parameters
        ----------
        work
            What to run.
        schedule
            Which quanta can run now, and what they need.
        stop
            Whether to stop early, and how soon.
        """
        ...


class InProcess:
    """Runs quanta one after another in this process: for debuggers and notebooks.

    A task that ends its process ends ours.
    """

    def run(
        self, work: GraphWork, schedule: Schedule, stop: Stop
    ) -> Iterator[QuantumOutcome | None]:
        """Yield outcomes; see `Executor`."""
        runner = work.workspace.make_runner(work.graph, stopped=stop.was_asked)
        while not stop and (index := schedule.take()) is not None:
            with stop.at_once():
                outcome = runner.run(runner.quantum(index))
            yield outcome
