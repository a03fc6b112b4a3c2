"""One database: statements, transactions and temporary tables, a connection a thread.

Statements are built with SQLAlchemy, compiled once to text, and run on the driver's own
cursor, which is several times faster than SQLAlchemy's results.
"""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from pantler.errors import InternalError, InvalidInputError, ReadOnlyError, StorageError
from pantler.registry.sql.bulk import fetch_frame
from pantler.registry.sql.driver import Prepared
from pantler.registry.sql.session import CLOSED, FORKED, NoCursor, Session
from pantler.registry.sql.waiting import run_again

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    import polars as pl

    from pantler.registry.sql.driver import Driver

_SWEPT_ROWS: Final = 2_000
"""Rows of a temporary table after which the traces of deleted ones are in the way."""

_COUNTED_ROWS: Final = 1_000
"""Rows of a temporary table from which on the planner should know of them."""


Rows: TypeAlias = list[tuple[Any, ...]]
"""What a statement returns."""


class Database:
    """A database that any thread may use: each gets a connection of its own.

    Parameters
    ----------
    driver
        Its system and place.
    writeable
        Whether changes are allowed.
    lock_timeout_s
        How long a statement waits for the locks of others; infinite: for ever. It
        may be changed at any time.

    Attributes
    ----------
    on_rollback
        Called, in the thread concerned, when changes are undone.
    """

    def __init__(
        self, driver: Driver, *, writeable: bool, lock_timeout_s: float = 60.0
    ) -> None:
        self.driver = driver
        self.writeable = writeable
        self.lock_timeout_s = lock_timeout_s
        self.on_rollback: list[Callable[[], None]] = []
        self._why_not = ""
        self._local = threading.local()
        self._sessions: weakref.WeakSet[Session] = weakref.WeakSet()
        self._stages: dict[tuple[tuple[str, type], ...], _Stage] = {}
        self._numbers = itertools.count()
        self._mine()  # what is wrong with the database shows at once
        _OPEN.add(self)

    def _mine(self) -> Session:
        """Return this thread's connection.

        Raises
        ------
        InvalidInputError
            If the database was closed, or opened before a fork.
        """
        try:
            session: Session = self._local.session
        except AttributeError:
            if self._why_not:
                NoCursor(self.driver.where, self._why_not).execute()
            session = Session(self.driver, lambda: self.lock_timeout_s)
            try:
                for text in self.driver.phrases.setup:
                    self._fetch(session, text, ())
            except BaseException:
                session.close()
                raise
            self._local.session = session
            self._sessions.add(session)
        return session

    @property
    def epoch(self) -> int:
        """The number of this thread's transaction; 0 outside of one."""
        session = self._mine()
        return session.epoch if session.depth else 0

    @property
    def is_changing(self) -> bool:
        """Whether this thread is in a transaction that may change something."""
        session = self._mine()
        return session.depth > 0 and session.is_writing

    def data_version(self) -> object:
        """Return a value that changes when another connection changed anything."""
        return self._fetch(self._mine(), self.driver.phrases.freshness, ())

    # Statements

    def prepare(self, statement: sa.ClauseElement) -> Prepared:
        """Compile a statement."""
        compiled: Any = statement.compile(
            dialect=self.driver.dialect, compile_kwargs={"render_postcompile": True}
        )
        names = tuple(getattr(compiled, "positiontup", None) or ())
        given = compiled.params if names else {}
        values = {
            name: given[name] for name in names if not compiled.binds[name].required
        }
        return Prepared(str(compiled), names, values)

    def rows(
        self,
        statement: Prepared | sa.ClauseElement,
        parameters: Mapping[str, Any] | None = None,
    ) -> list[tuple[Any, ...]]:
        """Run a statement and return all its rows."""
        if not isinstance(statement, Prepared):
            statement = self.prepare(statement)
        return self._fetch(
            self._mine(), statement.text, statement.bind(parameters or {})
        )

    def fetch(self, prepared: Prepared, values: tuple[Any, ...]) -> Rows:
        """Run a compiled statement with its parameters in order; return all rows."""
        return self._fetch(self._mine(), prepared.text, values)

    def run(
        self,
        statement: Prepared | sa.ClauseElement,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        """Run a statement that returns no rows."""
        if not isinstance(statement, Prepared):
            statement = self.prepare(statement)
        self._execute(self._mine(), statement.text, statement.bind(parameters or {}))

    def frame(
        self,
        statement: Prepared | sa.ClauseElement,
        schema: Mapping[str, type[pl.DataType] | pl.DataType | None],
        parameters: Mapping[str, Any] | None = None,
        *,
        many: bool = False,
    ) -> pl.DataFrame:
        """Run a statement and return its rows as a frame; see `bulk.fetch_frame`.

        Where ``many`` may come, they come in the way that is fastest then.
        """
        if not isinstance(statement, Prepared):
            statement = self.prepare(statement)
        values = statement.bind(parameters or {})
        with self.using() as session:

            def run(text: str) -> Any:
                self._execute(session, text, values)
                return session.cursor

            if not many:
                return fetch_frame(run(statement.text), schema)
            return self.driver.fetch_many(session.raw, run, statement.text, schema)

    @contextmanager
    def using(self) -> Iterator[Session]:
        """Use this thread's connection for something of one's own."""
        session = self._mine()
        session.uses += 1
        try:
            yield session
        except self.driver.errors as error:
            raise self.driver.translate(error) from error
        finally:
            self._used(session)

    def run_many(self, prepared: Prepared, rows: Iterable[tuple[Any, ...]]) -> None:
        """Run a compiled statement for many rows."""
        with self.using() as session:
            session.cursor.executemany(prepared.text, rows)

    def insert_rows(self, table: sa.Table, rows: Iterable[tuple[Any, ...]]) -> int:
        """Insert rows, all columns in the table's order; return how many."""
        with self.using() as session:
            return self.driver.insert_rows(session.cursor, table, rows)

    def stage(
        self, columns: Sequence[sa.Column[Any]], rows: Iterable[tuple[Any, ...]]
    ) -> sa.Table:
        """Return a temporary table that holds just these rows.

        Its content is lost when a table of the same columns is filled again.

        Parameters
        ----------
        columns
            Have the names and types of the table's columns.
        rows
            In that order.
        """
        key = tuple([(column.name, type(column.type)) for column in columns])
        stage = self._stages.get(key)
        if stage is None:
            new = _Stage(self, next(self._numbers), columns)
            stage = self._stages.setdefault(key, new)  # threads agree on one
        session = self._mine()
        name = stage.table.name
        had = session.stages.get(name)
        if had is None:
            self._execute(session, stage.create, ())
            had = _SWEPT_ROWS
        if self.driver.phrases.sweep and had >= _SWEPT_ROWS:
            self._execute(session, f"{self.driver.phrases.sweep} {name}", ())
            had = 0
        else:
            self.run(stage.clear)
        count = self.insert_rows(stage.table, rows)
        session.stages[name] = had + count
        if self.driver.phrases.analyze and count >= _COUNTED_ROWS:
            self._execute(session, f"{self.driver.phrases.analyze} {name}", ())
        return stage.table

    def _fetch(self, session: Session, text: str, values: tuple[Any, ...]) -> Rows:
        session.uses += 1
        try:
            found: Rows = session.cursor.execute(text, values).fetchall()
        except self.driver.errors as error:
            most_s = self.lock_timeout_s
            run_again(session, text, values, error=error, timeout_s=most_s)
            try:
                found = session.cursor.fetchall()
            except self.driver.errors as another:
                raise self.driver.translate(another) from another
        finally:
            session.uses -= 1
            if session.is_doomed:
                session.close_if_idle()
        return found

    def _execute(self, session: Session, text: str, values: tuple[Any, ...]) -> None:
        session.uses += 1
        try:
            session.cursor.execute(text, values)
        except self.driver.errors as error:
            most_s = self.lock_timeout_s
            run_again(session, text, values, error=error, timeout_s=most_s)
        finally:
            session.uses -= 1
            if session.is_doomed:
                session.close_if_idle()

    def _used(self, session: Session) -> None:
        session.uses -= 1
        if session.is_doomed:
            session.close_if_idle()

    # Transactions

    def reading(self) -> AbstractContextManager[None]:
        """See one state of the database in several statements."""
        session = self._mine()
        if session.depth:
            return nullcontext()
        return self._transaction(session, self.driver.phrases.begin_reading)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make all changes within all or nothing; nests by savepoints.

        What fails is undone up to here and no further: whoever catches the error
        outside can ask the database what was wrong.

        Raises
        ------
        ReadOnlyError
            If the database was opened for reading only.
        InvalidInputError
            Within `reading`: who reads already cannot wait for other writers, who
            may be waiting for that reader to end.
        """
        if not self.writeable:
            raise ReadOnlyError(
                "The registry was opened for reading only. Open it with writeable=True."
            )
        session = self._mine()
        if session.depth and not session.is_writing:
            raise InvalidInputError(
                "Nothing can be changed while a state is being read. Change it in a "
                "transaction."
            )
        with self._transaction(session, self.driver.phrases.begin_writing):
            session.is_writing = True
            yield

    @contextmanager
    def _transaction(self, session: Session, begin: str) -> Iterator[None]:
        if session.depth == 0:
            if self.driver.has_begun(session.raw):  # interrupted as it began
                self._execute(session, "ROLLBACK", ())
            session.epoch += 1
            session.is_writing = False
            undo, commit = "ROLLBACK", "COMMIT"
        else:
            name = f"level_{session.depth}"
            begin, commit = f"SAVEPOINT {name}", f"RELEASE SAVEPOINT {name}"
            undo = f"ROLLBACK TO SAVEPOINT {name}"
        self._execute(session, begin, ())
        session.depth += 1
        try:
            yield
            self._commit(session, commit)
        except BaseException:
            self._undo(session, undo, commit)
            raise
        finally:
            session.depth -= 1
            if session.is_doomed:
                session.close_if_idle()

    def _commit(self, session: Session, commit: str) -> None:
        try:
            self._execute(session, commit, ())
        except StorageError as error:
            if commit != "COMMIT" or not self.driver.is_lost(session.raw):
                raise
            raise StorageError(
                f"The connection to '{self.driver.where}' was lost while a change was "
                "being made final: whether it was kept is not known. Look for it "
                "before you try again."
            ) from error

    def _undo(self, session: Session, undo: str, commit: str) -> None:
        session.stages.clear()  # those that were made within are gone
        for forget in self.on_rollback:
            forget()
        # Some failures (a full disk) have the database end the transaction itself.
        if session.raw is not None and self.driver.has_begun(session.raw):
            if undo == "ROLLBACK":
                self._execute(session, undo, ())
                return
            # Interrupted as a savepoint was released, it may be gone: then what was
            # done belongs to the enclosing transaction.
            with suppress(InternalError):
                self._execute(session, undo, ())
                self._execute(session, commit, ())

    # The end

    def close(self) -> None:
        """Close the connections of all threads; closing again does nothing.

        A thread in the middle of something fails at its next statement, and what it
        was changing is undone.
        """
        if self._why_not:
            return
        own = getattr(self._local, "session", None)
        self._why_not, self._local = CLOSED, threading.local()
        for session in list(self._sessions):
            session.is_doomed = True
            if session is own:
                session.close()
            else:
                session.close_if_idle()
        self.driver.close()

    def abandon(self) -> None:
        """Leave all connections to the parent process: this one was forked from it."""
        self._why_not, self._local = self._why_not or FORKED, threading.local()
        for session in list(self._sessions):
            session.abandon()
        self.driver.leave_to_parent()


class _Stage:
    """A temporary table and its statements; every connection has one of its own."""

    def __init__(
        self, database: Database, number: int, columns: Sequence[sa.Column[Any]]
    ) -> None:
        self.table = sa.Table(
            f"stage_{number}",
            sa.MetaData(),
            *(sa.Column(column.name, column.type) for column in columns),
            prefixes=["TEMPORARY"],
        )
        create = CreateTable(self.table, if_not_exists=True)
        self.create = str(create.compile(dialect=database.driver.dialect))
        self.clear = database.prepare(sa.delete(self.table))


_OPEN: weakref.WeakSet[Database] = weakref.WeakSet()


def _leave_to_the_parent() -> None:
    for database in list(_OPEN):
        database.abandon()


os.register_at_fork(after_in_child=_leave_to_the_parent)
