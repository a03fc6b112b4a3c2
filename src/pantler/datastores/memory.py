"""The datastore in memory: objects that live as long as the process."""

from __future__ import annotations

import copy
import tempfile
import threading
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal
from urllib.parse import quote

from pydantic import Field

from pantler.config.sections import SHARED, DatastoreSettings
from pantler.datasets.records import DatastoreRecord
from pantler.datastores.constraints import Constraints
from pantler.datastores.layout import find_formatter, refuse_code
from pantler.datastores.memory_records import Held, MemoryRecordTable
from pantler.datastores.reading import as_class, check_parameters
from pantler.datastores.templates import path_of_run
from pantler.datastores.writing import refuse_mixed
from pantler.errors import (
    DatasetNotFoundError,
    IntegrityError,
    InvalidInputError,
)
from pantler.formatters.interface import BytesFormatter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pantler.datasets.dataset_type import DatasetType
    from pantler.datasets.records import OwnRecords
    from pantler.datasets.ref import DatasetRef
    from pantler.datasets.storage_class import StorageClass
    from pantler.datastores.interface import Datastore, FindSame, SourceFile
    from pantler.storage.interface import OnProblem, TransferMode

_GONE: Final = "it is not, or no longer, in the memory of this process"


class MemoryDatastoreSettings(DatastoreSettings):
    """How objects are kept in memory."""

    kind: Annotated[str, SHARED] = "memory"
    """Name of the datastore plugin."""

    name: Annotated[str, SHARED] = Field("memory", pattern=r"^[a-z][a-z0-9_]*$")
    """A name of its own within the repository."""

    returns: Annotated[Literal["copy", "object"], SHARED] = "copy"
    """What a read returns: a copy, which anybody may change; or the object that was put
    itself, once, after which the datastore has it no longer."""


@dataclass(slots=True, weakref_slot=True)
class Space:
    """What the datastores of one name and repository hold in this process."""

    held: dict[bytes, Held] = field(default_factory=dict)


_SPACES: weakref.WeakValueDictionary[tuple[str, str], Space] = (
    weakref.WeakValueDictionary()
)
_LOCK: Final = threading.Lock()


class StagedObjects:
    """Objects that are ready, and not yet there.

    Parameters
    ----------
    space
        Where they will be.
    held
        The objects.
    """

    has_sources: bool = False

    def __init__(self, space: Space, held: Sequence[Held]) -> None:
        self._space = space
        self._held = list(held)
        self.records = [one.record for one in held]

    def publish(self) -> None:
        """Make the objects visible."""
        for one in self._held:
            self._space.held[one.record.dataset_id] = one

    def discard(self) -> None:
        """Forget the objects, published or not."""
        for one in self._held:
            if self._space.held.get(one.record.dataset_id) is one:
                del self._space.held[one.record.dataset_id]
        self._held.clear()

    def part_from_sources(self) -> None:
        """Do nothing: no object shares its bytes with a file."""

    def remove_sources(self, find_same: FindSame) -> None:
        """Do nothing: whoever wants files to be moved keeps them in files."""


