"""A worker process: runs the quanta that it is sent, and touches no registry.

Its process group is its own, so that Ctrl-C at a terminal goes to its parent alone,
and so that nothing that a task starts outlives the run.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import queue
import signal
import struct
import sys
import threading
from collections import deque
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Final

from pantler.errors import InternalError, PantlerError
from pantler.execution.frames import FrameReader, frame
from pantler.execution.log_settings import LogSettings
from pantler.execution.outcome_codec import encode_outcome
from pantler.execution.plain_values import class_name, plain_text
from pantler.execution.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from pantler.execution.quantum_runner import QuantumRunner

READY: Final = b"R"
"""A worker has opened all that it needs."""

OUTCOME: Final = b"O"
"""The outcome of a quantum follows."""

ERROR: Final = b"E"
"""An error that is none of a task's follows, as JSON: its kind, its message, and the
quantum that it cost, if it cost one."""

LEAVE: Final = b"L"
"""A worker ends of its own accord; what it has before it is for others."""

QUANTA: Final = b"Q"
"""Numbers of quanta follow, eight bytes each: run them, in this order."""

FINISH: Final = b"F"
"""Run what you have, and end."""

_AT_ONCE: Final = 1 << 16
_SPARE_DESCRIPTORS: Final = 4
"""So many files must a worker be able to open for its next quantum."""


def start_command(commands: int, outcomes: int, path: list[str]) -> list[str]:
    """Return the command line of a worker process.

    Parameters
    ----------
    commands, outcomes
        The descriptors from which it reads and to which it writes.
    path
        Where Python looks for modules.
    """
    code = (
        f"import sys; sys.path[:] = {path!r}; "
        "from pantler.execution.worker import serve; "
        f"serve({commands}, {outcomes})"
    )
    return [sys.executable, "-c", code]


def serve(commands: int, outcomes: int) -> None:
    """Run what comes in, until we are to finish or to stop.

    Parameters
    ----------
    commands
        A descriptor: frames come in, first the workspace.
    outcomes
        A descriptor: frames go out, `READY` first.
    """
    stopping = _Stopping()
    # Our parent decides what becomes of us, and says so by SIGTERM, upon which the
    # quantum that runs removes what it stored.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stopping.note)
    # What a task prints must not mix with the results of the command that runs us.
    os.dup2(2, 1)
    out = _Outcomes(outcomes, stopping)
    inbox = _Inbox(commands)
    os.register_at_fork(after_in_child=lambda: _close(commands, outcomes))
    try:
        workspace = Workspace.from_json(inbox.next())
        log = LogSettings.from_json(workspace.log) if workspace.log else None
        with log.applied() if log else nullcontext():
            root = logging.getLogger()
            root.setLevel(min(root.level, logging.INFO))
            runner = workspace.make_runner(stopped=stopping)
            out.send(READY)
            _work(runner, inbox, out)
    except PantlerError as error:
        out.send_error(error)
    except (KeyboardInterrupt, BrokenPipeError):
        return
    finally:
        # What ends with the interpreter runs code of tasks, and needs no traceback.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _work(runner: QuantumRunner, inbox: _Inbox, out: _Outcomes) -> None:
    pending: deque[int] = deque()
    done = 0
    while True:
        while not pending:
            message = inbox.next()
            if message == FINISH:
                return
            count = (len(message) - 1) // 8
            pending.extend(struct.unpack_from(f"<{count}q", message, 1))
        index = pending.popleft()
        cost = None if done else index  # what is not read has not begun
        try:
            quantum = runner.quantum(index)
            cost = index
            out.send(OUTCOME + encode_outcome(runner.run(quantum)))
        except Exception as error:  # noqa: BLE001 - a border: tasks break anything
            out.send_error(error, cost)
            return
        done += 1
        if runner.is_exhausted or not _can_open_files():
            out.send(LEAVE)
            return


def _can_open_files() -> bool:
    """Whether a task has left descriptors for the next quantum."""
    opened: list[int] = []
    try:
        for _ in range(_SPARE_DESCRIPTORS):
            opened.append(os.dup(2))  # noqa: PERF401 - all are closed below
    except OSError as error:
        return error.errno == errno.EBADF
    finally:
        _close(*opened)
    return True


class _Stopping:
    """Whether we have been asked to stop."""

    def __init__(self) -> None:
        self._asked = False
        self._held = False

    def __call__(self) -> bool:
        return self._asked

    def note(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._asked = True
        if not self._held:
            raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """Stop after what is within, and not before."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._asked:
            raise KeyboardInterrupt


class _Inbox:
    """What our parent sends, read by a thread: so its death is noticed at once."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._messages: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> bytes:
        return self._messages.get()

    def _read(self) -> None:
        reader = FrameReader("The pipe of a worker")
        with suppress(OSError):  # a task has closed it
            while data := os.read(self._descriptor, _AT_ONCE):
                for message in reader.feed(data):
                    self._messages.put(message)
                    if message == FINISH:
                        return
        # Nobody would record what we make.
        os.killpg(0, signal.SIGKILL)


class _Outcomes:
    """The pipe to our parent."""

    def __init__(self, descriptor: int, stopping: _Stopping) -> None:
        self._descriptor = descriptor
        self._identity = _identity(descriptor)
        self._stopping = stopping

    def send(self, payload: bytes) -> None:
        # A task may have closed it, and something else may have its number now.
        if _identity(self._descriptor) != self._identity:
            os._exit(1)
        data = memoryview(frame(payload))
        with self._stopping.held():
            while data:
                data = data[os.write(self._descriptor, data) :]

    def send_error(self, error: Exception, index: int | None = None) -> None:
        """Say what went wrong, and which quantum it cost."""
        kind = error.kind if isinstance(error, PantlerError) else InternalError.kind
        message = plain_text(error)
        if not isinstance(error, PantlerError):
            message = f"{class_name(error)}: {message}"
        problem = {"kind": kind, "message": message, "index": index}
        self.send(ERROR + json.dumps(problem).encode())


def _identity(descriptor: int) -> tuple[int, int] | None:
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        with suppress(OSError):
            os.close(descriptor)
