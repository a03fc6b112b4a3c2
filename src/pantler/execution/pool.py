"""Persistent worker processes, and what to do when one dies."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections import deque
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Final

from pantler.errors import InternalError
from pantler.execution.outcome import QuantumOutcome
from pantler.execution.worker import READY, WorkerSetup, serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection
    from types import TracebackType
    from typing import Self

AHEAD: Final = 16
"""Quanta that a worker may have before it: so many that it never waits for us."""

_GRACE_S = 10.0
"""How long a worker that was told to end may take before it is killed."""


class Death:
    """A worker that ended with quanta before it.

    Parameters
    ----------
    running
        The quantum that it was at; None if it was idle.
    untouched
        Those that it never began.
    reason
        How it ended, in a few words.
    """

    def __init__(
        self, running: int | None, untouched: Sequence[int], reason: str
    ) -> None:
        self.running = running
        self.untouched = untouched
        self.reason = reason


class _Worker:
    """One process, its connection, and the quanta before it."""

    def __init__(self, setup: WorkerSetup) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection: Connection
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=serve, args=(setup, theirs), name="pantler-worker", daemon=True
        )
        with _ctrl_c_held():
            self.process.start()
        theirs.close()
        self.pending: deque[int] = deque()
        self.ready = False

    def send(self, indices: Sequence[int] | None) -> None:
        if indices is not None:
            self.pending.extend(indices)
        with suppress(OSError):  # its death is noticed when we next wait
            self.connection.send(None if indices is None else list(indices))

    def outcomes(self) -> Iterator[QuantumOutcome]:
        """Yield what has come in; EOFError or OSError if the process has ended."""
        while self.connection.poll():
            message: QuantumOutcome | str = self.connection.recv()
            if isinstance(message, QuantumOutcome):
                self.pending.remove(message.index)
                yield message
            elif message != READY:
                what = "failed" if self.ready else "could not start"
                raise InternalError(f"A worker {what}: {message}")
            self.ready = True

    def last_outcomes(self, until: float | None) -> Iterator[QuantumOutcome]:
        """Yield what comes in before the process ends, or is killed at a time."""
        with suppress(EOFError, OSError):
            while self.connection.poll(_left(until)):
                yield from self.outcomes()
        self.end()

    def end(self) -> None:
        self.process.join(timeout=1)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()

    def death(self) -> Death:
        self.process.join()
        code = self.process.exitcode or 0
        reason = (
            f"its process was ended by {signal.Signals(-code).name}"
            if code < 0
            else f"its process ended with exit code {code}"
        )
        self.connection.close()  # again is no error
        running = self.pending.popleft() if self.pending else None
        return Death(running, list(self.pending), reason)


class WorkerPool:
    """Worker processes that live as long as the pool; a dead one is replaced.

    Parameters
    ----------
    setup
        What each of them opens.
    size
        How many.
    ahead
        How many quanta each may have before it, the one that runs included.
    """

    def __init__(self, setup: WorkerSetup, size: int, *, ahead: int = AHEAD) -> None:
        self._setup = setup
        self._ahead = ahead
        self._workers = [_Worker(setup) for _ in range(size)]

    def wanted(self, ready: int) -> Iterator[tuple[int, int]]:
        """Yield (worker, count): who can take how many of some ready quanta.

        Few ready quanta are spread over the workers; many are sent ahead.
        """
        share = max(1, min(self._ahead, ready // len(self._workers)))
        for number, worker in enumerate(self._workers):
            free = share - len(worker.pending)
            if free > 0:
                yield number, free

    def send(self, number: int, indices: Sequence[int]) -> None:
        """Send quanta to a worker."""
        self._workers[number].send(indices)

    def receive(self, timeout_s: float) -> list[QuantumOutcome | Death]:
        """Return what has come in, waiting for something at most so long.

        Raises
        ------
        InternalError
            If a worker could not open the graph or the datastore, or cannot read
            its part of the graph.
        """
        by_connection = {worker.connection: worker for worker in self._workers}
        events: list[QuantumOutcome | Death] = []
        for ready in wait(list(by_connection), timeout_s):
            worker = by_connection[ready]  # type: ignore[index]
            try:
                events.extend(worker.outcomes())
            except (EOFError, OSError):
                death = worker.death()
                if not worker.ready:
                    raise InternalError(
                        f"A worker could not start: {death.reason}."
                    ) from None
                events.append(death)
                self._workers[self._workers.index(worker)] = _Worker(self._setup)
        return events

    def wind_down(self, *, at_once: bool) -> Iterator[QuantumOutcome | Death]:
        """End all workers; yield what they have done until then.

        Parameters
        ----------
        at_once
            Whether quanta that run now are given up; a Death tells which.
        """
        for worker in self._workers:
            if at_once:
                worker.process.terminate()
            else:
                worker.send(None)
        until = time.monotonic() + _GRACE_S if at_once else None
        for worker in self._workers:
            yield from worker.last_outcomes(until)
            if worker.pending and (at_once or worker.process.exitcode):
                yield worker.death()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            if worker.connection.closed:
                continue
            if kind is None:
                worker.send(None)
            else:
                worker.process.terminate()
        for worker in self._workers:
            worker.process.join(timeout=_GRACE_S)
            worker.end()


def _left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())


@contextmanager
def _ctrl_c_held() -> Iterator[None]:
    """Have a process that starts within never get Ctrl-C; ours comes afterwards.

    It goes to the whole process group, and would end a worker that is just importing
    with a traceback.
    """
    # It unblocks signals when it starts; here it has done so before.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