class MemoryDatastore:  # noqa: PLR0904 - all of one interface
    """Objects in the memory of one process, shared by all who open the repository.

    The database has no records of them: other processes see datasets without files,
    and when the process ends they are gone.

    Parameters
    ----------
    settings
        Its name, and what reads return.
    repository_root
        Of the repository, whose datastores of one name share their objects.
    """

    settings_model: ClassVar[type[DatastoreSettings]] = MemoryDatastoreSettings
    is_lasting = False

    def __init__(self, settings: MemoryDatastoreSettings, repository_root: str) -> None:
        self.name = settings.name
        self.is_read_only = settings.read_only
        self.root = f"in-memory://{settings.name}/"
        self._hands_over = settings.returns == "object"
        self._constraints = Constraints(settings)
        with _LOCK:
            key = (str(Path(repository_root).absolute()), settings.name)
            self._space = _SPACES.setdefault(key, Space())

    @property
    def members(self) -> Sequence[Datastore]:
        """Itself."""
        return [self]

    def own_records(self) -> OwnRecords:
        """Return the records, which go with the process as the objects do."""
        return MemoryRecordTable(self._space.held, self.name)

    def accepts(self, dataset_type: DatasetType) -> bool:
        """Whether new datasets of a type are taken."""
        return self._constraints.accepts(dataset_type)

    # Writing

    def prepare(self, value: Any, ref: DatasetRef) -> StagedObjects:
        """Take an object, without making it visible.

        Raises
        ------
        InvalidInputError
            If the object is not of the storage class.
        """
        return StagedObjects(self._space, [self._hold(value, ref)])

    def prepare_many(
        self, values: Sequence[Any], refs: Sequence[DatasetRef]
    ) -> StagedObjects:
        """Take many objects, without making them visible."""
        held = [self._hold(*one) for one in zip(values, refs, strict=True)]
        return StagedObjects(self._space, held)

    def prepare_files(
        self,
        files: Sequence[SourceFile],
        mode: TransferMode,
    ) -> StagedObjects:
        """Read files, without making the objects visible.

        Raises
        ------
        DatasetNotFoundError
            If there is no such file.
        InvalidInputError
            If they are to be moved: without a file, nothing would be left of them.
        """
        if mode == "move":
            raise InvalidInputError(
                f"The datastore '{self.name}' is in memory: files are not moved there. "
                "Copy them."
            )
        held = []
        for file in files:
            if not file.path.is_file():
                raise DatasetNotFoundError(
                    f"Cannot ingest {file.ref}: there is no file {file.path}."
                )
            storage_class = file.ref.dataset_type.load_storage_class()
            refuse_code(file.formatter, frozenset())
            formatter = find_formatter(file.formatter)
            value = formatter.read_file(file.path, storage_class)
            held.append(self._hold(value, file.ref))
        return StagedObjects(self._space, held)

    def prepare_pack(self, values: Sequence[tuple[DatasetRef, bytes]]) -> StagedObjects:
        """Take many objects as bytes, without making them visible."""
        refuse_mixed([ref for ref, _ in values])
        held = []
        for ref, data in values:
            storage_class = ref.dataset_type.load_storage_class()
            refuse_code(storage_class.formatter, frozenset())
            formatter = find_formatter(storage_class.formatter)
            if not isinstance(formatter, BytesFormatter):
                raise InvalidInputError(
                    f"Datasets of type '{ref.dataset_type.name}' have no bytes: "
                    f"formatter '{storage_class.formatter}' writes files."
                )
            held.append(self._hold(formatter.from_bytes(data, storage_class), ref))
        return StagedObjects(self._space, held)

    def write(self, value: Any, ref: DatasetRef) -> list[DatastoreRecord]:
        """Take an object and make it visible in this process."""
        staged = self.prepare(value, ref)
        staged.publish()
        return staged.records

    def pack(self, values: Sequence[tuple[DatasetRef, bytes]]) -> list[DatastoreRecord]:
        """Take many objects as bytes, and make them visible in this process."""
        staged = self.prepare_pack(values)
        staged.publish()
        return staged.records

    def persist(self, records: Sequence[DatastoreRecord]) -> None:
        """Do nothing: memory survives nothing."""

    def _hold(self, value: Any, ref: DatasetRef) -> Held:
        self._constraints.check(ref.dataset_type)
        storage_class = ref.dataset_type.load_storage_class()
        if not isinstance(value, storage_class.load_type()):
            value = storage_class.convert(value, str(ref))
        if not self._hands_over:
            value = copy.deepcopy(value)
        record = DatastoreRecord(
            dataset_id=ref.id.bytes,
            store=self.name,
            component="",
            path=self._path(ref),
            offset=None,
            size_bytes=0,
            checksum=None,
            formatter=storage_class.formatter,
            storage_class=storage_class.name,
        )
        return Held(value, record)

    @staticmethod
    def _path(ref: DatasetRef) -> str:
        return f"{path_of_run(ref.run)}/{ref.dataset_type.name}/{ref.id}"

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
        """Return a dataset or a component of it.

        Raises
        ------
        DatasetNotFoundError
            If it is not here, or was handed over before.
        InvalidInputError
            If there is no such component or parameter.
        """
        held = self._space.held.get(ref.id.bytes)
        if not records or held is None:
            uri = self._uri(self._path(ref))
            raise DatasetNotFoundError(f"Cannot read {ref} at {uri}: {_GONE}.")
        if records[0] != held.record:
            raise IntegrityError(
                f"Cannot read {ref} at {self.uri(held.record)}: what is there is not "
                "what was recorded."
            )
        if component is not None or parameters:
            value = _part_of(held, component, parameters or {})
        elif self._hands_over:
            value = held.value
            self._space.held.pop(ref.id.bytes, None)
        else:
            value = copy.deepcopy(held.value)
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
        """Yield many datasets in order."""
        for ref in refs:
            yield self.read(
                ref,
                records.get(ref.id.bytes, ()),
                component=component,
                parameters=parameters,
                storage_class=storage_class,
            )

    def paths(self, ref: DatasetRef) -> list[str]:
        """Return the path by which the object is known."""
        return [self._path(ref)]

    def find(self, ref: DatasetRef) -> list[DatastoreRecord]:
        """Return the record of an object that is here."""
        held = self._space.held.get(ref.id.bytes)
        return [held.record] if held else []

    def uri(self, record: DatastoreRecord) -> str:
        """Return a URI, by which no other process finds the object."""
        return self._uri(record.path)

    def _uri(self, path: str) -> str:
        return self.root + quote(path)

    def exists(self, records: Sequence[DatastoreRecord]) -> bool:
        """Whether all objects of the records are here."""
        return bool(records) and not any(self.verify(records))

    def verify(
        self,
        records: Sequence[DatastoreRecord],
        *,
        content: bool = False,  # noqa: ARG002 - interface
    ) -> Iterator[tuple[DatastoreRecord, str]]:
        """Yield the records whose objects are not here, or are others."""
        for record in records:
            held = self._space.held.get(record.dataset_id)
            if held is None:
                yield record, f"the object is missing: {_GONE}"
            elif held.record != record:
                yield record, "another object was recorded"

    # Remains

    def delete(self, paths: Sequence[str]) -> None:
        """Forget objects."""
        unwanted = set(paths)
        for key, held in list(self._space.held.items()):
            if held.record.path in unwanted:
                self._space.held.pop(key, None)

    def orphans(
        self,
        paths_in_use: Callable[[Sequence[str]], set[str]],
        on_problem: OnProblem | None = None,  # noqa: ARG002 - interface
    ) -> Iterator[str]:
        """Yield the paths of objects that no record names."""
        paths = [held.record.path for held in list(self._space.held.values())]
        in_use = paths_in_use(paths)
        yield from (path for path in paths if path not in in_use)

    def abandoned(self, on_problem: OnProblem | None = None) -> list[str]:  # noqa: ARG002 - interface
        """Return nothing: with its process, also what is unfinished ends."""
        return []

    def owner(self) -> str | None:
        """Return nothing: nobody else can come here."""
        return None

    def claim(self, owner: str) -> None:
        """Do nothing: nobody else can come here."""


def _part_of(held: Held, component: str | None, parameters: Mapping[str, Any]) -> Any:
    """Return a part of an object as its formatter makes it of a file."""
    from pantler.datasets.storage_class import get_storage_class

    storage_class = get_storage_class(held.record.storage_class)
    if component is not None:
        storage_class.component(component)
    check_parameters(parameters, storage_class)
    formatter = find_formatter(held.record.formatter)
    with tempfile.TemporaryDirectory(prefix="pantler-") as folder:
        path = Path(folder) / f"object{formatter.extension}"
        formatter.write_file(held.value, path, storage_class)
        return formatter.read_file(
            path, storage_class, component=component, parameters=parameters
        )
