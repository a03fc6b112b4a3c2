"""What is small and asked for all the time: collections, dataset types, governors.

Other processes may write too. A snapshot is good as long as the database has not
changed, or its ``revision`` has not: every change of what the snapshot holds raises it,
while a mere insert of datasets does not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from pantler.datasets.collection import Collection, CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.errors import CollectionNotFoundError, close_match

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantler.dimensions.universe import DimensionGroup
    from pantler.registry.sql.connection import Connection
    from pantler.registry.sql.schema import Schema


@dataclass(frozen=True, slots=True)
class TypeRow:
    """A dataset type with its numbers and the table of its data IDs."""

    id: int
    group_id: int
    dataset_type: DatasetType
    data_ids: sa.Table


@dataclass(slots=True)
class Snapshot:
    """The catalog as of one revision.

    Attributes
    ----------
    collections
        Every collection with its number, by name.
    collection_names
        Names by number.
    types, types_by_id
        Every dataset type.
    governors
        The values of each governor dimension.
    record_tables
        Names of the datastores that keep records.
    holders
        By dataset type number, the numbers of collections that may hold it; filled
        when asked for.
    """

    revision: str
    collections: dict[str, tuple[int, Collection]]
    collection_names: dict[int, str]
    types: dict[str, TypeRow]
    types_by_id: dict[int, TypeRow]
    group_ids: dict[tuple[str, ...], int]
    governors: dict[str, tuple[str, ...]]
    record_tables: tuple[str, ...]
    holders: dict[int, frozenset[int]] = field(default_factory=dict)
    flattened: dict[tuple[str, ...], tuple[tuple[int, Collection], ...]] = field(
        default_factory=dict
    )

    def collection(self, name: str) -> tuple[int, Collection]:
        """Return a collection and its number.

        Raises
        ------
        CollectionNotFoundError
            If there is none of this name.
        """
        try:
            return self.collections[name]
        except KeyError:
            raise CollectionNotFoundError(
                f"No collection '{name}'.{close_match(name, self.collections)}"
            ) from None

    def flatten(self, names: Iterable[str]) -> tuple[tuple[int, Collection], ...]:
        """Return the searched collections in order, chains resolved, each once."""
        asked = tuple(names)
        known = self.flattened.get(asked)
        if known is None:
            found: dict[int, Collection] = {}
            todo = list(reversed(asked))
            seen: set[str] = set()
            while todo:
                name = todo.pop()
                if name in seen:
                    continue
                seen.add(name)
                number, collection = self.collection(name)
                if collection.type is CollectionType.CHAINED:
                    todo.extend(reversed(collection.children))
                else:
                    found[number] = collection
            known = tuple(found.items())
            self.flattened[asked] = known
        return known


class Catalog:
    """The current snapshot, read again when it is out of date."""

    def __init__(self, connection: Connection, schema: Schema) -> None:
        self._connection = connection
        self._schema = schema
        self._snapshot: Snapshot | None = None
        self._data_version: object = None
        self._epoch = -1
        connection.on_rollback.append(self.forget)
        attribute = schema.attribute
        self._read_revision = connection.prepare(
            sa.select(attribute.c.value).where(attribute.c.name == "revision")
        )
        self._raise_revision = connection.prepare(
            sa.update(attribute)
            .where(attribute.c.name == "revision")
            .values(
                value=sa.cast(sa.cast(attribute.c.value, sa.Integer) + 1, sa.String)
            )
        )

    @property
    def now(self) -> Snapshot:
        """The snapshot that is true now."""
        connection = self._connection
        snapshot = self._snapshot
        is_within = connection.in_transaction and self._epoch == connection.epoch
        if snapshot is not None and is_within:
            return snapshot  # nobody else can have changed anything
        data_version = connection.data_version()
        if snapshot is None or data_version != self._data_version:
            ((revision,),) = connection.rows(self._read_revision)
            if snapshot is None or snapshot.revision != revision:
                snapshot = self._snapshot = self._load(revision)
            self._data_version = data_version
        if connection.in_transaction:
            self._epoch = connection.epoch
        return snapshot

    def changed(self) -> None:
        """Record, within the transaction that changed it, that the catalog changed."""
        self._connection.run(self._raise_revision)
        self.forget()

    def forget(self) -> None:
        """Read everything again when next asked."""
        self._snapshot = None

    def holders(self, type_id: int) -> frozenset[int]:
        """Return the numbers of the collections that may hold a dataset type."""
        snapshot = self.now
        known = snapshot.holders.get(type_id)
        if known is None:
            table = self._schema.collection_type
            rows = self._connection.rows(
                sa.select(table.c.collection_id).where(
                    table.c.dataset_type_id == type_id
                )
            )
            known = snapshot.holders[type_id] = frozenset(row[0] for row in rows)
        return known

    def _load(self, revision: str) -> Snapshot:
        groups, group_ids = self._load_groups()
        types = self._load_types(groups)
        collections = self._load_collections()
        attribute = self._schema.attribute
        record_tables = self._connection.rows(
            sa.select(attribute.c.value).where(attribute.c.name == "record_tables")
        )
        return Snapshot(
            revision=revision,
            collections=collections,
            collection_names={
                number: name for name, (number, _) in collections.items()
            },
            types={row.dataset_type.name: row for row in types},
            types_by_id={row.id: row for row in types},
            group_ids=group_ids,
            governors=self._load_governors(),
            record_tables=tuple(json.loads(record_tables[0][0]))
            if record_tables
            else (),
        )

    def _load_groups(
        self,
    ) -> tuple[dict[int, DimensionGroup], dict[tuple[str, ...], int]]:
        rows = self._connection.rows(sa.select(self._schema.dimension_group))
        universe = self._schema.universe
        groups = {number: universe.group(json.loads(text)) for number, text in rows}
        return groups, {group.required: number for number, group in groups.items()}

    def _load_types(self, groups: dict[int, DimensionGroup]) -> list[TypeRow]:
        table = self._schema.dataset_type
        rows = self._connection.rows(sa.select(table).order_by(table.c.name))
        return [
            TypeRow(
                number,
                group_id,
                DatasetType(name, groups[group_id], storage_class, bool(calibration)),
                self._schema.data_id_table(group_id, groups[group_id]),
            )
            for number, name, group_id, storage_class, calibration in rows
        ]

    def _load_collections(self) -> dict[str, tuple[int, Collection]]:
        table, chain = self._schema.collection, self._schema.collection_chain
        rows = self._connection.rows(sa.select(table).order_by(table.c.name))
        names = {number: name for number, name, _, _ in rows}
        children: dict[int, list[str]] = {}
        for parent, child in self._connection.rows(
            sa.select(chain.c.parent, chain.c.child).order_by(
                chain.c.parent, chain.c.position
            )
        ):
            children.setdefault(parent, []).append(names[child])
        return {
            name: (
                number,
                Collection(
                    name, CollectionType(kind), doc, tuple(children.get(number, ()))
                ),
            )
            for number, name, kind, doc in rows
        }

    def _load_governors(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[Any, ...]] = {}
        for element in self._schema.universe.elements.values():
            if element.is_governor:
                column = self._schema.elements[element.name].c[element.name]
                rows = self._connection.rows(sa.select(column).order_by(column))
                found[element.name] = tuple(row[0] for row in rows)
        return found
