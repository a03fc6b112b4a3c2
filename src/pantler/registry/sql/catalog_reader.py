"""Reading the catalog: all of it, or what the lines of its journal name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from pantler.datasets.collection import Collection, CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.registry.sql.snapshot import Snapshot, TypeRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantler.registry.sql.database import Database
    from pantler.registry.sql.schema import Schema


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
        """Return the catalog as it is now."""
        last = sa.select(sa.func.max(self._schema.catalog_change.c.revision))
        snapshot = Snapshot(
            revision=self._db.rows(last)[0][0],
            collections={},
            collection_names={},
            types={},
            types_by_id={},
            group_ids={},
            governors=self._governors(),
            record_tables=self._record_tables(),
        )
        for row in self._db.rows(self._types):
            self._add_type(snapshot, row)
        self._add_all_collections(snapshot)
        return snapshot

    def apply(self, snapshot: Snapshot, lines: Iterable[tuple[Any, ...]]) -> None:
        """Bring a snapshot up to date with what is new in the journal."""
        for revision, subject, number, type_id in lines:
            match subject:
                case "collection":
                    self._read_collection(snapshot, number)
                case "removal":
                    _remove_collection(snapshot, number)
                case "type":
                    _remove_type(snapshot, number)
                    for row in self._db.rows(self._one_type, {"number": number}):
                        self._add_type(snapshot, row)
                case "holder":
                    if type_id in snapshot.holders:
                        snapshot.holders[type_id].add(number)
                case "governor":
                    snapshot.governors = self._governors()
                case "record_table":
                    snapshot.record_tables = self._record_tables()
            snapshot.revision = revision

    def _add_all_collections(self, snapshot: Snapshot) -> None:
        chain = self._schema.collection_chain
        rows = self._db.rows(self._collections)
        names = {number: name for number, name, _, _ in rows}
        children: dict[int, list[str]] = {}
        for parent, child in self._db.rows(
            sa.select(chain.c.parent, chain.c.child).order_by(
                chain.c.parent, chain.c.position
            )
        ):
            children.setdefault(parent, []).append(names[child])
        for number, name, kind, doc in rows:
            found = tuple(children.get(number, ()))
            collection = Collection(name, CollectionType(kind), doc, found)
            snapshot.collections[name] = number, collection
        snapshot.collection_names = names

    def _read_collection(self, snapshot: Snapshot, number: int) -> None:
        rows = self._db.rows(self._one_collection, {"number": number})
        if not rows:  # removed since
            _remove_collection(snapshot, number)
            return
        ((_, name, kind, doc),) = rows
        children: tuple[str, ...] = ()
        if kind == CollectionType.CHAINED.value:
            found = self._db.rows(self._one_chain, {"number": number})
            children = tuple(child for (child,) in found)
        old = snapshot.collection_names.get(number)
        if old is not None and old != name:
            # It has another name now, or its number was given to another: then a
            # line that follows says so, and what it may hold is forgotten there.
            _drop_name(snapshot, old, number)
        collection = Collection(name, CollectionType(kind), doc, children)
        snapshot.collections[name] = number, collection
        snapshot.collection_names[number] = name
        snapshot.flattened.clear()

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


def _remove_collection(snapshot: Snapshot, number: int) -> None:
    name = snapshot.collection_names.pop(number, None)
    if name is not None:
        _drop_name(snapshot, name, number)
    for held in snapshot.holders.values():
        held.discard(number)
    snapshot.flattened.clear()


def _drop_name(snapshot: Snapshot, name: str, number: int) -> None:
    """Forget the name of a collection, unless another has it by now."""
    if name in snapshot.collections and snapshot.collections[name][0] == number:
        del snapshot.collections[name]


def _remove_type(snapshot: Snapshot, number: int) -> None:
    """Forget a type, which has gone, has another name, or whose number has another."""
    row = snapshot.types_by_id.pop(number, None)
    if row is not None and snapshot.types.get(row.dataset_type.name) is row:
        del snapshot.types[row.dataset_type.name]
    snapshot.holders.pop(number, None)
