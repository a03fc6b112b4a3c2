"""Collections in the database."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from pantler.datasets.collection import (
    Collection,
    CollectionType,
    check_collection_name,
)
from pantler.errors import (
    CollectionNotFoundError,
    ConflictError,
    InvalidInputError,
    close_match,
)
from pantler.registry.sql.contents import Contents
from pantler.registry.sql.driver import ConstraintError
from pantler.registry.sql.repeating import repeated

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

    from pantler.datasets.collection import CollectionSummary
    from pantler.dimensions.timespan import Timespan
    from pantler.registry.sql.associations import Associations
    from pantler.registry.sql.core import Core
    from pantler.registry.sql.driver import Prepared
    from pantler.registry.sql.snapshot import Snapshot

_NUMBER: Final = sa.bindparam("number", type_=sa.BigInteger)
"""A collection's, when a prepared statement is run."""


class SqlCollections:
    """Implements `pantler.registry.interface.CollectionFacet`."""

    def __init__(
        self,
        core: Core,
        associations: Associations,
    ) -> None:
        self._contents = Contents(core)
        self._db = core.db
        self._schema = core.schema
        self._catalog = core.catalog
        self._associations = associations

    def register(
        self,
        name: str,
        type: CollectionType,  # noqa: A002 as `Collection.type`
        doc: str = "",
    ) -> bool:
        """Add a collection; return False if one of this name and type was there.

        Raises
        ------
        ConflictError
            If one of this name and another type exists.
        InvalidInputError
            If the name is empty or has characters that patterns use.
        """
        if self._is_registered(name, type):
            return False
        check_collection_name(name)
        with self._db.writing():
            self._catalog.lock()
            if self._is_registered(name, type):  # another process was faster
                return False
            table = self._schema.collection
            ((number,),) = self._db.rows(
                sa.insert(table)
                .values(name=name, type=type.value, doc=doc)
                .returning(table.c.id)
            )
            self._catalog.changed("collection", number)
        return True

    def get(self, name: str) -> Collection:
        """Return a collection; CollectionNotFoundError with a close match if none."""
        return self._catalog.now.collection(name)[1]

    def all(self) -> list[Collection]:
        """Return all, by name."""
        return self._catalog.now.collections.by_name()

    def set_doc(self, name: str, doc: str) -> None:
        """Say what a collection holds, in place of what was said before."""
        with self._db.writing():
            self._catalog.lock()
            number, known = self._catalog.now.collection(name)
            if known.doc != doc:
                table = self._schema.collection
                self._db.run(
                    sa.update(table).where(table.c.id == number).values(doc=doc)
                )
                self._catalog.changed("collection", number)

    def rename(self, name: str, new: str) -> None:
        """Give a collection another name; see `CollectionFacet.rename`."""
        check_collection_name(new)
        with self._db.writing():
            self._catalog.lock()
            now = self._catalog.now
            number, _ = now.collection(name)
            if new == name:
                return
            if new in now.collections:
                raise ConflictError(
                    f"Collection '{name}' cannot be called '{new}': there is one of "
                    "that name. Choose another."
                )
            parents = [now.collection(parent)[0] for parent in self.parents(name)]
            table = self._schema.collection
            self._db.run(sa.update(table).where(table.c.id == number).values(name=new))
            # Chains hold numbers, but who keeps them in memory knows names.
            for changed in (number, *parents):
                self._catalog.changed("collection", changed)

    def parents(self, name: str) -> list[str]:
        """Return the names of the chains that search a collection themselves."""
        number, _ = self._catalog.now.collection(name)
        rows = self._db.rows(self._parents_of, {"number": number})
        return sorted(parent for (parent,) in rows)

    @cached_property
    def _parents_of(self) -> Prepared:
        chain, table = self._schema.collection_chain, self._schema.collection
        return self._db.prepare(
            sa.select(table.c.name)
            .join_from(chain, table, table.c.id == chain.c.parent)
            .where(chain.c.child == _NUMBER)
        )

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
            number, numbers = self._begin_chain(name, children)
            chain = self._schema.collection_chain
            self._db.run(sa.delete(chain).where(chain.c.parent == number))
            self._add_links(number, numbers, first=0)

    def extend_chain(self, name: str, children: Sequence[str]) -> None:
        """Search some collections last; see `CollectionFacet.extend_chain`."""
        with self._db.writing():
            number, numbers = self._begin_chain(name, children)
            self._remove_links(number, numbers)
            _, last = self._ends(number)
            self._add_links(number, numbers, first=last + 1)

    def prepend_chain(self, name: str, children: Sequence[str]) -> None:
        """Search some collections first; see `CollectionFacet.prepend_chain`."""
        with self._db.writing():
            number, numbers = self._begin_chain(name, children)
            self._remove_links(number, numbers)
            first, _ = self._ends(number)
            self._add_links(number, numbers, first=first - len(numbers))

    def remove_from_chain(self, name: str, children: Sequence[str]) -> None:
        """Search some collections no more; see `CollectionFacet.remove_from_chain`."""
        with self._db.writing():
            self._catalog.lock()
            now = self._catalog.now
            number, chain = now.collection(name)
            if chain.type is not CollectionType.CHAINED:
                raise InvalidInputError(
                    f"Collection '{name}' is {chain.type.name}: only a CHAINED one "
                    "has others to take out."
                )
            searched = set(chain.children)
            for child in children:
                now.collection(child)
                if child not in searched:
                    raise CollectionNotFoundError(
                        f"'{name}' does not search '{child}'."
                        f"{close_match(child, chain.children)} "
                        f"It searches {', '.join(chain.children) or 'nothing'}."
                    )
            self._remove_links(number, [now.collection(child)[0] for child in children])
            self._catalog.changed("collection", number)

    def _begin_chain(self, name: str, children: Sequence[str]) -> tuple[int, list[int]]:
        """Return the number of a chain, made if need be, and those of its children.

        From here on, until the transaction ends, nobody else changes any chain.
        """
        self._catalog.lock()
        self.register(name, CollectionType.CHAINED)
        now = self._catalog.now
        number, _ = now.collection(name)
        numbers = [now.collection(child)[0] for child in dict.fromkeys(children)]
        if name in _reachable(now, children):
            raise InvalidInputError(
                f"Collection '{name}' would search itself: {', '.join(children)}."
            )
        return number, numbers

    def _ends(self, number: int) -> tuple[int, int]:
        """Return the first place of a chain and the last one; 0, -1 if it is empty."""
        chain = self._schema.collection_chain
        ((first, last),) = self._db.rows(
            sa.select(
                sa.func.min(chain.c.position), sa.func.max(chain.c.position)
            ).where(chain.c.parent == number)
        )
        return (0, -1) if first is None else (first, last)

    def _add_links(self, number: int, children: Sequence[int], *, first: int) -> None:
        rows = [(number, place, child) for place, child in enumerate(children, first)]
        self._db.insert_rows(self._schema.collection_chain, rows)
        self._catalog.changed("collection", number)

    def _remove_links(self, number: int, children: Sequence[int]) -> None:
        if children:
            chain = self._schema.collection_chain
            gone = self._db.driver.is_listed(chain.c.child, children)
            self._db.run(sa.delete(chain).where(chain.c.parent == number, gone))

    def flatten(self, names: Iterable[str]) -> list[Collection]:
        """Return the searched collections in order, chains resolved, each once."""
        return [collection for _, collection in self._catalog.now.flatten(names)]

    def dataset_types(self, name: str) -> list[str]:
        """Return the names of the dataset types that a collection holds now.

        For a CHAINED collection, those of its children.
        """
        return self._contents.dataset_types([name])

    def summary(self, name: str) -> CollectionSummary:
        """Return what a collection holds now; see `CollectionFacet.summary`."""
        return self._contents.summary([name])

    @repeated
    def associate(self, name: str, dataset_ids: Sequence[bytes]) -> None:
        """Put datasets into a TAGGED collection, replacing those of equal data ID."""
        self._associations.associate(name, dataset_ids)

    @repeated
    def disassociate(self, name: str, dataset_ids: Sequence[bytes]) -> None:
        """Take datasets out of a TAGGED collection."""
        self._associations.disassociate(name, dataset_ids)

    @repeated
    def certify(
        self,
        name: str,
        dataset_ids: Sequence[bytes],
        timespan: Timespan,
        *,
        replace: bool = False,
    ) -> None:
        """Declare calibrations valid for a time; see `CollectionFacet.certify`."""
        self._associations.certify(name, dataset_ids, timespan, replace=replace)

    def decertify(
        self,
        name: str,
        dataset_type: str,
        timespan: Timespan,
        data_ids: pl.DataFrame | None = None,
    ) -> int:
        """Take a time out of validity ranges; see `CollectionFacet.decertify`."""
        return self._associations.decertify(name, dataset_type, timespan, data_ids)

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
            self._catalog.take(self._schema.collection, number)
            self._check_removable(name, number)
            try:
                with self._db.writing():
                    self._remove(number)
            except ConstraintError as error:
                # Somebody has just put a dataset there, where others write meanwhile.
                raise ConflictError(
                    f"Collection '{name}' is being used: it was given datasets as it "
                    "was to be removed. Look at it again."
                ) from error
            self._catalog.changed("removal", number)

    def _remove(self, number: int) -> None:
        for statement in self._deletions:
            self._db.run(statement, {"number": number})

    @cached_property
    def _deletions(self) -> tuple[Prepared, ...]:
        schema = self._schema
        columns = (
            schema.membership.c.collection_id,
            schema.calibration.c.collection_id,
            schema.collection_chain.c.parent,
            schema.collection_type.c.collection_id,
            schema.collection.c.id,
        )
        return tuple(
            self._db.prepare(sa.delete(column.table).where(column == _NUMBER))
            for column in columns
        )

    def _check_removable(self, name: str, number: int) -> None:
        if parents := self.parents(name):
            raise ConflictError(
                f"Collection '{name}' is searched by {', '.join(parents)}. "
                "Take it out of these first."
            )
        if self._db.rows(self._any_dataset, {"number": number}):
            raise ConflictError(
                f"Run '{name}' has datasets. Remove these first, or remove the run "
                "with all that is in it."
            )

    @cached_property
    def _any_dataset(self) -> Prepared:
        dataset = self._schema.dataset
        return self._db.prepare(
            sa.select(dataset.c.run_id).where(dataset.c.run_id == _NUMBER).limit(1)
        )

    def _is_registered(self, name: str, wanted: CollectionType) -> bool:
        known = self._catalog.now.collections.get(name)
        if known is not None and known[1].type is not wanted:
            raise ConflictError(
                f"Collection '{name}' exists and is {known[1].type.name}, not "
                f"{wanted.name}. Choose another name."
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
