"""Which datasets a datastore takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.datastores.patterns import matches
from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from pantler.config.sections import DatastoreSettings
    from pantler.datasets.dataset_type import DatasetType


class Constraints:
    """What the settings of a datastore say of the datasets that it takes.

    Parameters
    ----------
    settings
        With names, or patterns of ``*`` and ``?``, of dataset types and storage
        classes that it accepts and rejects.
    """

    def __init__(self, settings: DatastoreSettings) -> None:
        self._settings = settings

    def accepts(self, dataset_type: DatasetType) -> bool:
        """Whether new datasets of a type are taken.

        To reject is stronger than to accept; where nothing is accepted by name,
        everything is that is not rejected.
        """
        settings = self._settings
        names = (dataset_type.name, dataset_type.storage_class)
        if settings.read_only or matches(names, settings.reject):
            return False
        return not settings.accept or matches(names, settings.accept)

    def check(self, dataset_type: DatasetType) -> None:
        """Refuse a type of which no new datasets are taken.

        Raises
        ------
        InvalidInputError
            If the settings say so.
        """
        if not self.accepts(dataset_type):
            why = "is read-only" if self._settings.read_only else "does not accept it"
            raise InvalidInputError(
                f"Datasets of type '{dataset_type.name}' "
                f"({dataset_type.storage_class}) cannot be stored: the datastore "
                f"'{self._settings.name}' {why}, by its settings."
            )
