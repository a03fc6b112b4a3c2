"""What users do with dataset types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.butler.arguments import checked
from pantler.butler.selection import is_pattern, matching
from pantler.datasets.dataset_type import DatasetType, differences, split_component
from pantler.errors import DatasetTypeNotFoundError, InvalidInputError, close_match

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantler.dimensions.universe import Universe
    from pantler.registry.interface import DatasetTypeFacet


@checked
class DatasetTypes:
    """The dataset types of a repository: ``butler.dataset_types``.

    Parameters
    ----------
    facet
        The registry's side of them.
    universe
        The dimensions of the repository.
    """

    def __init__(self, facet: DatasetTypeFacet, universe: Universe) -> None:
        self._facet = facet
        self._universe = universe

    def register(
        self,
        dataset_type: DatasetType | str,
        dimensions: Iterable[str] | str | None = None,
        storage_class: str | None = None,
        *,
        is_calibration: bool = False,
    ) -> bool:
        """Add a dataset type; return False if an equal one was there.

        Parameters
        ----------
        dataset_type
            The type, which says everything, or its name.
        dimensions
            With a name: the names of its dimensions, listed or separated by commas.
        storage_class
            With a name: the name of its storage class.
        is_calibration
            With a name: whether its datasets can be certified for a time.

        Raises
        ------
        ConflictError
            If another of this name exists; the message says what differs.
        InvalidInputError
            If it cannot be a dataset type.
        PluginError
            If there is no such storage class.

        Examples
        --------
        A table of each visit::

            butler.dataset_types.register("stars", ["visit"], "DataFrame")
        """
        if isinstance(dataset_type, str):
            dataset_type = self._made(
                dataset_type, dimensions, storage_class, is_calibration=is_calibration
            )
        if self._facet.find(dataset_type.name) != dataset_type:
            dataset_type.load_storage_class()  # refuses what is none
        return self._facet.register(dataset_type)

    def get(self, name: str) -> DatasetType:
        """Return a dataset type.

        Raises
        ------
        DatasetTypeNotFoundError
            If there is none of this name.
        """
        return self._facet.get(name)

    def find(self, name: str) -> DatasetType | None:
        """Return a dataset type, or None."""
        return self._facet.find(name)

    def all(self) -> list[DatasetType]:
        """Return all dataset types, by name."""
        return self._facet.all()

    def query(
        self, patterns: str | DatasetType | Iterable[str | DatasetType] = "*"
    ) -> list[DatasetType]:
        """Return the dataset types that have some names or match some patterns.

        Parameters
        ----------
        patterns
            Names, patterns of ``*`` and ``?``, or types; several or one. The name of a
            component (``calexp.wcs``) stands for the type that has it.

        Returns
        -------
        list
            Each once: in the order of the patterns, and by name for each. A pattern may
            match none.

        Raises
        ------
        DatasetTypeNotFoundError
            If there is none of a name that is not a pattern.
        """
        several = (patterns,) if isinstance(patterns, str | DatasetType) else patterns
        names = [
            one.name if isinstance(one, DatasetType) else split_component(one)[0]
            for one in several
        ]
        for name in names:
            if not is_pattern(name):
                self._facet.get(name)
        known = {one.name: one for one in self._facet.all()}
        return list(matching(known, names).values())

    def find_all(
        self, patterns: str | DatasetType | Iterable[str | DatasetType]
    ) -> list[DatasetType]:
        """Return the dataset types as `query` does; each pattern has to match some.

        Raises
        ------
        DatasetTypeNotFoundError
            If there is none of a name, or none matches a pattern.
        """
        several = (patterns,) if isinstance(patterns, str | DatasetType) else patterns
        found: dict[str, DatasetType] = {}
        for pattern in several:
            some = self.query(pattern)
            if not some:
                known = [one.name for one in self._facet.all()]
                raise DatasetTypeNotFoundError(
                    f"No dataset type matches '{pattern}'."
                    f"{close_match(str(pattern), known)}"
                )
            found.update((one.name, one) for one in some)
        return list(found.values())

    def compare(self, dataset_type: DatasetType) -> str:
        """Return how a dataset type differs from the registered one of its name.

        Returns
        -------
        str
            What is "there" and what is "here"; empty if they are equal.

        Raises
        ------
        DatasetTypeNotFoundError
            If there is none of this name.
        """
        return differences(self._facet.get(dataset_type.name), dataset_type)

    def rename(self, name: str, new: str) -> None:
        """Give a dataset type another name.

        Its datasets and their files stay what and where they are. Pipelines, graphs
        and settings outside of the repository that say the old name have to be changed
        by hand.

        Raises
        ------
        DatasetTypeNotFoundError
            If there is none of this name.
        ConflictError
            If another has the new name.
        InvalidInputError
            If it cannot name a dataset type.
        """
        self._facet.rename(name, new)

    def remove(self, name: str) -> None:
        """Remove a dataset type that has no datasets.

        Raises
        ------
        DatasetTypeNotFoundError
            If there is none of this name.
        ConflictError
            If it has datasets; the message names runs that hold some.
        """
        self._facet.remove(name)

    def _made(
        self,
        name: str,
        dimensions: Iterable[str] | str | None,
        storage_class: str | None,
        *,
        is_calibration: bool,
    ) -> DatasetType:
        if dimensions is None or storage_class is None:
            raise InvalidInputError(
                f"To register '{name}', say its dimensions and its storage class too."
            )
        listed = dimensions.split(",") if isinstance(dimensions, str) else dimensions
        group = self._universe.group(one.strip() for one in listed if one.strip())
        return DatasetType(name, group, storage_class, is_calibration)
