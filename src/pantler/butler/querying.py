"""How the butler makes queries of what people ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.datasets.collection import CollectionType
from pantler.errors import InvalidInputError
from pantler.queries.analysis import columns, element_of
from pantler.queries.binding import bind as bind_names
from pantler.queries.binding import combine, data_id_predicate
from pantler.queries.parser import parse
from pantler.queries.query import DatasetSearch, Query
from pantler.queries.results import DataIdResults, DatasetResults, RecordResults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pantler.butler.defaults import Defaults
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
            As for `Butler.query_data_ids`. The defaults stand in for dimensions that
            neither names.
        scope
            The dimensions of the rows, whose fields need no prefix, and the datasets
            that the expression can speak of.
        """
        group, searches = scope
        universe = self._registry.universe
        written = bind_names(
            parse(where),
            universe,
            dataset_types={s.dataset_type.name: s.dataset_type for s in searches},
            parameters=dict(bind or {}),
            dimensions=group,
        )
        named = {element_of(column) or "" for column in columns(written)}
        named.update(key.partition(".")[0] for key in keys)
        said = {**self._defaults.values_for(group, named), **keys}
        return combine(written, data_id_predicate(said, universe) if said else None)

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
