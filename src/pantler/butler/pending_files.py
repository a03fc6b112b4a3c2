"""Files that come and go with a transaction of the registry."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pantler.errors import PantlerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from pantler.datastores.interface import Datastore

_LOG = logging.getLogger("pantler.butler")


class PendingFiles:
    """What to do with files when a transaction ends; transactions may nest.

    Parameters
    ----------
    datastore
        Where new files are.
    """

    def __init__(self, datastore: Datastore) -> None:
        self._datastore = datastore
        self._written: list[str] = []
        self._after: list[Callable[[], None]] = []
        self._depth = 0

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is being followed."""
        return self._depth > 0

    @contextmanager
    def following(self, transaction: AbstractContextManager[None]) -> Iterator[None]:
        """Remove new files if a transaction fails; do the rest when all is committed.

        If a transaction within another one fails, only its own files go.
        """
        written, after = len(self._written), len(self._after)
        self._depth += 1
        try:
            with transaction:
                try:
                    yield
                except BaseException:
                    # While the registry is still ours: a moment later somebody else
                    # may write to the same places.
                    self._undo(written)
                    raise
        except BaseException:
            self._undo(written)
            del self._after[after:]
            raise
        finally:
            self._depth -= 1
        if not self._depth:
            self._written.clear()
            actions, self._after = self._after, []
            for action in actions:
                action()

    def note_written(self, paths: Sequence[str]) -> None:
        """Remember new files, to be removed if the transaction fails."""
        self._written.extend(paths)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Remember what to do when the outermost transaction is committed."""
        self._after.append(action)

    def _undo(self, mark: int) -> None:
        paths = self._written[mark:]
        del self._written[mark:]
        for path in paths:
            try:
                self._datastore.delete([path])
            except PantlerError as error:
                # What made the transaction fail matters more.
                _LOG.warning("A file of a failed transaction stays. %s", error)
