"""Reading the catalog: all of it, or what the lines of its journal name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.registry.sql.layered import LayeredDict
from pantler.registry.sql.snapshot import Collections, Snapshot, TypeRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantler.registry.sql.database import Database
    from pantler.registry.sql.schema import Schema
    from pantler.registry.sql.snapshot import CollectionRow

_RUN: Final = CollectionType.RUN.value


class CatalogReader:
    """Reads the catalog within a transaction of its caller."""

    def __init__(self, db: Database, schema: Schema) -> None:
        self._db = db
        self._schema = schema
        table, chain = schema.collection, schema.collection_chain
        types, groups = schema.dataset_type, schema.dimension_group
        number: Any = sa.bindparam("number", type_=sa.BigInteger)
        self._collections = sa.select(
            table.c.id, table.c.name, table.c.type, table.c.doc
        )
        self._one_collection = db.prepare(self._collections.where(table.c.id == number))
        self._one_chain = db.prepare(
            sa.select(table.c.name)
            .join_from(chain, table, table.c.id == chain.c.child)
            .where(chain.c.parent == number)
            .order_by(chain.c.position)
        )
        self._types = sa.select(
            types.c.id,
            types.c.name,
            types.c.group_id,
            groups.c.dimensions,
            types.c.storage_class,
            types.c.is_calibration,
        ).join_from(types, groups, groups.c.id == types.c.group_id)
        self._one_type = db.prepare(self._types.where(types.c.id == number))

    def read_all(self) -> Snapshot:
        """Return the catalog as it is now, or newer than its revision says."""
        last = sa.select(sa.func.max(self._schema.catalog_journal.c.revision))
        revision = self._db.rows(last)[0][0]
        rows = self._collection_rows()
        snapshot = Snapshot(
            revision=revision,
            collections=Collections.of(rows),
            collection_names=LayeredDict({row[0]: row[1] for row in rows}),
            types={},
            types_by_id={},
            group_ids={},
            governors=self._governors(),
            record_tables=self._record_tables(),
            members=LayeredDict(
                {row[0]: CollectionType(row[2]) for row in rows if row[2] != _RUN}
            ),
        )
        for row in self._db.rows(self._types):
            self._add_type(snapshot, row)
        return snapshot

    def apply(self, snapshot: Snapshot, lines: Iterable[tuple[Any, ...]]) -> None:
        """Bring a snapshot up to date with what is new in the journal."""
        for revision, subject, number, type_id in lines:
            match subject:
                case "collection":
                    self._read_collection(snapshot, number)
                case "removal":
                    snapshot.remove_collection(number)
                case "type":
                    snapshot.remove_type(number)
                    for row in self._db.rows(self._one_type, {"number": number}):
                        self._add_type(snapshot, row)
                case "holder":
                    snapshot.holds[number, type_id] = None
                    snapshot.forget_searches_of(type_id)
                case "governor":
                    snapshot.governors = self._governors()
                case "record_table":
                    snapshot.record_tables = self._record_tables()
            snapshot.revision = revision

    def _collection_rows(self) -> list[CollectionRow]:
        chain = self._schema.collection_chain
        links = self._db.rows(
            sa.select(chain.c.parent, chain.c.child).order_by(
                chain.c.parent, chain.c.position
            )
        )
        rows: list[Any] = self._db.rows(self._collections)
        names = {row[0]: row[1] for row in rows} if links else {}
        children: dict[int, list[str]] = {}
        for parent, child in links:
            if child in names:  # not removed since
                children.setdefault(parent, []).append(names[child])
        return [(*row, tuple(children.get(row[0], ()))) for row in rows]

    def _read_collection(self, snapshot: Snapshot, number: int) -> None:
        rows = self._db.rows(self._one_collection, {"number": number})
        if not rows:  # removed since
            snapshot.remove_collection(number)
            return
        ((_, name, kind, doc),) = rows
        children: tuple[str, ...] = ()
        if kind == CollectionType.CHAINED.value:
            found = self._db.rows(self._one_chain, {"number": number})
            children = tuple(child for (child,) in found)
        snapshot.add_collection((number, name, kind, doc, children))

    def _add_type(self, snapshot: Snapshot, row: tuple[Any, ...]) -> None:
        number, name, group_id, dimensions, storage_class, calibration = row
        group = self._schema.universe.group(json.loads(dimensions))
        snapshot.types[name] = snapshot.types_by_id[number] = TypeRow(
            number,
            group_id,
            DatasetType(name, group, storage_class, bool(calibration)),
            self._schema.data_id_table(group_id, group),
        )
        snapshot.group_ids[group.required] = group_id

    def _governors(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[Any, ...]] = {}
        for element in self._schema.universe.elements.values():
            if element.is_governor:
                column = self._schema.elements[element.name].c[element.name]
                rows = self._db.rows(sa.select(column).order_by(column))
                found[element.name] = tuple(row[0] for row in rows)
        return found

    def _record_tables(self) -> tuple[str, ...]:
        attribute = self._schema.attribute
        rows = self._db.rows(
            sa.select(attribute.c.value).where(attribute.c.name == "record_tables")
        )
        return tuple(json.loads(rows[0][0])) if rows else ()
