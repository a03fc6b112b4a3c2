"""The datastore of files: one for each dataset, one for each part, or packs of many."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote

from pantler.datasets.identity import make_uuid
from pantler.datasets.records import DatastoreRecord
from pantler.datastores.checksums import (
    as_text,
    checksum_of,
    checksum_of_file,
    new_digest,
)
from pantler.datastores.dataset_errors import dataset_errors
from pantler.datastores.layout import Layout, Part, Plan, find_formatter
from pantler.datastores.packs import MOST_BYTES, MOST_MEMBERS, zip_members
from pantler.datastores.reading import RecordReader, check_parameters
from pantler.datastores.settings import FileDatastoreSettings
from pantler.datastores.staged import MovedSource, StagedFiles
from pantler.datastores.templates import encode_part, path_of_run
from pantler.errors import (
    DatasetNotFoundError,
    InvalidInputError,
    NotFoundError,
    PantlerError,
)
from pantler.formatters.interface import BytesFormatter
from pantler.storage.bringing import read_through
from pantler.storage.location import Location, is_uri
from pantler.storage.opening import open_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pantler.config.sections import DatastoreSettings
    from pantler.datasets.ref import DatasetRef
    from pantler.datasets.storage_class import StorageClassDelegate
    from pantler.datastores.interface import SourceFile
    from pantler.storage.interface import Digest, StagedFile, Storage, TransferMode

_BATCH: Final = 10_000


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
    the bytes are in memory anyway (formatters of bytes, packs); of larger files if
    the settings say ``verify``.
    """

    settings_model: ClassVar[type[DatastoreSettings]] = FileDatastoreSettings

    def __init__(self, settings: FileDatastoreSettings, repository_root: str) -> None:
        self._name = settings.name
        self._keeps_checksums = settings.checksum
        options = {"fsync": True} if settings.durability == "power" else {}
        root = Location.parse(repository_root).join(settings.root)
        self._storage: Storage = open_storage(root.uri, **options)
        self._layout = Layout(settings)
        self._reader = RecordReader(self._storage, verify=settings.verify)

    @property
    def name(self) -> str:
        """Its name within the repository."""
        return self._name

    @property
    def root(self) -> str:
        """The root URI, with a final slash."""
        return self._storage.root

    # Writing

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
        plan = self._layout.plan(ref.dataset_type)
        if not isinstance(value, plan.python_type):
            plan.storage_class.check(value, str(ref))
        staged = StagedFiles(self._storage)
        with _discarded_on_error(staged):
            if plan.delegate is None:
                self._stage(value, ref, plan, (plan.whole, staged))
            else:
                found = plan.delegate.take_apart(value)
                for part in plan.parts:
                    if part.component in found:
                        one = found[part.component]
                        self._stage(one, ref, plan, (part, staged))
            with dataset_errors("write", ref, self._uri, plan.path(ref, plan.whole)):
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

    def prepare_pack(self, values: Sequence[tuple[DatasetRef, bytes]]) -> StagedFiles:
        """Write many small datasets of one type and run into one new archive.

        See `pack`, which also publishes.
        """
        staged = StagedFiles(self._storage)
        if values:
            with _discarded_on_error(staged):
                for chunk in _chunks(values):
                    self._stage_pack(chunk, staged)
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

    def pack(self, values: Sequence[tuple[DatasetRef, bytes]]) -> list[DatastoreRecord]:
        """Write many small datasets of one type and run into one new archive.

        Each call makes an archive of its own, a zip file that nobody ever changes:
        give it all that is waiting at once. The records say where in it each dataset
        is.

        Parameters
        ----------
        values
            Refs of one dataset type and run, with the bytes that the formatter of
            their storage class made, whatever the settings say of files.

        Raises
        ------
        InvalidInputError
            If the refs differ in type or run, or their formatter has no bytes.
        StorageError
            If it cannot be written; nothing is left behind.
        """
        staged = self.prepare_pack(values)
        with _discarded_on_error(staged):
            staged.publish()
        return staged.records

    # Reading

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
        if not records:
            raise DatasetNotFoundError(
                f"Datastore '{self.name}' at {self.root} has no record of {ref}."
            )
        first = records[0]
        with dataset_errors("read", ref, self._uri, first.path):
            if not first.component:
                return self._reader.read(first, component, parameters)
            return self._read_parts(ref, records, component, parameters or {})

    def paths(self, ref: DatasetRef) -> list[str]:
        """Return all paths, relative to the root, to which `write` may write."""
        plan = self._layout.plan(ref.dataset_type)
        return [plan.path(ref, part) for part in plan.parts or (plan.whole,)]

    def find(self, ref: DatasetRef) -> list[DatastoreRecord]:
        """Return the records of what `write` wrote, as found in the storage.

        They have the sizes that are there, and no checksums; empty if there is
        nothing. Packs are not searched.
        """
        plan = self._layout.plan(ref.dataset_type)
        found = []
        for part in plan.parts or (plan.whole,):
            path = plan.path(ref, part)
            try:
                size = self._storage.size_bytes(path)
            except NotFoundError:
                continue
            found.append(self._record(ref, path, part, size=size, checksum=None))
        return found

    def uri(self, record: DatastoreRecord) -> str:
        """Return the URI of an artifact."""
        return self._uri(record.path)

    def exists(self, records: Sequence[DatastoreRecord]) -> bool:
        """Whether all artifacts of the records are there, with the right size."""
        return bool(records) and not any(self.verify(records))

    def verify(
        self, records: Sequence[DatastoreRecord], *, content: bool = False
    ) -> Iterator[tuple[DatastoreRecord, str]]:
        """Yield the records whose artifacts are not as recorded, with what is wrong.

        Parameters
        ----------
        records
            Of any datasets; those of one pack are best given together.
        content
            Whether to read all and compare checksums, not only sizes.
        """
        sizes: dict[str, int | str] = {}
        for record in records:
            size = sizes.get(record.path)
            if size is None:
                size = sizes[record.path] = self._size(record.path)
            if isinstance(size, str):
                yield record, size
            elif problem := self._reader.problem(record, size, content=content):
                yield record, problem

    # Remains

    def delete(self, paths: Sequence[str]) -> None:
        """Remove artifacts that no record names any more.

        URIs of files that were taken in as ``direct`` are left alone.
        """
        for path in paths:
            if not is_uri(path):
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

    # How it is done

    def _stage(
        self, value: Any, ref: DatasetRef, plan: Plan, to: tuple[Part, StagedFiles]
    ) -> None:
        """Write the bytes of a dataset or a part of one, and add file and record."""
        part, staged = to
        path = plan.path(ref, part)
        with dataset_errors("write", ref, self._uri, path):
            file, checksum = self._stage_bytes(value, path, part)
        staged.files.append(file)
        staged.records.append(
            self._record(ref, path, part, size=file.size_bytes, checksum=checksum)
        )

    def _stage_bytes(
        self, value: Any, path: str, part: Part
    ) -> tuple[StagedFile, str | None]:
        if isinstance(part.formatter, BytesFormatter):
            data = part.formatter.to_bytes(value, part.storage_class)
            return self._storage.stage(path, data), self._checksum_of(data)
        checksum = None

        def write(local: Path) -> None:
            nonlocal checksum
            part.formatter.write_file(value, local, part.storage_class)
            checksum = checksum_of_file(local) if self._keeps_checksums else None

        return self._storage.stage_by(path, write), checksum

    def _stage_pack(
        self, values: Sequence[tuple[DatasetRef, bytes]], staged: StagedFiles
    ) -> None:
        first = values[0][0]
        storage_class = self._layout.plan(first.dataset_type).storage_class
        formatter = find_formatter(storage_class.formatter)
        if not isinstance(formatter, BytesFormatter):
            raise InvalidInputError(
                f"Datasets of type '{first.dataset_type.name}' cannot be packed: "
                f"formatter '{storage_class.formatter}' writes files, not bytes."
            )
        for ref, _ in values:
            if ref.run != first.run or ref.dataset_type != first.dataset_type:
                raise InvalidInputError(
                    f"A pack takes one dataset type and run; {first} and {ref} differ."
                )
        name = first.dataset_type.name
        path = f"{path_of_run(first.run)}/{name}/{name}_{make_uuid()}.zip"
        part = Part("", storage_class, storage_class.formatter, formatter)
        with dataset_errors("pack", first, self._uri, path):
            archive, offsets = zip_members(
                [(_member_name(ref, formatter.extension), data) for ref, data in values]
            )
            staged.files.append(self._storage.stage(path, archive))
        for (ref, data), offset in zip(values, offsets, strict=True):
            staged.records.append(
                self._record(
                    ref,
                    path,
                    part,
                    size=len(data),
                    checksum=self._checksum_of(data),
                    offset=offset,
                )
            )

    def _bring_in(
        self, source: SourceFile, mode: TransferMode, staged: StagedFiles
    ) -> None:
        """Stage one file, and add its record."""
        ref = source.ref
        plan = self._layout.plan(ref.dataset_type)
        formatter = find_formatter(source.formatter)
        part = Part("", plan.storage_class, source.formatter, formatter)
        path = plan.path(ref, part)
        digest = new_digest() if self._keeps_checksums else None
        with dataset_errors("ingest", ref, self._uri, path):
            if not source.path.is_file():
                raise NotFoundError(f"there is no file {source.path}")
            if mode == "move":
                staged.sources.append(MovedSource.of(source.path))
            if mode == "direct":
                size = _read_outside(self._storage, source.path, digest)
                path = Location.parse(source.path).uri
            else:
                file = self._storage.stage_file(source.path, path, mode, digest)
                staged.files.append(file)
                size = file.size_bytes
        checksum = as_text(digest) if digest else None
        staged.records.append(
            self._record(ref, path, part, size=size, checksum=checksum)
        )

    def _read_parts(
        self,
        ref: DatasetRef,
        records: Sequence[DatastoreRecord],
        component: str | None,
        parameters: Mapping[str, Any],
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
                name: self._read_part(record, delegate, parameters)
                for name, record in chosen.items()
            }
            return delegate.put_together(parts)
        storage_class.component(component)
        if component not in chosen:
            return None  # the object did not have it
        return self._read_part(chosen[component], delegate, parameters)

    def _read_part(
        self,
        record: DatastoreRecord,
        delegate: StorageClassDelegate,
        parameters: Mapping[str, Any],
    ) -> Any:
        part = self._reader.read(record)
        if not parameters:
            return part
        return delegate.select(record.component, part, parameters)

    def _size(self, path: str) -> int | str:
        """Return the size of an artifact, or why it has none."""
        try:
            return self._reader.size_bytes(path)
        except NotFoundError:
            return "the file is missing"
        except PantlerError as error:
            return str(error).rstrip(".")

    def _record(
        self,
        ref: DatasetRef,
        path: str,
        part: Part,
        *,
        size: int,
        checksum: str | None,
        offset: int | None = None,
    ) -> DatastoreRecord:
        return DatastoreRecord(
            dataset_id=ref.id.bytes,
            store=self._name,
            component=part.component,
            path=path,
            offset=offset,
            size_bytes=size,
            checksum=checksum,
            formatter=part.formatter_name,
            storage_class=part.storage_class.name,
        )

    def _checksum_of(self, data: bytes) -> str | None:
        return checksum_of(data) if self._keeps_checksums else None

    def _uri(self, path: str) -> str:
        return path if is_uri(path) else self.root + quote(path)


@contextmanager
def _discarded_on_error(staged: StagedFiles) -> Iterator[None]:
    try:
        yield
    except BaseException:
        staged.discard()
        raise


def _read_outside(storage: Storage, local: Path, digest: Digest | None) -> int:
    """Feed a digest with a file that stays where it is, and return its size."""
    if storage.holds(local):
        raise InvalidInputError(
            f"{local} lies within the datastore itself, where it would count as a "
            "file that nobody needs: copy it"
        )
    return read_through(str(local), digest)


def _member_name(ref: DatasetRef, extension: str) -> str:
    """Return a name that tells the datasets of one type and run apart."""
    parts = [encode_part(str(value)) for value in ref.data_id.required_values]
    return "/".join(parts or [ref.dataset_type.name]) + extension


def _chunks(
    values: Sequence[tuple[DatasetRef, bytes]],
) -> Iterator[list[tuple[DatasetRef, bytes]]]:
    """Yield parts that one archive can hold."""
    chunk: list[tuple[DatasetRef, bytes]] = []
    size = 0
    for value in values:
        if chunk and (len(chunk) == MOST_MEMBERS or size + len(value[1]) > MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(value)
        size += len(value[1])
    if chunk:
        yield chunk
