"""A registry goes over to a newer version of its universe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable

from pantler.dimensions.extension import extension_of
from pantler.errors import ConflictError
from pantler.registry.sql.schema import Schema

if TYPE_CHECKING:
    from pantler.dimensions.extension import Extension
    from pantler.dimensions.universe import Universe
    from pantler.registry.sql.core import Core
    from pantler.registry.sql.database import Database


def extend_universe(core: Core, universe: Universe, *, dry_run: bool) -> Extension:
    """Add to the tables what a newer version of the universe adds, all or nothing.

    See `pantler.registry.interface.Registry.extend_universe`.
    """
    extension = extension_of(core.universe, universe)
    if dry_run:
        return extension
    schema = Schema(universe)
    attribute = schema.attribute
    is_universe = attribute.c.name == "universe"
    with core.db.writing():
        core.catalog.lock()
        ((stored,),) = core.db.rows(sa.select(attribute.c.value).where(is_universe))
        if stored != core.universe.to_yaml():
            raise ConflictError(
                "Another process has changed the universe meanwhile. Open the "
                "repository again."
            )
        _make_tables(core.db, schema, extension)
        core.db.run(
            sa.update(attribute).where(is_universe).values(value=universe.to_yaml())
        )
    return extension


def _make_tables(db: Database, schema: Schema, extension: Extension) -> None:
    for element in extension.elements:
        tables = [schema.elements[element.name]]
        if element.is_spatial:
            tables.append(schema.pixels[element.name])
        for table in tables:
            db.run(CreateTable(table))
            for index in table.indexes:
                db.run(CreateIndex(index))
    quote = db.driver.dialect.identifier_preparer.quote
    for added in extension.columns:
        table = schema.elements[added.element]
        column = CreateColumn(table.c[added.column.name])
        words = column.compile(dialect=db.driver.dialect)
        db.run(sa.text(f"ALTER TABLE {quote(table.name)} ADD COLUMN {words}"))
