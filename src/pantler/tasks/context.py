"""The context through which a running task meets its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pantler.datasets.ref import DatasetRef
    from pantler.dimensions.coordinate import DataCoordinate


class QuantumContext(Protocol):
    """One quantum, as the task sees it."""

    @property
    def label(self) -> str:
        """The task's label in the pipeline."""
        ...

    @property
    def data_id(self) -> DataCoordinate:
        """The full data ID of the quantum."""
        ...

    @property
    def inputs(self) -> Mapping[str, Sequence[DatasetRef]]:
        """Refs of the inputs that exist, by connection."""
        ...

    @property
    def outputs(self) -> Mapping[str, Sequence[DatasetRef]]:
        """Refs of the outputs to make, by connection."""
        ...

    def get(self, connection: str) -> Any:
        """Return what ``run`` gets for a connection.

        An object; or a `DeferredDataset` if it is deferred; or, if it is multiple, a
        list of either. None for an optional one that is not there.
        """
        ...

    def put(self, connection: str, value: Any) -> None:
        """Store an output; for a multiple one, a list in the order of ``outputs``."""
        ...
