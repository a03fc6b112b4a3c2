"""The butler that opens a repository's registry and datastore itself."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import polars as pl

from pantler.butler.collections import Collections
from pantler.butler.ingestion import ingest_files
from pantler.butler.interface import Butler
from pantler.butler.lookup import DatasetLookup
from pantler.butler.pending_files import PendingFiles
from pantler.butler.querying import QueryFactory
from pantler.config.settings import RepositorySettings
from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType, split_component
from pantler.datasets.deferred import DeferredDataset
from pantler.datasets.identity import make_uuid
from pantler.datasets.records import records_to_frame
from pantler.datasets.ref import DatasetRef
from pantler.dimensions.universe import Universe
from pantler.errors import (
    AccessError,
    ConflictError,
    DatasetNotFoundError,
    InvalidInputError,
    NotFoundError,
    ReadOnlyError,
)
from pantler.plugins import load_plugin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from os import PathLike

    from pantler.butler.check import CheckReport
    from pantler.butler.file_dataset import FileDataset
    from pantler.datastores.interface import Datastore
    from pantler.dimensions.timespan import Timespan
    from pantler.queries.results import DataIdResults, DatasetResults, RecordResults
    from pantler.registry.interface import Registry
    from pantler.storage.interface import TransferMode

SETTINGS_FILE = "pantler.yaml"


class DirectButler(Butler):
    """A butler with the database and the files at hand; made by `Butler.open`.

    Parameters
    ----------
    registry, datastore
        Its two halves.
    settings
        The repository's settings.
    lookup
        How data IDs are completed and datasets found.
    root
        The folder of the repository.
    run
        The default RUN collection.

    Attributes
    ----------
    root
        The folder of the repository.
    registry, datastore
        For the rooms above; users have no need of them.
    """

    def __init__(
        self,
        registry: Registry,
        datastore: Datastore,
        *,
        settings: RepositorySettings,
        lookup: DatasetLookup,
        root: str,
        run: str | None,
    ) -> None:
        self.root = root
        self.registry = registry
        self.datastore = datastore
        self.settings = settings
        self.universe = registry.universe
        self.collections = Collections(registry.collections)
        self.dataset_types = registry.dataset_types
        self.dimensions = registry.dimensions
        self.default_collections = lookup.collections
        self.default_run = run
        self._lookup = lookup
        self._queries = QueryFactory(registry, lookup)
        self._records = registry.record_table(datastore.name)
        self._files = PendingFiles(datastore)

    # Opening

    @classmethod
    def open_repository(
        cls,
        uri: str | PathLike[str],
        *,
        collections: tuple[str, ...],
        run: str | None,
        writeable: bool,
        defaults: dict[str, object],
    ) -> DirectButler:
        """Open the repository in a folder."""
        root = _folder(uri)
        settings = _read_settings(root)
        registry = load_plugin("registries", settings.registry.kind).open(
            root / settings.registry.location, writeable=writeable
        )
        known = {collection.name for collection in registry.collections.all()}
        if run is not None and run in known and run not in collections:
            collections = (run, *collections)
        return cls._join(root, settings, registry, (collections, run, defaults))

    @classmethod
    def create_repository(
        cls,
        uri: str | PathLike[str],
        *,
        settings: RepositorySettings | None,
        universe: Universe | None,
    ) -> DirectButler:
        """Make a repository in a folder: the settings file comes last."""
        root = _folder(uri)
        settings = settings or RepositorySettings()
        if root.exists() and any(root.iterdir()):
            what = "a repository" if (root / SETTINGS_FILE).exists() else "not empty"
            raise ConflictError(
                f"Cannot create a repository in '{root}': it is {what}. "
                "Choose a new folder."
            )
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AccessError(
                f"Cannot make the folder '{root}': {error.strerror}."
            ) from error
        registry = load_plugin("registries", settings.registry.kind).create(
            root / settings.registry.location,
            universe or Universe.default(),
            journal=settings.registry.journal,
            durability=settings.registry.durability,
        )
        butler = cls._join(root, settings, registry, ((), None, {}))
        partial = root / f".{SETTINGS_FILE}"
        partial.write_text(settings.to_yaml(), "utf-8")
        partial.replace(root / SETTINGS_FILE)
        return butler

    @classmethod
    def _join(
        cls,
        root: Path,
        settings: RepositorySettings,
        registry: Registry,
        defaults: tuple[tuple[str, ...], str | None, dict[str, object]],
    ) -> DirectButler:
        collections, run, data_id = defaults
        datastore = load_plugin("datastores", settings.datastore.kind)(
            settings.datastore, str(root)
        )
        return cls(
            registry,
            datastore,
            settings=settings,
            lookup=DatasetLookup(registry, collections, data_id),
            root=str(root),
            run=run,
        )

    def close(self) -> None:
        """Close the database."""
        self.registry.close()

    # Reading

    def get(
        self,
        dataset: str | DatasetType | DatasetRef,
        data_id: Mapping[str, object] | None = None,
        *,
        collections: Sequence[str] | str | None = None,
        parameters: Mapping[str, Any] | None = None,
        **keys: object,
    ) -> Any:
        """Read a dataset, or a component of it."""
        ref, component = self._resolve(dataset, data_id, collections, keys)
        return self.read(ref, component, dict(parameters or {}))

    def read(
        self, ref: DatasetRef, component: str | None, parameters: dict[str, Any]
    ) -> Any:
        """Return what a ref names: the reader of deferred handles."""
        records = self._records.find(ref.id.bytes)
        return self.datastore.read(
            ref, records, component=component, parameters=parameters
        )

    def get_deferred(
        self,
        dataset: str | DatasetType | DatasetRef,
        data_id: Mapping[str, object] | None = None,
        *,
        collections: Sequence[str] | str | None = None,
        **keys: object,
    ) -> DeferredDataset:
        """Find a dataset, and return a handle that reads it when asked."""
        ref, component = self._resolve(dataset, data_id, collections, keys)
        if component is not None:
            raise InvalidInputError(
                f"Defer the whole '{ref.dataset_type.name}', and ask the handle: "
                f".get('{component}')."
            )
        return DeferredDataset(ref, self)

    def _resolve(
        self,
        dataset: str | DatasetType | DatasetRef,
        data_id: Mapping[str, object] | None,
        collections: Sequence[str] | str | None,
        keys: Mapping[str, object],
    ) -> tuple[DatasetRef, str | None]:
        if isinstance(dataset, DatasetRef):
            return dataset, None
        component = None
        if isinstance(dataset, str):
            dataset, component = split_component(dataset)
        wanted = {**(data_id or {}), **keys}
        ref = self._lookup.find(dataset, wanted, collections)
        if ref is None:
            raise self._lookup.explain_missing(dataset, wanted, collections)
        return ref, component

    def find_dataset(
        self,
        dataset: str | DatasetType,
        data_id: Mapping[str, object] | None = None,
        *,
        collections: Sequence[str] | str | None = None,
        timespan: Timespan | None = None,
        **keys: object,
    ) -> DatasetRef | None:
        """Return the ref of a dataset, or None."""
        wanted = {**(data_id or {}), **keys}
        return self._lookup.find(dataset, wanted, collections, timespan=timespan)

    def exists(self, ref: DatasetRef) -> bool:
        """Whether a dataset is recorded and its files are there."""
        return self.datastore.exists(self._records.find(ref.id.bytes))

    def uri(self, ref: DatasetRef) -> str:
        """Return the URI of a dataset's file."""
        records = self._records.find(ref.id.bytes)
        if not records:
            raise DatasetNotFoundError(f"{ref} has no file in this repository.")
        return self.datastore.uri(records[0])

    # Writing

    def put(
        self,
        value: Any,
        dataset: str | DatasetType | DatasetRef,
        data_id: Mapping[str, object] | None = None,
        *,
        run: str | None = None,
        **keys: object,
    ) -> DatasetRef:
        """Store an object as a new dataset."""
        self._check_writeable()
        if isinstance(dataset, DatasetRef):
            ref = dataset
        else:
            run = self._run(run)
            dataset_type = self._lookup.dataset_type(dataset)
            coordinate = self._lookup.expand(
                {**(data_id or {}), **keys}, dataset_type.dimensions
            )
            ref = DatasetRef(dataset_type, coordinate, run, make_uuid())
        # The row goes in first: a conflict is found before any file is touched, and
        # a commit that never comes leaves at most a file that no record names.
        with self.transaction():
            self.registry.datasets.insert(
                ref.dataset_type,
                ref.run,
                pl.DataFrame([ref.data_id.required])
                if ref.data_id.required
                else pl.DataFrame(height=1),
                pl.Series("dataset_id", [ref.id.bytes], dtype=pl.Binary),
            )
            records = self.datastore.write(value, ref)
            self._files.note_written([record.path for record in records])
            self._records.insert(records_to_frame(records))
        return ref

    def ingest(
        self, files: Sequence[FileDataset], transfer: TransferMode = "copy"
    ) -> list[DatasetRef]:
        """Make datasets of files of other programs: all of them or none."""
        self._check_writeable()
        with self.transaction():
            return ingest_files(
                files,
                transfer,
                registry=self.registry,
                datastore=self.datastore,
                pending=self._files,
            )

    def record(
        self,
        dataset_type: DatasetType,
        run: str,
        data_ids: pl.DataFrame,
        *,
        dataset_ids: pl.Series,
        records: pl.DataFrame,
    ) -> None:
        """Record datasets whose files a worker has written, in bulk."""
        self._check_writeable()
        with self.registry.transaction():
            self.registry.datasets.insert(dataset_type, run, data_ids, dataset_ids)
            self._records.insert(records)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all changes within, or none of them: also new files are removed."""
        with self._files.following(self.registry.transaction()):
            yield

    def check(self, *, repair: bool = False) -> CheckReport:
        """Compare files with records: find what was left half done, or was lost."""
        from pantler.butler.check import check_repository

        if repair:
            self._check_writeable()
        return check_repository(self, repair=repair)

    def _check_writeable(self) -> None:
        if not self.registry.is_writeable:
            raise ReadOnlyError(
                "This butler was opened for reading. "
                "Open it with Butler.open(..., writeable=True)."
            )

    def _run(self, run: str | None) -> str:
        run = run or self.default_run
        if run is None:
            raise InvalidInputError(
                "No run to write to: give put(..., run='NAME'), "
                "or open the butler with run='NAME'."
            )
        self.registry.collections.register(run, CollectionType.RUN)
        if run == self.default_run and run not in self.default_collections:
            self.default_collections = (run, *self.default_collections)
            self._lookup.collections = self.default_collections
        return run

    # Queries

    def query_data_ids(
        self,
        dimensions: Sequence[str] | str,
        *,
        where: str = "",
        datasets: Sequence[str] | str = (),
        collections: Sequence[str] | str | None = None,
        bind: Mapping[str, object] | None = None,
        **keys: object,
    ) -> DataIdResults:
        """Return the data IDs of some dimensions, lazily."""
        searches = self._queries.searches(datasets, collections)
        group = self._queries.group(dimensions)
        condition = self._queries.condition(where, bind, keys, (group, searches))
        return self._queries.data_ids(group, condition, searches)

    def query_datasets(
        self,
        dataset: str | DatasetType,
        *,
        collections: Sequence[str] | str | None = None,
        where: str = "",
        find_first: bool = True,
        bind: Mapping[str, object] | None = None,
        **keys: object,
    ) -> DatasetResults:
        """Return the datasets of one type, lazily."""
        search = self._queries.search(dataset, collections, find_first=find_first)
        group = search.dataset_type.dimensions
        condition = self._queries.condition(where, bind, keys, (group, (search,)))
        return self._queries.datasets(search, condition)

    def query_dimension_records(
        self,
        element: str,
        *,
        where: str = "",
        bind: Mapping[str, object] | None = None,
        **keys: object,
    ) -> RecordResults:
        """Return the records of a dimension element, lazily."""
        group = self._queries.group_of(element)
        condition = self._queries.condition(where, bind, keys, (group, ()))
        return self._queries.records(element, condition)


def _folder(uri: str | PathLike[str]) -> Path:
    parts = urlsplit(str(uri))
    path = unquote(parts.path) if parts.scheme == "file" else str(uri)
    return Path(path).expanduser().absolute()


def _read_settings(root: Path) -> RepositorySettings:
    file = root / SETTINGS_FILE
    try:
        text = file.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        hint = (
            " It looks half made: remove it and create it again."
            if root.is_dir() and any(root.iterdir())
            else f" Make one with 'pantler create {root}'."
        )
        raise NotFoundError(
            f"No repository in '{root}': there is no '{SETTINGS_FILE}'.{hint}"
        ) from None
    except OSError as error:
        raise AccessError(f"Cannot read '{file}': {error.strerror}.") from error
    return RepositorySettings.from_yaml(text)
