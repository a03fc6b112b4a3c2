"""The catalog as of one moment: collections, dataset types, governor values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from pantler.datasets.collection import Collection, CollectionType
from pantler.datasets.dataset_type import differences
from pantler.errors import (
    CollectionNotFoundError,
    ConflictError,
    DatasetTypeNotFoundError,
    close_match,
)
from pantler.registry.sql.layered import GONE, LayeredDict

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sqlalchemy as sa

    from pantler.datasets.dataset_type import DatasetType


K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class TypeRow:
    """A dataset type with its numbers and the table of its data IDs."""

    id: int
    group_id: int
    dataset_type: DatasetType
    data_ids: sa.Table


Found: TypeAlias = tuple[tuple[int, Collection], ...]
"""Collections with their numbers, in the order of a search."""


@dataclass(frozen=True, slots=True)
class Searched:
    """The collections of a search that may hold a dataset type.

    Parameters
    ----------
    found
        They, in order.
    runs
        Their numbers if all are RUNs; otherwise nothing.
    """

    found: Found
    runs: tuple[int, ...]

    @classmethod
    def of(cls, found: Found) -> Searched:
        """Return those of some collections."""
        is_run = all(c.type is CollectionType.RUN for _, c in found)
        return cls(found, tuple(number for number, _ in found) if is_run else ())


CollectionRow: TypeAlias = tuple[int, str, int, str, tuple[str, ...]]
"""Number, name, kind, documentation and children of a collection."""

_KEPT: Final = 1000
"""Searches that are remembered by those who come after."""


class Collections(LayeredDict[str, tuple[int, Collection]]):
    """Every collection with its number, by name; made of its row when asked for."""

    __slots__ = ()

    @classmethod
    def of(cls, rows: Iterable[CollectionRow]) -> Collections:
        """Return those of some rows."""
        base: Any = {row[1]: row for row in rows}
        return cls(base)

    def __getitem__(self, name: str) -> tuple[int, Collection]:
        layer: dict[str, Any] = self._changes
        found: Any = layer.get(name)
        if found is None:
            layer = self._base
            found = layer[name]
        if found is GONE:
            raise KeyError(name)
        if len(found) > 2:  # a row that was not asked for before
            number, _, kind, doc, children = found
            # Threads may do this at once, with equal results.
            found = number, Collection(name, CollectionType(kind), doc, children)
            layer[name] = found
        made: tuple[int, Collection] = found
        return made

    def by_name(self) -> list[Collection]:
        """Return all collections, in order of their names."""
        merged: dict[str, tuple[Any, ...]] = self.merged()
        return [
            (found if len(found) == 2 else self[name])[1]  # a row, or made of it
            for name, found in sorted(merged.items())
        ]

    def add(self, row: CollectionRow) -> None:
        """Add or replace a collection."""
        number, name, kind, doc, children = row
        self[name] = number, Collection(name, CollectionType(kind), doc, children)


@dataclass(slots=True)
class Snapshot:
    """The catalog as of one line of the journal.

    Attributes
    ----------
    collections
        Every collection with its number, by name.
    collection_names
        Names by number.
    types, types_by_id
        Every dataset type.
    group_ids
        The number of each group of dimensions that some type has, by its required
        ones.
    governors
        The values of each governor dimension.
    record_tables
        Names of the datastores that keep records.
    members
        Number and kind of each collection that is not a RUN: of those there are few.
    holds
        Pairs of collection and dataset type, by number, of which it is known that the
        one may hold the other; filled when asked for.
    flattened
        Searches, with chains resolved; filled when asked for.
    searched
        By dataset type number and search, the collections that may hold the type;
        filled when asked for.
    """

    revision: int
    collections: Collections
    collection_names: LayeredDict[int, str]
    types: dict[str, TypeRow]
    types_by_id: dict[int, TypeRow]
    group_ids: dict[tuple[str, ...], int]
    governors: dict[str, tuple[str, ...]]
    record_tables: tuple[str, ...]
    members: LayeredDict[int, CollectionType]
    holds: LayeredDict[tuple[int, int], None] = field(default_factory=LayeredDict)
    flattened: dict[tuple[str, ...], Found] = field(default_factory=dict)
    searched: dict[tuple[int, tuple[str, ...]], Searched] = field(default_factory=dict)

    def copy(self) -> Snapshot:
        """Return one that can be changed, while others go on with this."""
        return replace(
            self,
            collections=self.collections.copy(),
            collection_names=self.collection_names.copy(),
            types=self.types.copy(),
            types_by_id=self.types_by_id.copy(),
            group_ids=self.group_ids.copy(),
            members=self.members.copy(),
            holds=self.holds.copy(),
            flattened=_some(self.flattened),
            searched=_some(self.searched),
        )

    def add_collection(self, row: CollectionRow) -> None:
        """Take in a collection that is new or has changed."""
        number, name, kind, _, _ = row
        old = self.collection_names.get(number)
        if old is not None:
            # It has another name now, or its number was given to another: then a
            # line that follows says so, and what it may hold is forgotten there.
            if old != name:
                self._drop_name(old, number)
            self.forget_searches()
        self.collections.add(row)
        self.collection_names[number] = name
        self.members.pop(number, None)
        if kind != CollectionType.RUN.value:
            self.members[number] = CollectionType(kind)

    def remove_collection(self, number: int) -> None:
        """Forget a collection."""
        name = self.collection_names.pop(number, None)
        if name is not None:
            self._drop_name(name, number)
        self.members.pop(number, None)
        for type_id in self.types_by_id:
            self.holds.pop((number, type_id), None)
        self.forget_searches()

    def _drop_name(self, name: str, number: int) -> None:
        """Forget the name of a collection, unless another has it by now."""
        known = self.collections.get(name)
        if known is not None and known[0] == number:
            del self.collections[name]

    def remove_type(self, number: int) -> None:
        """Forget a type that is gone, has another name, or whose number has another."""
        row = self.types_by_id.pop(number, None)
        if row is not None and self.types.get(row.dataset_type.name) is row:
            del self.types[row.dataset_type.name]
        self.holds = LayeredDict()
        self.searched = {}

    def forget_searches(self) -> None:
        """Forget what was found out of searches; others may be using it."""
        self.flattened, self.searched = {}, {}

    def forget_searches_of(self, type_id: int) -> None:
        """Forget which collections may hold a type."""
        self.searched = {k: v for k, v in self.searched.items() if k[0] != type_id}

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

    def numbers(self, kind: CollectionType) -> list[int]:
        """Return the numbers of the collections of one kind that is not RUN."""
        return [number for number, its in self.members.items() if its is kind]

    def type_row(self, name: str) -> TypeRow:
        """Return a dataset type with its numbers and data ID table.

        Raises
        ------
        DatasetTypeNotFoundError
            If there is none of this name.
        """
        try:
            return self.types[name]
        except KeyError:
            raise DatasetTypeNotFoundError(
                f"No dataset type '{name}' is registered."
                f"{close_match(name, self.types)}"
            ) from None

    def checked_type(self, dataset_type: DatasetType) -> TypeRow:
        """Return the row of a type that must have the dimensions it is given with.

        Raises
        ------
        DatasetTypeNotFoundError
            If there is none of this name.
        ConflictError
            If the registered one has other dimensions.
        """
        row = self.type_row(dataset_type.name)
        if row.dataset_type.dimensions != dataset_type.dimensions:
            raise ConflictError(
                f"Dataset type '{dataset_type.name}' is registered with other "
                f"dimensions: {differences(row.dataset_type, dataset_type)}."
            )
        return row


def _some(searches: dict[K, V]) -> dict[K, V]:
    """Return a copy, which threads may go on filling; nothing if it grew too long."""
    return searches.copy() if len(searches) < _KEPT else {}
