"""Handles of datasets that are read when somebody asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pantler.datasets.storage_class import find_storage_class

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.datasets.ref import DatasetRef
    from pantler.datasets.storage_class import StorageClass
    from pantler.dimensions.coordinate import DataCoordinate


class DatasetReader(Protocol):
    """What a handle needs of a repository."""

    def get(
        self,
        ref: DatasetRef,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        storage_class: StorageClass | None = None,
    ) -> Any:
        """Return the dataset or one component of it, converted if that is asked."""
        ...


@dataclass(frozen=True, slots=True)
class DeferredDataset:
    """A dataset that exists and has not been read.

    Parameters
    ----------
    ref
        Which one.
    reader
        Where it is read from.
    """

    ref: DatasetRef
    reader: DatasetReader

    @property
    def data_id(self) -> DataCoordinate:
        """Its data ID."""
        return self.ref.data_id

    def get(
        self,
        component: str | None = None,
        *,
        storage_class: str | None = None,
        **parameters: Any,
    ) -> Any:
        """Read it now.

        Parameters
        ----------
        component
            Name of a part of it; None for all.
        storage_class
            Name of the storage class to convert it to, as for `Butler.get`.
        **parameters
            Options of the read that the storage class allows.
        """
        return self.reader.get(
            self.ref,
            component=component,
            parameters=parameters,
            storage_class=find_storage_class(storage_class),
        )
