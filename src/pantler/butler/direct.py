"""The butler that opens a repository's registry and datastore itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from pantler.butler.arguments import checked
from pantler.butler.collections import Collections
from pantler.butler.dataset_types import DatasetTypes
from pantler.butler.defaults import Defaults
from pantler.butler.dimensions import Dimensions
from pantler.butler.interface import Butler
from pantler.butler.keywords import (
    merged,
    parameters_of,
    refuse_more_than_ref,
    refuse_more_than_refs,
    refuse_other_number,
    split_name,
)
from pantler.butler.lookup import DatasetLookup
from pantler.butler.query_builder import QueryBuilder
from pantler.butler.querying import QueryFactory
from pantler.butler.removal import plan_collections, plan_datasets
from pantler.butler.repository import Repository, closed_on_error
from pantler.butler.selection import Datasets, Names, dataset_ids, uuid_of
from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType, split_component
from pantler.datasets.deferred import DeferredDataset
from pantler.datasets.identity import make_uuid, make_uuids
from pantler.datasets.ref import DatasetRef
from pantler.datasets.storage_class import find_storage_class
from pantler.errors import DatasetNotFoundError, InvalidInputError, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from os import PathLike

    from pantler.butler.file_dataset import FileDataset
    from pantler.butler.querying import TypePatterns
    from pantler.butler.removal import RemovalPlan
    from pantler.config.settings import RepositorySettings
    from pantler.dimensions.timespan import Timespan
    from pantler.dimensions.universe import Universe
    from pantler.queries.results import DataIdResults, DatasetResults, RecordResults
    from pantler.queries.several import SeveralDatasetResults
    from pantler.storage.interface import TransferMode


@checked  # noqa: PLR0904 - the same door, opened
class DirectButler(Butler):
    """A butler with the database and the files at hand; made by `Butler.open`.

    Parameters
    ----------
    repository
        What it works on.
    collections
        Searched when a call names none.
    run
        The default RUN collection, searched first.
    defaults
        Data ID values for calls that leave them out.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        collections: tuple[str, ...] = (),
        run: str | None = None,
        defaults: Mapping[str, object] | None = None,
    ) -> None:
        registry = repository.registry
        self._repository = repository
        self.defaults = Defaults(
            repository, collections=collections, run=run, data_id=defaults or {}
        )
        self.universe = registry.universe
        self.collections = Collections(registry)
        self.dataset_types = DatasetTypes(registry.dataset_types, registry.universe)
        self.dimensions = Dimensions(repository)
        self._lookup = DatasetLookup(registry, self.defaults)
        self._queries = QueryFactory(registry, self._lookup, self.defaults)

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
        settings: Mapping[str, Any] | None,
    ) -> DirectButler:
        """Open the repository in a folder."""
        repository = Repository.open(uri, writeable=writeable, settings=settings)
        with closed_on_error(repository):
            return cls(repository, collections=collections, run=run, defaults=defaults)

    @classmethod
    def create_repository(
        cls,
        uri: str | PathLike[str],
        *,
        settings: RepositorySettings | None,
        universe: Universe | None,
    ) -> DirectButler:
        """Make a repository in a folder."""
        return cls(Repository.create(uri, settings=settings, universe=universe))

    def close(self) -> None:
        """Close the repository."""
        self._repository.close()

    # Reading

    def get(
        self,
        dataset: str | DatasetType | DatasetRef,
        data_id: Mapping[str, object] | None = None,
        *,
        collections: Sequence[str] | str | None = None,
        component: str | None = None,
        storage_class: str | None = None,
        **keys: Any,
    ) -> Any:
        """Read a dataset, or a component of it."""
        wanted_class = None  # a call less where nothing is to be converted
        if storage_class is not None:
            wanted_class = find_storage_class(storage_class)
        parameters: dict[str, Any] = {}
        if isinstance(dataset, DatasetRef):
            ref = dataset
            if keys or data_id is not None or collections is not None:
                parameters = parameters_of(keys, ref.dataset_type, self.universe)
                refuse_more_than_ref(
                    ref, data_id, collections, keys.keys() - parameters.keys()
                )
        else:
            if isinstance(dataset, str):
                dataset, component = split_name(dataset, component)
            if not keys.keys() <= self.universe.elements.keys():
                dataset = self._lookup.dataset_type(dataset)
                parameters = parameters_of(keys, dataset, self.universe)
                keys = {k: v for k, v in keys.items() if k not in parameters}
            wanted = merged(data_id, keys)
            # One state says which dataset it is and where; its file is read after that.
            with self._repository.registry.reading():
                ref = self._find(dataset, wanted, collections)
                records = self._repository.records.find(ref.id.bytes)
            if not records:
                raise self._repository.without_file(ref)
            return self._repository.datastore.read(
                ref,
                records,
                component=component,
                parameters=parameters,
                storage_class=wanted_class,
            )
        return self._repository.get(
            ref, component=component, parameters=parameters, storage_class=wanted_class
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
        if isinstance(dataset, DatasetRef):
            dataset_type = dataset.dataset_type
        else:
            component = None
            if isinstance(dataset, str):
                dataset, component = split_component(dataset)
            dataset_type = self._lookup.dataset_type(dataset)
            if component is not None:
                raise InvalidInputError(
                    f"Defer the whole '{dataset_type.name}', and ask the handle: "
                    f".get('{component}')."
                )
        parameters = parameters_of(keys, dataset_type, self.universe)
        if parameters:
            raise InvalidInputError(
                f"{', '.join(map(repr, parameters))}: give the parameters of a read to "
                "the get of the handle."
            )
        if isinstance(dataset, DatasetRef):
            refuse_more_than_ref(dataset, data_id, collections, keys)
            ref = dataset
        else:
            ref = self._find(dataset_type, merged(data_id, keys), collections)
        return DeferredDataset(ref, self._repository)

    def _find(
        self,
        dataset: str | DatasetType,
        wanted: Mapping[str, object],
        collections: Sequence[str] | str | None,
    ) -> DatasetRef:
        ref = self._lookup.find(dataset, wanted, collections)
        if ref is None:
            raise self._lookup.explain_missing(dataset, wanted, collections)
        return ref

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
        wanted = merged(data_id, keys)
        return self._lookup.find(dataset, wanted, collections, timespan=timespan)

    def get_ref(self, dataset_id: UUID | str) -> DatasetRef:
        """Return the ref of a UUID."""
        (found,) = self.get_refs([dataset_id])
        return found

    def get_refs(self, dataset_ids: Iterable[UUID | str]) -> list[DatasetRef]:
        """Return the refs of some UUIDs, in their order."""
        ids = [uuid_of(one) for one in dataset_ids]
        get = self._repository.registry.datasets.get
        with self._repository.registry.reading():
            found = [get(one.bytes) for one in ids]
        unknown = [str(one) for one, ref in zip(ids, found, strict=True) if ref is None]
        if unknown:
            some = ", ".join(unknown[:3]) + (", …" if len(unknown) > 3 else "")
            raise DatasetNotFoundError(
                f"{counted(len(unknown), 'UUID')} of no dataset here: {some}. It may "
                "have been removed, or be of another repository."
            )
        return [ref for ref in found if ref is not None]

    def get_many(
        self,
        refs: Iterable[DatasetRef],
        *,
        component: str | None = None,
        storage_class: str | None = None,
        **parameters: Any,
    ) -> Iterator[Any]:
        """Read many datasets, or a component of each, in the order of their refs."""
        return self._repository.get_many(
            refs,
            component=component,
            parameters=parameters,
            storage_class=find_storage_class(storage_class),
        )

    def exists(self, ref: DatasetRef) -> bool:
        """Whether a dataset is recorded and its files are there."""
        return self._repository.exists(ref)

    def exists_many(self, refs: Iterable[DatasetRef]) -> list[bool]:
        """Whether each of some datasets is recorded and its files are there."""
        return self._repository.exists_many(refs)

    def uri(self, ref: DatasetRef) -> str:
        """Return the URI of a dataset's file."""
        return self._repository.uri(ref)

    def uris(self, ref: DatasetRef) -> dict[str, str]:
        """Return the URIs of a dataset's files, by component."""
        return self._repository.uris(ref)

    def uris_many(self, refs: Iterable[DatasetRef]) -> list[dict[str, str]]:
        """Return the URIs of many datasets' files, by component."""
        return self._repository.uris_many(refs)

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
        self._repository.check_writeable()
        if isinstance(dataset, DatasetRef):
            refuse_more_than_ref(dataset, data_id, run, keys)
            return self._repository.put(value, dataset)
        run = self._run(run)
        dataset_type = self._lookup.dataset_type(dataset)
        coordinate = self._lookup.expand(merged(data_id, keys), dataset_type.dimensions)
        ref = DatasetRef(dataset_type, coordinate, run, make_uuid())
        return self._repository.put(value, ref)

    def put_many(
        self,
        values: Sequence[Any],
        dataset: str | DatasetType | Sequence[DatasetRef],
        data_ids: Sequence[Mapping[str, object]] | None = None,
        *,
        run: str | None = None,
    ) -> list[DatasetRef]:
        """Store many objects as new datasets: all of them or none."""
        self._repository.check_writeable()
        if not isinstance(dataset, str | DatasetType):
            refuse_more_than_refs(data_ids, run)
            refuse_other_number(len(values), len(dataset), "refs")
            return self._repository.put_many(values, dataset)
        if data_ids is None:
            raise InvalidInputError(
                "Say which datasets the objects are to be: give as many data IDs, or "
                "refs in place of the dataset type."
            )
        refuse_other_number(len(values), len(data_ids), "data IDs")
        run = self._run(run)
        dataset_type = self._lookup.dataset_type(dataset)
        expand, group = self._lookup.expand, dataset_type.dimensions
        with self._repository.registry.reading():
            coordinates = [expand(data_id, group) for data_id in data_ids]
        refs = [
            DatasetRef(dataset_type, coordinate, run, UUID(bytes=one.tobytes()))
            for coordinate, one in zip(
                coordinates, make_uuids(len(values)), strict=True
            )
        ]
        return self._repository.put_many(values, refs)

    def _run(self, run: str | None) -> str:
        run = run or self.defaults.run
        if run is None:
            raise InvalidInputError(
                "No run to write to: give put(..., run='NAME'), "
                "or open the butler with run='NAME'."
            )
        return run

    def ingest(
        self, files: Sequence[FileDataset], transfer: TransferMode = "copy"
    ) -> list[DatasetRef]:
        """Make datasets of files of other programs: all of them or none."""
        return self._repository.ingest(files, transfer)

    # Removing

    def plan_removal(
        self,
        datasets: Datasets = (),
        *,
        runs: Names = (),
        collections: Names = (),
        files_only: bool = False,
    ) -> RemovalPlan:
        """Return what would be removed; nothing is removed yet."""
        ids = dataset_ids(datasets)
        chosen = [
            *self.collections.find_all(runs, type=CollectionType.RUN),
            *self.collections.find_all(collections),
        ]
        whole = {one.name: one for one in chosen}
        if whole and (ids or files_only):
            raise InvalidInputError(
                "Plan the removal of collections and of single datasets one after the "
                "other; the files alone are removed of datasets only."
            )
        for name in {one.name for one in self.collections.find_all(collections)}:
            if whole[name].type is CollectionType.RUN:
                raise InvalidInputError(
                    f"Collection '{name}' is a RUN, of which the datasets go too: "
                    "remove it as a run (runs=[...], or 'pantler remove-runs')."
                )
        if whole:
            return plan_collections(self._repository, list(whole.values()))
        return plan_datasets(self._repository, ids, files_only=files_only)

    def remove_datasets(self, datasets: Datasets, *, files_only: bool = False) -> int:
        """Remove datasets, with their files."""
        plan = self.plan_removal(datasets, files_only=files_only)
        plan.apply()
        return plan.dataset_count

    def remove_runs(self, runs: Names, *, unlink: bool = False) -> int:
        """Remove RUN collections with all their datasets and files."""
        plan = self.plan_removal(runs=runs)
        plan.apply(unlink=unlink)
        return plan.dataset_count

    def transaction(self) -> AbstractContextManager[None]:
        """Make all changes within, or none of them: also new files are removed."""
        return self._repository.transaction()

    # Queries

    def query(self) -> QueryBuilder:
        """Begin a query that is built step by step."""
        return QueryBuilder(self._queries)

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
        builder = self.query().where(where, keys, bind=bind)
        for name in (datasets,) if isinstance(datasets, str) else datasets:
            builder = builder.join_datasets(name, collections)
        return builder.data_ids(dimensions)

    def query_datasets(  # type: ignore[override]  # overloads are the interface's
        self,
        dataset: str | DatasetType | TypePatterns,
        *,
        collections: Sequence[str] | str | None = None,
        where: str = "",
        find_first: bool | None = None,
        bind: Mapping[str, object] | None = None,
        **keys: object,
    ) -> DatasetResults | SeveralDatasetResults:
        """Return the datasets of one type, or of several, lazily."""
        builder = self.query().where(where, keys, bind=bind)
        if isinstance(dataset, str | DatasetType):
            return builder.datasets(dataset, collections, find_first=find_first)
        return builder.datasets(dataset, collections, find_first=find_first)

    def query_dimension_records(
        self,
        element: str,
        *,
        where: str = "",
        bind: Mapping[str, object] | None = None,
        **keys: object,
    ) -> RecordResults:
        """Return the records of a dimension element, lazily."""
        return self.query().where(where, keys, bind=bind).records(element)
