"""The log of one quantum: records as plain values."""

from __future__ import annotations

import logging
import traceback
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class LogCapture(logging.Handler):
    """Collects what is logged while a quantum runs, at level INFO and above."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.entries: list[dict[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            entry["exception"] = "".join(traceback.format_exception(*record.exc_info))
        self.entries.append(entry)


@contextmanager
def capture_log() -> Iterator[LogCapture]:
    """Collect all that is logged within, of this process.

    Where the program prints its log at a higher level, what is collected here does
    not add to what it prints.
    """
    root = logging.getLogger()
    capture = LogCapture()
    level, levels = root.level, [handler.level for handler in root.handlers]
    for handler in root.handlers:
        handler.setLevel(max(handler.level, level))
    root.addHandler(capture)
    root.setLevel(min(level, logging.INFO))
    try:
        yield capture
    finally:
        root.removeHandler(capture)
        root.setLevel(level)
        for handler, old in zip(root.handlers, levels, strict=True):
            handler.setLevel(old)
