"""When a statement fails for no fault of its own: waiting, or connecting again."""

from __future__ import annotations

import functools
import logging
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantler.registry.sql.driver import Driver
    from pantler.registry.sql.session import Session

_log = logging.getLogger(__name__)

_SAY_EVERY_S: Final = 5.0
"""How often a statement that waits for others says so."""


def run_again(
    session: Session,
    text: str,
    values: tuple[Any, ...],
    *,
    error: Exception,
    timeout_s: float,
) -> None:
    """Run a statement again that failed, where that can help.

    Parameters
    ----------
    session
        The connection. One that was lost is replaced, if nothing was begun on it.
    text, values
        The statement.
    error
        How it failed.
    timeout_s
        How long to wait for others; infinite: for ever.

    Raises
    ------
    PantlerError
        If it failed for another reason, or the time is over.
    """
    driver = session.driver
    if session.depth or not driver.is_lost(session.raw):
        run = functools.partial(session.cursor.execute, text, values)
        _run_when_free(run, driver, error, timeout_s)
        return
    session.renew()
    try:
        session.cursor.execute(text, values)
    except driver.errors as another:
        raise driver.translate(another) from another


def _run_when_free(
    run: Callable[[], object], driver: Driver, error: Exception, timeout_s: float
) -> None:
    """Run a statement again that failed, once others have released their locks.

    Who has waited longer asks more often, so that nobody waits for ever among many
    writers: what SQLite does itself is the other way round.

    Parameters
    ----------
    run
        Runs the statement.
    driver
        Knows what failed, and why.
    error
        How it failed the first time.
    timeout_s
        How long to wait; infinite: for ever.

    Raises
    ------
    PantlerError
        If it failed for another reason, or the time is over.
    """
    since, said = time.monotonic(), 0.0
    while True:
        waited = time.monotonic() - since
        if not driver.is_busy(error) or waited > timeout_s:
            raise driver.translate(error) from error
        if waited > said + _SAY_EVERY_S:
            said = waited
            _log.warning(
                "Waiting for '%s', which is locked by %s: %.0f s so far.",
                driver.where,
                driver.lock_holder(),
                waited,
            )
        time.sleep(max(0.0003, 0.008 - 0.004 * waited))
        try:
            run()
        except driver.errors as another:
            error = another
        else:
            return
