"""What of the log goes where: to the terminal and to files, of whom, how much."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from pantler.errors import InvalidInputError, StorageError, close_match
from pantler.execution.log_capture import message_of, trace_of
from pantler.execution.log_lines import safe_text
from pantler.execution.plain_values import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TextIO

TRACE: Final = 5
"""Finer than DEBUG."""
VERBOSE: Final = 15
"""Between DEBUG and INFO."""

LEVELS: Final = {
    "CRITICAL": logging.CRITICAL,
    "ERROR": logging.ERROR,
    "WARNING": logging.WARNING,
    "INFO": logging.INFO,
    "VERBOSE": VERBOSE,
    "DEBUG": logging.DEBUG,
    "TRACE": TRACE,
}
"""The levels by name, from the gravest down."""

_OURS: Final = "pantler"
_ROOT: Final = "."


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What of the log goes where; plain values, so that workers can have the same.

    Parameters
    ----------
    levels
        The least level of each component that is written. A component stands for
        those below it too, unless they have a level of their own; ``.`` stands for
        all.
    long
        Whether lines also give the time (UTC), the labels and the place in the code.
    files
        Paths of files that get the log too, at their end: as lines of JSON where the
        name ends in ``.json``, otherwise as text, in the long form.
    tty
        Whether the log is written on standard error.
    labels
        What to add to each record.
    """

    levels: Mapping[str, int] = field(
        default_factory=lambda: {_ROOT: logging.WARNING, _OURS: logging.WARNING}
    )
    long: bool = False
    files: tuple[str, ...] = ()
    tty: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(
        cls,
        levels: Sequence[str] = (),
        labels: Sequence[str] = (),
        *,
        long: bool = False,
        files: Sequence[str] = (),
        tty: bool = True,
    ) -> Self:
        """Return the settings that words of a command line ask for.

        Parameters
        ----------
        levels
            Texts ``LEVEL`` (of pantler and its tasks) or ``COMPONENT=LEVEL``; a later
            one replaces an earlier one for the same component.
        labels
            Texts ``NAME=VALUE``.
        long, files, tty
            As of the class.

        Raises
        ------
        InvalidInputError
            If a level is unknown, or a text has not this form.
        """
        wanted = dict(cls().levels)
        for text in levels:
            component, equals, level = text.rpartition("=")
            if equals and not component:
                raise InvalidInputError(
                    f"'{text}' names no component. Write COMPONENT=LEVEL, such as "
                    "pantler.registry=DEBUG, or .=INFO for all."
                )
            wanted[component or _OURS] = _level(level)
        return cls(wanted, long, tuple(files), tty, dict(map(_label, labels)))

    @classmethod
    def current(cls) -> LogSettings | None:
        """Return the settings by which this process writes its log, if any."""
        for handler in logging.getLogger().handlers:
            if isinstance(handler, _Writer):
                return handler.settings
        return None

    def for_worker(self) -> Self:
        """Return those of a process that runs tasks for this one.

        All that tasks log is kept with their outputs, so the terminal gets it only
        if it asked for more than warnings.
        """
        asked_for_more = min(self.levels.values()) < logging.WARNING
        return replace(self, tty=self.tty and asked_for_more)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Write the log so, in place of how pantler wrote it before, until the end.

        Raises
        ------
        StorageError
            If a file cannot be opened.
        """
        root = logging.getLogger()
        before, level = list(root.handlers), root.level
        kept = [handler for handler in before if not isinstance(handler, _Writer)]
        ours = self._writers()
        root.handlers[:] = [*kept, *ours]
        root.setLevel(min(self.levels.values()))
        try:
            yield
        finally:
            root.handlers[:] = before
            root.setLevel(level)
            for writer in ours:
                writer.close()

    def to_json(self) -> str:
        """Return JSON text from which `from_json` makes an equal one."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what `to_json` was called on."""
        held = json.loads(text)
        held["files"] = tuple(held["files"])
        return cls(**held)

    def _writers(self) -> list[_Writer]:
        for name, number in LEVELS.items():
            logging.addLevelName(number, name)
        writers: list[_Writer] = [_Terminal(self)] if self.tty else []
        try:
            for path in self.files:
                writers.append(_File(self, path))
        except OSError as error:
            for writer in writers:
                writer.close()
            raise StorageError(
                f"The log cannot be written to '{plain_text(path)}': "
                f"{error.strerror or error}. Choose another file."
            ) from error
        return writers


