"""One quantum: a task, a data ID, and every dataset that it takes and makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.datasets.records import DatastoreRecord
    from pantler.datasets.ref import DatasetRef
    from pantler.dimensions.coordinate import DataCoordinate


@dataclass(frozen=True, slots=True)
class Quantum:
    """One unit of work.

    Parameters
    ----------
    index
        Its number within the graph.
    label
        The task's label in the pipeline.
    data_id
        Its full data ID.
    inputs
        Predicted inputs and prerequisites by connection, in the order of data IDs.
    outputs
        Predicted outputs by connection.
    log_ref, metadata_ref
        Where its log and its metadata go.
    records
        Datastore records by dataset ID, of those inputs that existed when the graph
        was built.
    """

    index: int
    label: str
    data_id: DataCoordinate
    inputs: Mapping[str, tuple[DatasetRef, ...]]
    outputs: Mapping[str, tuple[DatasetRef, ...]]
    log_ref: DatasetRef
    metadata_ref: DatasetRef
    records: Mapping[bytes, list[DatastoreRecord]] = field(default_factory=dict)
