"""Dataset searches and groups of dimensions, of what people name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.datasets.collection import CollectionType
from pantler.errors import InvalidInputError
from pantler.queries.query import DatasetSearch, Query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantler.butler.defaults import Defaults
    from pantler.butler.lookup import DatasetLookup
    from pantler.datasets.dataset_type import DatasetType
    from pantler.dimensions.universe import DimensionGroup, Universe
    from pantler.queries.runner import QueryRunner
    from pantler.registry.interface import Registry


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
        dataset_type = self._lookup.dataset_type(dataset)
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
