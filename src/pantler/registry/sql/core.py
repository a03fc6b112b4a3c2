"""What the parts of a registry share: the database, its tables, the catalog."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantler.dimensions.universe import Universe
    from pantler.registry.sql.catalog import Catalog
    from pantler.registry.sql.database import Database
    from pantler.registry.sql.schema import Schema


@dataclass(frozen=True, slots=True)
class Core:
    """A registry's database, and what is known of it.

    Parameters
    ----------
    db
        Runs statements.
    schema
        The tables.
    catalog
        Collections, dataset types and governor values.
    """

    db: Database
    schema: Schema
    catalog: Catalog

    @property
    def universe(self) -> Universe:
        """The dimensions that the tables were made from."""
        return self.schema.universe

    def data_id_tables(self) -> dict[int, sa.Table]:
        """Return the table of data IDs of each group of dimensions, by its number."""
        group = self.schema.dimension_group
        return {
            number: self.schema.data_id_table(
                number, self.universe.group(json.loads(dimensions))
            )
            for number, dimensions in self.db.rows(
                sa.select(group.c.id, group.c.dimensions).order_by(group.c.id)
            )
        }

    def stage_ids(self, dataset_ids: Iterable[bytes]) -> sa.Table:
        """Return a temporary table of dataset IDs, in a column ``uuid``."""
        column = self.schema.dataset_uuid.c.uuid
        return self.db.stage([column], ((bytes(one),) for one in dataset_ids))

    def hold(self, stage: sa.Table, *, is_shared: bool) -> None:
        """Have staged datasets stay as they are until the transaction ends.

        Where others can write meanwhile: who deletes them waits, and then finds also
        what was done here.

        Parameters
        ----------
        stage
            Has their IDs.
        is_shared
            Whether others may hold them so, too; False to delete them.
        """
        if self.db.driver.phrases.lock_catalog:
            place = self.schema.dataset_uuid
            # All in one order, so that nobody is stuck; and each looked up by itself,
            # or the planner reads all parts of the table instead.
            given = sa.select(stage.c.uuid).order_by(stage.c.uuid).subquery()
            held = (
                sa.select(place.c.uuid)
                .where(place.c.uuid == given.c.uuid)
                .limit(1)
                .with_for_update(read=is_shared, key_share=is_shared, of=place)
                .lateral()
            )
            count = sa.select(sa.func.count())
            self.db.rows(count.select_from(given.join(held, sa.true())))
            self.catalog.look_again()
