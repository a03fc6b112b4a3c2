"""PostgreSQL behind the port: connections, errors, and what its SQL says its way."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import logging
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import psycopg
import sqlalchemy as sa
from psycopg.adapt import AdaptersMap
from psycopg.pq import Format, TransactionStatus
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from sqlalchemy.dialects import postgresql

from pantler.errors import BusyError, PantlerError
from pantler.registry.sql.bulk import UuidRows, fetch_frame
from pantler.registry.sql.driver import Phrases
from pantler.registry.sql.postgresql_connection import (
    SAY_AFTER_S,
    LockTimeoutError,
    WatchedConnection,
)
from pantler.registry.sql.postgresql_copy import encoded
from pantler.registry.sql.postgresql_dialect import PostgresqlDialect
from pantler.registry.sql.postgresql_errors import (
    is_crowded,
    is_starting,
    no_connection,
    translate,
)
from pantler.registry.sql.postgresql_packing import packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import polars as pl

    from pantler.registry.sql.postgresql_location import PostgresqlLocation

_log = logging.getLogger(__name__)

_FEW_ROWS: Final = 4
"""Rows up to which INSERT is faster than COPY."""

_PREPARED: Final = 500
"""Statements that a connection keeps prepared."""

_KEPT_IDLE: Final = 4
"""Connections that are kept for threads to come."""

_COMING_BACK_S: Final = 15.0
"""How long a server that went away may take to come back."""

_ROOM: Final = """
SELECT set_config(s.name, given.value, false)
FROM (VALUES ('work_mem', '32MB'), ('temp_buffers', '64MB')) AS given(name, value)
JOIN pg_catalog.pg_settings AS s ON s.name = given.name
WHERE s.source = 'default'
"""
"""Memory to sort and stage a batch in, where nobody has said how much; it is taken
only when it is needed."""

_CATALOG_LOCK: Final = 0x70616E74
"""Our number among the advisory locks of a database; the second is the schema's."""

_COPY_TYPES: Final[tuple[tuple[type[sa.types.TypeEngine[Any]], str], ...]] = (
    (sa.SmallInteger, "int2"),
    (sa.Integer, "int8"),
    (sa.String, "text"),
    (sa.LargeBinary, "bytea"),
    (sa.Boolean, "bool"),
    (sa.Float, "float8"),
)


