"""One connection to a database: statements, transactions, what failed and why.

Statements are built with SQLAlchemy, compiled once to text, and run on the driver's own
cursor, which is several times faster than SQLAlchemy's results.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from pantler.errors import ReadOnlyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import sqlalchemy as sa

BUSY_S: Final = 60.0
"""How long a statement waits for the locks of others."""

Failure = Literal["foreign", "unique", "other"]


class ConstraintError(Exception):
    """A constraint of the database refused a change.

    It stays within this package: the facets turn it into an error of
    `pantler.errors` that says which data ID is meant; one that gets through is a bug.
    """

    def __init__(self, message: str, failure: Failure) -> None:
        super().__init__(message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Prepared:
    """A compiled statement.

    Parameters
    ----------
    text
        With positional parameters.
    names
        The name of each parameter, in order.
    values
        Values that were fixed when the statement was built, by name.
    """

    text: str
    names: tuple[str, ...]
    values: Mapping[str, Any]

    def bind(self, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the parameters in order."""
        if not self.values:
            return tuple([parameters[name] for name in self.names])
        merged = {**self.values, **parameters}
        return tuple([merged[name] for name in self.names])


@dataclass(frozen=True, slots=True)
class Backend:
    """What differs between databases.

    Parameters
    ----------
    dialect
        How SQLAlchemy writes statements.
    insert
        Its INSERT with ON CONFLICT.
    freshness
        A statement whose result changes when another connection has changed anything.
    driver_error
        The root of the driver's errors.
    is_busy
        Whether an error says that others hold a lock, which they will release.
    translate
        Turns errors into ours.
    """

    dialect: sa.Dialect
    insert: Callable[[sa.Table], Any]
    freshness: str
    driver_error: type[Exception]
    is_busy: Callable[[Exception], bool]
    translate: Callable[[Exception], Exception]


class Connection:
    """A connection that belongs to one thread.

    Parameters
    ----------
    raw
        The driver's connection, in autocommit mode.
    backend
        What is particular to the database.
    writeable
        Whether changes are allowed.
    """

    def __init__(self, raw: Any, backend: Backend, *, writeable: bool) -> None:
        self._raw = raw
        self._cursor = raw.cursor()
        self._is_open = True
        self._backend = backend
        self._driver_error = backend.driver_error
        self._translate = backend.translate
        self.dialect = backend.dialect
        self.insert = backend.insert
        self.writeable = writeable
        self._depth = 0
        self.epoch = 0
        self.on_rollback: list[Callable[[], None]] = []

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._depth > 0

    def data_version(self) -> object:
        """Return a value that changes when another connection changed anything."""
        return self.run_text(self._backend.freshness).fetchall()

    def prepare(self, statement: sa.ClauseElement) -> Prepared:
        """Compile a statement."""
        compiled: Any = statement.compile(
            dialect=self.dialect, compile_kwargs={"render_postcompile": True}
        )
        names = tuple(getattr(compiled, "positiontup", None) or ())
        given = compiled.params if names else {}
        values = {
            name: given[name] for name in names if not compiled.binds[name].required
        }
        return Prepared(str(compiled), names, values)

    def run(
        self, prepared: Prepared, parameters: Mapping[str, Any] | None = None
    ) -> Any:
        """Run a compiled statement and return the driver's cursor.

        The cursor is good until the next statement.
        """
        return self._run_patiently(prepared.text, prepared.bind(parameters or {}))

    def execute(
        self, statement: sa.ClauseElement, parameters: Mapping[str, Any] | None = None
    ) -> Any:
        """Compile and run a statement and return the driver's cursor."""
        return self.run(self.prepare(statement), parameters)

    def rows(
        self,
        statement: Prepared | sa.ClauseElement,
        parameters: Mapping[str, Any] | None = None,
    ) -> list[tuple[Any, ...]]:
        """Return all rows of a statement."""
        if not isinstance(statement, Prepared):
            statement = self.prepare(statement)
        found: list[tuple[Any, ...]] = self.run(statement, parameters).fetchall()
        return found

    def run_many(self, prepared: Prepared, rows: Iterable[tuple[Any, ...]]) -> int:
        """Run a compiled statement for many rows; return how many rows it changed."""
        try:
            cursor = self._cursor.executemany(prepared.text, rows)
        except self._driver_error as error:
            raise self._translate(error) from error
        return int(cursor.rowcount)

    def run_text(self, text: str) -> Any:
        """Run a statement that has no parameters, such as BEGIN."""
        return self._run_patiently(text, ())

    def _run_patiently(self, text: str, parameters: tuple[Any, ...]) -> Any:
        """Run a statement, waiting while others hold the lock that it needs.

        Who has waited longer asks more often, so that nobody waits for ever among
        many writers: what SQLite does itself is the other way round.
        """
        since = 0.0
        while True:
            try:
                return self._cursor.execute(text, parameters)
            except self._driver_error as error:
                now = time.monotonic()
                since = since or now
                waited = now - since
                if not self._backend.is_busy(error) or waited > BUSY_S:
                    raise self._translate(error) from error
            time.sleep(max(0.0003, 0.008 - 0.004 * waited))

    @contextmanager
    def transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
        """Make all changes within all or nothing; nests by save points."""
        if self._depth == 0:
            self.epoch += 1
            start, commit, undo = begin, "COMMIT", "ROLLBACK"
        else:
            name = f"level_{self._depth}"
            start, commit = f"SAVEPOINT {name}", f"RELEASE {name}"
            undo = f"ROLLBACK TO {name}"
        self.run_text(start)
        self._depth += 1
        try:
            yield
            self.run_text(commit)
        except BaseException:
            self._undo(undo, commit)
            raise
        finally:
            self._depth -= 1

    def _undo(self, undo: str, commit: str) -> None:
        for forget in self.on_rollback:
            forget()
        # Some failures (a full disk) have the database end the transaction itself.
        if self._raw.in_transaction:
            self.run_text(undo)
            if undo != "ROLLBACK":
                self.run_text(commit)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """See one state of the database in several statements."""
        if self._depth:
            yield
        else:
            with self.transaction("BEGIN"):
                yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Open a transaction that may change something.

        Raises
        ------
        ReadOnlyError
            If the registry was opened for reading only.
        """
        if not self.writeable:
            raise ReadOnlyError(
                "The registry was opened for reading only. Open it with writeable=True."
            )
        with self.transaction():
            yield

    def close(self) -> None:
        """Close the connection; closing it again does nothing."""
        if self._is_open:
            self._is_open = False
            self._cursor.close()  # a statement under way would keep the file open
            self._raw.close()
