"""How the butler makes queries of what people ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.errors import InvalidInputError
from pantler.queries.binding import combine, data_id_predicate, parse_where
from pantler.queries.query import DatasetSearch, Query
from pantler.queries.results import DataIdResults, DatasetResults, RecordResults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pantler.butler.lookup import DatasetLookup
    from pantler.datasets.dataset_type import DatasetType
    from pantler.dimensions.universe import DimensionGroup
    from pantler.queries.tree import Predicate
    from pantler.registry.interface import Registry


class QueryFactory:
    """Makes lazy results.

    Parameters
    ----------
    registry
        What answers.
    lookup
        Knows the default collections.
    """

    def __init__(self, registry: Registry, lookup: DatasetLookup) -> None:
        self._registry = registry
        self._lookup = lookup

    def search(
        self,
        dataset: str | DatasetType,
        collections: Sequence[str] | str | None,
        *,
        find_first: bool = True,
    ) -> DatasetSearch:
        """Return a search for one dataset type."""
        names = self._lookup.searched(collections)
        return DatasetSearch(self._lookup.dataset_type(dataset), names, find_first)

    def searches(
        self,
        datasets: Sequence[str] | str,
        collections: Sequence[str] | str | None,
    ) -> tuple[DatasetSearch, ...]:
        """Return a search for each of some dataset types."""
        names = (datasets,) if isinstance(datasets, str) else datasets
        return tuple(self.search(name, collections) for name in names)

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

    def condition(
        self,
        where: str,
        bind: Mapping[str, object] | None,
        keys: Mapping[str, object],
        scope: tuple[DimensionGroup, Sequence[DatasetSearch]],
    ) -> Predicate | None:
        """Return what must hold, from an expression and from data ID values.

        Parameters
        ----------
        where, bind, keys
            As for `Butler.query_data_ids`.
        scope
            The dimensions of the rows, whose fields need no prefix, and the datasets
            that the expression can speak of.
        """
        group, searches = scope
        universe = self._registry.universe
        written = parse_where(
            where,
            universe,
            dataset_types={s.dataset_type.name: s.dataset_type for s in searches},
            parameters=dict(bind or {}),
            dimensions=group,
        )
        said = data_id_predicate(keys, universe) if keys else None
        return combine(written, said)

    def data_ids(
        self,
        group: DimensionGroup,
        condition: Predicate | None,
        searches: tuple[DatasetSearch, ...],
    ) -> DataIdResults:
        """Return the data IDs of some dimensions."""
        return DataIdResults(self._registry, Query(group, condition, searches))

    def datasets(
        self, search: DatasetSearch, condition: Predicate | None
    ) -> DatasetResults:
        """Return the datasets of a search."""
        group = search.dataset_type.dimensions
        return DatasetResults(self._registry, Query(group, condition, target=search))

    def records(self, element: str, condition: Predicate | None) -> RecordResults:
        """Return the records of an element."""
        group = self.group_of(element)
        return RecordResults(self._registry, Query(group, condition, element=element))
