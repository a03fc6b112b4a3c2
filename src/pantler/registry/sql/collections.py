"""Collections in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from pantler.datasets.collection import Collection, CollectionType
from pantler.errors import ConflictError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pantler.dimensions.timespan import Timespan
    from pantler.registry.sql.associations import Associations
    from pantler.registry.sql.core import Core
    from pantler.registry.sql.snapshot import Snapshot


class SqlCollections:
    """Implements `pantler.registry.interface.CollectionFacet`."""

    def __init__(
        self,
        core: Core,
        associations: Associations,
    ) -> None:
        self._core = core
        self._db = core.db
        self._schema = core.schema
        self._catalog = core.catalog
        self._associations = associations

    def register(self, name: str, kind: CollectionType, doc: str = "") -> bool:
        """Add a collection; return False if one of this name and kind was there.

        Raises
        ------
        ConflictError
            If one of this name and another kind exists.
        InvalidInputError
            If the name is empty or has characters that patterns use.
        """
        if self._is_registered(name, kind):
            return False
        if not name or any(c in name for c in "*?,\n") or name != name.strip():
            raise InvalidInputError(
                f"'{name}' cannot name a collection: it is empty, or has one of '*?,', "
                "or blanks around it."
            )
        with self._db.writing():
            self._catalog.lock()
            if self._is_registered(name, kind):  # another process was faster
                return False
            table = self._schema.collection
            ((number,),) = self._db.rows(
                sa.insert(table)
                .values(name=name, type=kind.value, doc=doc)
                .returning(table.c.id)
            )
            self._catalog.changed("collection", number)
        return True

    def get(self, name: str) -> Collection:
        """Return a collection; CollectionNotFoundError with a close match if none."""
        return self._catalog.now.collection(name)[1]

    def all(self) -> list[Collection]:
        """Return all, by name."""
        known = self._catalog.now.collections
        return [known[name][1] for name in sorted(known)]

    def set_chain(self, name: str, children: Sequence[str]) -> None:
        """Set what a CHAINED collection searches, making it if need be.

        Raises
        ------
        CollectionNotFoundError
            If a child does not exist.
        InvalidInputError
            If the collection would search itself.
        """
        with self._db.writing():
            self._catalog.lock()
            self.register(name, CollectionType.CHAINED)
            now = self._catalog.now
            number, _ = now.collection(name)
            numbers = [now.collection(child)[0] for child in dict.fromkeys(children)]
            if name in _reachable(now, children):
                raise InvalidInputError(
                    f"Collection '{name}' would search itself: {', '.join(children)}."
                )
            chain = self._schema.collection_chain
            self._db.run(sa.delete(chain).where(chain.c.parent == number))
            rows = [(number, place, child) for place, child in enumerate(numbers)]
            self._db.insert_rows(chain, rows)
            self._catalog.changed("collection", number)

    def flatten(self, names: Iterable[str]) -> list[Collection]:
        """Return the searched collections in order, chains resolved, each once."""
        return [collection for _, collection in self._catalog.now.flatten(names)]

    def dataset_types(self, name: str) -> list[str]:
        """Return the names of the dataset types that a collection may hold.

        For a CHAINED collection, those that any of its children may hold.
        """
        with self._db.reading():
            now = self._catalog.now
            numbers = {number for number, _ in now.flatten([name])}
            return [
                name
                for name in sorted(now.types)
                if not numbers.isdisjoint(self._catalog.holders(now.types[name].id))
            ]

    def associate(self, name: str, dataset_ids: Sequence[bytes]) -> None:
        """Put datasets into a TAGGED collection, replacing those of equal data ID."""
        self._associations.associate(name, dataset_ids)

    def disassociate(self, name: str, dataset_ids: Sequence[bytes]) -> None:
        """Take datasets out of a TAGGED collection."""
        self._associations.disassociate(name, dataset_ids)

    def certify(
        self, name: str, dataset_ids: Sequence[bytes], timespan: Timespan
    ) -> None:
        """Declare calibrations valid for a time; see `CollectionFacet.certify`."""
        self._associations.certify(name, dataset_ids, timespan)

    def remove(self, name: str) -> None:
        """Remove a collection that is not a child and not a RUN with datasets.

        Raises
        ------
        ConflictError
            If it is one of these.
        """
        with self._db.writing():
            self._catalog.lock()
            number, _ = self._catalog.now.collection(name)
            self._check_removable(name, number)
            schema = self._schema
            for table, column in (
                (schema.tag, schema.tag.c.collection_id),
                (schema.calibration, schema.calibration.c.collection_id),
                (schema.collection_chain, schema.collection_chain.c.parent),
                (schema.collection_type, schema.collection_type.c.collection_id),
                (schema.collection, schema.collection.c.id),
            ):
                self._db.run(sa.delete(table).where(column == number))
            self._catalog.changed("removal", number)

    def _check_removable(self, name: str, number: int) -> None:
        now = self._catalog.now
        parents = [c.name for _, c in now.collections.values() if name in c.children]
        if parents:
            raise ConflictError(
                f"Collection '{name}' is searched by {', '.join(parents)}. "
                "Take it out of these first."
            )
        dataset = self._schema.dataset
        if self._db.rows(
            sa.select(dataset.c.run_id).where(dataset.c.run_id == number).limit(1)
        ):
            raise ConflictError(
                f"Run '{name}' has datasets. Remove these first, or prune the run."
            )

    def _is_registered(self, name: str, kind: CollectionType) -> bool:
        known = self._catalog.now.collections.get(name)
        if known is not None and known[1].type is not kind:
            raise ConflictError(
                f"Collection '{name}' exists and is {known[1].type.name}, not "
                f"{kind.name}. Choose another name."
            )
        return known is not None


def _reachable(now: Snapshot, names: Iterable[str]) -> set[str]:
    """Return all that a search of some collections passes through."""
    seen: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(now.collection(name)[1].children)
    return seen
