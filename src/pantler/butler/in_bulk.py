"""Many datasets at a time: their records, in parts that fit in memory."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from pantler.datasets.records import frame_to_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pantler.datasets.records import DatastoreRecord, RecordTable
    from pantler.datasets.ref import DatasetRef

_AT_ONCE: Final = 10_000


def in_chunks(refs: Iterable[DatasetRef]) -> Iterator[list[DatasetRef]]:
    """Yield refs in parts of which all records fit in memory."""
    rest = iter(refs)
    while chunk := list(itertools.islice(rest, _AT_ONCE)):
        yield chunk


def find_records(
    table: RecordTable, refs: Sequence[DatasetRef]
) -> dict[bytes, list[DatastoreRecord]]:
    """Return the records of those datasets that have any, by ID."""
    found: dict[bytes, list[DatastoreRecord]] = defaultdict(list)
    frame = table.fetch([ref.id.bytes for ref in refs])
    for record in frame_to_records(frame):
        found[record.dataset_id].append(record)
    return dict(found)
