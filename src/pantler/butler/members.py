"""The datastores of a repository, each with the table of its records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantler.datasets.records import (
        DatastoreRecord,
        Discarded,
        OwnRecords,
        RecordTable,
    )
    from pantler.datastores.interface import Datastore
    from pantler.registry.interface import Registry


@dataclass(frozen=True, slots=True)
class Member:
    """A datastore, and the table of its records.

    Parameters
    ----------
    datastore
        Which.
    records
        Its records.
    own
        The same, if the datastore keeps them itself, beyond the registry and its
        transactions.
    """

    datastore: Datastore
    records: RecordTable
    own: OwnRecords | None


def members_of(datastore: Datastore, registry: Registry) -> tuple[Member, ...]:
    """Return the datastores that a datastore is made of, with their records."""
    members = []
    for one in datastore.members:
        own = one.own_records()
        table = registry.record_table(one.name) if own is None else own
        members.append(Member(one, table, own))
    return tuple(members)


def all_records(members: Sequence[Member]) -> RecordTable:
    """Return one table of the records of all datastores."""
    if len(members) == 1:
        return members[0].records
    return ChainedRecords(members)


def uris_of(
    records: Sequence[DatastoreRecord], members: Sequence[Member]
) -> dict[str, str]:
    """Return the URIs of a dataset's files, by component.

    They are those in the first datastore that has it and that others can read.
    """
    own = {one.datastore.name: one.datastore for one in members}
    stores = [one.store for one in records]
    lasting = [name for name in stores if name in own and own[name].is_lasting]
    store = next(iter([*lasting, *stores]), "")
    return {
        record.component: own[store].uri(record)
        for record in records
        if record.store == store
    }


class ChainedRecords:
    """Records of several datastores, in the order in which these are asked.

    Parameters
    ----------
    members
        The datastores, with their tables.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = members
        self._tables = [member.records for member in members]

    def insert(self, records: pl.DataFrame) -> None:
        """Add records, each to the table of its datastore."""
        for member in self._members:
            own = records.filter(pl.col("store") == member.datastore.name)
            if own.height:
                member.records.insert(own)

    def fetch(self, dataset_ids: Sequence[bytes]) -> pl.DataFrame:
        """Return the records of the datasets that have any."""
        return pl.concat([table.fetch(dataset_ids) for table in self._tables])

    def find(self, dataset_id: bytes) -> list[DatastoreRecord]:
        """Return the records of one dataset; empty if it has none."""
        return [one for table in self._tables for one in table.find(dataset_id)]

    def delete(self, dataset_ids: Sequence[bytes]) -> None:
        """Remove the records of the datasets from all tables."""
        for table in self._tables:
            table.delete(dataset_ids)

    def discarded(
        self, limit: int, *, after: int = 0, wait: bool = False
    ) -> list[Discarded]:
        """Return notes of what may have to be removed from any datastore."""
        notes = [
            note
            for table in self._tables
            for note in table.discarded(limit, after=after, wait=wait)
        ]
        return sorted(notes, key=lambda note: note.id)[:limit]

    def forget_discarded(self, ids: Sequence[int]) -> None:
        """Remove notes from all tables."""
        for table in self._tables:
            table.forget_discarded(ids)

    def paths_in_use(self, paths: Sequence[str]) -> set[str]:
        """Return those of the paths that some record names, in any datastore."""
        return {path for table in self._tables for path in table.paths_in_use(paths)}

    def find_same(
        self, records: Sequence[DatastoreRecord], paths: Sequence[str]
    ) -> list[DatastoreRecord]:
        """Return all records that may be of the same bytes, or name a path."""
        return [
            one for table in self._tables for one in table.find_same(records, paths)
        ]
