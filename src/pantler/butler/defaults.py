"""What a butler assumes where a call says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.datasets.collection import CollectionType
from pantler.errors import ConflictError, DataIdError, close_match
from pantler.queries.analysis import unnamed
from pantler.queries.query import Query

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pantler.butler.repository import Repository
    from pantler.dimensions.universe import DimensionGroup


class Defaults:
    """The default collections, run and data ID of a butler.

    Parameters
    ----------
    repository
        What they are checked against.
    collections
        Searched in this order when a call names none.
    run
        The RUN collection to write to; it is searched first unless ``collections`` say
        otherwise, and need not exist yet.
    data_id
        Values for calls that leave them out.

    Raises
    ------
    CollectionNotFoundError
        If a collection does not exist.
    ConflictError
        If ``run`` is a collection of another type.
    DataIdError
        If a dimension or its value does not exist, or values contradict each other.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        collections: tuple[str, ...],
        run: str | None,
        data_id: Mapping[str, object],
    ) -> None:
        self._repository = repository
        self.run = run
        self._with_run = (
            collections if run is None or run in collections else (run, *collections)
        )
        self._without_run = tuple(name for name in collections if name != run)
        self._is_run_settled = run is None
        self._data_id = dict(data_id)
        self._inferred: dict[str, dict[str, object]] = {}
        self._check_collections()
        for key in self._data_id:
            self._check_value(key)
        self._check_together()

    @property
    def collections(self) -> tuple[str, ...]:
        """The collections to search: the run is one of them as soon as it exists."""
        if self._is_run_settled:
            return self._with_run
        found = self._repository.registry.collections.all()
        if not any(collection.name == self.run for collection in found):
            return self._without_run
        # Within a transaction it may go again.
        self._is_run_settled = not self._repository.has_open_transaction
        return self._with_run

    @property
    def data_id(self) -> dict[str, object]:
        """The default values, by dimension."""
        return dict(self._data_id)

    def values_for(
        self, group: DimensionGroup, given: Collection[str]
    ) -> dict[str, object]:
        """Return the default values of a group's dimensions, but for those given.

        A governor (instrument, skymap) without one has the only value of it in the
        default collections, if these have only one.
        """
        values = {}
        for key, value in self._data_id.items():
            name = key.partition(".")[0]
            if name in group and name not in given:
                values[key] = value
        for name in group.governors:
            if name not in given and name not in self._data_id:
                values.update(self._inferred_value(name))
        return values

    def complete(
        self, given: Mapping[str, object], group: DimensionGroup
    ) -> dict[str, object]:
        """Return a data ID with the default values of all that it leaves out."""
        return {**self._data_id, **self.values_for(group, given), **given}

    def assume(self, query: Query) -> dict[str, object]:
        """Return the values that hold for a query: of what it needs and never names."""
        universe = self._repository.universe
        governors = {e.name: None for e in universe.elements.values() if e.is_governor}
        unsaid = unnamed(query, {**governors, **self._data_id})
        values = {}
        for key, value in unsaid.items():
            if key in self._data_id:
                values[key] = value
            else:
                values.update(self._inferred_value(key))
        return values

    def _inferred_value(self, governor: str) -> dict[str, object]:
        """Return the only value of a governor in the default collections, if any.

        It is looked up when it is first needed. Where the repository has just one, it
        goes without saying.
        """
        found = self._inferred.get(governor)
        if found is None:
            found = self._infer(governor)
            if found is not None:
                self._inferred[governor] = found
        return found or {}

    def _infer(self, governor: str) -> dict[str, object] | None:
        """Return the value, or no value; None if there are no datasets to go by."""
        registry, names = self._repository.registry, self.collections
        if not names:
            return None
        if self._count(governor) < 2:
            return {}
        values: set[object] = set()
        for name in names:
            values.update(
                registry.collections.summary(name).governors.get(governor, ())
            )
            if len(values) > 1:
                return {}
        return {governor: values.pop()} if values else None

    def _count(self, governor: str) -> int:
        """Return how many values of a governor there are; 2 for more than one."""
        group = self._repository.universe.group([governor])
        return self._repository.registry.count(Query(group, limit=2))

    def _check_collections(self) -> None:
        facet = self._repository.registry.collections
        for name in self._without_run:
            facet.get(name)
        for found in facet.all():
            if found.name == self.run and found.type is not CollectionType.RUN:
                raise ConflictError(
                    f"The default run '{self.run}' is a {found.type.name} collection. "
                    "Name a RUN to write to."
                )

    def _check_value(self, key: str) -> None:
        """Refuse a value that no record has, if the defaults say enough to know."""
        universe = self._repository.universe
        name = key.partition(".")[0]
        if name not in universe:
            raise DataIdError(
                f"The default data ID has '{key}', which is not a dimension."
                f"{close_match(name, universe.elements)}"
            )
        value = self._data_id[key]
        if value is None or isinstance(value, list | tuple | set | frozenset | dict):
            raise DataIdError(
                f"The default data ID takes one value for '{key}', not {value!r}."
            )
        if not universe[name].is_pixel:
            self._check_group(universe.group(universe[name].required))

    def _check_together(self) -> None:
        """Refuse values that no data ID can have at once."""
        universe = self._repository.universe
        names = {key.partition(".")[0] for key in self._data_id}
        said = [name for name in names if not universe[name].is_pixel]
        if len(said) > 1:
            self._check_group(universe.group(said))

    def _check_group(self, group: DimensionGroup) -> None:
        given = self.values_for(group, ())
        missing = set(group.required) - {k.partition(".")[0] for k in given}
        if all(self._is_the_only_one(one) for one in missing):
            self._repository.registry.dimensions.expand(given, group)

    def _is_the_only_one(self, name: str) -> bool:
        """Whether a dimension that nobody named can have one value only."""
        is_governor = self._repository.universe[name].is_governor
        return is_governor and self._count(name) == 1
