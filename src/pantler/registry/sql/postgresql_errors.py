"""What PostgreSQL's errors mean: one of ours for each that users can bring about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pantler.errors import (
    AccessError,
    BusyError,
    IntegrityError,
    InternalError,
    InvalidInputError,
    NotFoundError,
    PantlerError,
    ReadOnlyError,
    SchemaError,
    SettingsError,
    StoppedError,
    StorageError,
)
from pantler.registry.sql.driver import ConstraintError

if TYPE_CHECKING:
    import psycopg

    from pantler.registry.sql.driver import Failure

_FAILURES: Final[dict[str, Failure]] = {
    "23503": "foreign",
    "23505": "unique",
    "23P01": "unique",  # an exclusion constraint
}

_STOPPED: Final = (
    StoppedError,
    "'{where}' stopped this change, as it and another waited for each other. Nothing "
    "of it was kept: try again.",
)
_LACKING: Final = (
    SchemaError,
    "'{where}' lacks what a registry has ({text}): it is damaged, or another program "
    "changed it. Restore it from a backup.",
)
_MEANINGS: Final[dict[str, tuple[type[PantlerError], str]]] = {
    "40001": _STOPPED,
    "40P01": _STOPPED,
    "42P01": _LACKING,
    "42703": _LACKING,
    "3F000": _LACKING,
    "55P03": (
        BusyError,
        "'{where}' stayed locked by others for too long. Try again, or wait longer "
        "(registry.lock_timeout_s).",
    ),
    "57014": (
        StorageError,
        "'{where}' ended a statement early ({text}). Nothing of this change was kept. "
        "Ask who sets the server's time limits, or try again.",
    ),
    "25006": (
        ReadOnlyError,
        "'{where}' cannot be changed here: its server, or this user, may only read "
        "({text}).",
    ),
    "42501": (
        AccessError,
        "This user lacks a right on '{where}': {text}. Ask who administers the "
        "database to grant it.",
    ),
    "53100": (
        StorageError,
        "There is no space left for '{where}'. Make some on its server and try again; "
        "nothing of this change was kept.",
    ),
}
"""What the server's codes mean, and what to say."""

_ITS_QUESTION: Final = re.compile(r" Is the server running [^?]*\?")
"""What libpq asks where no server answers; we ask the same."""

_CROWDED: Final = (
    "too many clients",
    "too many connections",
    "connection slots are reserved",
)
_SHUT_OUT: Final = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "permission denied",
    "not permitted to log in",
    "role ",
)
_ELSEWHERE: Final = (
    "Connection refused",
    "could not translate host name",
    "Name or service not known",
    "No such file or directory",
    "No route to host",
    "unreachable",
    "timeout expired",
)


def is_crowded(text: str) -> bool:
    """Whether a server that did not let us in may do so when others leave."""
    return any(words in text for words in _CROWDED)


def is_starting(text: str) -> bool:
    """Whether a server that did not let us in is starting up, or shutting down."""
    return "the database system is" in text


def no_connection(where: str, text: str) -> PantlerError:
    """Return the error for a connection that could not be made.

    No code comes with it, so the words must do; those of a server in another language
    are shown as they are.

    Parameters
    ----------
    where
        The database, as messages name it.
    text
        What the client or the server said.
    """
    text = _ITS_QUESTION.sub("", " ".join(text.split())).rstrip(".")
    said = text.rpartition("FATAL: ")[2].strip() or text
    if is_crowded(text):
        return _crowded(where, said)
    if is_starting(text):
        return BusyError(f"The server of '{where}' is not ready: {said}. Try again.")
    if "FATAL:" in text and said.startswith('database "'):
        return NotFoundError(
            f"There is no such database on the server of '{where}': {said}. Correct "
            "its name, or make it first ('createdb')."
        )
    if any(words in text for words in _SHUT_OUT):
        return AccessError(
            f"The server of '{where}' does not let this user in: {said}. Passwords are "
            "looked up in ~/.pgpass (or the file that PGPASSFILE names), in service "
            "files and in PGPASSWORD."
        )
    if any(words in text for words in _ELSEWHERE):
        return StorageError(
            f"No PostgreSQL server answers at '{where}': {said}. Is it running, and "
            "are host and port right?"
        )
    if "service" in text:
        return SettingsError(
            f"'{where}' cannot be used: {said}. Services are looked up in "
            "~/.pg_service.conf (or the file that PGSERVICEFILE names)."
        )
    if "FATAL:" not in text and "invalid" in text:
        return SettingsError(f"'{where}' is not right: {said}.")
    return StorageError(f"Cannot connect to '{where}': {said}.")


