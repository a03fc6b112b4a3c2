"""Reading what a record names, and comparing it with the record."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from pantler.datasets.storage_class import get_storage_class
from pantler.datastores.cache import CachedFile, FileCache
from pantler.datastores.checksums import can_compare, checksum_of, checksum_of_file
from pantler.datastores.layout import find_formatter, refuse_code
from pantler.errors import (
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    PantlerError,
    close_match,
)
from pantler.formatters.interface import BytesFormatter, SharedFileFormatter
from pantler.storage.interface import FilePart
from pantler.storage.location import Location, is_uri
from pantler.storage.opening import open_storage
from pantler.storage.ranges import RangeFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pantler.datasets.records import DatastoreRecord
    from pantler.datasets.ref import DatasetRef
    from pantler.datasets.storage_class import StorageClass, StorageClassDelegate
    from pantler.formatters.interface import Formatter
    from pantler.storage.interface import Storage

_GAP_BYTES: Final = 1 << 16
"""Bytes in a pack that are read though nobody wants them, to save a request."""

_SPAN_BYTES: Final = 1 << 24
"""Bytes of a pack that are wanted, and read in one request."""


class RecordReader:
    """Reads and checks the artifacts of one datastore.

    Parameters
    ----------
    storage
        Where relative paths are; absolute URIs are opened on their own.
    verify
        Whether each read compares the checksum, also of large files.
    named
        The formatters that the settings name: of those that run code, only these read.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        verify: bool,
        named: frozenset[str] = frozenset(),
    ) -> None:
        self._storage = storage
        self._verify = verify
        self._named = named

    def read(
        self,
        record: DatastoreRecord,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        wanted: StorageClass | None = None,
        *,
        data_id: Mapping[str, Any] | None = None,
        cache: FileCache | None = None,
    ) -> Any:
        """Return what an artifact holds, or a component of it.

        Parameters
        ----------
        record
            Of the artifact.
        component
            Name of a part of it; None for all.
        parameters
            Options of the read.
        wanted
            What it is to be converted to, if to anything.
        data_id
            Tells the datasets apart that are in one file.
        cache
            Keeps files of other hosts, if they are to be kept.

        Raises
        ------
        NotFoundError
            If it is gone.
        IntegrityError
            If it is not what was recorded.
        """
        storage_class = _checked_class(record, component, parameters)
        refuse_code(record.formatter, self._named)
        formatter = find_formatter(record.formatter)
        if wanted is not None and component is None and formatter.gives(wanted):
            storage_class = wanted
        value = self._read(
            record,
            formatter,
            storage_class,
            _Asked(component, parameters, data_id, cache),
        )
        return as_class(wanted, value)

    def _read(
        self,
        record: DatastoreRecord,
        formatter: Formatter,
        storage_class: StorageClass,
        asked: _Asked,
    ) -> Any:
        far, path = self.locate(record.path)
        storage = far
        if asked.cache and record.offset is None and "paths" not in far.capabilities:
            storage = cast("Storage", CachedFile(asked.cache, far, record))
        if isinstance(formatter, BytesFormatter):
            return formatter.from_bytes(
                _read_bytes(storage, path, record),
                storage_class,
                component=asked.component,
                parameters=asked.parameters,
            )
        if self._reads_ranges(formatter, record, asked, storage):
            return formatter.read_ranges(
                _range_file(far, path, record),
                storage_class,
                component=asked.component,
                parameters=asked.parameters,
            )
        with _local(storage, path, record) as local:
            _check_size(local.stat().st_size, record)
            if self._verify:
                _check_content(local, record)
            if isinstance(formatter, SharedFileFormatter) and asked.data_id is not None:
                return formatter.read_dataset(
                    local,
                    storage_class,
                    asked.data_id,
                    component=asked.component,
                    parameters=asked.parameters,
                )
            return formatter.read_file(
                local,
                storage_class,
                component=asked.component,
                parameters=asked.parameters,
            )

    def _reads_ranges(
        self,
        formatter: Formatter,
        record: DatastoreRecord,
        asked: _Asked,
        storage: Storage,
    ) -> bool:
        """Whether to fetch only what is asked for, from afar or within a pack."""
        if not formatter.reads_ranges or self._verify:
            return False
        is_here = record.offset is None and "paths" in storage.capabilities
        return not is_here and bool(asked.component or asked.parameters)

    def bytes_of_many(self, records: Iterable[DatastoreRecord]) -> list[bytes]:
        """Return the bytes of many artifacts, or parts of them, which fit in memory.

        Parts of one artifact that lie close together are read at once.

        Raises
        ------
        NotFoundError
            If one is gone.
        IntegrityError
            If one is not what was recorded.
        """
        wanted = list(records)
        data: list[bytes] = [b""] * len(wanted)
        spans = list(_spans(wanted))
        whole = self._read_spans([_part(wanted, span) for span in spans])
        for span, found in zip(spans, whole, strict=True):
            begin = wanted[span[0]].offset or 0
            for index in span:
                record = wanted[index]
                if record.offset is None:
                    data[index] = found
                else:
                    at = record.offset - begin
                    data[index] = found[at : at + record.size_bytes]
        for found, record in zip(data, wanted, strict=True):
            _check_bytes(found, record)
        return data

    def _read_spans(self, spans: Sequence[FilePart]) -> list[bytes]:
        """Return bytes of artifacts of this datastore, or anywhere."""
        if not any(is_uri(span.path) for span in spans):
            return self._storage.read_many(spans)
        found = []
        for span in spans:
            storage, path = self.locate(span.path)
            found.append(storage.read(path, offset=span.offset, size=span.size))
        return found

    @staticmethod
    def decode(
        record: DatastoreRecord,
        data: bytes,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        wanted: StorageClass | None = None,
    ) -> Any:
        """Return what the bytes of a record hold, or a component of it; see `read`."""
        storage_class = _checked_class(record, component, parameters)
        formatter = cast("BytesFormatter", find_formatter(record.formatter))
        if wanted is not None and component is None and formatter.gives(wanted):
            storage_class = wanted
        value = formatter.from_bytes(
            data, storage_class, component=component, parameters=parameters
        )
        return as_class(wanted, value)

    def read_parts(
        self,
        ref: DatasetRef,
        records: Sequence[DatastoreRecord],
        component: str | None,
        parameters: Mapping[str, Any],
        *,
        cache: FileCache | None = None,
    ) -> Any:
        """Read a dataset that was taken apart."""
        storage_class = ref.dataset_type.load_storage_class()
        delegate = storage_class.load_delegate()
        if delegate is None:
            raise InvalidInputError(
                f"it was taken apart, and storage class '{storage_class.name}' has no "
                "delegate that puts it together"
            )
        check_parameters(parameters, storage_class)
        chosen = {record.component: record for record in records}
        if component is None:
            parts = {
                name: self._read_part(record, delegate, parameters, cache)
                for name, record in chosen.items()
            }
            return delegate.put_together(parts)
        storage_class.component(component)
        if component not in chosen:
            return None  # the object did not have it
        return self._read_part(chosen[component], delegate, parameters, cache)

    def _read_part(
        self,
        record: DatastoreRecord,
        delegate: StorageClassDelegate,
        parameters: Mapping[str, Any],
        cache: FileCache | None,
    ) -> Any:
        part = self.read(record, cache=cache)
        if not parameters:
            return part
        return delegate.select(record.component, part, parameters)

    def size_bytes(self, path: str) -> int | str:
        """Return the size of an artifact, or why it has none."""
        storage, inner = self.locate(path)
        try:
            return storage.size_bytes(inner)
        except NotFoundError:
            return "the file is missing"
        except PantlerError as error:
            return str(error).rstrip(".")

    def problem(self, record: DatastoreRecord, size: int, *, content: bool) -> str:
        """Return what is wrong with an artifact of some size; empty if nothing."""
        try:
            if record.offset is None or size < record.offset + record.size_bytes:
                left = max(size - (record.offset or 0), 0)
                _check_size(left, record)
            if content:
                self._check_all(record)
        except NotFoundError:
            return "the file is missing"
        except PantlerError as error:
            return str(error).rstrip(".")
        return ""

    def _check_all(self, record: DatastoreRecord) -> None:
        storage, path = self.locate(record.path)
        if record.offset is not None:
            _read_bytes(storage, path, record)
            return
        with storage.reading(path) as local:
            _check_content(local, record)

    def locate(self, path: str) -> tuple[Storage, str]:
        """Return the storage that holds a path of a record, and the path within it."""
        if not is_uri(path):
            return self._storage, path
        location = Location.parse(path)
        return _storage_at(location.parent.uri), location.name


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of an artifact."""

    component: str | None
    parameters: Mapping[str, Any] | None
    data_id: Mapping[str, Any] | None
    cache: FileCache | None


def as_class(wanted: StorageClass | None, value: Any) -> Any:
    """Return an object as one of a storage class; as it is if none is wanted."""
    if wanted is None or value is None:
        return value
    return wanted.convert(value, "what is asked for")


def _checked_class(
    record: DatastoreRecord,
    component: str | None,
    parameters: Mapping[str, Any] | None,
) -> StorageClass:
    """Return the storage class of a record, if it has what is asked for."""
    storage_class = get_storage_class(record.storage_class)
    if component is not None:
        storage_class.component(component)
    if parameters:
        check_parameters(parameters, storage_class)
    return storage_class


def check_parameters(
    parameters: Mapping[str, Any], storage_class: StorageClass
) -> None:
    """Refuse parameters of a read that a storage class does not have."""
    for name in parameters:
        if name not in storage_class.parameters:
            known = ", ".join(sorted(storage_class.parameters)) or "none"
            raise InvalidInputError(
                f"storage class '{storage_class.name}' has no parameter '{name}' "
                f"(it has: {known}).{close_match(name, storage_class.parameters)}"
            )


def _read_bytes(storage: Storage, path: str, record: DatastoreRecord) -> bytes:
    if record.offset is None:
        data = storage.read(path)
    else:
        data = storage.read(path, offset=record.offset, size=record.size_bytes)
    _check_bytes(data, record)
    return data


def _check_bytes(data: bytes, record: DatastoreRecord) -> None:
    _check_size(len(data), record)
    if can_compare(record.checksum):
        _compare(checksum_of(data), record)


def _spans(records: Sequence[DatastoreRecord]) -> Iterator[list[int]]:
    """Yield the places of records that are read at once, in the order of their bytes.

    A whole artifact is alone; parts of one are together unless what lies between them
    is not worth being read.
    """
    parts = []
    for index, record in enumerate(records):
        if record.offset is None:
            yield [index]
        else:
            parts.append((record.path, record.offset, index))
    span: list[int] = []
    path, end, size = "", 0, 0
    for place, offset, index in sorted(parts):
        is_near = place == path and offset - end <= _GAP_BYTES
        if span and not (is_near and size <= _SPAN_BYTES):
            yield span
            span, size = [], 0
        span.append(index)
        size += records[index].size_bytes
        path, end = place, offset + records[index].size_bytes
    if span:
        yield span


def _part(records: Sequence[DatastoreRecord], span: Sequence[int]) -> FilePart:
    """Return the bytes from the first to the last of some records of one artifact."""
    first, last = records[span[0]], records[span[-1]]
    if first.offset is None:
        return FilePart(first.path)
    end = (last.offset or 0) + last.size_bytes
    return FilePart(first.path, first.offset, end - first.offset)


def _range_file(storage: Storage, path: str, record: DatastoreRecord) -> RangeFile:
    size = storage.size_bytes(path)
    start = record.offset or 0
    left = max(size - start, 0)
    _check_size(left if record.offset is None else min(left, record.size_bytes), record)

    def read(offset: int, count: int) -> bytes:
        return storage.read(path, offset=start + offset, size=count)

    return RangeFile(read, record.size_bytes)


@contextlib.contextmanager
def _local(storage: Storage, path: str, record: DatastoreRecord) -> Iterator[Path]:
    """Yield a local file with the bytes of a record, which may be part of a pack."""
    if record.offset is None:
        with storage.reading(path) as local:
            yield local
        return
    suffix = find_formatter(record.formatter).extension
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(_read_bytes(storage, path, record))
        file.flush()
        yield Path(file.name)


def _check_content(local: Path, record: DatastoreRecord) -> None:
    if can_compare(record.checksum):
        _compare(checksum_of_file(local), record)


def _compare(found: str, record: DatastoreRecord) -> None:
    if found != record.checksum:
        raise IntegrityError(
            f"the checksum is {found}, and {record.checksum} was recorded"
        )


def _check_size(size: int, record: DatastoreRecord) -> None:
    if size != record.size_bytes:
        raise IntegrityError(
            f"{size} bytes are there, and {record.size_bytes} were recorded"
        )


@functools.lru_cache(maxsize=64)
def _storage_at(folder: str) -> Storage:
    return open_storage(folder)
