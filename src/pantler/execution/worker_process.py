"""One worker process, seen from its parent."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pantler.errors import IntegrityError, error_of_kind
from pantler.execution.frames import FrameReader, frame
from pantler.execution.outcome_codec import decode_outcome
from pantler.execution.worker import (
    ERROR,
    FINISH,
    LEAVE,
    OUTCOME,
    QUANTA,
    READY,
    start_command,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pantler.execution.outcome import QuantumOutcome
    from pantler.execution.workspace import Workspace

_AT_ONCE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Death:
    """A worker that ended with quanta before it.

    Parameters
    ----------
    running
        The quantum that it was at; None if it was at none.
    untouched
        Those that it never began.
    reason
        How it ended, in a few words.
    """

    running: int | None
    untouched: Sequence[int]
    reason: str


class WorkerProcess:
    """One process, its two pipes, and the quanta before it.

    Parameters
    ----------
    workspace
        What it opens.

    Attributes
    ----------
    outcomes
        The descriptor on which it answers.
    pending
        The quanta that it has not reported; the first is what it is at.
    is_ready
        Whether it has opened all that it needs.
    at_end
        Whether nothing more will come from it.

    Raises
    ------
    OSError
        If the system starts no process.
    """

    def __init__(self, workspace: Workspace) -> None:
        commands, self._commands = os.pipe()
        self.outcomes, outcomes = os.pipe()
        os.set_blocking(self.outcomes, False)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                start_command(commands, outcomes, sys.path),
                stdin=subprocess.DEVNULL,
                pass_fds=(commands, outcomes),
                process_group=0,
            )
        except OSError:
            self._close()
            raise
        finally:
            os.close(commands)
            os.close(outcomes)
        self._reader = FrameReader("The pipe of a worker")
        self.pending: deque[int] = deque()
        self.is_ready = False
        self.at_end = False
        self._problem = ""
        self._has_begun = True  # the first of what is pending
        self._send(workspace.to_json().encode())

    def send(self, indices: Sequence[int]) -> None:
        """Have it run more quanta."""
        self.pending.extend(indices)
        self._send(QUANTA + struct.pack(f"<{len(indices)}q", *indices))

    def finish(self) -> None:
        """Have it end when it has run what it has."""
        self._send(FINISH)

    def stop(self) -> None:
        """Have it give up what it is at, and end."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    def read(self) -> Iterator[QuantumOutcome]:
        """Yield what has come in, never waiting; at its end, note so."""
        try:
            data = os.read(self.outcomes, _AT_ONCE)
        except BlockingIOError:
            return
        self.at_end = not data
        try:
            for message in self._reader.feed(data):
                outcome = self._take(message)
                if outcome is not None:
                    yield outcome
        except IntegrityError as error:
            # A task has written into the pipe: what it says can be trusted no more.
            self._break_off(str(error))

    def _take(self, message: bytes) -> QuantumOutcome | None:
        kind, content = message[:1], message[1:]
        if kind == OUTCOME:
            outcome = decode_outcome(content, "The pipe of a worker")
            if outcome.index not in self.pending:
                raise IntegrityError("The pipe of a worker is damaged.")
            self.pending.remove(outcome.index)
            return outcome
        if kind == READY:
            self.is_ready = True
        elif kind == LEAVE:
            self._has_begun = False
            self.at_end = True
        elif kind == ERROR:
            problem = json.loads(content)
            if not self.is_ready:
                raise error_of_kind(problem["kind"], problem["message"])
            self._has_begun = problem["index"] is not None
            self._break_off(problem["message"])
        return None

    def _break_off(self, problem: str) -> None:
        self.at_end = True
        self._problem = f"its process could not go on: {problem.rstrip('.')}"

    def has_died(self) -> bool:
        """Whether the process has ended, though somebody may hold its pipe."""
        return self._process.poll() is not None

    def end(self, timeout_s: float = 1.0) -> str:
        """Wait for the process, or kill it, with all that it has started.

        Returns
        -------
        str
            How it ended, in a few words.
        """
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            code = None
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._close()
        if self._problem:
            return self._problem
        if code is None:
            return "its process cut itself off from the run, and was killed"
        if code < 0:
            return f"its process was ended by {signal.Signals(-code).name}"
        return f"its process ended with exit code {code}"

    def death(self, reason: str) -> Death:
        """Return what its end leaves undone."""
        # One that was never ready has not begun any.
        has_begun = self.is_ready and self._has_begun and self.pending
        running = self.pending.popleft() if has_begun else None
        return Death(running, list(self.pending), reason)

    def _send(self, payload: bytes) -> None:
        data = memoryview(frame(payload))
        with suppress(OSError):  # its death is noticed when we next wait
            while data:
                data = data[os.write(self._commands, data) :]

    def _close(self) -> None:
        for descriptor in (self._commands, self.outcomes):
            with suppress(OSError):
                os.close(descriptor)
        self._commands = self.outcomes = -1
