"""Data IDs that no dataset has any more, and their removal.

Inserts look for the number of a data ID and then use it. So a number goes only while
nobody inserts datasets of its group of dimensions: where others can write meanwhile,
who inserts holds the row of the dataset type, and that of the group keeps new types
away.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import sqlalchemy as sa

from pantler.registry.sql.pieces import Pieces

if TYPE_CHECKING:
    from pantler.registry.sql.core import Core

_PIECE: Final = 10_000
"""Numbers that are looked at first; how many follow depends on how long that took."""

_AT_ONCE: Final = 10_000
"""Data IDs that go in one transaction, while those who insert wait."""

_ATTEMPTS: Final = 50
_PAUSE_S: Final = 0.05
"""How often, and after what pause at most, it is tried again where others insert."""


class UnusedDataIds:
    """Finds and removes them.

    Parameters
    ----------
    core
        Where.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._db = core.db
        self._schema = core.schema

    def collect(self) -> int:
        """Remove them; see `RemovalFacet.collect_data_ids`."""
        gone = 0
        for group, data_ids in self._core.data_id_tables().items():
            if len(data_ids.c) == 1:  # the empty data ID is always there
                continue
            pieces = Pieces(self._core, data_ids, _PIECE)
            for bounds in pieces:
                with pieces.measured(), self._db.reading():
                    unused = self._unused(group, data_ids, *bounds.values())
                for begin in range(0, len(unused), _AT_ONCE):
                    some = unused[begin : begin + _AT_ONCE]
                    gone += self._remove(group, data_ids, some)
        return gone

    def _unused(
        self, group: int, data_ids: sa.Table, first: int, last: int
    ) -> list[int]:
        """Return the numbers within bounds that no dataset has, in order.

        The greatest of all is never among them: a database may give the next data ID
        the number that follows, and no number is to be given twice.
        """
        number = data_ids.c.id
        newest = sa.select(sa.func.max(number)).scalar_subquery()
        kinds = {"number": pl.Int64}
        given = self._db.frame(
            sa.select(number).where(number.between(first, last), number < newest), kinds
        )
        for used in self._uses(group, first, last):
            if given.height:
                given = given.join(self._db.frame(used, kinds), on="number", how="anti")
        return given["number"].sort().to_list()

    def _uses(self, group: int, first: int, last: int) -> list[sa.Select[Any]]:
        """Return statements that select numbers in use, by the primary keys."""
        schema = self._schema
        holds, types = schema.collection_type, schema.dataset_type
        members = schema.membership, schema.calibration
        places = [(schema.dataset, schema.dataset.c.run_id)]
        places += [(table, table.c.collection_id) for table in members]
        pairs = (
            sa.select(holds.c.collection_id, holds.c.dataset_type_id)
            .join_from(holds, types, types.c.id == holds.c.dataset_type_id)
            .where(types.c.group_id == group)
            .subquery()
        )
        return [
            sa.select(table.c.data_id)
            .distinct()
            .join_from(
                pairs,
                table,
                sa.and_(
                    collection == pairs.c.collection_id,
                    table.c.dataset_type_id == pairs.c.dataset_type_id,
                ),
            )
            .where(table.c.data_id.between(first, last))
            for table, collection in places
        ]

    def _remove(self, group: int, data_ids: sa.Table, numbers: list[int]) -> int:
        """Remove those that are still unused while nobody inserts; return how many."""
        for _ in range(_ATTEMPTS):
            with self._db.writing():
                if self._hold(group):
                    unused = self._unused(group, data_ids, numbers[0], numbers[-1])
                    doomed = sorted(set(unused) & set(numbers))
                    if doomed:
                        listed = self._db.driver.is_listed(data_ids.c.id, doomed)
                        self._db.run(sa.delete(data_ids).where(listed))
                    return len(doomed)
            time.sleep(random.uniform(0.1, 1.0) * _PAUSE_S)  # noqa: S311 - not secret
        return 0

    def _hold(self, group: int) -> bool:
        """Keep others from using data IDs of a group until the transaction ends.

        Returns
        -------
        bool
            False if somebody is at it. To wait for them here could be for ever: they
            may be waiting for what is held here.
        """
        if not self._db.driver.phrases.lock_catalog:
            return True
        groups, types = self._schema.dimension_group, self._schema.dataset_type
        known = sa.select(groups.c.id).where(groups.c.id == group)
        if not self._db.rows(known.with_for_update(skip_locked=True)):
            return False
        of_group = sa.select(types.c.id).where(types.c.group_id == group)
        all_types = self._db.rows(of_group)
        return len(self._db.rows(of_group.with_for_update(skip_locked=True))) == len(
            all_types
        )
