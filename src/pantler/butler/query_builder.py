"""A query that is built step by step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, overload

from pantler.butler.arguments import checked
from pantler.datasets.dataset_type import DatasetType
from pantler.errors import InvalidInputError
from pantler.queries.binding import combine
from pantler.queries.columns import parse_columns
from pantler.queries.condition import Condition, refuse_digits
from pantler.queries.own_table import own_table
from pantler.queries.query import Query
from pantler.queries.results import (
    DataIdResults,
    DatasetResults,
    RecordResults,
    RowResults,
)
from pantler.queries.several import SeveralDatasetResults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pantler.butler.querying import QueryFactory, TypePatterns
    from pantler.queries.query import DatasetSearch, JoinedTable


@dataclass(frozen=True, slots=True, eq=False)
@checked
class QueryBuilder:
    """What is said of data before it is said which data are asked for.

    Each step returns a new builder, so one can be the beginning of many queries, and
    threads may share it. Nothing is asked until the results are used.

    Parameters
    ----------
    _factory
        Makes groups and searches of names.
    _conditions
        What must hold.
    _searches
        Datasets that each row must have.
    _tables
        The user's own tables that are joined.

    Examples
    --------
    Good visits, and the datasets, data IDs and records that belong to them::

        good = butler.query().where("visit.exposure_time > 20", band="r")
        good = good.join_table(my_visits)
        for ref in good.datasets("calexp"): ...
        good.data_ids(["visit", "detector"]).count(by="detector")
        good.select("visit", "visit.target_name").to_pandas()
    """

    _factory: QueryFactory
    _conditions: tuple[Condition, ...] = ()
    _searches: tuple[DatasetSearch, ...] = ()
    _tables: tuple[JoinedTable, ...] = ()

    def where(
        self,
        *conditions: str | Mapping[str, object],
        bind: Mapping[str, object] | None = None,
        **values: object,
    ) -> QueryBuilder:
        """Return the query with more conditions, which must hold too.

        Parameters
        ----------
        *conditions
            Expressions, of which an empty one holds; or data IDs.
        bind
            Values that the expressions name.
        **values
            Values that the expressions name; and values of dimensions that they do not
            name as ``:dimension``: ``where(visit=3)``.

        Raises
        ------
        QuerySyntaxError
            If an expression leaves the grammar. What its names mean is known, and
            checked, when it is said what is asked for.
        InvalidInputError
            If a value is neither named in an expression nor that of a dimension.
        """
        universe = self._factory.universe
        stated = Condition.stated(conditions, bind, values, universe)
        refuse_digits(stated, self._factory.runner, universe)
        return replace(self, _conditions=(*self._conditions, *stated))

    def join_datasets(
        self,
        dataset: str | DatasetType,
        collections: Sequence[str] | str | None = None,
        *,
        find_first: bool | None = None,
    ) -> QueryBuilder:
        """Return the query for what has a dataset of some type.

        Conditions and columns can then name the dataset: ``calexp.ingest_time``.

        Parameters
        ----------
        dataset
            The dataset type.
        collections
            Searched in order, in place of the butler's; all runs where there are
            neither.
        find_first
            Whether only the first match of each data ID counts; True when None, if
            there are collections.

        Raises
        ------
        DatasetTypeNotFoundError
            If there is no such type.
        InvalidInputError
            If it is joined already, or only first matches shall count and there is no
            order of collections.
        """
        search = self._factory.search(dataset, collections, find_first=find_first)
        name = search.dataset_type.name
        if any(each.dataset_type.name == name for each in self._searches):
            raise InvalidInputError(
                f"'{name}' is joined already, and its columns could not be told apart. "
                "Search all of its collections at once."
            )
        return replace(self, _searches=(*self._searches, search))

    def join_table(self, table: object, name: str = "table") -> QueryBuilder:
        """Return the query for what has a row in a table of one's own.

        Rows belong together where they have equal values in all columns of the table
        that have the name of a dimension. The other columns can be named in conditions
        and shown: ``table.seeing``.

        Parameters
        ----------
        table
            A frame of polars or pandas, a table of Arrow or astropy, results of another
            query, a mapping of columns, or mappings as rows (data IDs, say). It is read
            now.
        name
            By which its columns are named.

        Raises
        ------
        InvalidInputError
            If no column is a dimension, a data ID value is missing or of the wrong
            type, or the name means something else.
        """
        if name in {each.name for each in self._tables}:
            raise InvalidInputError(
                f"A table called '{name}' is joined already: give this one a name, "
                "join_table(..., name='mine')."
            )
        joined = own_table(table, name, self._factory.universe)
        return replace(self, _tables=(*self._tables, joined))

    def data_ids(self, dimensions: Sequence[str] | str) -> DataIdResults:
        """Return the data IDs of some dimensions, lazily.

        Parameters
        ----------
        dimensions
            Names, listed or separated by commas.

        Raises
        ------
        InvalidInputError
            If a name is unknown, or a condition cannot be understood.
        """
        query = self._query(Query(self._factory.group(dimensions)))
        return DataIdResults(self._factory.runner, query, self._factory.assume)

    @overload
    def datasets(
        self,
        dataset: str | DatasetType,
        collections: Sequence[str] | str | None = None,
        *,
        find_first: bool | None = None,
    ) -> DatasetResults: ...

    @overload
    def datasets(
        self,
        dataset: TypePatterns,
        collections: Sequence[str] | str | None = None,
        *,
        find_first: bool | None = None,
    ) -> SeveralDatasetResults: ...

    def datasets(
        self,
        dataset: str | DatasetType | TypePatterns,
        collections: Sequence[str] | str | None = None,
        *,
        find_first: bool | None = None,
    ) -> DatasetResults | SeveralDatasetResults:
        """Return the datasets of one type, or of several, lazily.

        Parameters
        ----------
        dataset
            The dataset type; or a list of types, names and patterns of ``*`` and ``?``.
        collections, find_first
            As for `join_datasets`.

        Raises
        ------
        DatasetTypeNotFoundError
            If there is no such type.
        InvalidInputError
            If a condition cannot be understood.
        """
        if isinstance(dataset, str | DatasetType):
            return self._datasets(dataset, collections, find_first)
        found = self._factory.dataset_types(dataset)
        parts = (self._datasets(one, collections, find_first) for one in found)
        return SeveralDatasetResults(tuple(parts))

    def _datasets(
        self,
        dataset: str | DatasetType,
        collections: Sequence[str] | str | None,
        find_first: bool | None,
    ) -> DatasetResults:
        search = self._factory.search(dataset, collections, find_first=find_first)
        # Joined already, it is the one that is asked for, wherever it was to be found.
        name = search.dataset_type.name
        joined = [each for each in self._searches if each.dataset_type.name == name]
        if joined and collections is None:
            (search,) = joined
        others = tuple(each for each in self._searches if each not in joined)
        query = self._query(
            Query(search.dataset_type.dimensions, target=search), others
        )
        return DatasetResults(self._factory.runner, query, self._factory.assume)

    def records(self, element: str) -> RecordResults:
        """Return the records of a dimension element, lazily."""
        query = self._query(Query(self._factory.group_of(element), element=element))
        return RecordResults(self._factory.runner, query, self._factory.assume)

    def select(self, *columns: str) -> RowResults:
        """Return rows of columns, lazily; each different row once.

        Parameters
        ----------
        *columns
            Dimensions, fields of their records (``visit.exposure_time``), of datasets
            that are joined (``calexp.run``) and of joined tables (``table.seeing``).

        Raises
        ------
        InvalidInputError
            If a name is unknown, or none is given.
        """
        if not columns:
            raise InvalidInputError("Name the columns to select.")
        # The rows are of no dimensions but those that are columns.
        nothing = self._factory.universe.group([])
        query = self._query(Query(nothing))
        results = DataIdResults(self._factory.runner, query, self._factory.assume)
        return RowResults.of(results, parse_columns(columns, query))

    def _query(
        self, query: Query, searches: tuple[DatasetSearch, ...] | None = None
    ) -> Query:
        """Return a query with all that has been said, or with other searches."""
        searches = self._searches if searches is None else searches
        query = replace(query, datasets=searches, tables=self._tables)
        for table in self._tables:
            if table.name in query.dataset_types:
                raise InvalidInputError(
                    f"'{table.name}' is a dataset type of this query: give the table "
                    "another name."
                )
        meant = (condition.meant(query) for condition in self._conditions)
        return replace(query, where=combine(*meant))
