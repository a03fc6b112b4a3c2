"""Dataset searches and groups of dimensions, of what people name."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from pantler.butler.dataset_types import DatasetTypes
from pantler.butler.selection import is_pattern
from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType, split_component
from pantler.errors import InvalidInputError
from pantler.queries.query import DatasetSearch, Query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantler.butler.defaults import Defaults
    from pantler.butler.lookup import DatasetLookup
    from pantler.dimensions.universe import DimensionGroup, Universe
    from pantler.queries.runner import QueryRunner
    from pantler.registry.interface import Registry


TypePatterns: TypeAlias = (
    "list[str | DatasetType] | list[str] | tuple[str | DatasetType, ...]"
)
"""Dataset types, names of them, and patterns of ``*`` and ``?``."""


class QueryFactory:
    """Makes of names what queries consist of.

    Parameters
    ----------
    registry
        What answers.
    lookup
        Knows dataset types.
    defaults
        For calls that leave out collections, or values of the data ID.
    """

    def __init__(
        self, registry: Registry, lookup: DatasetLookup, defaults: Defaults
    ) -> None:
        self._registry = registry
        self._lookup = lookup
        self._defaults = defaults

    @property
    def universe(self) -> Universe:
        """The dimensions."""
        return self._registry.universe

    @property
    def runner(self) -> QueryRunner:
        """What answers."""
        return self._registry

    def assume(self, query: Query) -> dict[str, object]:
        """Return data ID values for what a query needs and does not name."""
        return self._defaults.assume(query)

    def dataset_types(self, patterns: TypePatterns) -> list[DatasetType]:
        """Return the dataset types of names and patterns, each once.

        Raises
        ------
        DatasetTypeNotFoundError
            If there is none of a name that is not a pattern.
        """
        return DatasetTypes(self._registry.dataset_types, self.universe).query(patterns)

    def _of_component(self, dataset: str | DatasetType) -> DatasetType:
        """Return a dataset type, which may be named by one of its components."""
        if isinstance(dataset, DatasetType):
            return dataset
        name, component = split_component(dataset)
        dataset_type = self._lookup.dataset_type(name)
        if component is not None:
            dataset_type.load_storage_class().component(component)  # it exists
        return dataset_type

    def search(
        self,
        dataset: str | DatasetType,
        collections: Sequence[str] | str | None,
        *,
        find_first: bool | None = None,
    ) -> DatasetSearch:
        """Return a search for one dataset type.

        Without collections, given or by default, it goes through all runs, and none of
        them is before another: all datasets count.

        Raises
        ------
        InvalidInputError
            If only first matches shall count, and there is no order of collections.
        """
        if isinstance(dataset, str) and is_pattern(dataset):
            raise InvalidInputError(
                f"'{dataset}' is a pattern, which may match several types: ask for "
                f"their datasets by a list, ['{dataset}']."
            )
        dataset_type = self._of_component(dataset)
        if collections is None and not self._defaults.collections:
            if find_first:
                raise InvalidInputError(
                    "Only the first match of each data ID was asked for, but no "
                    "collections are given whose order would decide. "
                    "Give collections=[...], or leave out find_first."
                )
            found = self._registry.collections.all()
            runs = tuple(c.name for c in found if c.type is CollectionType.RUN)
            return DatasetSearch(dataset_type, runs, find_first=False)
        names = self._lookup.searched(collections)
        return DatasetSearch(dataset_type, names, find_first is not False)

    def group(self, dimensions: Sequence[str] | str) -> DimensionGroup:
        """Return the group of some dimensions, listed or separated by commas.

        Raises
        ------
        InvalidInputError
            If none is named.
        """
        names = dimensions.split(",") if isinstance(dimensions, str) else dimensions
        group = self._registry.universe.group(name.strip() for name in names)
        if not group.names:
            raise InvalidInputError("Name the dimensions of the data IDs.")
        return group

    def group_of(self, element: str) -> DimensionGroup:
        """Return the group of the dimensions that records of an element require."""
        universe = self._registry.universe
        return universe.group(universe[element].required)
