"""What all formatters of tables have in common."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING

from pantler.formatters.interface import Formatter
from pantler.formatters.tables.conversion import kind_of, kind_of_class

if TYPE_CHECKING:
    from pantler.datasets.storage_class import StorageClass


class TableFormatter(Formatter, ABC):
    """Writes any kind of table, and reads each as any kind.

    So nothing is lost of an astropy table that is put as a data frame: units are in
    the file, and come back for those who ask for an astropy table.
    """

    def takes(self, value: object, storage_class: StorageClass) -> bool:
        """Whether it writes an object as it is: any table."""
        return kind_of(value) is not None and self.gives(storage_class)

    def gives(self, storage_class: StorageClass) -> bool:
        """Whether it reads its files as objects of a storage class: any table."""
        return kind_of_class(storage_class) is not None
