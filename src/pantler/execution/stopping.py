"""Ending a run before all is done: a signal, or the first failure."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether and how a run is to end early.

    Attributes
    ----------
    interrupted
        Whether a signal has come: quanta that run now are given up.
    failed
        Whether a quantum failed in a run that stops then: those that run now may
        end.
    """

    def __init__(self) -> None:
        self.interrupted = False
        self.failed = False
        self._at_once = False

    def __bool__(self) -> bool:
        return self.interrupted or self.failed

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Note Ctrl-C and SIGTERM within, so that what is done can be recorded.

        A second one raises KeyboardInterrupt wherever the program is. Only the main
        thread can listen; elsewhere nothing changes.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._note) for number in _SIGNALS}
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
        again, self.interrupted = self.interrupted, True
        if again or self._at_once:
            raise KeyboardInterrupt
