"""The connection of one thread, and where it stands."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantler.registry.sql.driver import Driver

CLOSED: Final = "It was closed. Open it again."
FORKED: Final = (
    "It was opened by the process that this one was forked from. Open it again here, "
    "or start processes by 'spawn'."
)


class Session:
    """A connection with its cursor, and what is under way on it.

    Parameters
    ----------
    driver
        Where the connection comes from.
    patience
        How long to wait for others, now, in seconds.

    Attributes
    ----------
    depth
        How many transactions are open, each in another.
    epoch
        Counts transactions.
    uses
        Of the cursor, now.
    is_writing
        Whether the transaction may change something.
    is_doomed
        Whether it is to be closed when nothing is under way.
    stages
        Temporary tables that exist, and how many rows each has had since it was swept.
    """

    __slots__ = (
        "__weakref__",
        "cursor",
        "depth",
        "driver",
        "epoch",
        "is_doomed",
        "is_writing",
        "patience",
        "pid",
        "raw",
        "stages",
        "uses",
    )

    def __init__(self, driver: Driver, patience: Callable[[], float]) -> None:
        self.raw: Any = None
        self.driver = driver
        self.patience = patience
        self.pid = os.getpid()
        self.depth = 0
        self.epoch = 0
        self.uses = 0
        self.is_writing = False
        self.is_doomed = False
        self.stages: dict[str, int] = {}
        self.raw = driver.connect(patience)
        self.cursor = driver.cursor(self.raw)

    def renew(self) -> None:
        """Take a new connection in place of one that was lost."""
        self.stages.clear()
        self.raw = self.driver.connect(self.patience, lost=self.raw)
        self.cursor = self.driver.cursor(self.raw)

    def close(self) -> None:
        """Give the connection back; using it again is an error."""
        raw, cursor = self.raw, self.cursor
        self.raw, self.cursor = None, NoCursor(self.driver.where, CLOSED)
        if raw is not None:
            cursor.close()  # a statement under way would keep the file open
            self.driver.release(raw)

    def close_if_idle(self) -> None:
        """Give it back, unless something is under way."""
        if not self.depth and not self.uses:
            self.close()

    def abandon(self) -> None:
        """Leave the connection to the parent process, also what is under way."""
        raw, cursor = self.raw, self.cursor
        self.raw, self.cursor = None, NoCursor(self.driver.where, FORKED)
        if raw is not None:
            self.driver.abandon(raw, cursor, is_within=self.depth > 0)

    def __del__(self, pid: Callable[[], int] = os.getpid) -> None:
        if self.raw is not None:
            if pid() == self.pid:
                self.close()  # its thread has ended
            else:
                self.abandon()


class NoCursor:
    """Stands for the cursor of a connection that is gone."""

    def __init__(self, where: str, why: str) -> None:
        self._message = f"'{where}' cannot be used. {why}"

    def execute(self, *_: object) -> Any:
        """Say why nothing can be executed."""
        raise InvalidInputError(self._message)

    executemany = execute
