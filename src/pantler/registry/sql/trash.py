"""Files whose records are gone, until they are removed themselves.

A record and its file cannot go at one moment. So the path is noted in the transaction
in which the record goes, and whoever removes the file then forgets the note. What a
killed program leaves is found here by the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from pantler.datasets.records import Discarded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pantler.registry.sql.core import Core


class Trash:
    """The notes of one datastore.

    Parameters
    ----------
    core
        Where.
    datastore
        The name of the table of its records.
    """

    def __init__(self, core: Core, datastore: str) -> None:
        self._db = core.db
        self._table = table = core.schema.trash
        self._datastore = datastore
        self._mine = table.c.datastore == datastore
        self._any = core.db.prepare(sa.select(table.c.id).limit(1))
        oldest = (
            sa.select(table.c.id, table.c.store, table.c.path)
            .where(self._mine, table.c.id > sa.bindparam("after", type_=sa.BigInteger))
            .order_by(table.c.id)
            .limit(sa.bindparam("most", type_=sa.BigInteger))
        )
        self._oldest = core.db.prepare(oldest.with_for_update())
        self._oldest_free = core.db.prepare(oldest.with_for_update(skip_locked=True))

    def withdraw(self, paths: Iterable[str]) -> None:
        """Forget paths that are recorded again; wait for who is removing them."""
        if self._db.rows(self._any):
            stage = self._db.stage([self._table.c.path], ((path,) for path in paths))
            again = self._table.c.path.in_(sa.select(stage.c.path))
            self._db.run(sa.delete(self._table).where(self._mine, again))

    def oldest(self, limit: int, after: int, *, wait: bool) -> list[Discarded]:
        """Return notes, which nobody else gets until the transaction ends."""
        statement = self._oldest if wait else self._oldest_free
        rows = self._db.rows(statement, {"most": limit, "after": after})
        return [Discarded(*row) for row in rows]

    def forget(self, ids: Sequence[int]) -> None:
        """Remove notes."""
        if ids:
            gone = self._db.driver.is_listed(self._table.c.id, ids)
            self._db.run(sa.delete(self._table).where(gone))


def discard_records(core: Core, datastore: str, stage: sa.Table) -> None:
    """Delete the records of datasets in a temporary table, and note their paths."""
    records, trash = core.schema.record_table(datastore), core.schema.trash
    doomed = records.c.dataset_id.in_(sa.select(stage.c.uuid))
    named = sa.select(sa.literal(datastore), records.c.store, records.c.path)
    core.db.run(
        sa.insert(trash).from_select(
            ["datastore", "store", "path"], named.where(doomed).distinct()
        )
    )
    core.db.run(sa.delete(records).where(doomed))
