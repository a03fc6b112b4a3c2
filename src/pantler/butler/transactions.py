"""Transactions of a repository: rows of the registry, and the files that they name."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pantler.errors import ConflictError, PantlerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from pantler.datasets.records import RecordTable
    from pantler.datasets.ref import DatasetRef
    from pantler.datastores.interface import Staged

_LOG = logging.getLogger("pantler.butler")


class _Pending(threading.local):
    """What a thread's transaction has to do when it ends."""

    def __init__(self) -> None:
        self.depth = 0
        self.staged: list[Staged] = []
        self.after: list[Callable[[], None]] = []
        self.deleted: set[bytes] = set()


class Transactions:
    """Transactions that hold files too; each thread has its own, and they nest.

    If one fails, its files go; but never those that may be recorded. A process may be
    interrupted just as a COMMIT returns, so whoever does not know how it ended asks
    the table of records, and files stay where even that fails: `Repository.check`
    finds them.

    Parameters
    ----------
    begin
        Begins a transaction of the registry, or a nested one.
    records
        What is recorded.
    """

    def __init__(
        self, begin: Callable[[], AbstractContextManager[None]], records: RecordTable
    ) -> None:
        self._begin = begin
        self._records = records
        self._pending = _Pending()

    @property
    def is_open(self) -> bool:
        """Whether this thread is within a transaction."""
        return self._pending.depth > 0

    @contextmanager
    def open(self, *staged: Staged) -> Iterator[None]:
        """Make all changes within, or none of them.

        Parameters
        ----------
        *staged
            Files that are prepared, and go if the transaction fails, even before it
            has begun.
        """
        pending, process = self._pending, os.getpid()
        first, first_after = len(pending.staged), len(pending.after)
        pending.staged.extend(staged)
        pending.depth += 1
        try:
            with self._begin():
                try:
                    yield
                except BaseException:
                    # While the registry is still ours, so that nobody sees the files.
                    if os.getpid() == process:
                        _discard(pending.staged, first)
                    raise
        except BaseException:
            # A process that was forked within leaves everything to its parent.
            if os.getpid() == process:
                self._discard_unrecorded(pending.staged, first)
            del pending.after[first_after:]
            raise
        finally:
            pending.depth -= 1
            if not pending.depth:
                pending.deleted.clear()
        if not pending.depth:
            pending.staged.clear()
            actions = list(pending.after)
            pending.after.clear()
            for action in actions:
                action()

    def after_commit(self, action: Callable[[], None]) -> None:
        """Remember what to do when this thread's outermost transaction is committed."""
        self._pending.after.append(action)

    def note_deleted(self, ids: Iterable[bytes], action: Callable[[], None]) -> None:
        """Remember datasets that are gone if all is committed, and what to do then."""
        self._pending.deleted.update(ids)
        self.after_commit(action)

    def refuse_deleted(self, ref: DatasetRef) -> None:
        """Refuse to store a dataset whose file may be needed again.

        Raises
        ------
        ConflictError
            If this transaction has deleted it.
        """
        if ref.id.bytes in self._pending.deleted:
            raise ConflictError(
                f"{ref} was deleted in this transaction, which may yet fail. Put it "
                "again when that is committed, or by its data ID."
            )

    def _discard_unrecorded(self, staged: list[Staged], first: int) -> None:
        """Remove files unless they are recorded, or nobody can say whether they are."""
        try:
            unrecorded = [
                one
                for one in staged[first:]
                if not (one.records and self._records.find(one.records[0].dataset_id))
            ]
        except PantlerError as error:
            _LOG.warning("Files of a transaction that may have failed stay. %s", error)
            unrecorded = []
        recorded = [one for one in staged[first:] if one not in unrecorded]
        del staged[first:]
        _discard(unrecorded, 0)
        # What an inner transaction has recorded depends on how the outer one ends.
        staged.extend(recorded if self._pending.depth > 1 else ())


def _discard(staged: list[Staged], first: int) -> None:
    while len(staged) > first:
        one = staged.pop()
        try:
            one.discard()
        except PantlerError as error:
            # What made the transaction fail matters more.
            _LOG.warning("A file of a failed transaction stays. %s", error)
