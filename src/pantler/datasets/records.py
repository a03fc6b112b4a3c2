"""Datastore records: where the parts of a dataset are, and the table that keeps them.

A frame of records has the columns of `RECORD_SCHEMA`, one row an artifact or a part
of one; `DatastoreRecord` is one such row.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Protocol

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

RECORD_SCHEMA: Final = pl.Schema(
    {
        "dataset_id": pl.Binary,  # 16 bytes
        "store": pl.String,  # the name of the datastore that holds it
        "component": pl.String,  # "" for a whole dataset
        "path": pl.String,  # relative to the datastore's root, or an absolute URI
        "offset": pl.Int64,  # first byte within the artifact; null: it is all ours
        "size_bytes": pl.Int64,  # of this dataset's bytes
        "checksum": pl.String,  # "blake2b:hex", or null where none was made
        "formatter": pl.String,  # the plugin that wrote it, and its recipe
        "storage_class": pl.String,  # as written
    }
)


@dataclass(frozen=True, slots=True)
class DatastoreRecord:
    """One row of the records, with the columns of `RECORD_SCHEMA`."""

    dataset_id: bytes
    store: str
    component: str
    path: str
    offset: int | None
    size_bytes: int
    checksum: str | None
    formatter: str
    storage_class: str


# A tenth of the time of `dataclasses.astuple`, which looks into every value.
_values = attrgetter(*RECORD_SCHEMA.names())


def records_to_frame(records: Sequence[DatastoreRecord]) -> pl.DataFrame:
    """Return a frame of records with the columns of `RECORD_SCHEMA`."""
    return pl.DataFrame(list(map(_values, records)), schema=RECORD_SCHEMA, orient="row")


def frame_to_records(frame: pl.DataFrame) -> list[DatastoreRecord]:
    """Return the rows of a frame of records."""
    return [DatastoreRecord(*row) for row in frame.select(RECORD_SCHEMA.names()).rows()]


@dataclass(frozen=True, slots=True)
class Discarded:
    """A path that a record named which is gone: it may have to be removed.

    Parameters
    ----------
    id
        The number of this note.
    store
        The datastore that held it.
    path
        As in the record.
    """

    id: int
    store: str
    path: str


class RecordTable(Protocol):
    """The table in which one datastore keeps its records.

    The registry implements it; the butler hands it to the datastore, so that the
    records of a dataset and the dataset itself come and go in one transaction.
    """

    def insert(self, records: pl.DataFrame) -> None:
        """Add records, columns as `RECORD_SCHEMA`.

        Nobody removes what they name from now on. It waits for those who are about
        to, so make files visible after this and not before.
        """
        ...

    def fetch(self, dataset_ids: Sequence[bytes]) -> pl.DataFrame:
        """Return the records of the datasets that have any."""
        ...

    def find(self, dataset_id: bytes) -> list[DatastoreRecord]:
        """Return the records of one dataset; empty if it has none."""
        ...

    def delete(self, dataset_ids: Sequence[bytes]) -> None:
        """Remove the records of the datasets, and note what they named."""
        ...

    def discarded(
        self, limit: int, *, after: int = 0, wait: bool = False
    ) -> list[Discarded]:
        """Return notes of what may have to be removed, the oldest first.

        Within a transaction, nobody else gets them, or records one of their paths,
        until it ends. Ask `paths_in_use` which of them other records name.

        Parameters
        ----------
        limit
            How many at most.
        after
            Only those with a greater number.
        wait
            Whether to wait for those that others have got, in place of passing them
            over.
        """
        ...

    def forget_discarded(self, ids: Sequence[int]) -> None:
        """Remove notes, as what they name has been removed, or is in use."""
        ...

    def paths_in_use(self, paths: Sequence[str]) -> set[str]:
        """Return those of the paths that some record names."""
        ...

    def find_same(
        self, records: Sequence[DatastoreRecord], paths: Sequence[str]
    ) -> list[DatastoreRecord]:
        """Return all records that may be of the same bytes as some of these.

        Those have the same checksum, or the same size where one has none. It looks at
        the whole table. Within a transaction nobody adds any until it ends, and what
        others were adding is seen.

        Parameters
        ----------
        records
            Of which bytes; they themselves are found too if they are in the table.
        paths
            Records that name one of these are also returned.
        """
        ...


class OwnRecords(RecordTable, Protocol):
    """A table that a datastore keeps itself, as its datasets go with the process.

    It is not part of the registry's transactions: who deletes datasets there deletes
    their records here when that is committed.
    """

    def ids(self) -> list[bytes]:
        """Return the IDs of all datasets that have records."""
        ...
