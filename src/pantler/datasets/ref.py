"""Dataset refs: what passes between registry and datastores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from pantler.datasets.dataset_type import DatasetType
    from pantler.dimensions.coordinate import DataCoordinate


@dataclass(frozen=True, slots=True)
class DatasetRef:
    """One dataset, fully named.

    Parameters
    ----------
    dataset_type
        Its type.
    data_id
        Its data ID, of the type's dimensions.
    run
        Name of the RUN collection that it belongs to for good.
    id
        Its UUID, unique among all repositories.
    """

    dataset_type: DatasetType
    data_id: DataCoordinate
    run: str
    id: UUID

    def __str__(self) -> str:
        return f"{self.dataset_type.name}@{self.data_id} in '{self.run}'"
