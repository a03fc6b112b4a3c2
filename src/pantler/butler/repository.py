"""A repository: what exists, where it is, and both changed together."""

from __future__ import annotations

import functools
import logging
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self, cast

from pantler.butler.in_bulk import find_records, in_chunks
from pantler.butler.ingestion import (
    insert_records,
    insert_refs,
    make_refs,
    make_sources,
)
from pantler.butler.members import all_records, members_of, uris_of
from pantler.butler.missing import without_file
from pantler.butler.processes import refuse_forked
from pantler.butler.settings_file import (
    begin_settings_file,
    discard_settings_file,
    finish_settings_file,
    make_new_folder,
    read_settings_file,
    repository_folder,
)
from pantler.butler.transactions import Transactions
from pantler.butler.trash import empty_trash
from pantler.config.settings import SETTINGS_FILE, RepositorySettings
from pantler.datasets.records import records_to_frame
from pantler.dimensions.universe import Universe
from pantler.errors import (
    ConflictError,
    DatasetNotFoundError,
    InvalidInputError,
    PantlerError,
    ReadOnlyError,
)
from pantler.plugins import load_plugin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from os import PathLike
    from pathlib import Path

    import polars as pl

    from pantler.butler.check import CheckReport
    from pantler.butler.file_dataset import FileDataset
    from pantler.datasets.dataset_type import DatasetType
    from pantler.datasets.records import DatastoreRecord
    from pantler.datasets.ref import DatasetRef
    from pantler.datasets.storage_class import StorageClass
    from pantler.datastores.interface import Datastore, Staged
    from pantler.dimensions.records import Rows
    from pantler.registry.interface import Registry
    from pantler.storage.interface import TransferMode

_LOG = logging.getLogger("pantler.butler")

_NOTHING: Final[Mapping[str, Rows]] = MappingProxyType({})


@contextmanager
def closed_on_error(thing: Registry | Repository) -> Iterator[None]:
    """Close what was opened if the next step fails."""
    try:
        yield
    except BaseException:
        thing.close()
        raise


def _refuse_taken(datastore: Datastore) -> None:
    owner = datastore.owner()
    if owner is not None:
        raise ConflictError(
            f"{datastore.root} belongs to another repository ({owner}). "
            "Choose a root of its own for each."
        )


