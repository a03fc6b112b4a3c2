"""SQLite behind the port: connections, locks, errors, and what its SQL says its way."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from pantler.errors import (
    AccessError,
    BusyError,
    ConflictError,
    IntegrityError,
    InternalError,
    InvalidInputError,
    ReadOnlyError,
    SchemaError,
    StorageError,
)
from pantler.registry.sql.bulk import fetch_frame
from pantler.registry.sql.driver import ConstraintError, Phrases
from pantler.registry.sql.sqlite_packing import MOST_BYTES, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import polars as pl

    from pantler.registry.sql.driver import Failure
_ANY: Final = {"%": "*", "_": "?"}
"""What patterns of LIKE have a meaning for, as GLOB writes it."""

_FEW: Final = 500
"""Values of a list beyond which they travel as one parameter."""

_ROWS_TOGETHER: Final = 100
"""Rows of one INSERT: twice as fast as one by one; more gain little."""

_PART_ROWS: Final = 10_000
"""Rows that are held as Python's objects while they are inserted."""

_MOST_PARAMETERS: Final = 32_766
"""Of one statement, unless SQLite was built otherwise."""

_WRITER_BYTE: Final = 0x40000000 + 1
"""The byte of the file that SQLite locks for whoever writes."""

_FAILURES: Final[dict[str, Failure]] = {
    "FOREIGNKEY": "foreign",
    "UNIQUE": "unique",
    "PRIMARYKEY": "unique",
}


