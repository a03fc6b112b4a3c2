"""The records of objects in memory, which are as lasting as these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pantler.datasets.records import RECORD_SCHEMA, records_to_frame

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

    import polars as pl

    from pantler.datasets.records import DatastoreRecord, Discarded


@dataclass(frozen=True, slots=True)
class Held:
    """An object in memory, with its record."""

    value: Any
    record: DatastoreRecord


class MemoryRecordTable:
    """Implements `pantler.datasets.records.RecordTable` on what is held in memory.

    Parameters
    ----------
    held
        The objects by dataset ID.
    name
        Of the datastore.
    """

    def __init__(self, held: MutableMapping[bytes, Held], name: str) -> None:
        self._held = held
        self._name = name

    def insert(self, records: pl.DataFrame) -> None:
        """Do nothing: an object that is published brings its record."""

    def fetch(self, dataset_ids: Sequence[bytes]) -> pl.DataFrame:
        """Return the records of the datasets that are here."""
        found = [record for one in dataset_ids for record in self.find(one)]
        return records_to_frame(found) if found else RECORD_SCHEMA.to_frame()

    def find(self, dataset_id: bytes) -> list[DatastoreRecord]:
        """Return the record of one dataset, if it is here."""
        held = self._held.get(dataset_id)
        return [held.record] if held else []

    def delete(self, dataset_ids: Sequence[bytes]) -> None:
        """Forget objects."""
        for one in dataset_ids:
            self._held.pop(one, None)

    def ids(self) -> list[bytes]:
        """Return the IDs of all datasets that are here."""
        return list(self._held)

    def discarded(
        self,
        limit: int,  # noqa: ARG002 - interface
        *,
        after: int = 0,  # noqa: ARG002 - interface
        wait: bool = False,  # noqa: ARG002 - interface
    ) -> list[Discarded]:
        """Return nothing: what is deleted leaves nothing behind."""
        return []

    def forget_discarded(self, ids: Sequence[int]) -> None:
        """Do nothing."""

    def paths_in_use(self, paths: Sequence[str]) -> set[str]:
        """Return those of the paths that are here."""
        here = {held.record.path for held in list(self._held.values())}
        return here.intersection(paths)

    def find_same(
        self,
        records: Sequence[DatastoreRecord],  # noqa: ARG002 - interface
        paths: Sequence[str],  # noqa: ARG002 - interface
    ) -> list[DatastoreRecord]:
        """Return nothing: no object in memory shares its bytes with a file."""
        return []