def _level(name: str) -> int:
    number = LEVELS.get(name.strip().upper())
    if number is None:
        hint = close_match(name.upper(), LEVELS) or f" There are {', '.join(LEVELS)}."
        raise InvalidInputError(f"'{plain_text(name)}' is not a level.{hint}")
    return number


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name.strip() and equals):
        raise InvalidInputError(
            f"'{plain_text(text)}' is not a label. Write NAME=VALUE."
        )
    return name.strip(), value


class _Writer(logging.Handler):
    """Writes the records that the settings ask for."""

    def __init__(self, settings: LogSettings, *, as_json: bool, long: bool) -> None:
        super().__init__()
        self.settings = settings
        self._least: dict[str, int] = {}
        self._text = _as_json if as_json else _long_line if long else _line

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the settings ask for a record."""
        least = self._least.get(record.name)
        if least is None:
            least = _least_level(record.name, self.settings.levels)
            self._least[record.name] = least
        return record.levelno >= least and bool(super().filter(record))

    def text(self, record: logging.LogRecord) -> str:
        """Return what to write of a record, without the end of the line."""
        return self._text(record, self.settings.labels)


class _Terminal(_Writer):
    """Writes on what is standard error at that moment."""

    def __init__(self, settings: LogSettings) -> None:
        super().__init__(settings, as_json=False, long=settings.long)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            stream: TextIO = sys.stderr
            stream.write(self.text(record) + "\n")
            stream.flush()
        except (OSError, ValueError):  # a full disk, a closed stream
            self.handleError(record)


class _File(_Writer):
    """Adds to the end of a file, a record in one piece: several processes may."""

    def __init__(self, settings: LogSettings, path: str) -> None:
        super().__init__(settings, as_json=path.lower().endswith(".json"), long=True)
        self._file = Path(path).open("ab", buffering=0)  # noqa: SIM115 - see close

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            line = self.text(record) + "\n"
            self._file.write(line.encode("utf-8", "backslashreplace"))
        except (OSError, ValueError):  # a full disk, a closed stream
            self.handleError(record)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def _least_level(name: str, levels: Mapping[str, int]) -> int:
    while name:
        if name in levels:
            return levels[name]
        name = name.rpartition(".")[0]
    return levels[_ROOT]


def _line(record: logging.LogRecord, labels: Mapping[str, str]) -> str:
    del labels
    return safe_text(f"{record.levelname} {record.name}: {_said(record)}")


def _long_line(record: logging.LogRecord, labels: Mapping[str, str]) -> str:
    words = "".join(f"{name}={value} " for name, value in labels.items())
    return safe_text(
        f"{record.levelname} {_time(record)} {record.name} {words}"
        f"({record.filename}:{record.lineno}): {_said(record)}"
    )


def _as_json(record: logging.LogRecord, labels: Mapping[str, str]) -> str:
    entry: dict[str, Any] = {
        "time": _time(record),
        "level": record.levelname,
        "logger": plain_text(record.name),
        "message": message_of(record),
        "file": record.filename,
        "line": record.lineno,
        "process": record.process,
    }
    if trace := trace_of(record):
        entry["exception"] = trace
    if labels:
        entry["labels"] = dict(labels)
    return json.dumps(entry)


def _said(record: logging.LogRecord) -> str:
    trace = trace_of(record)
    return message_of(record) + (f"\n{trace.rstrip()}" if trace else "")


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(
        timespec="milliseconds"
    )
