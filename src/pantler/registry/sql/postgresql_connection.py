"""A connection to PostgreSQL that knows, while it waits, who holds the lock."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

import psycopg

from pantler.registry.sql.postgresql_errors import is_crowded

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg.abc import PQGen

_log = logging.getLogger(__name__)

_INTERVAL_S: Final = 0.1
"""How often a statement that takes long is looked at."""

SAY_AFTER_S: Final = 5.0
"""After how long who waits says so; each time that follows takes twice as long: when
hundreds wait, to ask for whom they do is work for the server, too."""

_NAMED: Final = 3
"""Connections that a message names; of others it says how many there are."""

_BLOCKERS: Final = """
SELECT a.pid, a.usename, a.application_name
FROM unnest(pg_blocking_pids($1::integer)) AS blocker(pid)
JOIN pg_stat_activity AS a ON a.pid = blocker.pid
"""


class LockTimeoutError(psycopg.errors.LockNotAvailable):
    """We have waited for others for as long as we were to.

    Its text says who they are.
    """


class WatchedConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose statements say who holds the lock, and stop in time.

    Attributes
    ----------
    conninfo
        The database, as libpq takes it.
    where
        The database, as messages name it.
    patience
        How long a statement waits for the locks of others, in seconds.
    """

    conninfo: str = ""
    where: str = ""
    patience: Callable[[], float]

    def __del__(self, _warn: Any = None, /) -> None:
        """Say nothing: a registry that was forgotten is closed with its last thread."""

    def wait(
        self,
        gen: PQGen[Any],
        interval: float = _INTERVAL_S,
        timeout: float | None = None,
    ) -> Any:
        """Drive an operation to its end."""
        return super().wait(self._watched(gen), interval, timeout)

    def _watched(self, gen: PQGen[Any]) -> PQGen[Any]:
        """Pass on all that an operation yields and is sent, and look at the time."""
        watch: _Watch | None = None
        got: Any = None
        try:
            while True:
                ready = gen.send(got) if got is not None else next(gen)
                got = yield ready
                if not got:
                    watch = watch or _Watch(self)
                    watch.look()
        except StopIteration as end:
            return end.value
        except psycopg.errors.QueryCanceled:
            if watch is None or not watch.holders:
                raise
            raise LockTimeoutError(watch.holders) from None


class _Watch:
    """Looks at a statement that takes long, which may wait for others."""

    def __init__(self, connection: WatchedConnection) -> None:
        self._connection = connection
        self._since = time.monotonic() - _INTERVAL_S
        self._pause = SAY_AFTER_S
        self._next = min(self._pause, connection.patience())
        self.holders = ""
        """Who held the lock for which it was ended; empty if it was not."""

    def look(self) -> None:
        """Say who holds the lock, now and then; end it when that takes too long."""
        waited = time.monotonic() - self._since
        if waited < self._next or self.holders:
            return
        connection, patience = self._connection, self._connection.patience()
        holders = blockers(connection)
        if holders and waited >= patience:
            self.holders = holders
            connection.cancel_safe(timeout=5.0)
            return
        if holders:
            _log.warning(
                "Waiting for '%s', which is locked by %s: %.0f s so far.",
                connection.where,
                holders,
                waited,
            )
        self._pause *= 2
        self._next = waited + self._pause
        if waited < patience:
            self._next = min(self._next, patience)


def blockers(connection: WatchedConnection) -> str:
    """Return who holds up a connection, as messages name them.

    Empty for nobody, and while the server has no connection left with which to ask.
    """
    try:
        with psycopg.connect(
            connection.conninfo, autocommit=True, connect_timeout=5
        ) as other:
            rows = (
                psycopg.RawCursor(other)
                .execute(_BLOCKERS, (connection.info.backend_pid,))
                .fetchall()
            )
    except psycopg.Error as error:
        return "" if is_crowded(str(error)) else "others"
    named = [
        f"{program or f'process {pid} of the server'} (user {user})"
        for pid, user, program in rows
    ]
    if len(named) > _NAMED:
        named[_NAMED:] = [f"{len(named) - _NAMED} others"]
    return ", ".join(named)
