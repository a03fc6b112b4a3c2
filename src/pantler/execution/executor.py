"""Run a graph on this machine: in process, or in persistent worker processes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pantler.butler.live_runs import announced_run
from pantler.errors import InvalidInputError
from pantler.execution.init_outputs import write_init_outputs
from pantler.execution.outcome import QuantumOutcome, QuantumStatus
from pantler.execution.pool import AHEAD, Death, WorkerPool
from pantler.execution.quantum_runner import death_outcome
from pantler.execution.recorder import Recorder
from pantler.execution.report import Failure, RunReport
from pantler.execution.schedule import Schedule
from pantler.execution.stopping import Stop
from pantler.execution.worker import WorkerSetup
from pantler.quanta.file.graph_file import GraphFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from os import PathLike

    from pantler.butler.repository import Repository

_PATIENCE_S = 0.5


class Progress(Protocol):
    """Somebody who wants to know how far a run is."""

    def __call__(self, outcome: QuantumOutcome, finished: int, total: int) -> None:
        """Take note of an outcome."""
        ...


def run_graph(
    repository: Repository,
    graph_path: str | PathLike[str],
    *,
    processes: int = 1,
    fail_fast: bool = False,
    on_progress: Progress | None = None,
) -> RunReport:
    """Run all quanta of a graph, and record what they make.

    A quantum that fails loses those that need it; the rest goes on. A worker that
    dies fails the quantum that it was at, and is replaced. If this process is killed,
    what the workers stored last is not recorded; `Repository.check` finds it.

    Parameters
    ----------
    repository
        That of the graph, open for writing.
    graph_path
        The graph's file.
    processes
        How many workers; with one, quanta run in this process.
    fail_fast
        Whether to start no more quanta after the first that fails; those that run
        then still end.
    on_progress
        Told of each quantum that ends.

    Returns
    -------
    RunReport
        What became of the quanta.

    Raises
    ------
    ConflictError
        If the graph was run already into its RUN collection.
    KeyboardInterrupt
        After Ctrl-C or SIGTERM: what was done is recorded, what was being done is
        removed, and no worker is left.
    """
    if processes < 1:
        raise InvalidInputError(f"Cannot run on {processes} processes; give 1 or more.")
    graph = GraphFile.open(graph_path)
    run = _GraphRun(repository, graph, fail_fast=fail_fast, on_progress=on_progress)
    datastore = repository.settings.datastore.model_dump_json()
    setup = WorkerSetup(str(graph_path), repository.root, datastore)
    # What was sent ahead would still be started after a failure.
    ahead = 1 if fail_fast else AHEAD
    if processes == 1:
        return run.drive(lambda schedule: _in_process(schedule, run.stop, setup))
    return run.drive(
        lambda schedule: _in_pool(
            schedule,
            run.stop,
            WorkerPool(setup, processes, ahead=ahead),
            setup=setup,
            graph=graph,
        )
    )


class _GraphRun:
    """One run of one graph: who keeps count, and tells the recorder."""

    def __init__(
        self,
        repository: Repository,
        graph: GraphFile,
        *,
        fail_fast: bool,
        on_progress: Progress | None,
    ) -> None:
        self._repository = repository
        self._graph = graph
        self._pipeline = graph.pipeline()
        self.stop = Stop()
        self._fail_fast = fail_fast
        self._on_progress = on_progress
        counts = graph.counts
        self._tasks = list(counts)
        self._ranks = np.repeat(np.arange(len(counts)), list(counts.values()))
        self._report = RunReport(graph.header.output_run, len(graph))
        self._finished = 0

    def drive(
        self, driver: Callable[[Schedule], Iterator[QuantumOutcome | None]]
    ) -> RunReport:
        """Run everything; whatever happens, what was made is recorded."""
        with announced_run(self._repository.root):
            return self._drive(driver)

    def _drive(
        self, driver: Callable[[Schedule], Iterator[QuantumOutcome | None]]
    ) -> RunReport:
        began = time.monotonic()
        types = write_init_outputs(self._repository, self._graph, self._pipeline)
        recorder = Recorder(self._repository, self._graph.header.output_run, types)
        dependencies = self._graph.dependencies()
        schedule = Schedule(dependencies.starts, dependencies.columns, self._ranks)
        with self.stop.listening():
            try:
                for outcome in driver(schedule):
                    if outcome is None:
                        recorder.flush_if_due()
                        continue
                    recorder.add(outcome)
                    self._take(outcome, schedule)
            finally:
                recorder.flush()
        self._report.seconds = time.monotonic() - began
        if self.stop.interrupted:
            raise KeyboardInterrupt
        return self._report

    def _take(self, outcome: QuantumOutcome, schedule: Schedule) -> None:
        self._count(outcome)
        if outcome.status is not QuantumStatus.FAILED:
            schedule.finish(outcome.index)
            return
        self.stop.failed = self._fail_fast
        quantum = self._graph.quantum(outcome.index)
        self._report.failures.append(
            Failure(outcome.label, str(quantum.data_id), outcome.message)
        )
        for lost in schedule.fail(outcome.index):
            label = self._tasks[self._ranks[lost]]
            self._count(QuantumOutcome(lost, label, QuantumStatus.BLOCKED))

    def _count(self, outcome: QuantumOutcome) -> None:
        self._finished += 1
        self._report.counts[outcome.label, outcome.status] += 1
        if self._on_progress is not None:
            self._on_progress(outcome, self._finished, len(self._ranks))


def _in_process(
    schedule: Schedule, stop: Stop, setup: WorkerSetup
) -> Iterator[QuantumOutcome | None]:
    runner = setup.make_runner()
    while not stop and (index := schedule.take()) is not None:
        with stop.at_once():
            outcome = runner.run(index)
        yield outcome


def _in_pool(
    schedule: Schedule,
    stop: Stop,
    workers: WorkerPool,
    *,
    setup: WorkerSetup,
    graph: GraphFile,
) -> Iterator[QuantumOutcome | None]:
    with workers as pool:
        while schedule.unfinished and not stop:
            _hand_out(pool, schedule)
            events = pool.receive(_PATIENCE_S)
            if not events:
                yield None
            for event in events:
                if isinstance(event, Death):
                    for index in event.untouched:
                        schedule.put_back(index)
                    yield _bury(event, setup, graph)
                else:
                    yield event
        if stop:
            given_up = stop.interrupted
            for event in pool.wind_down(at_once=given_up):
                if isinstance(event, Death):
                    outcome = _bury(event, setup, graph)
                    yield None if given_up else outcome
                else:
                    yield event


def _hand_out(pool: WorkerPool, schedule: Schedule) -> None:
    for number, free in pool.wanted(schedule.ready_count):
        chosen = [schedule.take() for _ in range(free)]
        indices = [index for index in chosen if index is not None]
        if indices:
            pool.send(number, indices)


def _bury(death: Death, setup: WorkerSetup, graph: GraphFile) -> QuantumOutcome | None:
    """Remove what a quantum stored before its process died: nothing records it."""
    if death.running is None:
        return None
    quantum = graph.quantum(death.running)
    datastore = setup.open_datastore()
    datastore.delete(
        [datastore.path(ref) for refs in quantum.outputs.values() for ref in refs]
    )
    return death_outcome(quantum, f"Died: {death.reason}.")
