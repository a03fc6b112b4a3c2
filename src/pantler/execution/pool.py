"""Persistent worker processes, and what to do when one dies."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from contextlib import suppress
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from pantler.errors import InternalError
from pantler.execution.outcome import QuantumOutcome
from pantler.execution.worker import READY, WorkerSetup, serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection
    from types import TracebackType
    from typing import Self

_AHEAD = 16
"""Quanta that a worker may have before it: so many that it never waits for us."""


class Death:
    """A worker that died with quanta before it.

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
        self.process.start()
        theirs.close()
        self.pending: deque[int] = deque()
        self.ready = False

    def send(self, indices: Sequence[int]) -> None:
        self.pending.extend(indices)
        with suppress(BrokenPipeError):  # its death is noticed when we next wait
            self.connection.send(list(indices))

    def outcomes(self) -> Iterator[QuantumOutcome]:
        while self.connection.poll():
            message: QuantumOutcome | str = self.connection.recv()
            if isinstance(message, QuantumOutcome):
                self.pending.remove(message.index)
                yield message
            elif message != READY:
                raise InternalError(f"A worker could not start: {message}")
            self.ready = True

    def death(self) -> Death:
        self.process.join()
        code = self.process.exitcode or 0
        reason = (
            f"its process was ended by {signal.Signals(-code).name}"
            if code < 0
            else f"its process ended with exit code {code}"
        )
        self.connection.close()
        if not self.ready:
            raise InternalError(f"A worker could not start: {reason}.")
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
    """

    def __init__(self, setup: WorkerSetup, size: int) -> None:
        self._setup = setup
        self._workers = [_Worker(setup) for _ in range(size)]

    def wanted(self, ready: int) -> Iterator[tuple[int, int]]:
        """Yield (worker, count): who can take how many of some ready quanta.

        Few ready quanta are spread over the workers; many are sent ahead.
        """
        share = max(1, min(_AHEAD, ready // len(self._workers)))
        for number, worker in enumerate(self._workers):
            free = share - len(worker.pending)
            if free > 0:
                yield number, free

    def send(self, number: int, indices: Sequence[int]) -> None:
        """Send quanta to a worker."""
        self._workers[number].send(indices)

    def receive(self, timeout_s: float) -> list[QuantumOutcome | Death]:
        """Return what has come in, waiting for something at most so long."""
        by_connection = {worker.connection: worker for worker in self._workers}
        events: list[QuantumOutcome | Death] = []
        for ready in wait(list(by_connection), timeout_s):
            worker = by_connection[ready]  # type: ignore[index]
            try:
                events.extend(worker.outcomes())
            except (EOFError, OSError):
                events.append(worker.death())
                self._workers[self._workers.index(worker)] = _Worker(self._setup)
        return events

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            if kind is None:
                with suppress(BrokenPipeError):
                    worker.connection.send(None)
            else:
                worker.process.terminate()
        for worker in self._workers:
            worker.process.join(timeout=10)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.connection.close()
