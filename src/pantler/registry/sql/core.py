"""What the parts of a registry share: the database, its tables, the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sqlalchemy as sa

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

    def stage_ids(self, dataset_ids: Iterable[bytes]) -> sa.Table:
        """Return a temporary table of dataset IDs, in a column ``uuid``."""
        column = self.schema.dataset_uuid.c.uuid
        return self.db.stage([column], ((bytes(one),) for one in dataset_ids))
