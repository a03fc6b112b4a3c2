"""A part of a graph run by itself: its outcomes go to a file, to be recorded later.

A batch job is one such part. It has no registry: it needs the graph's file and the
datastore. Whoever has the registry begins the run, before the first slice is submitted,
and records what the files say::

    begin_slices(repository, graph)
    run_slice(graph, workspace, range(100), "1.outcomes")  # a job of its own
    record_outcomes(repository, graph, ["1.outcomes"])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.execution.beginning import begin_run, output_types
from pantler.execution.graph_run import Tally, make_schedule
from pantler.execution.merge import Merge
from pantler.execution.outcome import QuantumOutcome, QuantumStatus
from pantler.execution.outcome_file import OutcomeWriter, read_outcomes
from pantler.execution.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from os import PathLike

    from pantler.butler.repository import Repository
    from pantler.execution.report import RunReport
    from pantler.execution.workspace import Workspace
    from pantler.quanta.file.reading import GraphFile


def begin_slices(repository: Repository, graph: GraphFile) -> None:
    """Begin the run of a graph whose slices run elsewhere, before the first of them.

    Whoever submits slices calls it, once or more often. From then on the run has its
    collections and the configuration of its tasks, and no removal of an earlier run
    of the same graph, also one that was killed, takes the files that slices write.

    Raises
    ------
    ConflictError
        If the run has outputs already, or the graph belongs to a repository of
        another universe; nothing is changed then.
    """
    if not _has_begun(repository, graph):
        begin_run(repository, graph, graph.pipeline())


def run_slice(
    graph: GraphFile,
    workspace: Workspace,
    indices: Sequence[int],
    path: str | PathLike[str],
    *,
    before: Iterable[str | PathLike[str]] = (),
) -> None:
    """Run some quanta of a graph here, one after another, and write their outcomes.

    `begin_slices` comes first, where the registry is. Quanta that have an outcome in
    the file already are not run again; those that need the outputs of one that fails
    are blocked.

    Parameters
    ----------
    graph
        The graph.
    workspace
        Where its datasets are.
    indices
        Which quanta; they run in the order of their numbers, in which each comes
        after those that it needs.
    path
        The file of outcomes, new or begun before.
    before
        The files of the slices on which this one depends: they say what failed.

    Raises
    ------
    ConflictError
        If a file belongs to another graph.
    """
    runner = workspace.make_runner(graph, stopped=lambda: False)
    datastore = workspace.open_datastore()
    schedule = make_schedule(graph)
    blocked: set[int] = set()
    for earlier in before:
        for outcome in read_outcomes(earlier, graph):
            if outcome.status is QuantumStatus.FAILED:
                blocked.update(schedule.fail(outcome.index))
    with OutcomeWriter(path, graph) as writer:
        ended = {outcome.index: outcome.status for outcome in read_outcomes(path)}
        for index in sorted(set(indices)):
            status = ended.get(index)
            if status is None:
                if index in blocked:
                    label = graph.label_of(index)
                    outcome = QuantumOutcome(index, label, QuantumStatus.BLOCKED)
                else:
                    outcome = runner.run(runner.quantum(index))
                    # Nobody else is sure to see these files before a power cut.
                    datastore.persist(
                        [record for out in outcome.stored for record in out.records]
                    )
                writer.write(outcome)
                status = outcome.status
            if status is QuantumStatus.FAILED:
                blocked.update(schedule.fail(index))


def record_outcomes(
    repository: Repository,
    graph: GraphFile,
    paths: Iterable[str | PathLike[str]],
) -> RunReport:
    """Record what the files of outcomes of a graph say.

    A run that has not begun begins, though later than it should: see `begin_slices`.
    One that has begun needs no code of its tasks. What is recorded already is passed
    over, so that a recording that was broken off can be done again. Where a quantum was
    tried several times, a success counts and not a failure, whichever is read or was
    recorded first; of two successes with other outputs, the one whose files are there.

    Parameters
    ----------
    repository
        The repository of the graph, open for writing.
    graph
        The graph.
    paths
        The files.

    Returns
    -------
    RunReport
        What became of the quanta of which the files speak.

    Raises
    ------
    ConflictError
        If a file belongs to another graph.
    IntegrityError
        If a file is damaged.
    """
    if not _has_begun(repository, graph):
        begin_run(repository, graph, graph.pipeline(), has_files=True)
    tally = Tally(graph, make_schedule(graph))
    recorder = Recorder(
        repository, graph.header.output_run, output_types(graph), on_lost=tally.lose
    )
    merge = Merge(repository, recorder)
    try:
        for outcome in _one_each(graph, list(paths), merge):
            for _ in tally.take(outcome):
                pass
            merge.add(outcome)
    finally:
        recorder.flush()
    return tally.report


def _one_each(
    graph: GraphFile, paths: Sequence[str | PathLike[str]], merge: Merge
) -> Iterator[QuantumOutcome]:
    """Yield an outcome of each quantum that was run: successes first, then failures."""
    seen: set[int] = set()
    with_failures: list[str | PathLike[str]] = []
    for path in paths:
        failures = 0
        for outcome in read_outcomes(path, graph):
            if not outcome.is_success:
                failures += outcome.status is QuantumStatus.FAILED
            elif outcome.index in seen:
                merge.add_another(outcome)
            else:
                seen.add(outcome.index)
                yield outcome
        if failures:
            with_failures.append(path)
    # Read again rather than kept: there may be very many, with long logs.
    for path in with_failures:
        for outcome in read_outcomes(path, graph):
            if outcome.status is QuantumStatus.FAILED and outcome.index not in seen:
                seen.add(outcome.index)
                yield outcome


def _has_begun(repository: Repository, graph: GraphFile) -> bool:
    label = graph.labels[0]
    ref = graph.outline.init_ref(f"{label}_config")
    return repository.registry.datasets.get(ref.id.bytes) is not None
