"""How far a run is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from pantler.execution.outcome import QuantumOutcome

_FIRST_LINE_S: Final = 30.0
_NEXT_LINE_S: Final = 120.0
_REDRAW_S: Final = 0.1
_BAR: Final = 24


class RunProgress:
    """Shows how far a run is, on standard error.

    Parameters
    ----------
    planned
        How many quanta each task has.
    stream
        Where to.
    """

    def __init__(
        self, planned: Mapping[str, int], stream: TextIO | None = None
    ) -> None:
        from pantler.execution.remaining import RemainingTime

        self._stream = stream or sys.stderr
        self._remaining = RemainingTime(planned, time.monotonic)
        self._on_terminal = self._stream.isatty()
        self._next = time.monotonic() + (0.0 if self._on_terminal else _FIRST_LINE_S)
        self._failed = 0
        self._drawn = False

    def __call__(self, outcome: QuantumOutcome, finished: int, total: int) -> None:
        """Take note of an outcome, and show it if the last time is long ago."""
        from pantler.execution.outcome import QuantumStatus

        self._remaining.note(outcome)
        self._failed += outcome.status is QuantumStatus.FAILED
        now = time.monotonic()
        if now < self._next:
            return
        text = self._text(finished, total)
        if self._on_terminal:
            self._next = now + _REDRAW_S
            self._draw(f"{_bar(finished, total)} {text} {outcome.label}")
        else:
            self._next = now + _NEXT_LINE_S
            click.echo(text, file=self._stream)

    def end(self) -> None:
        """Leave the line of the bar, if one was drawn."""
        if self._drawn:
            self._draw("")
            click.echo("\r", nl=False, file=self._stream)

    def _text(self, finished: int, total: int) -> str:
        text = f"{finished} of {total} quanta"
        if self._failed:
            text += f", {self._failed} failed"
        left = self._remaining.seconds()
        return text if left is None else f"{text}, about {spoken_time(left)} left"

    def _draw(self, text: str) -> None:
        _redraw(text, self._stream)
        self._drawn = True


class StepProgress:
    """Shows how far a work of several steps is, on standard error.

    A terminal has one line for each step, which changes; a file gets a line when a step
    ends, and now and then before.

    Parameters
    ----------
    stream
        Where to.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._next = time.monotonic() + _FIRST_LINE_S

    def __call__(self, title: str, done: int, count: int) -> None:
        """Show how much of a step is done, if that is worth a line."""
        text, now = f"  {title}: {done} of {count}", time.monotonic()
        if self._stream.isatty():
            _redraw(text, self._stream)
            click.echo("\n" if done == count else "", nl=False, file=self._stream)
        elif done == count or now >= self._next:
            self._next = now + _NEXT_LINE_S
            click.echo(text, file=self._stream)


def _redraw(text: str, stream: TextIO) -> None:
    width = shutil.get_terminal_size().columns - 1
    click.echo(f"\r{text[:width]:<{width}}", nl=False, file=stream)


def spoken_time(seconds: float) -> str:
    """Return a time as one would say it.

    Examples
    --------
    >>> spoken_time(44), spoken_time(95), spoken_time(8000)
    ('40 s', '2 min', '2 h 10 min')
    """
    if seconds < 55:
        return f"{max(10, round(seconds / 10) * 10)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60 // 10 * 10} min"


def _bar(finished: int, total: int) -> str:
    filled = _BAR * finished // max(total, 1)
    return f"[{'#' * filled}{'-' * (_BAR - filled)}]"
