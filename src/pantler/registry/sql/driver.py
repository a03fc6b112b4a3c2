"""The port behind which each database system stands: what differs between them.

Everything else in this package is the same for all. A driver is stateless but for
where its database is; connections and transactions are the business of `Database`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import polars as pl
    import sqlalchemy as sa

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
class Phrases:
    """What each system says its way.

    Parameters
    ----------
    setup
        What a new connection begins with; one statement at least reads the database.
    begin_reading
        Begins a transaction whose statements all see one state.
    begin_writing
        Begins a transaction that may change something. It waits for other writers
        then rather than later, where the system lets only one write.
    freshness
        A statement whose result, on one connection, changes when another connection
        has changed the catalog (or anything).
    explain
        Begins the statement that says how a query would be answered, in rows whose
        last column is text.
    declare
        Begins the statement that keeps the rows of a query on the server, within a
        transaction; a name follows and `CURSOR FOR`. Empty where rows are made only as
        they are fetched.
    lock_catalog
        A statement that makes changes of the catalog wait for each other until the
        transaction ends; empty where writers wait for each other anyway.
    sweep
        Begins the statement that empties a temporary table and takes all traces of
        earlier rows away; empty where deleting them does.
    analyze
        Begins the statement that counts the rows of a temporary table for the planner;
        empty where it needs no such help.
    lock_rows
        The statement, with braces for a table, that waits for those who are changing
        rows of that table, and keeps others from it until the transaction ends; empty
        where writers wait for each other anyway.
    fills_by_columns
        Whether many rows get into a table faster from here, by columns, than by a
        statement that selects them.
    keeps_order
        Whether rows come in the same order each time, and with every limit, though the
        statement asks for none.
    is_divided
        Whether the tables with a row for each dataset are divided into parts, which the
        planner would rather read than look up many rows in them.
    """

    begin_reading: str
    begin_writing: str
    freshness: str
    explain: str
    declare: str = ""
    lock_catalog: str = ""
    sweep: str = ""
    analyze: str = ""
    lock_rows: str = ""
    fills_by_columns: bool = False
    keeps_order: bool = False
    is_divided: bool = False
    setup: tuple[str, ...] = ()


class Driver(Protocol):
    """One database of one system.

    Attributes
    ----------
    where
        The database, as messages name it.
    dialect
        How SQLAlchemy writes statements.
    errors
        What the driver raises when a statement fails, also for values that cannot be
        parameters.
    phrases
        Statements and beginnings of statements.
    """

    where: str

    @property
    def dialect(self) -> sa.Dialect: ...  # noqa: D102 - described above, as the others
    @property
    def errors(self) -> tuple[type[Exception], ...]: ...  # noqa: D102
    @property
    def phrases(self) -> Phrases: ...  # noqa: D102

    def connect(self, patience: Callable[[], float], *, lost: Any = None) -> Any:
        """Return a connection (DB-API) in autocommit mode.

        It may be closed by another thread than the one that uses it.

        Parameters
        ----------
        patience
            How long its statements wait for others, in seconds, whenever it is asked.
        lost
            The connection that it replaces, if any: the server may be starting again.
        """
        ...

    def cursor(self, raw: Any) -> Any:
        """Return the cursor on which all statements of a connection run."""
        ...

    def release(self, raw: Any) -> None:
        """Close a connection, or keep it for the next thread that needs one."""
        ...

    def is_lost(self, raw: Any) -> bool:
        """Whether the connection has ended without our doing."""
        ...

    def has_begun(self, raw: Any) -> bool:
        """Whether the database has a transaction open on a connection."""
        ...

    def is_busy(self, error: Exception) -> bool:
        """Whether others hold a lock, which they will release."""
        ...

    def lock_holder(self) -> str:
        """Say who holds the lock that others wait for, as far as that is known."""
        ...

    def translate(self, error: Exception) -> Exception:
        """Return our error, or a `ConstraintError`, for one of ``errors``."""
        ...

    def has_table(self, name: str) -> sa.TextClause:
        """Return a statement that has a row if there is a table of that name."""
        ...

    def insert(self, table: sa.Table) -> Any:
        """Return the system's INSERT with ON CONFLICT."""
        ...

    def insert_rows(
        self, cursor: Any, table: sa.Table, rows: Iterable[tuple[Any, ...]]
    ) -> int:
        """Insert rows, all columns in the table's order, by the fastest way there is.

        Returns
        -------
        int
            How many there were.
        """
        ...

    def fetch_many(
        self,
        raw: Any,
        execute: Callable[[str], Any],
        text: str,
        schema: Mapping[str, type[pl.DataType] | pl.DataType | None],
    ) -> pl.DataFrame:
        """Run a statement whose rows may be many, and return them as a frame.

        Parameters
        ----------
        raw
            The connection.
        execute
            Runs a text on it, with the parameters of the statement; returns the cursor
            that has the rows.
        text
            The statement.
        schema
            Its columns; see `bulk.fetch_frame`.
        """
        ...

    def matches_like(
        self, operand: sa.ColumnElement[Any], pattern: str
    ) -> sa.ColumnElement[bool]:
        r"""Return whether text matches a pattern of ``%`` and ``_``, by letter case.

        A backslash takes the meaning from the character after it.
        """
        ...

    def is_listed(
        self, operand: sa.ColumnElement[Any], values: Sequence[Any]
    ) -> sa.ColumnElement[bool]:
        """Return whether a value is in a list of any length.

        The values are all integers, numbers, text or bytes.
        """
        ...

    def abandon(self, raw: Any, cursor: Any, *, is_within: bool) -> None:
        """Leave a connection to the parent process, in a child that was forked.

        The child must neither use nor close it, as long as it lives.

        Parameters
        ----------
        raw, cursor
            The connection and its cursor.
        is_within
            Whether the parent was in the middle of a transaction.
        """
        ...

    def leave_to_parent(self) -> None:
        """Leave to the parent process, in a child, what the driver itself holds."""
        ...

    def close(self) -> None:
        """Release what the driver itself holds; no connection is left."""
        ...
