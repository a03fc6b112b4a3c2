"""The interface of registries: facets for dimensions, types, collections, datasets.

All bulk traffic is columnar: polars frames whose data ID columns carry the names of
the dimensions, and dataset IDs as 16 bytes (Binary).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    import polars as pl

    from pantler.datasets.collection import (
        Collection,
        CollectionSummary,
        CollectionType,
    )
    from pantler.datasets.dataset_type import DatasetType
    from pantler.datasets.records import RecordTable
    from pantler.datasets.ref import DatasetRef
    from pantler.dimensions.coordinate import DataCoordinate
    from pantler.dimensions.extension import Extension
    from pantler.dimensions.records import DimensionRecord, Rows
    from pantler.dimensions.timespan import Timespan
    from pantler.dimensions.universe import DimensionGroup, Universe
    from pantler.queries.plan import QueryPlan
    from pantler.queries.query import Query
    from pantler.registry.removals import Dependent, RemovalFacet

OnConflict = Literal["fail", "skip", "replace"]


class DimensionFacet(Protocol):
    """Records of dimension elements."""

    def insert(
        self, element: str, rows: Rows, *, on_conflict: OnConflict = "fail"
    ) -> int:
        """Add records and index their regions by sky pixels.

        Parameters
        ----------
        element
            The element's name.
        rows
            As for `pantler.dimensions.records.conform_records`.
        on_conflict
            What to do where a record with the same key exists: ``fail`` unless it
            is equal, ``skip`` it, or ``replace`` the old one.

        Returns
        -------
        int
            How many records were added or replaced.

        Raises
        ------
        ConflictError
            If a record with the same key and other values exists, under ``fail``.
        DataIdError
            If a dimension that a record refers to has no such value.
        """
        ...

    def find(
        self, element: str, data_id: Mapping[str, object]
    ) -> DimensionRecord | None:
        """Return the record that the required values in a data ID name."""
        ...

    def expand(
        self, data_id: Mapping[str, object], group: DimensionGroup
    ) -> DataCoordinate:
        """Return the full data ID of a group.

        Missing governor values are filled in where the repository has just one.
        Text for an integer dimension is taken as an alternate key (a detector's
        full name); keys ``element.field`` (``exposure.obs_id``) narrow it down.
        Keys outside the group are used to find the rest, and checked to be
        consistent.

        Raises
        ------
        DataIdError
            If values are missing, unknown or inconsistent.
        """
        ...

    def dependents(self, element: str, rows: Rows) -> list[Dependent]:
        """Return what refers to some records, directly or through other records.

        Parameters
        ----------
        element
            The element's name.
        rows
            The records: a frame or mappings, with the dimensions that the element
            requires; others are ignored.

        Returns
        -------
        list of Dependent
            Records first, each after those that it refers to; then datasets. Removing
            them in the opposite order is never refused.
        """
        ...

    def delete(self, element: str, rows: Rows) -> int:
        """Remove records that nothing depends on; return how many there were.

        Parameters
        ----------
        element, rows
            As for `dependents`.

        Raises
        ------
        ConflictError
            If something depends on one of them; the message says what and how many.
        DataIdError
            If a dimension that the element requires is missing.
        """
        ...


class DatasetTypeFacet(Protocol):
    """Registered dataset types."""

    def register(self, dataset_type: DatasetType) -> bool:
        """Add a dataset type; return False if an equal one was there.

        Raises
        ------
        ConflictError
            If another of this name exists; the message says what differs.
        """
        ...

    def get(self, name: str) -> DatasetType:
        """Return a type; DatasetTypeNotFoundError with a close match if none."""
        ...

    def find(self, name: str) -> DatasetType | None:
        """Return a type, or None."""
        ...

    def all(self) -> list[DatasetType]:
        """Return all, by name."""
        ...

    def rename(self, name: str, new: str) -> None:
        """Give a type another name; its datasets stay what and where they are.

        Raises
        ------
        ConflictError
            If another has that name.
        InvalidInputError
            If it cannot name a dataset type.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove a type.

        Raises
        ------
        ConflictError
            If it has datasets; the message names runs that hold some.
        """
        ...


class CollectionFacet(Protocol):
    """Collections and what belongs to them."""

    def register(
        self,
        name: str,
        type: CollectionType,  # noqa: A002 as `Collection.type`
        doc: str = "",
    ) -> bool:
        """Add a collection; return False if one of this name and type was there."""
        ...

    def get(self, name: str) -> Collection:
        """Return a collection; CollectionNotFoundError with a close match if none."""
        ...

    def all(self) -> list[Collection]:
        """Return all, by name."""
        ...

    def set_doc(self, name: str, doc: str) -> None:
        """Say what a collection holds, in place of what was said before."""
        ...

    def rename(self, name: str, new: str) -> None:
        """Give a collection another name; chains that search it go on doing so.

        Raises
        ------
        ConflictError
            If another has that name.
        InvalidInputError
            If it cannot name a collection.
        """
        ...

    def parents(self, name: str) -> list[str]:
        """Return the names of the chains that have a collection as a child."""
        ...

    def set_chain(self, name: str, children: Sequence[str]) -> None:
        """Set what a CHAINED collection searches, making it if need be.

        This and the three below are atomic: of two changes of a chain at once, the
        second changes what the first has left.

        Raises
        ------
        CollectionNotFoundError
            If a child does not exist.
        ConflictError
            If the collection is not CHAINED.
        InvalidInputError
            If the collection would search itself.
        """
        ...

    def extend_chain(self, name: str, children: Sequence[str]) -> None:
        """Search these last, in this order; those that are there move to the end.

        It raises as `set_chain` does, and makes the chain if need be.
        """
        ...

    def prepend_chain(self, name: str, children: Sequence[str]) -> None:
        """Search these first, in this order; those that are there move to the front.

        It raises as `set_chain` does, and makes the chain if need be.
        """
        ...

    def remove_from_chain(self, name: str, children: Sequence[str]) -> None:
        """Search these no more.

        Raises
        ------
        CollectionNotFoundError
            If the chain does not search one of them, or does not exist.
        InvalidInputError
            If it is not a chain.
        """
        ...

    def flatten(self, names: Iterable[str]) -> list[Collection]:
        """Return the searched collections in order, chains resolved, each once."""
        ...

    def dataset_types(self, name: str) -> list[str]:
        """Return the names of the dataset types that a collection holds now."""
        ...

    def summary(self, name: str) -> CollectionSummary:
        """Return what a collection holds now; of a chain, what its children hold.

        Where a governor has several values, all of the collection is looked at.
        """
        ...

    def associate(self, name: str, dataset_ids: Sequence[bytes]) -> None:
        """Put datasets into a TAGGED collection, replacing those of equal data ID."""
        ...

    def disassociate(self, name: str, dataset_ids: Sequence[bytes]) -> None:
        """Take datasets out of a TAGGED collection."""
        ...

    def certify(
        self,
        name: str,
        dataset_ids: Sequence[bytes],
        timespan: Timespan,
        *,
        replace: bool = False,
    ) -> None:
        """Declare calibrations valid for a time, in a CALIBRATION collection.

        Parameters
        ----------
        name
            The collection.
        dataset_ids
            UUIDs, 16 bytes each.
        timespan
            When they are valid.
        replace
            Whether they take the place, for that time, of others of the same type and
            data ID, whose ranges are cut as by `decertify`.

        Raises
        ------
        ConflictError
            If one of the same type and data ID is valid at any of that time, and
            they do not replace it.
        """
        ...

    def decertify(
        self,
        name: str,
        dataset_type: str,
        timespan: Timespan,
        data_ids: pl.DataFrame | None = None,
    ) -> int:
        """Take a time out of the validity ranges of a CALIBRATION collection.

        A range that goes beyond that time is cut, or split in two.

        Parameters
        ----------
        name
            The collection.
        dataset_type
            Name of a type of calibrations.
        timespan
            At no time within it any of them is valid afterwards.
        data_ids
            Of these only, a column for each required dimension; of all when None.

        Returns
        -------
        int
            How many ranges were taken out, cut or split.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove a collection that is not a child and not a RUN with datasets."""
        ...


class DatasetFacet(Protocol):
    """Datasets."""

    def insert(
        self,
        dataset_type: DatasetType,
        run: str,
        data_ids: pl.DataFrame,
        dataset_ids: pl.Series,
    ) -> None:
        """Record datasets.

        Parameters
        ----------
        dataset_type
            A registered type.
        run
            A registered RUN collection.
        data_ids
            Has a column for each required dimension; others are ignored.
        dataset_ids
            As many UUIDs, 16 bytes each.

        Raises
        ------
        ConflictError
            If the run has a dataset of that type and data ID, or the UUID is known.
        DataIdError
            If a dimension has no such value.
        """
        ...

    def find(
        self,
        dataset_type: DatasetType,
        data_id: DataCoordinate,
        collections: Sequence[str],
        timespan: Timespan | None = None,
    ) -> DatasetRef | None:
        """Return the first match in the order of the collections, or None.

        Certified datasets must be valid within the time span, or for ever if there is
        none; if several of a collection are, that is a DataIdError.
        """
        ...

    def get(self, dataset_id: bytes) -> DatasetRef | None:
        """Return the ref of a UUID, or None."""
        ...

    def delete(self, dataset_ids: Sequence[bytes]) -> None:
        """Remove datasets from every collection, and their records from all tables.

        What their records name is noted, to be removed when no record names it: see
        `RecordTable.discarded`.
        """
        ...


class Registry(Protocol):
    """What exists in a repository.

    Threads may share one. A process that is forked must open its own; it gets an
    `InvalidInputError` that says so.

    A plugin has two class methods that return one, ``create(location, universe, root=,
    settings=)`` and ``open(location, root=, settings=, writeable=)``, and a class
    attribute ``settings_model``: the pydantic model of its settings. What a location
    is (a path, a URI) only the plugin knows; ``root`` is the repository's folder.

    Attributes
    ----------
    id
        A UUID, by which a repository is known; a copy has the same.
    lock_timeout_s
        How long a change waits for others that lock the registry; infinite: for ever.
        While it waits, a log message says so every few seconds. It may be set.
    """

    id: str
    lock_timeout_s: float
    dimensions: DimensionFacet
    dataset_types: DatasetTypeFacet
    collections: CollectionFacet
    datasets: DatasetFacet
    removals: RemovalFacet

    @property
    def universe(self) -> Universe:
        """The repository's dimensions."""
        ...

    @property
    def is_writeable(self) -> bool:
        """Whether changes are allowed."""
        ...

    def query(self, query: Query) -> pl.DataFrame:
        """Return the rows of a query, columns as `Query` says."""
        ...

    def count(self, query: Query) -> int:
        """Return how many rows a query has."""
        ...

    def extend_universe(
        self, universe: Universe, *, dry_run: bool = False
    ) -> Extension:
        """Go over to a newer version of the universe, which only adds.

        This object keeps the older one, as do others that are open; they go on.

        Parameters
        ----------
        universe
            The newer version.
        dry_run
            Whether only to say what would be added.

        Raises
        ------
        ConflictError
            If it does more than add, or another process was faster.
        ReadOnlyError
            If the registry was opened for reading.
        """
        ...

    def query_batches(self, query: Query, rows: int = 50_000) -> Iterator[pl.DataFrame]:
        """Yield the rows of a query in frames, in memory that does not grow with them.

        Datasets without an order are found piece by piece, by ranges of their data
        IDs: nothing is locked in between, each piece is of one state, and what others
        change meanwhile may be in later pieces; no dataset comes twice. All else is of
        one state; rows wait in temporary files. An order over first matches, and rows
        of which repeats are dropped after a test on the sky, are held as a whole.

        Parameters
        ----------
        query
            What is asked.
        rows
            How many a frame has; the last one may have fewer. There is none if there
            are no rows.

        Raises
        ------
        InvalidInputError
            If a frame would have no rows.
        """
        ...

    def explain(self, query: Query) -> QueryPlan:
        """Answer a query, and return how: of aggregates, how their rows are found."""
        ...

    def record_table(self, name: str) -> RecordTable:
        """Return the table of one datastore's records, made if need be."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Make all changes within all or nothing; nests."""
        ...

    def reading(self) -> AbstractContextManager[None]:
        """See one state in all that is read within; nothing can be changed there.

        Within a transaction it changes nothing.
        """
        ...

    def close(self) -> None:
        """Close the connections of all threads; using them again is an error."""
        ...
