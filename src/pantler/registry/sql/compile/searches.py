"""Dataset searches as relations: the rows that some collections have of a type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import sqlalchemy as sa

from pantler.datasets.collection import CollectionType
from pantler.registry.sql.schema import ROW_NUMBER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantler.queries.query import DatasetSearch
    from pantler.registry.sql.catalog import Catalog
    from pantler.registry.sql.schema import Schema
    from pantler.registry.sql.snapshot import TypeRow

FIELDS: Final = ("uuid", "run_id", "ingest_time", "begin_ns", "end_ns", "rank")

Within: TypeAlias = "Callable[[sa.ColumnElement[Any]], sa.ColumnElement[bool]]"


@dataclass(frozen=True, slots=True, eq=False)
class ResolvedSearch:
    """A search with names replaced by numbers.

    Parameters
    ----------
    row
        The dataset type.
    members
        Number, kind and rank of each collection that may hold it, in order.
    find_first
        Whether only the first collection counts that has a match of a data ID.
    """

    row: TypeRow
    members: tuple[tuple[int, CollectionType], ...]
    find_first: bool

    @property
    def name(self) -> str:
        """The name of the dataset type."""
        return self.row.dataset_type.name

    @property
    def dimensions(self) -> frozenset[str]:
        """The dimensions whose values the table of data IDs vouches for."""
        return frozenset(self.row.dataset_type.dimensions.required)

    @property
    def needs_ranking(self) -> bool:
        """Whether a data ID may be found more than once."""
        return self.find_first and len(self.members) > 1

    @property
    def has_calibrations(self) -> bool:
        """Whether matches may have ranges of validity."""
        return any(kind is CollectionType.CALIBRATION for _, kind in self.members)

    @property
    def is_one_run(self) -> bool:
        """Whether all matches lie in one RUN."""
        return [kind for _, kind in self.members] == [CollectionType.RUN]


def resolve(search: DatasetSearch, row: TypeRow, catalog: Catalog) -> ResolvedSearch:
    """Flatten chains and leave out the collections without the type."""
    found = catalog.searched(row.id, search.collections)
    members = tuple((number, collection.type) for number, collection in found)
    return ResolvedSearch(row, members, search.find_first)


def matches(
    search: ResolvedSearch, schema: Schema, within: Within | None = None
) -> sa.Subquery:
    """Return all matches, with columns ``data_id`` and `FIELDS`, one to a dataset.

    With ``find_first``, a dataset in several collections is there several times, each
    with its rank; certified datasets are there once for each validity range.

    Parameters
    ----------
    search
        What to look for.
    schema
        The tables.
    within
        Makes the condition that a match has one of the data IDs of interest.
    """
    by_kind: dict[CollectionType, list[tuple[int, int]]] = {}
    for rank, (number, kind) in enumerate(search.members):
        by_kind.setdefault(kind, []).append((number, rank))
    arms: list[Any] = []
    runs = by_kind.get(CollectionType.RUN)
    if runs:
        arm = _runs(search, schema, runs)
        if within is not None:
            # Named once more, as SQLite takes `VALUES` for a million rows, and would
            # first read all datasets to be quick in looking them up.
            listed = [sa.literal(number, ROW_NUMBER) for number, _ in runs]
            arm = arm.where(schema.dataset.c.run_id.in_(listed))
        arms.append(arm)
    tags = by_kind.get(CollectionType.TAGGED)
    if tags:
        arms.append(_tags(search, schema, tags, [n for n, _ in runs or ()]))
    calibrations = by_kind.get(CollectionType.CALIBRATION)
    if calibrations:
        arms.append(_calibrations(search, schema, calibrations))
    if not arms:
        arms.append(_runs(search, schema, [(-1, 0)]))
    if within is not None:
        arms = [arm.where(within(arm.selected_columns.data_id)) for arm in arms]
    if len(arms) > 1:
        union_all: Any = sa.union_all  # mypy 2.4 fails on its overloads
        arms = [union_all(*arms)]
    whole: sa.Subquery = arms[0].subquery()
    return whole


def valid_at(
    rows: sa.FromClause, begin: sa.ColumnElement[Any], end: sa.ColumnElement[Any]
) -> sa.ColumnElement[bool]:
    """Return the condition that matches are valid within a time.

    Those that are not certified always are; where there is no time, no others.
    """
    overlap = sa.and_(rows.c.begin_ns < end, begin < rows.c.end_ns)
    return sa.or_(rows.c.begin_ns.is_(None), overlap)


def _searched(numbers: Sequence[tuple[int, int]]) -> sa.CTE:
    """Return collection numbers and ranks as a relation."""
    columns = sa.column("number", ROW_NUMBER), sa.column("rank", sa.Integer)
    return sa.values(*columns).data(list(numbers)).cte()


def _runs(
    search: ResolvedSearch, schema: Schema, runs: Sequence[tuple[int, int]]
) -> sa.Select[Any]:
    dataset, no_time = schema.dataset, sa.cast(sa.null(), sa.BigInteger)
    columns = dataset.c.data_id, dataset.c.uuid, dataset.c.run_id, dataset.c.ingest_time
    times = no_time.label("begin_ns"), no_time.label("end_ns")
    is_type = dataset.c.dataset_type_id == search.row.id
    if len(runs) == 1:
        ((number, rank),) = runs
        return sa.select(*columns, *times, sa.literal(rank).label("rank")).where(
            dataset.c.run_id == number, is_type
        )
    searched = _searched(runs)
    return (
        sa.select(*columns, *times, searched.c.rank)
        .join_from(searched, dataset, dataset.c.run_id == searched.c.number)
        .where(is_type)
    )


def _tags(
    search: ResolvedSearch,
    schema: Schema,
    tags: Sequence[tuple[int, int]],
    runs: Sequence[int],
) -> sa.Select[Any]:
    dataset, tag = schema.dataset, schema.tag
    searched, no_time = _searched(tags), sa.cast(sa.null(), sa.BigInteger)
    chosen = (
        sa.select(
            dataset.c.data_id,
            dataset.c.uuid,
            dataset.c.run_id,
            dataset.c.ingest_time,
            no_time.label("begin_ns"),
            no_time.label("end_ns"),
            sa.func.min(searched.c.rank).label("rank"),
        )
        .join_from(searched, tag, tag.c.collection_id == searched.c.number)
        .join(dataset, schema.is_same_dataset(dataset, tag))
        .where(tag.c.dataset_type_id == search.row.id)
        .group_by(
            dataset.c.data_id, dataset.c.uuid, dataset.c.run_id, dataset.c.ingest_time
        )
    )
    if not search.find_first and runs:
        listed = _searched([(number, 0) for number in runs])
        chosen = chosen.where(dataset.c.run_id.not_in(sa.select(listed.c.number)))
    return chosen


def _calibrations(
    search: ResolvedSearch, schema: Schema, collections: Sequence[tuple[int, int]]
) -> sa.Select[Any]:
    dataset, valid = schema.dataset, schema.calibration
    searched = _searched(collections)
    return (
        sa.select(
            dataset.c.data_id,
            dataset.c.uuid,
            dataset.c.run_id,
            dataset.c.ingest_time,
            valid.c.begin_ns,
            valid.c.end_ns,
            searched.c.rank,
        )
        .join_from(searched, valid, valid.c.collection_id == searched.c.number)
        .join(dataset, schema.is_same_dataset(dataset, valid))
        .where(valid.c.dataset_type_id == search.row.id)
    )
