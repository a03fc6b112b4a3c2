"""The butler's interface, and opening one by URI."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self, overload

from pantler.butler.arguments import checking
from pantler.plugins import load_plugin
from pantler.storage.location import Location

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from os import PathLike
    from uuid import UUID

    from pantler.butler.collections import Collections
    from pantler.butler.dataset_types import DatasetTypes
    from pantler.butler.defaults import Defaults
    from pantler.butler.dimensions import Dimensions
    from pantler.butler.file_dataset import FileDataset
    from pantler.butler.query_builder import QueryBuilder
    from pantler.butler.querying import TypePatterns
    from pantler.butler.removal import RemovalPlan
    from pantler.butler.repository import Repository
    from pantler.butler.selection import Datasets, Names
    from pantler.config.settings import RepositorySettings
    from pantler.datasets.dataset_type import DatasetType
    from pantler.datasets.deferred import DeferredDataset
    from pantler.datasets.ref import DatasetRef
    from pantler.dimensions.timespan import Timespan
    from pantler.dimensions.universe import Universe
    from pantler.queries.results import DataIdResults, DatasetResults, RecordResults
    from pantler.queries.several import SeveralDatasetResults
    from pantler.storage.interface import TransferMode


class Butler(ABC):  # noqa: PLR0904 - one door to all there is
    """One door to a repository: what exists, and where it is.

    Attributes
    ----------
    universe
        The dimensions of the repository.
    collections, dataset_types, dimensions
        What can be done with each of them.
    defaults
        The collections, the run and the data ID of calls that name none.

    Examples
    --------
    Open a repository and ask for a coadd by its data ID::

        butler = Butler.open("my/repository", collections=["demo/run"])
        coadd = butler.get("coadd", tract=9, patch=3, band="g")
    """

    universe: Universe
    collections: Collections
    dataset_types: DatasetTypes
    dimensions: Dimensions
    defaults: Defaults

    @staticmethod
    @checking
    def open(
        uri: str | PathLike[str],
        *,
        collections: Sequence[str] | str = (),
        run: str | None = None,
        writeable: bool = False,
        defaults: Mapping[str, object] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Butler:
        """Open a repository.

        Parameters
        ----------
        uri
            The repository's root: a folder, or a URI whose scheme names a plugin of
            the group ``pantler.butlers``.
        collections
            Searched by default, in order.
        run
            The RUN collection that `put` writes to by default, and that is searched
            first; made on first use.
        writeable
            Whether changes are allowed.
        defaults
            Data ID values for calls and queries that leave them out.
        settings
            What is set for this time, as ``{"datastore.durability": "process"}``:
            stronger than the repository, the user's file and the environment.

        Raises
        ------
        NotFoundError
            If there is no repository, or one of the collections does not exist; only
            ``run`` need not exist yet.
        SettingsError
            If a setting is unknown, or the same for all who use the repository.
        DataIdError
            If the repository does not have a dimension or value of ``defaults``.
        AccessError
            If the rights to open it are missing.
        """
        return _kind(uri).open_repository(
            uri,
            collections=_names(collections),
            run=run,
            writeable=writeable,
            defaults=dict(defaults or {}),
            settings=settings,
        )

    @staticmethod
    @checking
    def create(
        uri: str | PathLike[str],
        *,
        settings: RepositorySettings | None = None,
        universe: Universe | None = None,
    ) -> Butler:
        """Make an empty repository and open it for writing.

        Parameters
        ----------
        uri
            A folder that does not exist or is empty.
        settings
            How to store; the packaged defaults when None.
        universe
            The dimensions; the packaged universe when None.

        Raises
        ------
        ConflictError
            If something is there already.
        """
        return _kind(uri).create_repository(uri, settings=settings, universe=universe)

    @staticmethod
    @checking
    def of(
        repository: Repository,
        *,
        collections: Sequence[str] | str = (),
        run: str | None = None,
        defaults: Mapping[str, object] | None = None,
    ) -> Butler:
        """Return a butler of an open repository; arguments as for `open`.

        It shares the connections, and the transactions: closing one closes both.
        """
        butler: Butler = load_plugin("butlers", "file")(
            repository,
            collections=_names(collections),
            run=run,
            defaults=dict(defaults or {}),
        )
        return butler

    @classmethod
    @abstractmethod
    def open_repository(
        cls,
        uri: str | PathLike[str],
        *,
        collections: tuple[str, ...],
        run: str | None,
        writeable: bool,
        defaults: dict[str, object],
        settings: Mapping[str, Any] | None,
    ) -> Butler:
        """Open a repository of this kind; users call `open`."""

    @classmethod
    @abstractmethod
    def create_repository(
        cls,
        uri: str | PathLike[str],
        *,
        settings: RepositorySettings | None,
        universe: Universe | None,
    ) -> Butler:
        """Make a repository of this kind; users call `create`."""

    @abstractmethod
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
        """Read a dataset.

        Parameters
        ----------
        dataset
            A ref, which says everything, or a dataset type or its name, with a
            component after a dot: ``"calexp.wcs"``.
        data_id
            Which one, by dimension. What the repository can find out need not be
            said; a calibration is the one valid at the time of what is named, such
            as an exposure.
        collections
            Searched in order, in place of the defaults.
        component
            A part of it, in place of the name after a dot.
        storage_class
            What it is to be converted to: the name of a storage class, such as
            ``"PandasFrame"`` for a table. What that type has no room for, as polars
            has none for units, is left out.
        **keys
            More of the data ID (``visit=3``), and parameters of the read that the
            storage class knows (``cutout=...``).

        Raises
        ------
        DatasetNotFoundError
            If there is none.
        DataIdError
            If the data ID is incomplete or contradicts the records.
        InvalidInputError
            If a keyword means nothing here, or the object cannot be converted.

        Examples
        --------
        These read the same pixels::

            butler.get("calexp", visit=3, detector=1, cutout=(0, 9, 0, 9))
            handle = butler.get_deferred("calexp", visit=3, detector=1)
            handle.get(cutout=(0, 9, 0, 9))
        """

    @abstractmethod
    def get_deferred(
        self,
        dataset: str | DatasetType | DatasetRef,
        data_id: Mapping[str, object] | None = None,
        *,
        collections: Sequence[str] | str | None = None,
        **keys: object,
    ) -> DeferredDataset:
        """Find a dataset, and return a handle that reads it when asked."""

    @abstractmethod
    def find_dataset(
        self,
        dataset: str | DatasetType,
        data_id: Mapping[str, object] | None = None,
        *,
        collections: Sequence[str] | str | None = None,
        timespan: Timespan | None = None,
        **keys: object,
    ) -> DatasetRef | None:
        """Return the ref of a dataset, or None; arguments as for `get`.

        Where no time is given, by `timespan` or by what is named (an exposure, say),
        only what is valid for ever is found in CALIBRATION collections: which of the
        others is meant depends on the time. `query_datasets` lists them without one.

        Parameters
        ----------
        dataset, data_id, collections, **keys
            As for `get`.
        timespan
            When a calibration must be valid, in place of the time of what is named.
        """

    @abstractmethod
    def get_ref(self, dataset_id: UUID | str) -> DatasetRef:
        """Return the ref of a UUID.

        Raises
        ------
        DatasetNotFoundError
            If there is no such dataset.
        InvalidInputError
            If it is no UUID.
        """

    @abstractmethod
    def get_refs(self, dataset_ids: Iterable[UUID | str]) -> list[DatasetRef]:
        """Return the refs of some UUIDs, in their order; all of them exist.

        Raises
        ------
        DatasetNotFoundError
            If some dataset does not exist.
        InvalidInputError
            If one is no UUID.
        """

    @abstractmethod
    def get_many(
        self,
        refs: Iterable[DatasetRef],
        *,
        component: str | None = None,
        storage_class: str | None = None,
        **parameters: Any,
    ) -> Iterator[Any]:
        """Read many datasets, or a component of each, in the order of their refs.

        Much faster than one by one. They come one after another, and not more than
        some 64 MiB of them, or one that is larger, are read ahead.

        Parameters
        ----------
        refs
            Such as the results of `query_datasets`.
        component
            A part of each.
        storage_class
            What to convert each to, as for `get`.
        **parameters
            Options of the read that the storage class knows.

        Raises
        ------
        DatasetNotFoundError
            If one has no file here, when it is its turn.

        Examples
        --------
        ::

            refs = list(butler.query_datasets("calexp_metrics", instrument="DemoCam"))
            for ref, metrics in zip(refs, butler.get_many(refs)):
                print(ref.data_id, metrics["seeing"])
        """

    @abstractmethod
    def exists(self, ref: DatasetRef) -> bool:
        """Whether a dataset is recorded and its files are there."""

    @abstractmethod
    def exists_many(self, refs: Iterable[DatasetRef]) -> list[bool]:
        """Whether each of some datasets is recorded and its files are there."""

    @abstractmethod
    def uri(self, ref: DatasetRef) -> str:
        """Return the URI of a dataset's file.

        Raises
        ------
        DatasetNotFoundError
            If it has none.
        InvalidInputError
            If it is taken apart, and has several: see `uris`.
        """

    @abstractmethod
    def uris(self, ref: DatasetRef) -> dict[str, str]:
        """Return the URIs of a dataset's files by component, "" for one of the whole.

        Raises
        ------
        DatasetNotFoundError
            If it has none.
        """

    @abstractmethod
    def uris_many(self, refs: Iterable[DatasetRef]) -> list[dict[str, str]]:
        """Return the URIs of many datasets' files, as `uris` does for one.

        A dataset without files has none. Small datasets that were put together may
        be in one file, a zip archive.
        """

    @abstractmethod
    def put(
        self,
        value: Any,
        dataset: str | DatasetType | DatasetRef,
        data_id: Mapping[str, object] | None = None,
        *,
        run: str | None = None,
        **keys: object,
    ) -> DatasetRef:
        """Store an object as a new dataset.

        Parameters
        ----------
        value
            An object of the type's storage class.
        dataset
            A registered dataset type, or a ref that says everything.
        data_id, **keys
            Its data ID.
        run
            The RUN collection, in place of the default.

        Raises
        ------
        ConflictError
            If the run has such a dataset.
        ReadOnlyError
            If the butler was opened for reading.
        """

    @abstractmethod
    def put_many(
        self,
        values: Sequence[Any],
        dataset: str | DatasetType | Sequence[DatasetRef],
        data_ids: Sequence[Mapping[str, object]] | None = None,
        *,
        run: str | None = None,
    ) -> list[DatasetRef]:
        """Store many objects as new datasets: all of them or none.

        Much faster than one by one. Small objects of a dataset type may share a file,
        which goes when the last of them is removed: see ``pack_below`` among the
        settings.

        Parameters
        ----------
        values
            Objects of the type's storage class.
        dataset
            A registered dataset type; or a ref for each object, which says everything.
        data_ids
            A data ID for each object.
        run
            The RUN collection, in place of the default.

        Raises
        ------
        ConflictError
            If the run has one of them, or two have the same data ID.
        ReadOnlyError
            If the butler was opened for reading.

        Examples
        --------
        ::

            ids = [{"detector": number} for number in range(4)]
            butler.put_many([{"gain": 1.5}] * 4, "gains", ids, run="u/me/gains")
        """

    @abstractmethod
    def ingest(
        self, files: Sequence[FileDataset], transfer: TransferMode = "copy"
    ) -> list[DatasetRef]:
        """Make datasets of files of other programs: all of them or none.

        Parameters
        ----------
        files
            What they are.
        transfer
            How they come in:

            - ``copy``; ``move``, after which the source is gone;
            - ``hardlink``; ``symlink``, to the absolute path; ``relsymlink``, as seen
              from the link; ``link``, a hard link where there can be one and a
              symbolic one elsewhere. Who changes such a source changes the dataset;
            - ``direct``: the file stays where it is, and nobody but you removes it;
            - ``in-place``: the file was put into the datastore's folder by you. It
              stays under its name, and is removed with its dataset;
            - ``auto``: in place if it is there already, and else copied.

        Raises
        ------
        ConflictError
            If one of them is there already.
        """

    @abstractmethod
    def query(self) -> QueryBuilder:
        """Begin a query that is built step by step, and can be the start of many.

        Examples
        --------
        ::

            good = butler.query().where("visit.exposure_time > 20", band="r")
            good.join_table(my_visits).datasets("calexp").count()
        """

    @abstractmethod
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
        """Return the data IDs of some dimensions, lazily.

        Parameters
        ----------
        dimensions
            Names of dimensions.
        where
            A query expression.
        datasets
            Dataset types that each data ID must have, in the collections.
        collections
            Where those are searched, in place of the defaults; all runs where there
            are neither.
        bind
            Values for names in the expression.
        **keys
            Values of dimensions. The butler's default data ID counts too, for the
            dimensions that neither these nor the expression name.
        """

    @overload
    def query_datasets(
        self,
        dataset: str | DatasetType,
        *,
        collections: Sequence[str] | str | None = None,
        where: str = "",
        find_first: bool | None = None,
        bind: Mapping[str, object] | None = None,
        **keys: object,
    ) -> DatasetResults: ...

    @overload
    def query_datasets(
        self,
        dataset: TypePatterns,
        *,
        collections: Sequence[str] | str | None = None,
        where: str = "",
        find_first: bool | None = None,
        bind: Mapping[str, object] | None = None,
        **keys: object,
    ) -> SeveralDatasetResults: ...

    @abstractmethod
    def query_datasets(
        self,
        dataset: str | DatasetType | TypePatterns,
        *,
        collections: Sequence[str] | str | None = None,
        where: str = "",
        find_first: bool | None = None,
        bind: Mapping[str, object] | None = None,
        **keys: object,
    ) -> DatasetResults | SeveralDatasetResults:
        """Return the datasets of one type, or of several, lazily.

        Parameters
        ----------
        dataset
            The dataset type; or a list of types, names and patterns of ``*`` and ``?``.
            The name of a component stands for the datasets that have it.
        collections
            Searched in order, in place of the defaults. Where there are neither, all
            datasets of all runs are returned.
        where, bind, **keys
            As for `query_data_ids`.
        find_first
            Whether, for each data ID, only the first collection that has a match
            counts; True when None, if there are collections. Of calibrations, all
            validity ranges in that collection are listed; where a time is named (an
            exposure, say), the first collection with one that is valid then counts.
        """

    @abstractmethod
    def query_dimension_records(
        self,
        element: str,
        *,
        where: str = "",
        bind: Mapping[str, object] | None = None,
        **keys: object,
    ) -> RecordResults:
        """Return the records of a dimension element, lazily."""

    @abstractmethod
    def plan_removal(
        self,
        datasets: Datasets = (),
        *,
        runs: Names = (),
        collections: Names = (),
        files_only: bool = False,
    ) -> RemovalPlan:
        """Return what would be removed; nothing is removed before its ``apply``.

        Parameters
        ----------
        datasets
            Refs, UUIDs, a frame with a column ``dataset_id``, or the results of a
            query. Those that do not exist are passed over.
        runs
            RUN collections, which go with all their datasets: names, or patterns of
            ``*`` and ``?``.
        collections
            Other collections, of which no dataset goes.
        files_only
            Whether the datasets stay known, without files.

        Raises
        ------
        CollectionNotFoundError
            If a collection does not exist, or none matches a pattern.
        InvalidInputError
            If collections and single datasets are given at once, or a collection is
            not of the type that its parameter asks for.

        Examples
        --------
        Look, and then do it::

            plan = butler.plan_removal(runs="u/me/trial*")
            print(plan)
            plan.apply()
        """

    @abstractmethod
    def remove_datasets(self, datasets: Datasets, *, files_only: bool = False) -> int:
        """Remove datasets from all collections, with their files; return how many.

        Parameters
        ----------
        datasets, files_only
            As for `plan_removal`.

        Examples
        --------
        Remove the sources of one visit::

            butler.remove_datasets(butler.query_datasets("src", visit=250301013))
        """

    @abstractmethod
    def remove_runs(self, runs: Names, *, unlink: bool = False) -> int:
        """Remove RUN collections with their datasets; return how many of these.

        Parameters
        ----------
        runs
            Names, or patterns of ``*`` and ``?``.
        unlink
            Whether to take them out of the chains that search them.

        Raises
        ------
        ConflictError
            If chains search one of them, and they are not unlinked.
        """

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """Make all changes within, or none of them: also new files are removed.

        Others cannot change anything from the first change within to the end, not even
        while the bytes of a put are written: keep it short. A put outside writes its
        bytes before anybody has to wait.
        """

    @abstractmethod
    def close(self) -> None:
        """Close connections; a butler is a context manager that does so."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _names(collections: Sequence[str] | str) -> tuple[str, ...]:
    return (collections,) if isinstance(collections, str) else tuple(collections)


def _kind(uri: str | PathLike[str]) -> type[Butler]:
    kind: type[Butler] = load_plugin("butlers", Location.parse(uri).scheme)
    return kind
