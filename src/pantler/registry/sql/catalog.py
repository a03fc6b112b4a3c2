"""What is small and asked for all the time: collections, dataset types, governors.

Other processes and threads may write too. Whoever changes the catalog adds a line to a
journal, the table ``catalog_journal``, in the same transaction; whoever finds new lines
reads what they name, and no more. A mere insert of datasets adds none.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Literal

import sqlalchemy as sa

from pantler.errors import ConflictError
from pantler.registry.sql.catalog_reader import CatalogReader
from pantler.registry.sql.snapshot import Searched

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from pantler.registry.sql.database import Database
    from pantler.registry.sql.driver import Prepared
    from pantler.registry.sql.schema import Schema
    from pantler.registry.sql.snapshot import Snapshot

Subject = Literal["collection", "removal", "type", "holder", "governor", "record_table"]
"""What a line of the journal is about."""

_KEPT: Final = 10_000
"""Lines that are kept at least; who has missed more reads everything again."""


class _View(threading.local):
    """What one thread knows of the catalog.

    Attributes
    ----------
    snapshot
        The catalog as this thread sees it, uncommitted changes of its own included.
    base
        One without these, to go back to when they are undone.
    version
        The database's data version that the snapshot was compared with.
    checked
        The transaction in which it was compared.
    own
        The transaction that made the snapshot for itself, so that it may change it.
    is_behind
        Whether this thread has changed the catalog since.
    """

    snapshot: Snapshot | None = None
    base: Snapshot | None = None
    version: object = None
    checked = 0
    own = 0
    is_behind = False


class Catalog:
    """The snapshot that is true now, kept up with changes of one's own and of others.

    Threads share one that was committed; within a transaction that changes the catalog
    a thread has its own.
    """

    def __init__(self, db: Database, schema: Schema) -> None:
        self._db = db
        self._schema = schema
        self._view = _View()
        self._shared: Snapshot | None = None
        db.on_rollback.append(self._go_back)
        log = schema.catalog_journal
        self._add_line = db.prepare(
            sa.insert(log)
            .values(
                subject=sa.bindparam("subject"),
                number=sa.bindparam("number", type_=sa.BigInteger),
                type_id=sa.bindparam("type_id", type_=sa.BigInteger),
            )
            .returning(log.c.revision)
        )
        self._read_lines = db.prepare(
            sa.select(log)
            .where(log.c.revision >= sa.bindparam("known", type_=sa.BigInteger))
            .order_by(log.c.revision)
        )
        self._reader = CatalogReader(db, schema)
        self._lock: Prepared | None = None
        self._one_holder: Prepared | None = None
        self._holds: dict[tuple[sa.Table, bool], Prepared] = {}

    @property
    def now(self) -> Snapshot:
        """The snapshot that is true now."""
        view = self._view
        snapshot = view.snapshot
        if snapshot is not None and not view.is_behind:
            epoch = self._db.epoch
            if epoch and epoch == view.checked:
                return snapshot  # within a transaction, others change nothing
            version = self._db.data_version()
            if version == view.version:
                view.checked = epoch
                if snapshot is not view.base and not self._db.is_changing:
                    self._share(view)
                return snapshot
        with self._db.reading():
            return self._refresh(view)

    def lock(self) -> None:
        """Wait, before changing the catalog, for others who are changing it."""
        if self._db.driver.phrases.lock_catalog:
            if self._lock is None:
                self._lock = self._db.prepare(
                    sa.text(self._db.driver.phrases.lock_catalog)
                )
            self._db.run(self._lock)
            self._view.is_behind = True

    def look_again(self) -> None:
        """See, from now on, what others have committed since the transaction began."""
        self._view.is_behind = True

    def knowing(self, runs: Iterable[int], types: Iterable[int] = ()) -> Snapshot:
        """Return the snapshot that is true now, with what was met in rows just now.

        Where others can write meanwhile, it may have come since the transaction began.
        """
        snapshot = self.now
        names, known = snapshot.collection_names, snapshot.types_by_id
        if all(n in names for n in runs) and all(n in known for n in types):
            return snapshot
        self.look_again()
        return self.now

    def keep(self, collection_id: int, type_ids: Collection[int]) -> None:
        """Have a collection and the types that it is to hold stay until the end.

        Where others can write meanwhile, who removes one of them waits, until the
        transaction ends.

        Raises
        ------
        ConflictError
            If one of them was removed just now.
        """
        if self._db.driver.phrases.lock_catalog:
            # The catalog first, as those do who rename or remove one of them.
            if not all(self.holds(collection_id, each) for each in type_ids):
                self.lock()
            self._hold(self._schema.collection, collection_id, is_shared=True)
            for type_id in type_ids:
                self._hold(self._schema.dataset_type, type_id, is_shared=True)

    def take(self, table: sa.Table, number: int) -> None:
        """Wait for all who use a collection or a dataset type, to remove it."""
        if self._db.driver.phrases.lock_catalog:
            self._hold(table, number, is_shared=False)

    def _hold(self, table: sa.Table, number: int, *, is_shared: bool) -> None:
        statement = self._holds.get((table, is_shared))
        if statement is None:
            chosen = sa.select(table.c.id).where(
                table.c.id == sa.bindparam("number", type_=sa.BigInteger)
            )
            statement = self._holds[table, is_shared] = self._db.prepare(
                chosen.with_for_update(read=is_shared, key_share=is_shared)
            )
        if not self._db.rows(statement, {"number": number}):
            raise ConflictError(
                f"A {table.name.replace('_', ' ')} that is used here was removed by "
                "others just now."
            )

    def changed(self, subject: Subject, number: int = 0, type_id: int = 0) -> None:
        """Record, within the transaction that changed it, that the catalog changed.

        Parameters
        ----------
        subject
            What was changed, added or removed.
        number
            Of the collection or the dataset type concerned.
        type_id
            For a ``holder``, the type that the collection may now hold.
        """
        ((revision,),) = self._db.rows(
            self._add_line, {"subject": subject, "number": number, "type_id": type_id}
        )
        if revision % _KEPT == 0:
            log = self._schema.catalog_journal
            self._db.run(sa.delete(log).where(log.c.revision <= revision - _KEPT))
        self._view.is_behind = True

    def holders(self, type_id: int) -> list[int]:
        """Return the numbers of all collections that may hold a dataset type."""
        table = self._schema.collection_type
        rows = self._db.rows(
            sa.select(table.c.collection_id).where(table.c.dataset_type_id == type_id)
        )
        return [number for (number,) in rows]

    def holds(self, collection_id: int, type_id: int) -> bool:
        """Return whether a collection may hold a dataset type."""
        snapshot = self.now
        if (collection_id, type_id) in snapshot.holds:
            return True
        found = bool(self._holding([collection_id], type_id))
        if found:
            snapshot.holds[collection_id, type_id] = None
        return found

    def is_seen_to_hold(self, collection: str, dataset_type: str) -> bool:
        """Return whether it is known, without asking, what `holds` says.

        What this thread has seen may be old: only a collection that may hold the type
        stays so, by its number.
        """
        seen = self._view.snapshot
        if seen is None:
            return False
        found, row = seen.collections.get(collection), seen.types.get(dataset_type)
        if found is None or row is None:
            return False
        return (found[0], row.id) in seen.holds

    def searched(
        self, snapshot: Snapshot, type_id: int, names: Iterable[str]
    ) -> Searched:
        """Return the collections of a search that may hold a dataset type, in order.

        Parameters
        ----------
        snapshot
            The catalog as it is now.
        type_id
            Number of the type.
        names
            What is searched.
        """
        asked = tuple(names)
        known = snapshot.searched.get((type_id, asked))
        if known is None:
            flat = snapshot.flatten(asked)
            holding = self._holding([number for number, _ in flat], type_id)
            known = Searched.of(tuple(pair for pair in flat if pair[0] in holding))
            snapshot.searched[type_id, asked] = known
        return known

    def _holding(self, numbers: Sequence[int], type_id: int) -> set[int]:
        """Return those of some collections that may hold a dataset type."""
        if not numbers:
            return set()
        table = self._schema.collection_type
        chosen = sa.select(table.c.collection_id).where(
            table.c.dataset_type_id == sa.bindparam("type_id", type_=sa.BigInteger)
        )
        if len(numbers) > 1:
            listed = self._db.driver.is_listed(table.c.collection_id, numbers)
            rows = self._db.rows(chosen.where(listed), {"type_id": type_id})
            return {number for (number,) in rows}
        if self._one_holder is None:
            is_it = table.c.collection_id == sa.bindparam("one", type_=sa.BigInteger)
            self._one_holder = self._db.prepare(chosen.where(is_it))
        given = {"type_id": type_id, "one": numbers[0]}
        return {number for (number,) in self._db.rows(self._one_holder, given)}

    def _refresh(self, view: _View) -> Snapshot:
        """Bring this thread's snapshot up to date, within a transaction."""
        db = self._db
        view.version = db.data_version()
        snapshot = view.snapshot or view.base or self._shared
        is_own = db.is_changing and view.own == db.epoch
        # Where others commit while this transaction reads, what it has read may be of
        # several states: it is of one once there are no lines after it.
        may_move = bool(db.is_changing and db.driver.phrases.lock_catalog)
        while True:
            known = snapshot.revision if snapshot else 0
            lines = db.rows(self._read_lines, {"known": known})
            if snapshot is None or not lines or lines[0][0] != known:
                # The line that was the last is not there: too much happened since, or
                # another thread is ahead of the state that this one reads.
                snapshot, is_own = self._reader.read_all(), True
            elif len(lines) > 1:
                snapshot = snapshot if is_own else snapshot.copy()
                self._reader.apply(snapshot, lines[1:])
                is_own = True
            else:
                break
            if not (may_move and lines):
                break
        view.snapshot, view.checked, view.is_behind = snapshot, db.epoch, False
        if db.is_changing:
            view.own = db.epoch if is_own else 0
        else:
            self._share(view)
        return snapshot

    def _share(self, view: _View) -> None:
        """Let other threads use what is committed."""
        view.base = self._shared = view.snapshot
        view.own = 0

    def _go_back(self) -> None:
        """Forget what this thread changed; the journal says what is left of it."""
        view = self._view
        view.snapshot, view.version, view.own = view.base, None, 0
        view.is_behind = True