class PostgresqlDriver:
    """One schema of a PostgreSQL database, and the connections to it.

    Parameters
    ----------
    location
        Where.
    connections
        How many may be open at once.
    writeable
        Whether anything may be changed.
    """

    errors = (psycopg.Error, OverflowError, UnicodeError)
    phrases = Phrases(
        # Not READ ONLY: rows to be joined are staged in temporary tables.
        begin_reading="BEGIN ISOLATION LEVEL REPEATABLE READ",
        begin_writing="BEGIN ISOLATION LEVEL READ COMMITTED",
        freshness="SELECT max(revision) FROM catalog_journal",
        explain="EXPLAIN",
        declare="DECLARE",
        lock_catalog=(
            f"SELECT pg_advisory_xact_lock({_CATALOG_LOCK}, hashtext(current_schema()))"
        ),
        sweep="TRUNCATE",
        lock_rows="LOCK TABLE {} IN SHARE MODE",
        analyze="ANALYZE",
        fills_by_columns=True,
        is_divided=True,
    )

    def __init__(
        self, location: PostgresqlLocation, *, connections: int, writeable: bool
    ) -> None:
        self.dialect = PostgresqlDialect()
        self.location = location
        self.where = location.text
        self._most = connections
        self._writeable = writeable
        self._inserts: dict[sa.Table, _Insert] = {}
        self._not_packed: set[str] = set()
        self._is_closed = self._was_up = False
        self._adapters = AdaptersMap(psycopg.adapters)
        # One type for all integers, so that a statement is prepared once. Lists are
        # sent as text: only there psycopg does not choose the type by the first list.
        self._adapters.register_dumper(int, Int8Dumper)
        self._adapters.register_dumper(int, Int8BinaryDumper)
        self._forget()

    def _forget(self) -> None:
        self._free = threading.Condition()
        self._idle: list[WatchedConnection] = []
        self._open = 0

    # Connections

    def connect(
        self, patience: Callable[[], float], *, lost: WatchedConnection | None = None
    ) -> WatchedConnection:
        """Return a connection in autocommit mode: an idle one, or one that is new."""
        until = time.monotonic() + patience()
        if lost is not None:
            lost.close()
            raw = self._connect_when_up(until)
        else:
            raw = self._take(until)
        raw.patience = patience
        return raw

    def _take(self, until: float) -> WatchedConnection:
        """Take one of the connections that this process may have."""
        with self._free:
            while not self._idle and self._open >= self._most:
                if not self._free.wait(max(0.0, until - time.monotonic())):
                    raise BusyError(
                        f"All {self._most} connections of this process to "
                        f"'{self.where}' are in use by other threads. Use fewer "
                        "threads, or allow more (registry.connections)."
                    )
            raw = self._idle.pop() if self._idle else None
            self._open += raw is None
        if raw is not None and _is_clean(raw):
            return raw
        try:
            if raw is not None:
                raw.close()
            return self._connect_when_up(until)
        except BaseException:
            with self._free:
                self._open -= 1
                self._free.notify()
            raise

    def _connect_when_up(self, until: float) -> WatchedConnection:
        """Connect, and try again for a while where that can help."""
        began = time.monotonic()
        coming_back, say_at = began + _COMING_BACK_S, began + SAY_AFTER_S
        while True:
            try:
                raw = self._connect()
            except psycopg.Error as error:
                now, text = time.monotonic(), str(error)
                wait = until if is_crowded(text) else 0.0
                if is_starting(text) or self._was_up:
                    wait = max(wait, coming_back)
                if now > wait:
                    raise no_connection(self.where, text) from error
                if now > say_at:
                    say_at = now + 2 * (now - began)
                    _log.warning(
                        "Waiting for a connection to '%s': %.0f s so far.",
                        self.where,
                        now - began,
                    )
                time.sleep(0.1)
            else:
                self._was_up = True
                return raw

    def _connect(self) -> WatchedConnection:
        raw = WatchedConnection.connect(
            self.location.conninfo,
            autocommit=True,
            context=_Context(self._adapters),
            prepare_threshold=2,
            fallback_application_name=_own_name(),
        )
        raw.conninfo, raw.where = self.location.conninfo, self.where
        raw.prepared_max = _PREPARED
        raw.patience = lambda: float("inf")
        quoted = self.location.schema.replace('"', '""')
        # A reader changes no table, but stages rows in temporary ones.
        only = "off" if not self._writeable else None
        try:
            self.cursor(raw).execute(
                "SELECT set_config('search_path', $1::text, false), "
                "set_config('jit', 'off', false), "
                "set_config('default_transaction_read_only', coalesce($2::text, "
                "current_setting('default_transaction_read_only')), false)",
                (f'"{quoted}"', only),
            )
            self.cursor(raw).execute(_ROOM)
        except psycopg.Error as error:
            raw.close()
            raise self.translate(error) from error
        return raw

    def cursor(self, raw: WatchedConnection) -> psycopg.RawCursor[tuple[Any, ...]]:
        """Return the cursor on which all statements of a connection run."""
        cursor = psycopg.RawCursor(raw)
        cursor.format = Format.BINARY
        return cursor

    def release(self, raw: WatchedConnection) -> None:
        """Keep a connection for the next thread, or close it."""
        with self._free:
            has_room = len(self._idle) < _KEPT_IDLE and not self._is_closed
            is_kept = has_room and _is_clean(raw)
            if is_kept:
                self._idle.append(raw)
            else:
                self._open -= 1
            self._free.notify()
        if not is_kept:
            raw.close()

    def is_lost(self, raw: WatchedConnection) -> bool:
        """Whether the connection has ended without our doing."""
        return raw.closed

    def has_begun(self, raw: WatchedConnection) -> bool:
        """Whether the database has a transaction open on a connection."""
        return raw.pgconn.transaction_status in {
            TransactionStatus.INTRANS,
            TransactionStatus.INERROR,
            TransactionStatus.ACTIVE,
        }

    def is_busy(self, error: Exception) -> bool:  # noqa: ARG002 - the server waits
        """Whether others hold a lock, which they will release."""
        return False

    def lock_holder(self) -> str:
        """Say who holds the lock that others wait for, as far as that is known."""
        return "others"

    def translate(self, error: Exception) -> Exception:
        """Return our error for one of the driver's."""
        if isinstance(error, PantlerError):
            return error
        if isinstance(error, LockTimeoutError):
            return BusyError(
                f"'{self.where}' stayed locked by {error} for too long. Try again, or "
                "wait longer (registry.lock_timeout_s)."
            )
        return translate(self.where, error)

    def abandon(self, raw: Any, cursor: Any, *, is_within: bool) -> None:  # noqa: ARG002
        """Leave a connection to the parent process, in a child that was forked.

        To close it would end the parent's: the server sees one client. So the child
        keeps it for ever, but not its end of the line.
        """
        for kept in (raw, cursor):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))
        with contextlib.suppress(psycopg.Error, OSError):
            os.close(raw.pgconn.socket)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._free:
            self._is_closed = True
            idle, self._idle = self._idle, []
            self._open -= len(idle)
            self._free.notify_all()
        for raw in idle:
            raw.close()

    def leave_to_parent(self) -> None:
        """Leave the idle connections to the parent process, in a forked child."""
        for raw in self._idle:
            self.abandon(raw, None, is_within=False)
        self._forget()

    # Statements

    def has_table(self, name: str) -> sa.TextClause:
        """Return a statement that has a row if there is a table of that name."""
        text = (
            "SELECT tablename FROM pg_catalog.pg_tables "
            "WHERE schemaname = current_schema() AND tablename = :name"
        )
        return sa.text(text).bindparams(name=name)

    def insert(self, table: sa.Table) -> postgresql.Insert:
        """Return PostgreSQL's INSERT with ON CONFLICT."""
        return postgresql.insert(table)

    def insert_rows(
        self,
        cursor: psycopg.RawCursor[Any],
        table: sa.Table,
        rows: Iterable[tuple[Any, ...]],
    ) -> int:
        """Insert rows, all columns in the table's order; return how many."""
        known = self._inserts.get(table)
        if known is None:
            known = self._inserts[table] = _Insert(table, self.dialect)
        if isinstance(rows, UuidRows):
            with cursor.copy(known.many) as copy:
                for part in encoded(rows.columns):
                    copy.write(part)
            return cursor.rowcount
        coming = iter(rows)
        first = list(itertools.islice(coming, _FEW_ROWS + 1))
        if len(first) <= _FEW_ROWS:
            for row in first:
                cursor.execute(known.one, row)
            return len(first)
        with cursor.copy(known.many) as copy:
            copy.set_types(known.types)
            write = copy.write_row
            for row in first:
                write(row)
            for row in coming:
                write(row)
        return cursor.rowcount

    def fetch_many(
        self,
        raw: WatchedConnection,  # noqa: ARG002 - the cursor knows it
        execute: Callable[[str], psycopg.RawCursor[Any]],
        text: str,
        schema: Mapping[str, type[pl.DataType] | pl.DataType | None],
    ) -> pl.DataFrame:
        """Run a statement whose rows may be many, and return them as a frame."""
        together = None
        if text not in self._not_packed:
            together = packed(text, list(schema.values()))
        if together is not None:
            wanted = {name: kind for name, kind in schema.items() if kind is not None}
            (row,) = execute(together.text).fetchall()
            frame = unpacked(row, wanted, together.most)
            if frame is not None:
                return frame
            if len(self._not_packed) >= _PREPARED:
                self._not_packed.clear()
            self._not_packed.add(text)  # the next time it is asked once only
        return fetch_frame(execute(text), schema)

    def matches_like(
        self, operand: sa.ColumnElement[Any], pattern: str
    ) -> sa.ColumnElement[bool]:
        r"""Return whether text matches a pattern of ``%`` and ``_``, by letter case."""
        return operand.like(pattern)

    def is_listed(
        self, operand: sa.ColumnElement[Any], values: Sequence[Any]
    ) -> sa.ColumnElement[bool]:
        """Return whether a value is in a list of any length."""
        kinds = {type(value) for value in values}
        item: sa.types.TypeEngine[Any] = sa.BigInteger()
        if kinds & {str}:
            item = sa.Text()
        elif kinds & {bytes}:
            item = sa.LargeBinary()
        elif kinds & {float}:
            item, values = sa.Double(), [float(value) for value in values]
        elif kinds == {bool}:
            item = sa.Boolean()
        listed = sa.literal(list(values), postgresql.ARRAY(item))
        return operand == sa.any_(listed)


class _Context:
    """Gives a connection our adapters."""

    def __init__(self, adapters: AdaptersMap) -> None:
        self.adapters = adapters
        self.connection = None


class _Insert:
    """How rows get into a table: one by one, or many."""

    def __init__(self, table: sa.Table, dialect: sa.Dialect) -> None:
        self.one = str(sa.insert(table).inline().compile(dialect=dialect))
        quote = dialect.identifier_preparer
        columns = ", ".join(quote.format_column(column) for column in table.columns)
        self.many = (
            f"COPY {quote.format_table(table)} ({columns}) FROM STDIN (FORMAT BINARY)"
        )
        self.types = [_copy_type(column.type) for column in table.columns]


def _copy_type(type_: sa.types.TypeEngine[Any]) -> str:
    for kind, name in _COPY_TYPES:
        if isinstance(type_, kind):
            return name
    raise TypeError(type_)


def _is_clean(raw: WatchedConnection) -> bool:
    return (
        not raw.closed
        and raw.pgconn.transaction_status == TransactionStatus.IDLE
        and not raw.pgconn.socket < 0
    )


def _own_name() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"[:63]
