"""What users do with dataset types."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pantler.datasets.dataset_type import DatasetType
    from pantler.registry.interface import DatasetTypeFacet


class DatasetTypes:
    """The dataset types of a repository: ``butler.dataset_types``.

    Parameters
    ----------
    facet
        The registry's side of them.
    """

    def __init__(self, facet: DatasetTypeFacet) -> None:
        self._facet = facet

    def register(self, dataset_type: DatasetType) -> bool:
        """Add a dataset type; return False if an equal one was there.

        Raises
        ------
        ConflictError
            If another of this name exists; the message says what differs.
        """
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
