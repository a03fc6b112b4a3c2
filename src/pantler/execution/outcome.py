"""What became of one quantum, as plain values."""

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
    """It never ran, because a quantum that it needs failed."""


@dataclass(frozen=True, slots=True)
class StoredOutput:
    """A dataset that a worker has stored."""

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
class Fault:
    """Why a quantum failed.

    Parameters
    ----------
    error
        The class of the error; ``Died`` if the process ended.
    message
        What the error says; may be empty.
    place
        ``file:line`` of the code that raised it; empty if none did.
    trace
        The traceback; empty if there is none.
    """

    error: str
    message: str
    place: str = ""
    trace: str = ""

    def __str__(self) -> str:
        text = f"{self.error}: {self.message}" if self.message else self.error
        return f"{text} ({self.place})" if self.place else text


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
    reason
        Why there was no work; empty otherwise.
    fault
        Why it failed; None if it did not.
    seconds
        How long it ran.
    stored
        Its outputs.
    packed
        Its log and metadata.
    """

    index: int
    label: str
    status: QuantumStatus
    reason: str = ""
    fault: Fault | None = None
    seconds: float = 0.0
    stored: tuple[StoredOutput, ...] = ()
    packed: tuple[PackedOutput, ...] = ()

    @property
    def is_success(self) -> bool:
        """Whether it came to its end, with work or without."""
        return self.status in {QuantumStatus.DONE, QuantumStatus.NO_WORK}

    @property
    def message(self) -> str:
        """Why it failed or had no work, in a sentence; empty if it is done."""
        return self.reason if self.fault is None else str(self.fault)
