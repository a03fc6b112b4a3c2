"""Run a graph: an executor does the quanta, and what they make is recorded."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pantler.butler.live_runs import announced_run
from pantler.execution.beginning import begin_run
from pantler.execution.executor import GraphWork, InProcess
from pantler.execution.outcome import Fault, QuantumOutcome, QuantumStatus
from pantler.execution.quantum_runner import failed_outcome
from pantler.execution.recorder import Recorder
from pantler.execution.report import Failure, RunInterrupted, RunReport
from pantler.execution.schedule import Schedule
from pantler.execution.stopping import Stop
from pantler.execution.workspace import Workspace
from pantler.quanta.file.reading import GraphFile

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from pantler.butler.repository import Repository
    from pantler.execution.executor import Executor
    from pantler.pipelines.graph import PipelineGraph


class Progress(Protocol):
    """Somebody who wants to know how far a run is."""

    def __call__(self, outcome: QuantumOutcome, finished: int, total: int) -> None:
        """Take note of an outcome."""
        ...


def run_graph(
    repository: Repository,
    graph: GraphFile | str | os.PathLike[str],
    *,
    executor: Executor | None = None,
    fail_fast: bool = False,
    on_progress: Progress | None = None,
) -> RunReport:
    """Run all quanta of a graph, and record what they make.

    A quantum that fails blocks those that need its outputs; the rest goes on. The
    output chain has the run from its beginning on. If this process is killed, what
    was stored last is not recorded; `Repository.check` finds it.

    Parameters
    ----------
    repository
        The repository of the graph, open for writing.
    graph
        The graph's file.
    executor
        Who runs the quanta; `InProcess` when None. With `LocalPool`, a task that
        ends its process costs its own quantum alone.
    fail_fast
        Whether to begin no more quanta after the first that fails; those that run
        then still end.
    on_progress
        Is called with each quantum that ends.

    Returns
    -------
    RunReport
        What became of the quanta.

    Raises
    ------
    ConflictError
        If the output run has outputs already.
    WorkerError
        If workers cannot be started; what was done is recorded.
    RunInterrupted
        After Ctrl-C, SIGTERM or SIGHUP, a KeyboardInterrupt with the report: what
        was done is recorded, what was being done is removed, and no worker is left.
    """
    if not isinstance(graph, GraphFile):
        graph = GraphFile.open(graph)
    run = _GraphRun(repository, graph, fail_fast=fail_fast, on_progress=on_progress)
    with announced_run(repository.root):
        return run.drive(executor or InProcess())


def make_schedule(graph: GraphFile, pipeline: PipelineGraph | None = None) -> Schedule:
    """Return the schedule of a graph of which nothing has run.

    Without its pipeline, nothing is known of what quanta need.
    """
    counts = graph.counts
    ranks = np.repeat(np.arange(len(counts)), list(counts.values()))
    edges = graph.dependencies()
    needs = [pipeline.tasks[label].needs for label in counts] if pipeline else []
    return Schedule(edges.starts, edges.columns, ranks, needs)


class Tally:
    """Counts outcomes in a report, with those that can never run.

    Parameters
    ----------
    graph
        The graph.
    schedule
        Its schedule; what has ended is noted there.
    """

    def __init__(self, graph: GraphFile, schedule: Schedule) -> None:
        self._graph = graph
        self._schedule = schedule
        self._causes: set[tuple[str, str, str]] = set()
        self.report = RunReport(graph.header.output_run, dict(graph.counts))

    def take(self, outcome: QuantumOutcome) -> Iterator[QuantumOutcome]:
        """Take an outcome; yield it, and one for each that is blocked by it."""
        counts = self.report.counts
        counts[outcome.label, outcome.status] += 1
        yield outcome
        if outcome.status is not QuantumStatus.FAILED:
            self._schedule.finish(outcome.index)
            return
        self._note_failure(outcome)
        for lost in self._schedule.fail(outcome.index):
            label = self._graph.label_of(lost)
            counts[label, QuantumStatus.BLOCKED] += 1
            yield QuantumOutcome(lost, label, QuantumStatus.BLOCKED)

    def lose(self, outcome: QuantumOutcome, problem: str) -> QuantumOutcome:
        """Note that a quantum that was done has lost an output; return its failure.

        Those that needed it have perhaps run, and speak for themselves.
        """
        counts = self.report.counts
        quantum = self._graph.quantum(outcome.index)
        failed = failed_outcome(quantum, Fault("Lost", problem))
        counts[outcome.label, outcome.status] -= 1
        counts[failed.label, failed.status] += 1
        self._note_failure(failed)
        return failed

    def _note_failure(self, outcome: QuantumOutcome) -> None:
        fault = outcome.fault or Fault("Error", "nothing is known of it")
        cause = (outcome.label, fault.error, fault.place)
        if cause in self._causes:  # a traceback a cause is enough
            fault = replace(fault, trace="")
        self._causes.add(cause)
        data_id = self._graph.quantum(outcome.index).data_id
        self.report.failures.append(
            Failure(outcome.label, dict(data_id.required), fault)
        )


class _GraphRun:
    """One run of one graph, driven by an executor."""

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
        self._stop = Stop()
        self._fail_fast = fail_fast
        self._on_progress = on_progress
        self._finished = 0

    def drive(self, executor: Executor) -> RunReport:
        """Run everything; whatever happens, what was made is recorded."""
        began = time.monotonic()
        graph, repository, stop = self._graph, self._repository, self._stop
        pipeline = graph.pipeline()
        types = begin_run(repository, graph, pipeline)
        schedule = make_schedule(graph, pipeline)
        tally = Tally(graph, schedule)
        recorder = Recorder(
            repository,
            graph.header.output_run,
            types,
            on_lost=tally.lose,
            give_up=stop.is_urgent,
        )
        datastore = repository.settings.datastore.model_dump_json()
        workspace = Workspace.here(graph.uri, repository.root, datastore)
        work = GraphWork(graph, workspace, fail_fast=self._fail_fast)
        with stop.listening():
            try:
                for outcome in executor.run(work, schedule, stop):
                    if outcome is None:
                        recorder.flush_if_due()
                    else:
                        recorder.add(outcome)
                        self._tell(outcome, tally)
            except KeyboardInterrupt:
                if not stop.interrupted:
                    raise
            finally:
                recorder.flush()
                tally.report.seconds = time.monotonic() - began
        if stop.interrupted:
            raise RunInterrupted(tally.report)
        return tally.report

    def _tell(self, outcome: QuantumOutcome, tally: Tally) -> None:
        if outcome.status is QuantumStatus.FAILED:
            self._stop.failed = self._fail_fast
        for ended in tally.take(outcome):
            self._finished += 1
            if self._on_progress is not None:
                self._on_progress(ended, self._finished, tally.report.total)
