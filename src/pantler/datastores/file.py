"""The datastore of files: one for each dataset, or many packed in one."""

from __future__ import annotations

import functools
import itertools
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast
from urllib.parse import quote, unquote
from uuid import uuid4

from pantler.datasets.records import DatastoreRecord
from pantler.datasets.storage_class import StorageClass, get_storage_class
from pantler.datastores.checksums import (
    as_text,
    can_compare,
    checksum_of,
    checksum_of_file,
    new_digest,
)
from pantler.datastores.dataset_errors import dataset_errors
from pantler.datastores.settings import FileDatastoreSettings
from pantler.datastores.staged import MovedSource, StagedFiles
from pantler.datastores.templates import (
    PathTemplate,
    default_template,
    encode_part,
    path_of_run,
)
from pantler.errors import (
    DatasetNotFoundError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    close_match,
)
from pantler.formatters.interface import BytesFormatter, Formatter
from pantler.plugins import load_plugin
from pantler.storage.bringing import read_through
from pantler.storage.opening import open_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pantler.config.sections import DatastoreSettings
    from pantler.datasets.dataset_type import DatasetType
    from pantler.datasets.ref import DatasetRef
    from pantler.datastores.interface import SourceFile
    from pantler.storage.interface import Digest, StagedFile, Storage, TransferMode

_BATCH: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Plan:
    """What all writes of one dataset type have in common."""

    storage_class: StorageClass
    python_type: type[Any]
    formatter_name: str
    formatter: Formatter
    template: PathTemplate

    def path(self, ref: DatasetRef) -> str:
        return self.template.path(ref) + self.formatter.extension


