"""The catalog as of one moment: collections, dataset types, governor values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pantler.datasets.collection import Collection, CollectionType
from pantler.datasets.dataset_type import differences
from pantler.errors import (
    CollectionNotFoundError,
    ConflictError,
    DatasetTypeNotFoundError,
    close_match,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sqlalchemy as sa

    from pantler.datasets.dataset_type import DatasetType


@dataclass(frozen=True, slots=True)
class TypeRow:
    """A dataset type with its numbers and the table of its data IDs."""

    id: int
    group_id: int
    dataset_type: DatasetType
    data_ids: sa.Table


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
    holders
        By dataset type number, the numbers of collections that may hold it; filled
        when asked for.
    flattened
        Searches, with chains resolved; filled when asked for.
    """

    revision: int
    collections: dict[str, tuple[int, Collection]]
    collection_names: dict[int, str]
    types: dict[str, TypeRow]
    types_by_id: dict[int, TypeRow]
    group_ids: dict[tuple[str, ...], int]
    governors: dict[str, tuple[str, ...]]
    record_tables: tuple[str, ...]
    holders: dict[int, set[int]] = field(default_factory=dict)
    flattened: dict[tuple[str, ...], tuple[tuple[int, Collection], ...]] = field(
        default_factory=dict
    )

    def copy(self) -> Snapshot:
        """Return one that can be changed, while others go on with this."""
        return replace(
            self,
            collections=self.collections.copy(),
            collection_names=self.collection_names.copy(),
            types=self.types.copy(),
            types_by_id=self.types_by_id.copy(),
            group_ids=self.group_ids.copy(),
            # Threads fill this one in: copied first, then gone through.
            holders={
                number: held.copy() for number, held in self.holders.copy().items()
            },
            flattened={},
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
