"""Ending a run before all is done: a signal, or the first failure."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MOST_SIGNALS = 3


class Stop:
    """Whether and how a run is to end early.

    The first signal asks the quanta that run to give up; a second one has what is
    still running killed, and ends waits for others; a third raises KeyboardInterrupt
    wherever the program is.

    Attributes
    ----------
    failed
        Whether a quantum failed in a run that stops then: those that run now may
        end.
    """

    def __init__(self) -> None:
        self.failed = False
        self._signals = 0
        self._at_once = False

    def __bool__(self) -> bool:
        return self.interrupted or self.failed

    @property
    def interrupted(self) -> bool:
        """Whether a signal has come: quanta that run now are given up."""
        return self._signals > 0

    def was_asked(self) -> bool:
        """Whether a signal has come."""
        return self._signals > 0

    def is_urgent(self) -> bool:
        """Whether a second signal has come."""
        return self._signals > 1

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Note Ctrl-C and its like within, so that what is done can be recorded.

        Only the main thread can listen; elsewhere nothing changes. What was ignored
        before, as under nohup, still is.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self._note)
            for number in _SIGNALS
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Within, a signal raises KeyboardInterrupt where it finds us."""
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._signals += 1
        if self._at_once or self._signals >= _MOST_SIGNALS:
            raise KeyboardInterrupt
