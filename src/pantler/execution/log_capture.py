"""The log of one quantum: records as plain values."""

from __future__ import annotations

import logging
import traceback
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pantler.execution.plain_values import class_name, plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_OURS: Final = logging.getLogger("pantler.execution")
_MOST_CHARACTERS: Final = 16_000_000


class LogCapture(logging.Handler):
    """Collects what is logged while a quantum runs, at level INFO and above.

    A quantum that logs without end keeps the first 16 million characters.
    """

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.entries: list[dict[str, object]] = []
        self._characters = 0
        self._left_out = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record, whatever its arguments are."""
        self.note(
            record.levelname,
            plain_text(record.name),
            message_of(record),
            trace=trace_of(record),
            created=record.created,
        )

    def note(
        self,
        level: str,
        logger: str,
        message: str,
        *,
        trace: str = "",
        created: float | None = None,
    ) -> None:
        """Add an entry that goes to no other handler.

        Parameters
        ----------
        level, logger, message
            As of a record.
        trace
            A traceback; empty for none.
        created
            When, Unix seconds; now when None.
        """
        if self._characters > _MOST_CHARACTERS:
            self._left_out += 1
            return
        time = (
            datetime.now(UTC)
            if created is None
            else datetime.fromtimestamp(created, UTC)
        )
        entry: dict[str, object] = {
            "time": time.isoformat(),
            "level": level,
            "logger": logger,
            "message": message,
        }
        if trace:
            entry["exception"] = trace
        self._characters += len(message) + len(trace) + 100
        self.entries.append(entry)

    def finish(self) -> None:
        """Say how much was left out, if anything was."""
        if self._left_out:
            self._characters = 0
            self.note(
                "WARNING",
                "pantler.execution",
                f"{self._left_out} more messages were left out.",
            )
            self._left_out = 0


def message_of(record: logging.LogRecord) -> str:
    """Return the message of a record, whatever its arguments are."""
    try:
        return plain_text(record.getMessage())
    except Exception:  # noqa: BLE001 - a border: arguments of a task's message
        return f"{plain_text(record.msg)} (its arguments do not fit)"


def trace_of(record: logging.LogRecord) -> str:
    """Return the traceback that a record carries; empty for none."""
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    return format_trace(record.exc_info[1])


def format_trace(error: BaseException) -> str:
    """Return a traceback as text, whatever the error's methods do."""
    try:
        return plain_text("".join(traceback.format_exception(error)))
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException:  # noqa: BLE001 - a border: methods of a task's error
        return f"{class_name(error)} (its traceback cannot be written)"


@contextmanager
def capture_log(logger: str = "") -> Iterator[LogCapture]:
    """Collect all that is logged within, by this process.

    Where the program prints its log at a higher level, what is collected here does
    not add to what it prints. Afterwards the handlers are those of before: what a
    task adds to the root logger, or sets there, ends with its quantum.

    Parameters
    ----------
    logger
        Whose messages matter most: it and those above it are made to pass them on.
    """
    root = logging.getLogger()
    capture = LogCapture()
    level, handlers = root.level, list(root.handlers)
    levels = [handler.level for handler in handlers]
    filters, disabled = list(root.filters), root.manager.disable
    for handler in handlers:
        handler.setLevel(max(handler.level, level))
    root.addHandler(capture)
    _set_level(root, min(level, logging.INFO))
    _open_way(logger)
    try:
        yield capture
    finally:
        root.handlers[:] = handlers
        root.filters[:] = filters
        _set_level(root, level)
        if root.manager.disable != disabled:
            logging.disable(disabled)
        for handler, old in zip(handlers, levels, strict=True):
            handler.setLevel(old)
        if _OURS.disabled:
            _open_all()
        capture.finish()


def _set_level(logger: logging.Logger, level: int) -> None:
    # Setting it empties the caches of all loggers, which costs more than a quantum.
    if logger.level != level:
        logger.setLevel(level)


def _open_all() -> None:
    """Let all loggers of pantler speak again: configuring others disables them."""
    for name, logger in logging.root.manager.loggerDict.items():
        if name.startswith("pantler") and isinstance(logger, logging.Logger):
            logger.disabled = False


def _open_way(name: str) -> None:
    """Undo what configuring logging within an earlier task may have shut."""
    while name:
        logger = logging.getLogger(name)
        logger.disabled = False
        logger.propagate = True
        name = name.rpartition(".")[0]