class SqliteDriver:
    """One SQLite file.

    Parameters
    ----------
    path
        The file.
    writeable
        Whether it may be changed.
    synchronous
        What SQLite's pragma of that name takes: when it waits for the disk.
    """

    dialect = sqlite.dialect(paramstyle="qmark")
    # A number beyond 64 bits and text that is not Unicode cannot be parameters; SQLite
    # quotes damaged text in its own messages, which Python then cannot read.
    errors = (sqlite3.Error, OverflowError, UnicodeError)

    def __init__(self, path: Path, *, writeable: bool, synchronous: str) -> None:
        self._inserts: dict[sa.Table, _Insert] = {}
        self.path = path.absolute()
        self.where = str(path)
        self._mode = "rw" if writeable else "ro"
        setup = (
            f"PRAGMA synchronous = {synchronous}",
            "PRAGMA foreign_keys = ON",
            "PRAGMA temp_store = MEMORY",
            "PRAGMA cache_size = -65536",  # KiB
            "PRAGMA secure_delete = OFF",
            "PRAGMA user_version",  # reads the file: is it one of SQLite?
        )
        self.phrases = Phrases(
            begin_reading="BEGIN",
            begin_writing="BEGIN IMMEDIATE",
            freshness="PRAGMA data_version",
            explain="EXPLAIN QUERY PLAN",
            keeps_order=True,
            setup=setup,
        )

    def connect(
        self,
        patience: Callable[[], float],  # noqa: ARG002 - who runs a statement waits
        *,
        lost: Any = None,  # noqa: ARG002 - none ever is
    ) -> sqlite3.Connection:
        """Return a new connection in autocommit mode."""
        if self.path in _HALF_USED:
            raise ConflictError(
                f"'{self.where}' cannot be opened here: this process was forked in "
                "the middle of a transaction of its parent. Fork outside of "
                "transactions, or start processes by 'spawn'."
            )
        try:
            return sqlite3.connect(
                f"file:{quote(str(self.path))}?mode={self._mode}",
                uri=True,
                isolation_level=None,  # we say BEGIN ourselves
                timeout=0,  # we wait ourselves
                cached_statements=512,
                check_same_thread=False,  # any thread may close it
            )
        except sqlite3.Error as error:
            raise self.translate(error) from error

    def cursor(self, raw: sqlite3.Connection) -> sqlite3.Cursor:
        """Return the cursor on which all statements of a connection run."""
        return raw.cursor()

    def release(self, raw: sqlite3.Connection) -> None:
        """Close a connection."""
        raw.close()

    def is_lost(self, raw: sqlite3.Connection) -> bool:  # noqa: ARG002 - it is a file
        """Whether the connection has ended without our doing."""
        return False

    def has_begun(self, raw: sqlite3.Connection) -> bool:
        """Whether the database has a transaction open on a connection."""
        return raw.in_transaction

    def is_busy(self, error: Exception) -> bool:
        """Whether others hold a lock, which they will release."""
        name: str = getattr(error, "sqlite_errorname", "")
        return name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))

    def lock_holder(self) -> str:
        """Say who holds the lock that others wait for, as far as that is known."""
        inode = f":{self.path.stat().st_ino} {_WRITER_BYTE} {_WRITER_BYTE}"
        with contextlib.suppress(OSError):  # only Linux lists its locks
            for line in Path("/proc/locks").read_text("ascii").splitlines():
                if line.endswith(inode) and "->" not in line:
                    number = line.split()[4]
                    return (
                        "another thread of this process"
                        if int(number) == os.getpid()
                        else f"process {number}"
                    )
        return "another process"

    def translate(self, error: Exception) -> Exception:
        """Return our error for one of the driver's."""
        if isinstance(error, UnicodeEncodeError):
            return InvalidInputError(
                f"Text cannot be stored, as it is not Unicode: {error.object!r} has "
                f"{error.object[error.start]!r}. Replace that character."
            )
        if isinstance(error, UnicodeError):
            return _not_unicode(self.where)
        if isinstance(error, OverflowError):
            return InvalidInputError(
                "A number is too large for a database: integers have 64 bits."
            )
        name: str = getattr(error, "sqlite_errorname", "")
        if name.startswith("SQLITE_CONSTRAINT"):
            kind = _FAILURES.get(name.rpartition("_")[2], "other")
            return ConstraintError(str(error), kind)
        if name == "SQLITE_READONLY_ROLLBACK":
            return ReadOnlyError(
                "A writer was killed in the middle of a change. Open the registry "
                "again."
            )
        found = _translate_code("_".join(name.split("_")[:2]), self.where, error)
        return found or _translate_text(self.where, error)

    def has_table(self, name: str) -> sa.TextClause:
        """Return a statement that has a row if there is a table of that name."""
        text = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = :name"
        return sa.text(text).bindparams(name=name)

    def insert(self, table: sa.Table) -> sqlite.Insert:
        """Return SQLite's INSERT with ON CONFLICT."""
        return sqlite.insert(table)

    def insert_rows(
        self,
        cursor: sqlite3.Cursor,
        table: sa.Table,
        rows: Iterable[tuple[Any, ...]],
    ) -> int:
        """Insert rows, all columns in the table's order; return how many."""
        known = self._inserts.get(table)
        if known is None:
            known = self._inserts[table] = _Insert(table, self.dialect)
        given = iter(rows)
        count = 0
        while part := list(itertools.islice(given, _PART_ROWS)):
            known.run(cursor, part)
            count += len(part)
        return count

    def fetch_many(
        self,
        raw: sqlite3.Connection,
        execute: Callable[[str], sqlite3.Cursor],
        text: str,
        schema: Mapping[str, type[pl.DataType] | pl.DataType | None],
    ) -> pl.DataFrame:
        """Run a statement whose rows may be many, and return them as a frame."""
        frame = None
        together = packed(text, list(schema.values()))
        if together is not None:
            wanted = {name: kind for name, kind in schema.items() if kind is not None}
            usual = raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
            try:
                frame = unpacked(execute(together).fetchone(), wanted)
            except InvalidInputError as error:
                if not _is_too_long(error):
                    raise
            finally:
                raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, usual)
        if frame is None:
            frame = fetch_frame(execute(text), schema)
        return frame

    def matches_like(
        self, operand: sa.ColumnElement[Any], pattern: str
    ) -> sa.ColumnElement[bool]:
        r"""Return whether text matches a pattern of ``%`` and ``_``, by letter case."""
        # LIKE of SQLite does not tell upper from lower case; GLOB does.
        glob: list[str] = []
        characters = iter(pattern)
        for each in characters:
            if each in _ANY:
                glob.append(_ANY[each])
            else:
                plain = next(characters, each) if each == "\\" else each
                glob.append(f"[{plain}]" if plain in "*?[" else plain)
        return operand.op("GLOB", is_comparison=True)("".join(glob))

    def is_listed(
        self, operand: sa.ColumnElement[Any], values: Sequence[Any]
    ) -> sa.ColumnElement[bool]:
        """Return whether a value is in a list of any length."""
        if len(values) <= _FEW or isinstance(values[0], bytes):
            return operand.in_([sa.literal(value) for value in values])
        listed = sa.func.json_each(sa.literal(json.dumps(values)))
        return operand.in_(sa.select(listed.table_valued("value").c.value))

    def abandon(self, raw: Any, cursor: Any, *, is_within: bool) -> None:
        """Leave a connection to the parent process, in a child that was forked.

        SQLite says: do not even close it, which could undo what the parent is doing.
        A parent's lock would look like one of the child's own, which it is not.
        """
        import ctypes

        for kept in (raw, cursor):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))
        if is_within:
            _HALF_USED.add(self.path)

    def leave_to_parent(self) -> None:
        """Nothing is held beyond connections."""

    def close(self) -> None:
        """Nothing is held beyond connections."""