class FileDatastore:
    """Datasets as files below one root, local or at any URI that a plugin serves.

    Parameters
    ----------
    settings
        Its name, root, templates and formatters.
    repository_root
        Path or URI that a relative root is relative to.

    Notes
    -----
    Every read compares the size with the record. The checksum is compared wherever
    the bytes are in memory anyway (formatters of bytes, packs); of larger files it
    is recorded for those who copy them.
    """

    settings_model: ClassVar[type[DatastoreSettings]] = FileDatastoreSettings

    def __init__(self, settings: FileDatastoreSettings, repository_root: str) -> None:
        self._settings = settings
        options = {"fsync": True} if settings.durability == "power" else {}
        root = _absolute_root(settings.root, repository_root)
        self._storage: Storage = open_storage(root, **options)
        self._plans: dict[DatasetType, _Plan] = {}

    @property
    def name(self) -> str:
        """Its name within the repository."""
        return self._settings.name

    @property
    def root(self) -> str:
        """The root URI, with a final slash."""
        return self._storage.root

    def prepare(self, value: Any, ref: DatasetRef) -> StagedFiles:
        """Write the bytes of an object, without making it visible.

        Raises
        ------
        InvalidInputError
            If the object is not of the storage class, or holds what its formatter
            cannot write.
        StorageError
            If it cannot be written; nothing is left behind.
        """
        plan = self._plan(ref.dataset_type)
        if not isinstance(value, plan.python_type):
            plan.storage_class.check(value, str(ref))
        path = plan.path(ref)
        staged = StagedFiles(self._storage)
        with dataset_errors("write", ref, self._uri, path), _discarded_on_error(staged):
            file, checksum = self._stage(value, path, plan)
            staged.files.append(file)
            staged.records.append(
                _record(ref, path, plan, size=file.size_bytes, checksum=checksum)
            )
            staged.secure()
        return staged

    def prepare_files(
        self, files: Sequence[SourceFile], mode: TransferMode
    ) -> StagedFiles:
        """Bring in files of other programs, without making them visible.

        With ``direct`` files stay where they are and the records hold their URIs;
        `delete` does not touch them. With ``move`` the sources stay until
        `StagedFiles.remove_sources`.

        Raises
        ------
        DatasetNotFoundError
            If there is no such file.
        StorageError
            If one cannot be brought in, or changes meanwhile; nothing is left behind.
        """
        staged = StagedFiles(self._storage)
        with _discarded_on_error(staged):
            for file in files:
                self._bring_in(file, mode, staged)
            staged.secure()
        return staged

    def write(self, value: Any, ref: DatasetRef) -> list[DatastoreRecord]:
        """Prepare and publish an object, for workers, whose outputs others record.

        A file that is there already, left by a killed writer, is replaced.
        """
        staged = self.prepare(value, ref)
        path = staged.records[0].path
        with dataset_errors("write", ref, self._uri, path), _discarded_on_error(staged):
            staged.publish()
        return staged.records

    def read(
        self,
        ref: DatasetRef,
        records: Sequence[DatastoreRecord],
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return a dataset or a component of it.

        Raises
        ------
        DatasetNotFoundError
            If the records are empty or the file is gone.
        IntegrityError
            If size or content are not as recorded.
        InvalidInputError
            If there is no such component or parameter.
        """
        record = self._sole(ref, records)
        with dataset_errors("read", ref, self._uri, record.path):
            storage_class = get_storage_class(record.storage_class)
            if component is not None:
                storage_class.component(component)
            if parameters:
                _check_parameters(parameters, storage_class)
            formatter = _formatter(record.formatter)
            storage, path = self._locate(record.path)
            if isinstance(formatter, BytesFormatter):
                return formatter.from_bytes(
                    _read_bytes(storage, path, record),
                    storage_class,
                    component=component,
                    parameters=parameters,
                )
            with storage.reading(path) as local:
                _check_size(local.stat().st_size, record)
                return formatter.read_file(
                    local, storage_class, component=component, parameters=parameters
                )

    def pack(
        self, values: Sequence[tuple[DatasetRef, bytes]], pack: str
    ) -> list[DatastoreRecord]:
        """Append datasets, already formatted as bytes, to a pack of their type and run.

        Parameters
        ----------
        values
            Refs of one dataset type and run, with the bytes that the formatter of
            their storage class made, whatever the settings say of files.
        pack
            Name of this writer's pack, unique to the writer.

        Raises
        ------
        InvalidInputError
            If the refs differ in type or run, or their formatter has no bytes.
        """
        if not values:
            return []
        first = values[0][0]
        plan = self._plan(first.dataset_type)
        formatter = plan.storage_class.formatter
        if not isinstance(_formatter(formatter), BytesFormatter):
            raise InvalidInputError(
                f"Datasets of type '{first.dataset_type.name}' cannot be packed: "
                f"formatter '{formatter}' writes files, not bytes."
            )
        for ref, _ in values:
            if ref.run != first.run or ref.dataset_type != first.dataset_type:
                raise InvalidInputError(
                    f"A pack takes one dataset type and run; {first} and {ref} differ."
                )
        folder = f"{path_of_run(first.run)}/{first.dataset_type.name}"
        path = f"{folder}/{encode_part(pack)}-{uuid4().hex}.pack"
        offset = 0
        with dataset_errors("pack", first, self._uri, path):
            self._storage.write(path, b"".join([data for _, data in values]))
        records = []
        for ref, data in values:
            record = _record(
                ref,
                path,
                plan,
                size=len(data),
                checksum=self._checksum_of(data),
                offset=offset,
                formatter=formatter,
            )
            records.append(record)
            offset += len(data)
        return records

    def path(self, ref: DatasetRef, formatter: str | None = None) -> str:
        """Return the path, relative to the root, to which `write` would write."""
        plan = self._plan(ref.dataset_type)
        if formatter is None:
            return plan.path(ref)
        return plan.template.path(ref) + _formatter(formatter).extension

    def find(self, ref: DatasetRef) -> list[DatastoreRecord]:
        """Return the record of what `write` wrote, by looking; empty if nothing.

        It has the size that is there, and no checksum. Packs are not searched.
        """
        plan = self._plan(ref.dataset_type)
        path = plan.path(ref)
        try:
            size = self._storage.size_bytes(path)
        except NotFoundError:
            return []
        return [_record(ref, path, plan, size=size, checksum=None)]

    def uri(self, record: DatastoreRecord) -> str:
        """Return the URI of an artifact."""
        return self._uri(record.path)

    def exists(self, records: Sequence[DatastoreRecord]) -> bool:
        """Whether all artifacts of the records are there, with the right size."""
        return bool(records) and all(map(self._is_whole, records))

    def delete(self, paths: Sequence[str]) -> None:
        """Remove artifacts that no record names any more.

        URIs of files that were taken in as ``direct`` are left alone.
        """
        for path in paths:
            if "://" not in path:
                self._storage.delete(path)

    def orphans(
        self, paths_in_use: Callable[[Sequence[str]], set[str]]
    ) -> Iterator[str]:
        """Yield the paths of finished files that no record names.

        A writer that has not yet recorded its files has orphans for a moment: ask
        while none is at work, before `delete` is given the answer.

        Parameters
        ----------
        paths_in_use
            Returns those of some paths that a record names, as
            ``RecordTable.paths_in_use`` does.
        """
        files = self._storage.list_files()
        while batch := list(itertools.islice(files, _BATCH)):
            in_use = paths_in_use(batch)
            yield from (path for path in batch if path not in in_use)

    def abandoned(self) -> list[str]:
        """Return the paths of unfinished files whose writers have died."""
        return self._storage.abandoned()

    def _plan(self, dataset_type: DatasetType) -> _Plan:
        plan = self._plans.get(dataset_type)
        if plan is None:
            plan = self._plans[dataset_type] = self._make_plan(dataset_type)
        return plan

    def _make_plan(self, dataset_type: DatasetType) -> _Plan:
        storage_class = dataset_type.load_storage_class()
        settings = self._settings
        keys = (dataset_type.name, storage_class.name)
        formatter = _first(settings.formatters, keys) or storage_class.formatter
        template = _first(settings.templates, (*keys, "default"))
        return _Plan(
            storage_class=storage_class,
            python_type=storage_class.load_type(),
            formatter_name=formatter,
            formatter=_formatter(formatter),
            template=PathTemplate(
                template or default_template(dataset_type), dataset_type
            ),
        )

    def _uri(self, path: str) -> str:
        return path if "://" in path else self.root + quote(path)

    def _locate(self, path: str) -> tuple[Storage, str]:
        """Return the storage that holds a path, and the path within it."""
        if "://" not in path:
            return self._storage, path
        folder, _, name = path.rpartition("/")
        return _storage_at(folder), unquote(name)

    def _sole(
        self, ref: DatasetRef, records: Sequence[DatastoreRecord]
    ) -> DatastoreRecord:
        whole = [record for record in records if not record.component]
        if len(whole) != 1:
            raise DatasetNotFoundError(
                f"Datastore '{self.name}' at {self.root} has no record of {ref} "
                f"as a whole ({len(records)} records were given)."
            )
        return whole[0]

    def _is_whole(self, record: DatastoreRecord) -> bool:
        storage, path = self._locate(record.path)
        try:
            size = storage.size_bytes(path)
        except NotFoundError:
            return False
        if record.offset is None:
            return size == record.size_bytes
        return size >= record.offset + record.size_bytes

    def _checksum_of(self, data: bytes) -> str | None:
        return checksum_of(data) if self._settings.checksum else None

    def _stage(
        self, value: Any, path: str, plan: _Plan
    ) -> tuple[StagedFile, str | None]:
        """Write the bytes of an object; return the file and its checksum."""
        if isinstance(plan.formatter, BytesFormatter):
            data = plan.formatter.to_bytes(value, plan.storage_class)
            return self._storage.stage(path, data), self._checksum_of(data)
        checksum = None

        def write(local: Path) -> None:
            nonlocal checksum
            plan.formatter.write_file(value, local, plan.storage_class)
            checksum = checksum_of_file(local) if self._settings.checksum else None

        return self._storage.stage_by(path, write), checksum

    def _bring_in(
        self, source: SourceFile, mode: TransferMode, staged: StagedFiles
    ) -> None:
        """Stage one file, and add its record."""
        ref = source.ref
        plan = self._plan(ref.dataset_type)
        path = self.path(ref, source.formatter)
        digest = new_digest() if self._settings.checksum else None
        with dataset_errors("ingest", ref, self._uri, path):
            if not source.path.is_file():
                raise NotFoundError(f"there is no file {source.path}")
            if mode == "move":
                staged.sources.append(MovedSource.of(source.path))
            if mode == "direct":
                size = _read_outside(self._storage, source.path, digest)
                path = source.path.absolute().as_uri()
            else:
                file = self._storage.stage_file(source.path, path, mode, digest)
                staged.files.append(file)
                size = file.size_bytes
        checksum = as_text(digest) if digest else None
        staged.records.append(
            _record(
                ref,
                path,
                plan,
                size=size,
                checksum=checksum,
                formatter=source.formatter,
            )
        )


@contextmanager
def _discarded_on_error(staged: StagedFiles) -> Iterator[None]:
    try:
        yield
    except BaseException:
        staged.discard()
        raise


def _record(
    ref: DatasetRef,
    path: str,
    plan: _Plan,
    *,
    size: int,
    checksum: str | None,
    offset: int | None = None,
    formatter: str | None = None,
) -> DatastoreRecord:
    return DatastoreRecord(
        dataset_id=ref.id.bytes,
        component="",
        path=path,
        offset=offset,
        size_bytes=size,
        checksum=checksum,
        formatter=formatter or plan.formatter_name,
        storage_class=plan.storage_class.name,
    )


def _read_outside(storage: Storage, local: Path, digest: Digest | None) -> int:
    """Feed a digest with a file that stays where it is, and return its size."""
    if storage.holds(local):
        raise InvalidInputError(
            f"{local} lies within the datastore itself, where it would count as a "
            "file that nobody needs: copy it"
        )
    return read_through(str(local), digest)


def _read_bytes(storage: Storage, path: str, record: DatastoreRecord) -> bytes:
    if record.offset is None:
        data = storage.read(path)
    else:
        data = storage.read(path, offset=record.offset, size=record.size_bytes)
    _check_size(len(data), record)
    if can_compare(record.checksum):
        found = checksum_of(data)
        if found != record.checksum:
            raise IntegrityError(
                f"the checksum is {found}, and {record.checksum} was recorded"
            )
    return data


def _check_size(size: int, record: DatastoreRecord) -> None:
    if size != record.size_bytes:
        raise IntegrityError(
            f"{size} bytes are there, and {record.size_bytes} were recorded"
        )


def _check_parameters(
    parameters: Mapping[str, Any], storage_class: StorageClass
) -> None:
    for name in parameters:
        if name not in storage_class.parameters:
            known = ", ".join(sorted(storage_class.parameters)) or "none"
            raise InvalidInputError(
                f"storage class '{storage_class.name}' has no parameter '{name}' "
                f"(it has: {known}).{close_match(name, storage_class.parameters)}"
            )


@functools.cache
def _formatter(name: str) -> Formatter:
    """Return the formatter of a name; they hold no state, so one is enough."""
    return cast("Formatter", load_plugin("formatters", name)())


@functools.lru_cache(maxsize=64)
def _storage_at(folder: str) -> Storage:
    return open_storage(folder + "/")


def _first(choices: Mapping[str, str], keys: Sequence[str]) -> str | None:
    return next((choices[key] for key in keys if key in choices), None)


def _absolute_root(root: str, repository_root: str) -> str:
    if root.startswith("/") or "://" in root:
        return root
    return f"{repository_root.rstrip('/')}/{root}"
