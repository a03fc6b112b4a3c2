"""How the butler completes data IDs and finds datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.butler.keywords import identified
from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.dimensions.coordinate import DataCoordinate
from pantler.errors import DataIdError, DatasetNotFoundError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pantler.butler.defaults import Defaults
    from pantler.datasets.ref import DatasetRef
    from pantler.dimensions.timespan import Timespan
    from pantler.dimensions.universe import DimensionGroup
    from pantler.registry.interface import Registry


class DatasetLookup:
    """Finds datasets by what people say of them.

    Parameters
    ----------
    registry
        Where to look.
    defaults
        For calls that leave out collections, or values of the data ID.
    """

    def __init__(self, registry: Registry, defaults: Defaults) -> None:
        self._registry = registry
        self._defaults = defaults
        # The group of a type and of what is named with it; few are ever asked for.
        self._wider: dict[tuple[object, ...], DimensionGroup] = {}

    def dataset_type(self, dataset: str | DatasetType) -> DatasetType:
        """Return a registered dataset type."""
        if isinstance(dataset, DatasetType):
            return dataset
        return self._registry.dataset_types.get(dataset)

    def searched(self, collections: Sequence[str] | str | None) -> tuple[str, ...]:
        """Return the collections of a call, or the defaults.

        Raises
        ------
        InvalidInputError
            If there are neither.
        """
        if isinstance(collections, str):
            collections = (collections,)
        names = (
            self._defaults.collections if collections is None else tuple(collections)
        )
        if not names:
            known = [c.name for c in self._registry.collections.all()]
            raise InvalidInputError(
                "No collections to search: give collections=[...], or open the butler "
                f"with them. There are: {_some(known)}."
            )
        return names

    def expand(
        self, wanted: Mapping[str, object], group: DimensionGroup
    ) -> DataCoordinate:
        """Return the full data ID of a group from what a caller said."""
        wanted = identified(wanted, group)
        return self._registry.dimensions.expand(
            {**self._defaults.values_for(group, wanted), **wanted}, group
        )

    def find(
        self,
        dataset: str | DatasetType,
        wanted: Mapping[str, object],
        collections: Sequence[str] | str | None,
        *,
        timespan: Timespan | None = None,
    ) -> DatasetRef | None:
        """Return the first match, or None; see `Butler.get`.

        All that it takes is read from one state of the registry.
        """
        with self._registry.reading():
            return self._find(dataset, wanted, collections, timespan)

    def _find(
        self,
        dataset: str | DatasetType,
        wanted: Mapping[str, object],
        collections: Sequence[str] | str | None,
        timespan: Timespan | None,
    ) -> DatasetRef | None:
        dataset_type = self.dataset_type(dataset)
        names = self.searched(collections)
        group = dataset_type.dimensions
        wanted = identified(wanted, group)
        if dataset_type.is_calibration:
            # A calibration is found by the time of what is named with it.
            wanted = self._defaults.complete(wanted, group)
        else:
            wanted = {**self._defaults.values_for(group, wanted), **wanted}
        if wanted.keys() == set(group.required) and self._is_plain(wanted, group):
            data_id = DataCoordinate.from_mapping(wanted, group)
        else:
            key = (group, *wanted)
            everything = self._wider.get(key)
            if everything is None:
                everything = self._wider[key] = self._everything(wanted, group)
            full = self._registry.dimensions.expand(wanted, everything)
            data_id = full.subset(group)
            if timespan is None and dataset_type.is_calibration:
                timespan = self._timespan(full)
                if timespan is None and any(full.group.temporal_elements()):
                    # As in queries: at a time that is not known nothing is valid.
                    names = self._without_calibrations(names)
        return self._registry.datasets.find(dataset_type, data_id, names, timespan)

    def explain_missing(
        self,
        dataset: str | DatasetType,
        wanted: Mapping[str, object],
        collections: Sequence[str] | str | None,
    ) -> DatasetNotFoundError:
        """Return the error that says what was looked for, and where."""
        dataset_type = self.dataset_type(dataset)
        names = self.searched(collections)
        searched = self._registry.collections.flatten(names)
        holders = [
            collection.name
            for collection in searched
            if dataset_type.name
            in self._registry.collections.dataset_types(collection.name)
        ]
        said = ", ".join(f"{key}={value!r}" for key, value in wanted.items())
        message = f"No '{dataset_type.name}' with {said or 'an empty data ID'} in "
        message += f"{_some([c.name for c in searched])}."
        if not holders:
            message += f" None of these holds any '{dataset_type.name}'."
        elif dataset_type.is_calibration and all(
            collection.type is CollectionType.CALIBRATION
            for collection in searched
            if collection.name in holders
        ):
            message += (
                " Calibrations are found by time: none is valid there for this data "
                "ID. Name something whose time is known, such as an exposure; where "
                "nothing with a time is named, those that are valid for ever are found."
            )
        return DatasetNotFoundError(message)

    @staticmethod
    def _is_plain(wanted: Mapping[str, object], group: DimensionGroup) -> bool:
        """Whether no text stands for an integer, which would need a look-up."""
        universe = group.universe
        for name, value in wanted.items():
            if isinstance(value, str) and universe[name].primary_key.type == "int":
                return False
        return True

    def _everything(
        self, wanted: Mapping[str, object], group: DimensionGroup
    ) -> DimensionGroup:
        """Return the group of a type and of all else that a caller named."""
        universe = self._registry.universe
        named = {name.partition(".")[0] for name in wanted if name not in group}
        unknown = [name for name in named if name not in universe]
        if unknown:
            # The registry says it with a close match among what would fit.
            DataCoordinate.from_mapping({unknown[0]: 0}, group)
        extra = [name for name in named if universe[name].is_dimension]
        if len(extra) < len(named):
            raise DataIdError(
                f"{sorted(named)} are not all dimensions: name dimensions, or their "
                "fields as 'exposure.obs_id'."
            )
        return universe.group([*group.names, *extra])

    def _without_calibrations(self, names: Sequence[str]) -> tuple[str, ...]:
        searched = self._registry.collections.flatten(names)
        return tuple(
            each.name
            for each in searched
            if each.type is not CollectionType.CALIBRATION
        )

    def _timespan(self, data_id: DataCoordinate) -> Timespan | None:
        for element in data_id.group.temporal_elements():
            record = self._registry.dimensions.find(element.name, data_id)
            timespan = None if record is None else record.timespan
            if timespan is not None:
                return timespan
        return None


def _some(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:most])
    more = len(names) - most
    return f"{shown} and {more} more" if more > 0 else shown or "no collection"
