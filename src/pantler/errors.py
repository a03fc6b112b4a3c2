"""Every error of pantler, in one tree, grouped by what the catcher does next.

::

    PantlerError
    ├── NotFoundError            ask for something else          also LookupError
    │   ├── DatasetNotFoundError, CollectionNotFoundError, DatasetTypeNotFoundError
    │   ├── DimensionNotFoundError
    │   └── FieldNotFoundError   also AttributeError, KeyError
    ├── ConflictError            choose another name, or refresh and retry
    │   └── BusyError            wait: others hold a lock
    │       └── StoppedError     run it again: others went first
    ├── InvalidInputError        fix the call                    also ValueError
    │   ├── DataIdError
    │   ├── QuerySyntaxError     has a line and a column
    │   ├── SettingsError
    │   ├── PipelineError
    │   └── HeaderError          a frame whose header cannot be translated
    ├── ReadOnlyError            open for writing
    ├── AccessError              ask for rights                  also PermissionError
    ├── StorageError             look at the disk, bucket or network
    │   └── IntegrityError       size or checksum differs
    ├── SchemaError              migrate the repository
    ├── PluginError              install or repair a plugin
    ├── TaskError                read the log of the quantum
    ├── WorkerError              look at the machine: processes do not start
    └── InternalError            report a bug

Each class has a ``kind``: a stable, append-only code that crosses processes and
prints under ``--format json``, and an ``exit_code`` for the command line.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


_LONG_MESSAGE: Final = 2000
_LONG_WORD: Final = re.compile(r"\S{1000,}")
_LONGEST_NAME: Final = 1000


def _cut(word: re.Match[str]) -> str:
    return f"{word[0][:100]}… ({len(word[0]):,} characters) …{word[0][-20:]}"


class PantlerError(Exception):
    """Root of every error that pantler raises on purpose."""

    kind: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        """Return the message; what somebody gave in it is cut if it is very long."""
        message = super().__str__()
        if len(message) <= _LONG_MESSAGE:
            return message
        return _LONG_WORD.sub(_cut, message)


class NotFoundError(PantlerError, LookupError):
    """What was asked for does not exist."""

    kind = "not_found"
    exit_code = 3


class DatasetNotFoundError(NotFoundError):
    """No dataset matches, or its file is not there."""

    kind = "dataset_not_found"


class CollectionNotFoundError(NotFoundError):
    """No collection of that name."""

    kind = "collection_not_found"


class DatasetTypeNotFoundError(NotFoundError):
    """No dataset type of that name."""

    kind = "dataset_type_not_found"


class FieldNotFoundError(NotFoundError, AttributeError, KeyError):
    """A record has no column of that name."""

    kind = "field_not_found"


class DimensionNotFoundError(NotFoundError):
    """No dimension element of that name in the universe."""

    kind = "dimension_not_found"


class ConflictError(PantlerError):
    """What was asked for contradicts what exists."""

    kind = "conflict"
    exit_code = 4


class BusyError(ConflictError):
    """Others have held a lock that is needed for longer than we wait."""

    kind = "busy"


class StoppedError(BusyError):
    """The database undid a change for the sake of others; it can be made again."""

    kind = "stopped"


class InvalidInputError(PantlerError, ValueError):
    """The call itself is wrong."""

    kind = "invalid_input"
    exit_code = 2


class DataIdError(InvalidInputError):
    """A data ID has a missing, unknown or inconsistent key."""

    kind = "data_id"


class QuerySyntaxError(InvalidInputError):
    """A query expression cannot be understood.

    Parameters
    ----------
    message
        What is wrong, and what to try.
    line, column
        Where, both counted from 1.
    """

    kind = "query_syntax"

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message, line, column)
        self.message = message
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


class SettingsError(InvalidInputError):
    """A setting or a task's configuration is wrong."""

    kind = "settings"


class PipelineError(InvalidInputError):
    """A pipeline does not hold together."""

    kind = "pipeline"


class HeaderError(InvalidInputError):
    """The header of a frame lacks what its translator needs."""

    kind = "header"


class ReadOnlyError(PantlerError):
    """The repository was opened for reading only."""

    kind = "read_only"
    exit_code = 5


class AccessError(PantlerError, PermissionError):
    """The rights to do this are missing."""

    kind = "access"
    exit_code = 5


class StorageError(PantlerError):
    """Bytes could not be read or written."""

    kind = "storage"
    exit_code = 6


class IntegrityError(StorageError):
    """The size or checksum of stored bytes is not what was recorded."""

    kind = "integrity"


class SchemaError(PantlerError):
    """The repository was made for another version of pantler."""

    kind = "schema"
    exit_code = 7


class PluginError(PantlerError):
    """A plugin is missing or broken."""

    kind = "plugin"
    exit_code = 8


class TaskError(PantlerError):
    """A task failed on its quantum."""

    kind = "task"
    exit_code = 9


class WorkerError(PantlerError):
    """Processes that were to run quanta could not be started."""

    kind = "worker"
    exit_code = 10


class InternalError(PantlerError):
    """A state that should be impossible: please report it."""

    kind = "internal"
    exit_code = 70


def close_match(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the closest known name, or an empty string.

    Parameters
    ----------
    name
        What was asked for.
    known
        What exists.

    Returns
    -------
    str
        ``" Did you mean 'calexp'?"``, with a leading space, or ``""``.
    """
    if len(name) > _LONGEST_NAME:
        return ""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{found[0]}'?" if found else ""


def counted(count: int, noun: str) -> str:
    """Return ``1 file`` or ``2 files``, for messages.

    Parameters
    ----------
    count
        How many there are.
    noun
        What they are, in the singular; its plural ends in 's'.
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def error_of_kind(kind: str, message: str) -> PantlerError:
    """Return the error that another process reported.

    Parameters
    ----------
    kind
        Its stable code; one that is not known gives a `PantlerError`.
    message
        What it said.
    """
    known: list[type[PantlerError]] = [PantlerError]
    for found in known:
        if found.kind == kind:
            return found(message)
        known.extend(found.__subclasses__())
    return PantlerError(message)
