"""Reading many datasets: small ones in few calls, large ones several at a time."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from pantler.datastores.layout import find_formatter
from pantler.errors import PantlerError
from pantler.formatters.interface import BytesFormatter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pantler.datasets.records import DatastoreRecord
    from pantler.datasets.ref import DatasetRef
    from pantler.datasets.storage_class import StorageClass
    from pantler.datastores.reading import RecordReader

_MOST_DATASETS: Final = 1_000
_MOST_BYTES: Final = 64 << 20
"""Bytes that are read ahead of who asks for them, beyond one dataset."""

_SMALL_BYTES: Final = 1 << 20
AT_ONCE: Final = 8
"""Datasets that are read or written at a time, each by a thread."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of each dataset, as by the arguments of `Datastore.read`."""

    component: str | None
    parameters: Mapping[str, Any] | None
    storage_class: StorageClass | None


class ReadOne(Protocol):
    """The read of one dataset, as `Datastore.read`."""

    def __call__(
        self,
        ref: DatasetRef,
        records: Sequence[DatastoreRecord],
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        storage_class: StorageClass | None = None,
    ) -> Any:
        """Return the dataset, or a component of it."""
        ...


def read_many(
    reader: RecordReader,
    read_one: ReadOne,
    refs: Iterable[DatasetRef],
    records: Mapping[bytes, Sequence[DatastoreRecord]],
    *,
    asked: Asked,
) -> Iterator[Any]:
    """Yield datasets in the order of their refs.

    Not more than some 64 MiB, or one dataset that is larger, are read ahead.

    Parameters
    ----------
    reader
        Reads and checks bytes.
    read_one
        Reads a dataset that is not small, and says what is wrong with any.
    refs
        Which ones.
    records
        Of the datasets that have any, by ID.
    asked
        What of each.
    """
    read = functools.partial(
        read_one,
        component=asked.component,
        parameters=asked.parameters,
        storage_class=asked.storage_class,
    )
    for chunk in _chunks(refs, records):
        found = {
            ref.id.bytes: record
            for ref in chunk
            if (record := _small(records.get(ref.id.bytes, ()))) is not None
        }
        try:
            data = dict(zip(found, reader.bytes_of_many(found.values()), strict=True))
        except PantlerError:
            data = {}  # one by one, the error says of which
        others = [ref for ref in chunk if ref.id.bytes not in data]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            # Threads begin with the first of these, if there is any.
            large = threads.map(
                lambda ref: read(ref, records.get(ref.id.bytes, ())), others
            )
            for ref in chunk:
                key = ref.id.bytes
                if key not in data:
                    yield next(large)
                    continue
                try:
                    one = reader.decode(
                        found[key],
                        data[key],
                        component=asked.component,
                        parameters=asked.parameters,
                        wanted=asked.storage_class,
                    )
                except PantlerError:
                    one = read(ref, records[key])
                yield one


def _chunks(
    refs: Iterable[DatasetRef], records: Mapping[bytes, Sequence[DatastoreRecord]]
) -> Iterator[list[DatasetRef]]:
    """Yield refs in parts that are not too large to be read ahead."""
    chunk: list[DatasetRef] = []
    size = 0
    for ref in refs:
        own = sum(each.size_bytes for each in records.get(ref.id.bytes, ()))
        if chunk and (len(chunk) == _MOST_DATASETS or size + own > _MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(ref)
        size += own
    if chunk:
        yield chunk


def _small(records: Sequence[DatastoreRecord]) -> DatastoreRecord | None:
    """Return the record of a dataset that is small, and in one piece."""
    if len(records) != 1 or records[0].component:
        return None
    (record,) = records
    formatter = find_formatter(record.formatter)
    is_bytes = isinstance(formatter, BytesFormatter) and not formatter.runs_code
    return record if is_bytes and record.size_bytes <= _SMALL_BYTES else None
