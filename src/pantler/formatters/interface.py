"""The interface of formatters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pantler.datasets.storage_class import StorageClass


class Formatter(ABC):
    """Writes Python objects of some storage classes and reads them back.

    Formatters are plugins of the group ``pantler.formatters``; records keep the
    name of the one that wrote a dataset. They hold no state. Implement either the
    pair of bytes (`BytesFormatter`) or the pair of files.
    """

    extension: ClassVar[str]
    """With its dot, such as ``.fits``."""

    @abstractmethod
    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:
        """Write an object to a new local file."""

    @abstractmethod
    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the object, or one component of it, from a local file.

        Parameters
        ----------
        path
            The file.
        storage_class
            Of the whole dataset, as it was written.
        component
            Name of the part that is wanted, None for the whole.
        parameters
            Options of this read that the storage class allows.

        Raises
        ------
        IntegrityError
            If the file is not what the formatter writes.
        """


class BytesFormatter(Formatter):
    """A formatter whose objects are small enough to be bytes in memory.

    Its datasets can be packed: many in one file.
    """

    @abstractmethod
    def to_bytes(self, value: Any, storage_class: StorageClass) -> bytes:
        """Return the bytes of an object."""

    @abstractmethod
    def from_bytes(
        self,
        data: bytes,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the object, or one component of it, from bytes."""

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:
        """Write the bytes of an object to a new local file."""
        path.write_bytes(self.to_bytes(value, storage_class))

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the object, or one component of it, from a local file."""
        return self.from_bytes(
            path.read_bytes(), storage_class, component=component, parameters=parameters
        )
