"""Persistent worker processes, and what to do when one dies."""

from __future__ import annotations

import logging
import selectors
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pantler.errors import WorkerError
from pantler.execution.worker_process import Death, WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from pantler.execution.outcome import QuantumOutcome
    from pantler.execution.schedule import Schedule
    from pantler.execution.workspace import Workspace
    from pantler.tasks.needs import Needs

AHEAD: Final = 16
"""Quanta that a worker may have before it: so many that it never waits for us."""

MOST_STARTS: Final = 5
"""How often in a row a worker may die while it starts before we do without it."""

_LOG = logging.getLogger("pantler.execution")
_GRACE_S: Final = 10.0
"""How long a worker that was asked to end may take before it is killed."""

_PATIENCE_S: Final = 0.25
_PAUSE_S: Final = 0.1  # before the second start; then twice as long each time


class _Place:
    """A place for one worker, who is replaced when he dies."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._failed_starts = 0
        self._start_at = 0.0
        self.worker: WorkerProcess | None = None

    def fill(self) -> bool:
        """Start a worker if it is time to; return whether one was started."""
        if self.worker is not None or time.monotonic() < self._start_at:
            return False
        try:
            self.worker = WorkerProcess(self._workspace)
        except OSError as error:
            self.note_failed_start(error.strerror or str(error))
        return self.worker is not None

    def note_ready(self) -> None:
        self._failed_starts = 0

    def note_failed_start(self, reason: str) -> None:
        """Try again in a moment.

        Raises
        ------
        WorkerError
            If it has failed too often.
        """
        self._failed_starts += 1
        if self._failed_starts >= MOST_STARTS:
            raise WorkerError(
                f"A worker could not be started in {MOST_STARTS} attempts; at the "
                f"last, {reason}. Look at the memory and the limits of this machine, "
                "or take fewer processes."
            )
        pause = _PAUSE_S * 2 ** (self._failed_starts - 1)
        _LOG.warning("A worker did not start: %s. It is started again.", reason)
        self._start_at = time.monotonic() + pause


class WorkerPool:
    """Worker processes that live as long as the pool; a dead one is replaced.

    Use it as a context manager.

    Parameters
    ----------
    workspace
        What each of them opens.
    size
        How many.
    memory_mb
        The memory that all of them may need together, megabytes.
    ahead
        How many quanta each may have before it, the one that runs included.
    """

    def __init__(
        self, workspace: Workspace, size: int, *, memory_mb: int, ahead: int = AHEAD
    ) -> None:
        self._cores = size
        self._memory_mb = memory_mb
        self._ahead = ahead
        self._places = [_Place(workspace) for _ in range(size)]
        self._selector = selectors.DefaultSelector()
        self._looked = time.monotonic()

    def hand_out(self, schedule: Schedule) -> None:
        """Send quanta that can run to the workers that can take some.

        Few are spread over the workers; many are sent ahead. Together, the quanta
        that run need no more cores and memory than there are; one that needs more
        than all runs alone.
        """
        workers = self._workers()
        share = max(1, min(self._ahead, schedule.ready_count // len(self._places)))
        taken = {id(w): self._reserved(w, schedule) for w in workers}
        for worker in workers:
            cores = sum(n for n, _ in taken.values()) - taken[id(worker)][0]
            memory = sum(n for _, n in taken.values()) - taken[id(worker)][1]

            def fits(needs: Needs, cores: int = cores, memory: int = memory) -> bool:
                own_cores, own_memory = self._bounded(needs)
                return (
                    cores + own_cores <= self._cores
                    and memory + own_memory <= self._memory_mb
                )

            chosen: list[int] = []
            while len(worker.pending) + len(chosen) < share:
                index = schedule.take(fits)
                if index is None:
                    break
                chosen.append(index)
            if chosen:
                worker.send(chosen)
                taken[id(worker)] = self._reserved(worker, schedule)

    def receive(self, timeout_s: float = _PATIENCE_S) -> list[QuantumOutcome | Death]:
        """Return what has come in, waiting for something at most so long.

        Raises
        ------
        WorkerError
            If no worker can be started any more.
        PantlerError
            If a worker could not open the graph or the datastore.
        """
        self._fill_places()
        events: list[QuantumOutcome | Death] = []
        for key, _ in self._selector.select(timeout_s):
            place, worker = key.data
            self._read(place, worker, events.append)
        now = time.monotonic()
        if not events or now - self._looked > _PATIENCE_S:
            self._looked = now
            for place, worker in self._occupied():
                if worker.has_died():
                    self._drain(place, worker, events.append)
        return events

    def wind_down(
        self, *, at_once: bool, urgent: Callable[[], bool]
    ) -> Iterator[QuantumOutcome | Death]:
        """End all workers; yield what they have done until then.

        Parameters
        ----------
        at_once
            Whether quanta that run now are given up; a `Death` names each.
        urgent
            Whether to kill what has not ended yet.
        """
        for worker in self._workers():
            if at_once:
                worker.stop()
            else:
                worker.finish()
        until = time.monotonic() + _GRACE_S
        while any(not w.at_end for w in self._workers()):
            if urgent() or (at_once and time.monotonic() > until):
                break
            events: list[QuantumOutcome | Death] = []
            for key, _ in self._selector.select(_PATIENCE_S):
                _, worker = key.data
                events.extend(worker.read())
                if worker.at_end:
                    self._selector.unregister(key.fileobj)
            yield from events
            for worker in self._workers():
                worker.at_end |= worker.has_died()
        for place, worker in self._occupied():
            last: list[QuantumOutcome | Death] = []
            timeout_s = 0.0 if urgent() else 1.0
            self._drain(place, worker, last.append, timeout_s=timeout_s)
            yield from last

    def _workers(self) -> list[WorkerProcess]:
        return [worker for _, worker in self._occupied()]

    def _occupied(self) -> list[tuple[_Place, WorkerProcess]]:
        return [(p, p.worker) for p in self._places if p.worker is not None]

    def _fill_places(self) -> None:
        for place in list(self._places):
            try:
                if place.fill() and place.worker is not None:
                    worker = place.worker
                    self._selector.register(
                        worker.outcomes, selectors.EVENT_READ, (place, worker)
                    )
            except WorkerError as error:
                self._do_without(place, error)

    def _read(
        self,
        place: _Place,
        worker: WorkerProcess,
        take: Callable[[QuantumOutcome | Death], None],
    ) -> None:
        was_ready = worker.is_ready
        for outcome in worker.read():
            take(outcome)
        if worker.is_ready and not was_ready:
            place.note_ready()
        if worker.at_end:
            self._drain(place, worker, take)

    def _drain(
        self,
        place: _Place,
        worker: WorkerProcess,
        take: Callable[[QuantumOutcome | Death], None],
        *,
        timeout_s: float = 1.0,
    ) -> None:
        """Take the last of a worker that has ended, and free its place."""
        while not worker.at_end:
            before = len(worker.pending)
            for outcome in worker.read():
                take(outcome)
            if len(worker.pending) == before:
                break
        with suppress(KeyError):
            self._selector.unregister(worker.outcomes)
        reason = worker.end(timeout_s)
        place.worker = None
        if worker.pending:
            take(worker.death(reason))
        if not worker.is_ready:
            try:
                place.note_failed_start(reason)
            except WorkerError as error:
                self._do_without(place, error)

    def _do_without(self, place: _Place, error: WorkerError) -> None:
        if len(self._places) == 1:
            raise error
        self._places.remove(place)
        left = len(self._places)
        _LOG.warning("%s The run goes on with fewer processes: %d.", error, left)

    def _reserved(self, worker: WorkerProcess, schedule: Schedule) -> tuple[int, int]:
        """Return the most that one of the quanta before a worker needs."""
        found = [self._bounded(schedule.needs(index)) for index in worker.pending]
        return (
            max((cores for cores, _ in found), default=0),
            max((memory for _, memory in found), default=0),
        )

    def _bounded(self, needs: Needs) -> tuple[int, int]:
        return min(needs.cores, self._cores), min(needs.memory_mb or 0, self._memory_mb)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers():
            worker.stop()
        for worker in self._workers():
            worker.end(_GRACE_S if error is None else 1.0)
        self._selector.close()