def _crowded(where: str, said: str) -> BusyError:
    return BusyError(
        f"The server of '{where}' has no connection left for us: {said}. Close "
        "programs that hold one, or have more allowed (max_connections of the server, "
        "CONNECTION LIMIT of the user or the database)."
    )


def translate(where: str, error: Exception) -> Exception:
    """Return our error for one of the driver's.

    Parameters
    ----------
    where
        The database, as messages name it.
    error
        What the driver raised.
    """
    if isinstance(error, UnicodeEncodeError):
        return InvalidInputError(
            f"Text cannot be stored, as it is not Unicode: {error.object!r} has "
            f"{error.object[error.start]!r}. Replace that character."
        )
    if isinstance(error, UnicodeError):
        return IntegrityError(
            f"The database '{where}' is damaged: some text in it is not Unicode. "
            "Restore it from a backup."
        )
    if isinstance(error, OverflowError):
        return InvalidInputError(
            "A number is too large for a database: integers have 64 bits."
        )
    state: str = getattr(error, "sqlstate", None) or ""
    if state.startswith("23"):
        return ConstraintError(said(error), _FAILURES.get(state, "other"))
    if not state:
        return _without_state(where, error)
    return _of_state(where, state, error) or _of_class(where, state, error)


def said(error: Exception) -> str:
    """Return what the server said, in one line."""
    diagnosis: psycopg.errors.Diagnostic | None = getattr(error, "diag", None)
    text = (diagnosis and diagnosis.message_primary) or str(error)
    return " ".join(text.split()).rstrip(".")


def _without_state(where: str, error: Exception) -> Exception:
    """Return our error for one that the client made, and not the server."""
    text = said(error)
    kind = type(error).__name__
    if kind == "OperationalError":
        return StorageError(
            f"The connection to '{where}' was lost ({text}). Try again."
        )
    if "NUL" in text:
        return InvalidInputError(
            "Text must not have a NUL character: a database cannot hold it."
        )
    if kind in {"DataError", "ProgrammingError"} and "adapt" in text:
        return InvalidInputError(
            f"A value is of a type that a database does not know ({text}). Give "
            "numbers, text, bytes or truth values."
        )
    return InternalError(f"The database '{where}' failed: {text}.")


def _of_state(where: str, state: str, error: Exception) -> Exception | None:
    """Return our error for those that the server's code is enough for."""
    text = said(error)
    if state == "53300":
        return _crowded(where, text)
    known = _MEANINGS.get(state)
    return known and known[0](known[1].format(where=where, text=text))


def _of_class(where: str, state: str, error: Exception) -> Exception:
    """Return our error for a whole class of the server's codes."""
    text = said(error)
    match state[:2]:
        case "22":
            return InvalidInputError(f"The database cannot take a value: {text}.")
        case "53" | "58":
            return StorageError(
                f"The server of '{where}' ran out of something or failed ({text}). "
                "Nothing of this change was kept. Look at its log."
            )
        case "54":
            return InvalidInputError(
                f"That is too much for one statement of the database ({text}). "
                "Ask in several parts."
            )
        case "57" | "08":
            return StorageError(
                f"The server of '{where}' ended the connection ({text}). Try again."
            )
        case "XX" if state != "XX000":
            return IntegrityError(
                f"The database '{where}' is damaged ({text}). Restore it from a backup."
            )
    return InternalError(f"The database '{where}' failed: {text} ({state}).")
