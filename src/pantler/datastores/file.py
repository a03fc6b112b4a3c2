"""The datastore of files: one for each dataset, one for each part, or packs of many."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pantler.datasets.storage_class import define_storage_class
from pantler.datastores.cache import FileCache
from pantler.datastores.dataset_errors import dataset_errors
from pantler.datastores.layout import Layout
from pantler.datastores.reading import RecordReader, as_class
from pantler.datastores.reading_many import Asked, read_many
from pantler.datastores.settings import FileDatastoreSettings
from pantler.datastores.staged import StagedFiles
from pantler.datastores.writing import RecordWriter, chunks, discarded_on_error
from pantler.datastores.writing_many import stage_many
from pantler.errors import DatasetNotFoundError, NotFoundError
from pantler.storage.claims import claim, owner_of
from pantler.storage.location import Location, is_uri
from pantler.storage.opening import open_storage
from pantler.storage.request_policy import RequestPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pantler.config.sections import DatastoreSettings
    from pantler.datasets.dataset_type import DatasetType
    from pantler.datasets.records import DatastoreRecord, OwnRecords
    from pantler.datasets.ref import DatasetRef
    from pantler.datasets.storage_class import StorageClass
    from pantler.datastores.interface import Datastore, SourceFile
    from pantler.storage.interface import OnProblem, Storage, TransferMode

_BATCH: Final = 10_000


class FileDatastore:  # noqa: PLR0904 - all of one interface
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
    the settings say ``verify``. The attribute ``cache`` keeps files of other hosts, if
    that is set; ``cache.use`` says how often it served.
    """

    settings_model: ClassVar[type[DatastoreSettings]] = FileDatastoreSettings
    is_lasting = True

    def __init__(self, settings: FileDatastoreSettings, repository_root: str) -> None:
        self._name = settings.name
        self.is_read_only = settings.read_only
        self._storage: Storage = open_storage(
            Location.parse(repository_root).join(settings.root).uri,
            fsync=settings.durability == "power",
            policy=RequestPolicy(**settings.requests.model_dump()),
        )
        for name, own in settings.storage_classes.items():
            define_storage_class(own.storage_class(name))
        self._layout = Layout(settings)
        self.cache = FileCache(settings.cache) if settings.cache.folder else None
        self._reader = RecordReader(
            self._storage, verify=settings.verify, named=self._layout.named
        )
        self._writer = RecordWriter(
            self._storage,
            self._layout,
            store=settings.name,
            checksums=settings.checksum,
        )
        self._uri = self._writer.uri

    @property
    def name(self) -> str:
        """Its name within the repository."""
        return self._name

    @property
    def root(self) -> str:
        """The root URI, with a final slash."""
        return self._storage.root

    @property
    def members(self) -> Sequence[Datastore]:
        """Itself."""
        return (self,)

    def own_records(self) -> OwnRecords | None:
        """Return nothing: its records belong into the registry."""
        return None

    def accepts(self, dataset_type: DatasetType) -> bool:
        """Whether new datasets of a type are taken."""
        return self._layout.accepts(dataset_type)

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
        staged = self._stage(value, ref)
        path = staged.records[0].path
        with dataset_errors("write", ref, self._uri, path), discarded_on_error(staged):
            staged.secure()
        return staged

    def _stage(self, value: Any, ref: DatasetRef) -> StagedFiles:
        staged = StagedFiles(self._storage)
        with discarded_on_error(staged):
            self._stage_one(value, ref, staged)
        return staged

    def _stage_one(self, value: Any, ref: DatasetRef, staged: StagedFiles) -> None:
        plan = self._layout.plan(ref.dataset_type)
        if not isinstance(value, plan.python_type):
            value = plan.converted(value, ref)
        if plan.delegate is None:
            self._writer.stage(value, ref, plan, (plan.whole, staged))
            return
        found = plan.delegate.take_apart(value)
        for part in plan.parts:
            if part.component in found:
                one = found[part.component]
                self._writer.stage(one, ref, plan, (part, staged))

    def prepare_many(
        self, values: Sequence[Any], refs: Sequence[DatasetRef]
    ) -> StagedFiles:
        """Write the bytes of many objects, without making them visible.

        Small ones of one type and run go into a pack; others are written several at
        a time.

        Raises
        ------
        InvalidInputError
            If an object is not of its storage class, or holds what its formatter
            cannot write.
        StorageError
            If one cannot be written; nothing is left behind.
        """
        staged = StagedFiles(self._storage)
        with discarded_on_error(staged):
            stage_many(
                values,
                refs,
                staged,
                writer=self._writer,
                layout=self._layout,
                stage_one=self._stage_one,
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
        with discarded_on_error(staged):
            places: dict[Path, DatastoreRecord] = {}
            for file in files:
                self._writer.bring_in(file, mode, staged, places)
            staged.secure()
        return staged

    def prepare_pack(self, values: Sequence[tuple[DatasetRef, bytes]]) -> StagedFiles:
        """Write many small datasets of one type and run into one new archive.

        See `pack`, which also publishes.
        """
        staged = StagedFiles(self._storage)
        if values:
            with discarded_on_error(staged):
                for chunk in chunks(values):
                    self._writer.stage_pack(chunk, staged)
                staged.secure()
        return staged

    def write(self, value: Any, ref: DatasetRef) -> list[DatastoreRecord]:
        """Write an object and make it visible, for workers: others record it.

        Whoever does calls `persist` before, for many at once. A file that is there
        already, left by a killed writer, is replaced.
        """
        staged = self._stage(value, ref)
        path = staged.records[0].path
        with dataset_errors("write", ref, self._uri, path), discarded_on_error(staged):
            staged.publish(durably=False)
        return staged.records

    def persist(self, records: Sequence[DatastoreRecord]) -> None:
        """Put what `write` wrote on the disk itself, if it is to survive power cuts."""
        paths = dict.fromkeys(record.path for record in records)
        self._storage.persist([path for path in paths if not is_uri(path)])

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
        with discarded_on_error(staged):
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
        storage_class: StorageClass | None = None,
    ) -> Any:
        """Return a dataset or a component of it, converted if that is asked.

        Raises
        ------
        DatasetNotFoundError
            If the records are empty or the file is gone.
        IntegrityError
            If size or content are not as recorded.
        InvalidInputError
            If there is no such component or parameter, or what is there cannot be
            converted.
        """
        if not records:
            raise DatasetNotFoundError(
                f"Datastore '{self.name}' at {self.root} has no record of {ref}."
            )
        first = records[0]
        cache = self.cache
        if cache is not None and not cache.takes(ref.dataset_type):
            cache = None
        with dataset_errors("read", ref, self._uri, first.path):
            if not first.component:
                return self._reader.read(
                    first,
                    component,
                    parameters,
                    storage_class,
                    data_id=ref.data_id,
                    cache=cache,
                )
            value = self._reader.read_parts(
                ref, records, component, parameters or {}, cache=cache
            )
            return as_class(storage_class, value)

    def read_many(
        self,
        refs: Iterable[DatasetRef],
        records: Mapping[bytes, Sequence[DatastoreRecord]],
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        storage_class: StorageClass | None = None,
    ) -> Iterator[Any]:
        """Yield many datasets in order; see `Datastore.read_many`."""
        return read_many(
            self._reader,
            self.read,
            refs,
            records,
            asked=Asked(component, parameters, storage_class),
        )

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
            found.append(self._writer.record(ref, path, part, size=size, checksum=None))
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
                size = sizes[record.path] = self._reader.size_bytes(record.path)
            if isinstance(size, str):
                yield record, size
            elif problem := self._reader.problem(record, size, content=content):
                yield record, problem

    # Remains

    def delete(self, paths: Sequence[str]) -> None:
        """Remove artifacts that no record names any more.

        URIs of files that were taken in as ``direct`` are left alone.
        """
        self._storage.delete(*(path for path in paths if not is_uri(path)))

    def orphans(
        self,
        paths_in_use: Callable[[Sequence[str]], set[str]],
        on_problem: OnProblem | None = None,
    ) -> Iterator[str]:
        """Yield the paths of finished files that no record names.

        A writer that has not yet recorded its files has orphans for a moment: ask
        while none is at work, before `delete` is given the answer.

        Parameters
        ----------
        paths_in_use
            Returns those of some paths that a record names, as
            ``RecordTable.paths_in_use`` does.
        on_problem
            Called with a path and what is odd about it, such as a folder that cannot
            be read; StorageError is raised if nobody is to be called.
        """
        files = self._storage.list_files("", on_problem, settled=True)
        while batch := list(itertools.islice(files, _BATCH)):
            in_use = paths_in_use(batch)
            yield from (path for path in batch if path not in in_use)

    def abandoned(self, on_problem: OnProblem | None = None) -> list[str]:
        """Return the paths of unfinished files whose writers have died."""
        return self._storage.abandoned(on_problem)

    def owner(self) -> str | None:
        """Return the ID of the repository that has claimed the root, if any has."""
        return owner_of(self._storage)

    def claim(self, owner: str) -> None:
        """Mark the root as that of one repository, by the repository's ID.

        Raises
        ------
        ConflictError
            If it is the root of another repository.
        """
        claim(self._storage, owner)
