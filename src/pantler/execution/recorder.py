"""The one writer that records what the workers have stored, in batches."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

import polars as pl

from pantler.datasets.records import DatastoreRecord, records_to_frame
from pantler.datasets.ref import DatasetRef
from pantler.dimensions.coordinate import DataCoordinate
from pantler.errors import BusyError, StorageError
from pantler.execution.context import lost_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pantler.butler.repository import Repository
    from pantler.datasets.dataset_type import DatasetType
    from pantler.execution.outcome import PackedOutput, QuantumOutcome, StoredOutput

_LOG = logging.getLogger("pantler.execution")
_BATCH = 256
_PATIENCE_S = 2.0

OnLost = Callable[["QuantumOutcome", str], "QuantumOutcome"]
"""Is called with a quantum that was done, and what became of its output since; what it
returns is recorded in its place."""


class Recorder:
    """Records outputs in the registry, and packs logs and metadata.

    A batch is one transaction. What is not recorded when the process is killed is
    stored but unknown, and is found as files that no record names.

    Parameters
    ----------
    repository
        The repository, open for writing.
    run
        The RUN collection of all outputs.
    dataset_types
        By name, all that can come.
    on_lost
        What becomes of a quantum whose outputs were there and are not any more.
    give_up
        Whether to stop waiting for a lock that others hold.
    """

    def __init__(
        self,
        repository: Repository,
        run: str,
        dataset_types: Mapping[str, DatasetType],
        *,
        on_lost: OnLost,
        give_up: Callable[[], bool] = lambda: False,
    ) -> None:
        self._repository = repository
        self._run = run
        self._types = dataset_types
        self._on_lost = on_lost
        self._give_up = give_up
        self._ended: list[QuantumOutcome] = []
        self._stored: dict[str, list[StoredOutput]] = defaultdict(list)
        self._packed: dict[str, list[PackedOutput]] = defaultdict(list)
        self._packs: list[tuple[str, list[PackedOutput], list[DatastoreRecord]]] = []
        self._waiting = 0
        self._last = time.monotonic()

    def add(self, outcome: QuantumOutcome) -> None:
        """Take an outcome; record a batch when enough are there."""
        self._ended.append(outcome)
        self._waiting += 1
        self.flush_if_due()

    def flush_if_due(self) -> None:
        """Record what is waiting, if there is much of it or it has waited long."""
        late = time.monotonic() - self._last > _PATIENCE_S
        if self._waiting >= _BATCH or (self._waiting and late):
            self.flush()

    def flush(self) -> None:
        """Record all that is waiting, in one transaction.

        While others hold the registry's lock it waits, and says so now and then.

        Raises
        ------
        BusyError
            If the lock is held, and we are asked to wait no longer.
        """
        self._persist()
        # Bytes come before locks; who is killed between leaves a pack without records.
        while self._packed:
            name, packed = next(iter(self._packed.items()))
            self._packs.append((name, packed, self._write_pack(name, packed)))
            del self._packed[name]
        while True:
            try:
                self._insert()
            except BusyError as error:
                _LOG.warning(
                    "%d finished quanta wait to be recorded. %s", self._waiting, error
                )
                if self._give_up():
                    raise
            else:
                break
        self._stored.clear()
        self._packs.clear()
        self._waiting = 0
        self._last = time.monotonic()

    def _persist(self) -> None:
        """Put what has ended on the disk: workers do not wait for it, and we do once.

        A task may have removed what was stored; that costs the quantum of the file.
        """
        datastore = self._repository.datastore
        try:
            datastore.persist(_records(self._ended))
        except StorageError:
            kept = [self._still_there(outcome) for outcome in self._ended]
            if kept == self._ended:
                raise
            self._ended = kept
            datastore.persist(_records(kept))
        for outcome in self._ended:
            for stored in outcome.stored:
                self._stored[stored.dataset_type].append(stored)
            for packed in outcome.packed:
                self._packed[packed.dataset_type].append(packed)
        self._ended.clear()

    def _still_there(self, outcome: QuantumOutcome) -> QuantumOutcome:
        datastore = self._repository.datastore
        records = _records([outcome])
        for record, problem in datastore.verify(records):
            failed = self._on_lost(outcome, lost_file(datastore.uri(record), problem))
            datastore.delete([record.path for record in records])
            return failed
        return outcome

    def _insert(self) -> None:
        with self._repository.transaction():
            for name, outputs in self._stored.items():
                records = [record for out in outputs for record in out.records]
                self._record(name, outputs, records)
            for name, packed, records in self._packs:
                self._record(name, packed, records)

    def _write_pack(
        self, name: str, outputs: Sequence[PackedOutput]
    ) -> list[DatastoreRecord]:
        dataset_type = self._types[name]
        values = [
            (
                DatasetRef(
                    dataset_type,
                    DataCoordinate(dataset_type.dimensions, out.data_id),
                    self._run,
                    UUID(bytes=out.dataset_id),
                ),
                out.content,
            )
            for out in outputs
        ]
        return self._repository.datastore.pack(values)

    def _record(
        self,
        name: str,
        outputs: Sequence[StoredOutput | PackedOutput],
        records: list[DatastoreRecord],
    ) -> None:
        dataset_type = self._types[name]
        required = dataset_type.dimensions.required
        rows = [out.data_id[: len(required)] for out in outputs]
        data_ids = (
            pl.DataFrame(rows, schema=list(required), orient="row")
            if required
            else pl.DataFrame(height=len(outputs))
        )
        self._repository.record(
            dataset_type,
            self._run,
            data_ids,
            dataset_ids=pl.Series([out.dataset_id for out in outputs], dtype=pl.Binary),
            records=records_to_frame(records),
        )


def _records(outcomes: Sequence[QuantumOutcome]) -> list[DatastoreRecord]:
    return [
        record
        for outcome in outcomes
        for stored in outcome.stored
        for record in stored.records
    ]
