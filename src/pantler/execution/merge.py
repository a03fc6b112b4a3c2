"""Outcomes of quanta that may have been tried, and recorded, before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.errors import DatasetNotFoundError, StorageError
from pantler.execution.outcome import QuantumStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantler.butler.repository import Repository
    from pantler.datasets.ref import DatasetRef
    from pantler.execution.outcome import (
        PackedOutput,
        QuantumOutcome,
        StoredOutput,
    )
    from pantler.execution.recorder import Recorder


class Merge:
    """Records outcomes, each quantum's once, and a success in place of a failure.

    Parameters
    ----------
    repository
        The repository, open for writing.
    recorder
        What records in it.
    """

    def __init__(self, repository: Repository, recorder: Recorder) -> None:
        self._repository = repository
        self._recorder = recorder

    def add(self, outcome: QuantumOutcome) -> None:
        """Record an outcome, unless that or a better one is recorded."""
        recorded = self._recorded((outcome.packed or outcome.stored)[:1])
        if not recorded:
            self._recorder.add(outcome)
        elif outcome.is_success:
            self._replace(outcome)

    def add_another(self, outcome: QuantumOutcome) -> None:
        """Take a further success of a quantum that `add` was given one of."""
        self._recorder.flush()  # the first may be waiting still
        self._replace(outcome)

    def _replace(self, outcome: QuantumOutcome) -> None:
        """Record a success where something is recorded, if that is not as good."""
        if outcome.stored:
            is_failure = not self._recorded(outcome.stored[:1])
        else:
            is_failure = self._recorded_status(outcome) == QuantumStatus.FAILED.value
        if not is_failure and not self._has_overwritten(outcome):
            return
        ids = [packed.dataset_id for packed in outcome.packed]
        ids += [stored.dataset_id for stored in outcome.stored]
        self._recorder.flush()
        with self._repository.transaction():
            # The files of its outputs stay, as their paths are recorded again.
            self._repository.delete_ids(ids)
            self._recorder.add(outcome)
            self._recorder.flush()

    def _recorded(
        self, outputs: Sequence[StoredOutput | PackedOutput]
    ) -> list[DatasetRef]:
        get = self._repository.registry.datasets.get
        found = (get(output.dataset_id) for output in outputs)
        return [ref for ref in found if ref is not None]

    def _recorded_status(self, outcome: QuantumOutcome) -> str:
        """Return how the quantum ended that is recorded, by its metadata."""
        for ref in self._recorded(outcome.packed):
            try:
                content = self._repository.get(ref)
            except (DatasetNotFoundError, StorageError):
                continue
            if isinstance(content, dict) and "quantum" in content:
                return str(content["quantum"].get("status", ""))
        return ""

    def _has_overwritten(self, outcome: QuantumOutcome) -> bool:
        """Whether its files are there in place of those that are recorded."""
        records = [record for out in outcome.stored for record in out.records]
        ids = [stored.dataset_id for stored in outcome.stored]
        recorded = [r for blob in ids for r in self._repository.records.find(blob)]
        if {(r.path, r.checksum, r.size_bytes) for r in records} == {
            (r.path, r.checksum, r.size_bytes) for r in recorded
        }:
            return False
        verify = self._repository.datastore.verify
        return any(verify(recorded, content=True)) and not any(
            verify(records, content=True)
        )
