"""What became of one quantum, as a worker reports it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pantler.datasets.records import DatastoreRecord
    from pantler.dimensions.column import DataIdValue


class QuantumStatus(Enum):
    """How a quantum ended."""

    DONE = "done"
    """It ran, and its outputs are stored."""

    NO_WORK = "no work"
    """It found nothing to do, and has no outputs."""

    FAILED = "failed"
    """It raised an error, or its process died."""

    BLOCKED = "blocked"
    """It never ran, for a quantum that it needs failed."""


@dataclass(frozen=True, slots=True)
class StoredOutput:
    """A dataset that a worker has stored: plain values, quick to send."""

    dataset_type: str
    data_id: tuple[DataIdValue, ...]
    dataset_id: bytes
    records: tuple[DatastoreRecord, ...]


@dataclass(frozen=True, slots=True)
class PackedOutput:
    """A log or metadata dataset, as bytes for a pack."""

    dataset_type: str
    data_id: tuple[DataIdValue, ...]
    dataset_id: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class QuantumOutcome:
    """What became of one quantum.

    Parameters
    ----------
    index
        Its number in the graph.
    label
        Its task.
    status
        How it ended.
    message
        Why, in a sentence; empty if it is done.
    stored
        Its outputs.
    packed
        Its log and metadata.
    """

    index: int
    label: str
    status: QuantumStatus
    message: str = ""
    stored: tuple[StoredOutput, ...] = ()
    packed: tuple[PackedOutput, ...] = ()