class Repository:  # noqa: PLR0904 - all that is done to rows and files together
    """Registry and datastore of one folder; users hold a `Butler` instead.

    This is what ingest, the building of graphs and their execution work on. Everything
    here names datasets by refs; finding them by data ID is the butler's part.

    Parameters
    ----------
    root
        The folder of the repository.
    settings
        The repository's settings.
    registry
        What exists.
    datastore
        Where it is.

    Attributes
    ----------
    root, settings, registry, datastore
        As given.
    members
        The datastores that this one is made of, each with its records.
    records
        The records of all of them.
    universe
        The dimensions.

    Examples
    --------
    Bring frames in, and look at them through a butler on the same connection::

        with Repository.open("my/repository", writeable=True) as repository:
            ingest_raws(repository, [Path("frames")], DemoCamera())
            butler = Butler.of(repository, collections="DemoCam/raw/all")
    """

    def __init__(
        self,
        root: str,
        settings: RepositorySettings,
        *,
        registry: Registry,
        datastore: Datastore,
    ) -> None:
        self.root = root
        self.settings = settings
        self.registry = registry
        self.datastore = datastore
        self.members = members_of(datastore, registry)
        self.records = all_records(self.members)
        self.universe = registry.universe
        kept = all_records([one for one in self.members if one.own is None])
        self._transactions = Transactions(registry.transaction, kept)

    # Opening

    @classmethod
    def open(
        cls,
        uri: str | PathLike[str],
        *,
        writeable: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> Self:
        """Open the repository in a folder.

        Parameters
        ----------
        uri
            Its path, or a ``file:`` URI.
        writeable
            Whether it may be changed.
        settings
            What is set for this time, as ``{"datastore.durability": "process"}``:
            stronger than the repository, the user's file and the environment.

        Raises
        ------
        NotFoundError
            If there is none.
        AccessError
            If the rights to open it are missing.
        """
        refuse_forked()
        root = repository_folder(uri)
        chosen = RepositorySettings.for_user(
            read_settings_file(root), str(root / SETTINGS_FILE), call=settings
        )
        registry = load_plugin("registries", chosen.registry.kind).open(
            chosen.registry.location,
            root=str(root),
            settings=chosen.registry,
            writeable=writeable,
        )
        return cls._join(root, chosen, registry)

    @classmethod
    def create(
        cls,
        uri: str | PathLike[str],
        *,
        settings: RepositorySettings | None = None,
        universe: Universe | None = None,
    ) -> Self:
        """Make a repository in a folder that does not exist or is empty.

        Raises
        ------
        ConflictError
            If something is there already.
        AccessError, StorageError
            If nothing can be written there.
        """
        refuse_forked()
        root = repository_folder(uri)
        settings = settings or RepositorySettings()
        is_new = not root.exists()
        make_new_folder(root)
        # The settings get their name last: a folder without them is not a repository.
        begin_settings_file(root, settings.to_yaml())
        try:
            # A root that is somebody else's, or cannot be reached, is said first.
            _refuse_taken(cls._open_datastore(root, settings))
            registry = load_plugin("registries", settings.registry.kind).create(
                settings.registry.location,
                universe or Universe.default(),
                root=str(root),
                settings=settings.registry,
            )
        except BaseException:
            discard_settings_file(root)
            if is_new:
                with suppress(OSError):  # such as one that is not empty
                    root.rmdir()
            raise
        repository = cls._join(root, settings, registry)
        with closed_on_error(repository):
            finish_settings_file(root)
        return repository

    @classmethod
    def _join(
        cls, root: Path, settings: RepositorySettings, registry: Registry
    ) -> Self:
        with closed_on_error(registry):
            datastore = cls._open_datastore(root, settings)
            if registry.is_writeable:
                datastore.claim(registry.id)
            return cls(str(root), settings, registry=registry, datastore=datastore)

    @staticmethod
    def _open_datastore(root: Path, settings: RepositorySettings) -> Datastore:
        open_it = load_plugin("datastores", settings.datastore.kind)
        return cast("Datastore", open_it(settings.datastore, str(root)))

    def close(self) -> None:
        """Close the connections; a repository is a context manager that does so."""
        self.registry.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Reading

    def get(
        self,
        ref: DatasetRef,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        storage_class: StorageClass | None = None,
    ) -> Any:
        """Read a dataset, or a component of it.

        Parameters
        ----------
        ref
            Which one.
        component
            Name of a part of it; None for all.
        parameters
            Options of the read that the storage class allows.
        storage_class
            What it is to be converted to; None for as it was put.

        Raises
        ------
        DatasetNotFoundError
            If it has no file here.
        InvalidInputError
            If it cannot be converted.
        """
        records = self.records.find(ref.id.bytes)
        if not records:
            raise self.without_file(ref)
        return self.datastore.read(
            ref,
            records,
            component=component,
            parameters=dict(parameters or {}),
            storage_class=storage_class,
        )

    def get_many(
        self,
        refs: Iterable[DatasetRef],
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        storage_class: StorageClass | None = None,
    ) -> Iterator[Any]:
        """Read many datasets, or a component of each, in the order of their refs.

        They come one by one, some of them read ahead.

        Raises
        ------
        DatasetNotFoundError
            If one has no file here, when it is its turn.
        """
        for chunk in in_chunks(refs):
            yield from self.datastore.read_many(
                chunk,
                find_records(self.records, chunk),
                component=component,
                parameters=parameters,
                storage_class=storage_class,
            )

    def without_file(self, ref: DatasetRef) -> DatasetNotFoundError:
        """Return the error that says why a dataset has no file."""
        is_lasting = all(member.own is None for member in self.members)
        return without_file(self.registry, ref, is_lasting=is_lasting)

    def exists(self, ref: DatasetRef) -> bool:
        """Whether a dataset is recorded and its files are there."""
        return self.datastore.exists(self.records.find(ref.id.bytes))

    def exists_many(self, refs: Iterable[DatasetRef]) -> list[bool]:
        """Whether each of some datasets is recorded and its files are there."""
        answers = []
        for chunk in in_chunks(refs):
            known = find_records(self.records, chunk)
            records = [record for each in known.values() for record in each]
            sound = self._sound(records)
            answers += [ref.id.bytes in sound for ref in chunk]
        return answers

    def _sound(self, records: Sequence[DatastoreRecord]) -> set[bytes]:
        """Return the IDs of datasets that some datastore has as recorded."""
        places = {(one.dataset_id, one.store) for one in records}
        bad = {(one.dataset_id, one.store) for one, _ in self.datastore.verify(records)}
        return {dataset_id for dataset_id, _ in places - bad}

    def uri(self, ref: DatasetRef) -> str:
        """Return the URI of a dataset's file.

        Raises
        ------
        DatasetNotFoundError
            If it has none.
        InvalidInputError
            If it is taken apart, and has several.
        """
        uris = self.uris(ref)
        if len(uris) > 1:
            raise InvalidInputError(
                f"{ref} is taken apart into {len(uris)} files, one for each of "
                f"{', '.join(uris)}. uris(ref) returns them all, by component."
            )
        (uri,) = uris.values()
        return uri

    def uris(self, ref: DatasetRef) -> dict[str, str]:
        """Return the URIs of a dataset's files by component, "" for one of the whole.

        Raises
        ------
        DatasetNotFoundError
            If it has none.
        """
        records = self.records.find(ref.id.bytes)
        if not records:
            raise self.without_file(ref)
        return uris_of(records, self.members)

    def uris_many(self, refs: Iterable[DatasetRef]) -> list[dict[str, str]]:
        """Return the URIs of many datasets' files, as `uris` does for one.

        A dataset without files has none.
        """
        return [
            uris_of(known.get(ref.id.bytes, ()), self.members)
            for chunk in in_chunks(refs)
            for known in [find_records(self.records, chunk)]
            for ref in chunk
        ]

    # Writing

    def put(self, value: Any, ref: DatasetRef) -> DatasetRef:
        """Store an object as a new dataset, in a RUN that is made if need be.

        Raises
        ------
        ConflictError
            If the run has such a dataset.
        ReadOnlyError
            If the repository was opened for reading.
        """
        self.check_writeable()
        self._transactions.refuse_deleted(ref)
        # Bytes first: others wait while rows are inserted and a file gets its name, and
        # not while it is written. A kill leaves at most a file that no record names.
        self._add([ref], self.datastore.prepare(value, ref))
        return ref

    def put_many(
        self, values: Sequence[Any], refs: Sequence[DatasetRef]
    ) -> list[DatasetRef]:
        """Store many objects as new datasets: all of them or none.

        Raises
        ------
        ConflictError
            If a run has such a dataset.
        ReadOnlyError
            If the repository was opened for reading.
        """
        self.check_writeable()
        for ref in refs:
            self._transactions.refuse_deleted(ref)
        if refs:
            self._add(refs, self.datastore.prepare_many(values, refs))
        return list(refs)

    def ingest(
        self,
        files: Sequence[FileDataset],
        transfer: TransferMode = "copy",
        *,
        new_records: Mapping[str, Rows] | None = None,
    ) -> list[DatasetRef]:
        """Make datasets of files of other programs: all of them or none.

        Parameters
        ----------
        files
            What they are.
        transfer
            How they come in; ``direct`` leaves them where they are. With ``move``, a
            file that another dataset of this repository is read from stays too, with
            a warning in the log.
        new_records
            Records of dimensions that come with the files, by element, in the order
            in which they are inserted: with the datasets, or not at all.

        Raises
        ------
        ConflictError
            If one of them is there already.
        """
        self.check_writeable()
        new_records = new_records or {}
        refs = make_refs(files, self.registry, new_records)
        if refs:
            sources = make_sources(files, refs)
            staged = self.datastore.prepare_files(sources, transfer)
            self._add(refs, staged, new_records)
        return refs

    def _add(
        self,
        refs: Sequence[DatasetRef],
        staged: Staged,
        new_records: Mapping[str, Rows] = _NOTHING,
    ) -> None:
        """Record datasets whose bytes are ready, and give their files their names."""
        with self._transactions.open(staged):
            insert_records(self.registry, new_records)
            insert_refs(self.registry, refs)
            # Recorded before they are there: who removes the old file of a path does
            # not remove the new one.
            self.records.insert(records_to_frame(staged.records))
            staged.publish()
            if staged.has_sources:
                remove = functools.partial(self._remove_sources, staged)
                self._transactions.after_commit(remove)

    def _remove_sources(self, staged: Staged) -> None:
        """Remove what was moved in, unless another dataset is read from it.

        Nobody can record one meanwhile, which would then have lost its file.
        """
        try:
            with self.registry.transaction():
                staged.remove_sources(self.records.find_same)
        except PantlerError as error:
            _LOG.warning("Ingested, but files that were to be moved stay. %s", error)
        try:
            staged.part_from_sources()
        except PantlerError as error:
            _LOG.warning("Ingested, but not apart from its source. %s", error)

    def delete(self, refs: Iterable[DatasetRef]) -> None:
        """Remove datasets from all collections; their files go after the commit."""
        self.delete_ids([ref.id.bytes for ref in refs])

    def delete_ids(self, ids: Sequence[bytes], *, files_only: bool = False) -> None:
        """Remove datasets of some UUIDs, in one transaction.

        Their files go after the commit. What a killed process leaves of them is
        removed by the next that deletes anything, and by a repair.

        Parameters
        ----------
        ids
            16 bytes each; those that do not exist are passed over.
        files_only
            Whether the datasets stay known, without files.
        """
        self.check_writeable()
        with self.transaction():
            for member in self.members if files_only else ():
                if member.own is None:
                    member.records.delete(ids)
            if not files_only:
                self.registry.datasets.delete(ids)
            for member in self.members:
                if member.own is not None:
                    forget = functools.partial(member.own.delete, ids)
                    self._transactions.after_commit(forget)
            empty = functools.partial(empty_trash, self)
            self._transactions.note_deleted(ids, empty)

    def remove_discarded(self, *, wait: bool = False) -> None:
        """Remove files of deleted datasets that others, killed, left behind.

        Parameters
        ----------
        wait
            Whether to wait for those that others are removing. Afterwards no file of
            a dataset that was deleted before is removed any more.
        """
        self.check_writeable()
        with self.transaction():
            empty = functools.partial(empty_trash, self, wait=wait)
            self._transactions.after_commit(empty)

    def record(
        self,
        dataset_type: DatasetType,
        run: str,
        data_ids: pl.DataFrame,
        *,
        dataset_ids: pl.Series,
        records: pl.DataFrame,
    ) -> None:
        """Record datasets whose files a worker has written, in bulk.

        Parameters
        ----------
        dataset_type, run
            Of all of them.
        data_ids
            A column for each required dimension.
        dataset_ids
            Their UUIDs, 16 bytes each.
        records
            What the datastore returned when it wrote them.
        """
        self.check_writeable()
        with self.registry.transaction():
            self.registry.datasets.insert(dataset_type, run, data_ids, dataset_ids)
            self.records.insert(records)

    @property
    def has_open_transaction(self) -> bool:
        """Whether this thread is within a transaction."""
        return self._transactions.is_open

    def transaction(self) -> AbstractContextManager[None]:
        """Make all changes within, or none of them: also new files are removed.

        Each thread has its own. Others cannot change anything meanwhile: keep it
        short.
        """
        refuse_forked()
        return self._transactions.open()

    def check(self, *, repair: bool = False, deep: bool = False) -> CheckReport:
        """Compare files with records: find what was left half done, or was lost.

        A program that is killed leaves at most unfinished files, which are named as
        such, and finished ones that no record names. Both can be removed; nobody has
        seen them as datasets. A dataset whose file is lost is only reported.

        Parameters
        ----------
        repair
            Whether to remove unfinished files of dead writers, files that no record
            names, and data IDs that no dataset has any more. Nobody who lives loses
            anything: writers hold leases.
        deep
            Whether to read all files, and to compare them with their checksums.

        Raises
        ------
        ConflictError
            When repairing: if a run is at work, as what its workers have just written
            is not recorded yet; or if the datastore belongs to another repository.
        """
        from pantler.butler.check import check_repository

        refuse_forked()
        if repair:
            self.check_writeable()
        return check_repository(self, repair=repair, deep=deep)

    def check_writeable(self) -> None:
        """Raise `ReadOnlyError` unless the repository was opened for writing."""
        refuse_forked()
        if not self.registry.is_writeable:
            raise ReadOnlyError(
                "This repository was opened for reading. "
                "Open it with open(..., writeable=True)."
            )