_HALF_USED: Final[set[Path]] = set()
"""Files that the parent process was reading or writing as this one was forked."""


class _Insert:
    """The statements that insert many rows into a table, and few.

    Parameters
    ----------
    table
        The table.
    dialect
        SQLite's.
    """

    def __init__(self, table: sa.Table, dialect: sa.Dialect) -> None:
        width = len(table.c)
        self._together = min(_ROWS_TOGETHER, _MOST_PARAMETERS // width)
        self._parameters = self._together * width
        self._one = str(sa.insert(table).compile(dialect=dialect))
        values = f"({', '.join('?' * width)})"
        self._many = ", ".join([self._one, *[values] * (self._together - 1)])

    def run(self, cursor: sqlite3.Cursor, rows: list[tuple[Any, ...]]) -> None:
        """Insert rows: together as far as they fill whole statements."""
        whole = len(rows) - len(rows) % self._together
        if whole:
            values = itertools.chain.from_iterable(rows[:whole])
            # One iterator many times over: each tuple takes the next values.
            cursor.executemany(
                self._many, zip(*[values] * self._parameters, strict=True)
            )
        if whole < len(rows):
            cursor.executemany(self._one, rows[whole:])


def _is_too_long(error: Exception) -> bool:
    """Whether a value would have had more bytes than SQLite may give it."""
    name: str = getattr(error.__cause__, "sqlite_errorname", "")
    return name == "SQLITE_TOOBIG"


def copy_database(path: Path, copy: Path) -> None:
    """Copy a database as it is at one moment, also while others are using it.

    Raises
    ------
    PantlerError
        If it cannot be read, or the copy cannot be written.
    """
    driver = SqliteDriver(path, writeable=False, synchronous="FULL")
    unfinished = Path(f"{copy}.unfinished")
    with contextlib.closing(driver.connect(lambda: 60.0)) as source:
        try:
            target = sqlite3.connect(unfinished, isolation_level=None)
            with contextlib.closing(target):
                source.execute("BEGIN")  # one state, and no writer restarts it
                source.execute("PRAGMA user_version").fetchall()
                source.backup(target)
            unfinished.rename(copy)
        except sqlite3.Error as error:
            unfinished.unlink(missing_ok=True)
            raise driver.translate(error) from error


def _translate_code(code: str, where: str, error: Exception) -> Exception | None:
    """Return our error for those that SQLite's code is enough for."""
    match code:
        case "SQLITE_BUSY" | "SQLITE_LOCKED":
            return BusyError(
                f"'{where}' stayed locked by others for too long. Try again, or wait "
                "longer (registry.lock_timeout_s)."
            )
        case "SQLITE_READONLY":
            return ReadOnlyError(f"'{where}' cannot be changed here: {error}.")
        case "SQLITE_PERM" | "SQLITE_AUTH" | "SQLITE_CANTOPEN":
            return AccessError(f"'{where}' cannot be opened: {error}.")
        case "SQLITE_NOTADB":
            return SchemaError(
                f"'{where}' is not a registry: it is not an SQLite database."
            )
        case "SQLITE_CORRUPT":
            return IntegrityError(
                f"The database '{where}' is damaged ({error}). Restore it from a "
                "backup, or save what can be read with "
                f"\"sqlite3 '{where}' .recover\"."
            )
        case "SQLITE_FULL":
            return StorageError(
                f"There is no space left for '{where}'. Make some and try again; "
                "nothing of this change was kept."
            )
        case "SQLITE_IOERR":
            return StorageError(
                f"'{where}' could not be read or written ({error}). Look at the disk."
            )
    return None


def _not_unicode(where: str) -> IntegrityError:
    return IntegrityError(
        f"The database '{where}' is damaged: some text in it is not Unicode. "
        "Restore it from a backup."
    )


def _translate_text(where: str, error: Exception) -> Exception:
    """Return our error for those that SQLite tells apart by their text only."""
    text = str(error)
    if text.startswith("Could not decode"):
        return _not_unicode(where)
    if "no such table" in text or "no such column" in text:
        return SchemaError(
            f"'{where}' lacks what a registry has ({text}): it is damaged, or another "
            "program changed it. Restore it from a backup."
        )
    if text.startswith("Error binding parameter"):
        return InvalidInputError(
            f"A value is of a type that a database does not know ({text}). Give "
            "numbers, text, bytes or truth values."
        )
    if "too " in text or "overflow" in text:
        return InvalidInputError(
            f"That is too much for one statement of the database ({text}). "
            "Ask in several parts."
        )
    return InternalError(f"The database '{where}' failed: {text}.")
