"""Dataset searches as relations: the rows that some collections have of a type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import sqlalchemy as sa

from pantler.datasets.collection import CollectionType
from pantler.errors import InvalidInputError
from pantler.queries.tree import Comparison, Constant, DatasetField, Membership, Not
from pantler.registry.sql.compile.predicates import conjuncts, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantler.queries.query import DatasetSearch
    from pantler.queries.tree import Predicate
    from pantler.registry.sql.core import Core
    from pantler.registry.sql.snapshot import TypeRow

FIELDS: Final = (
    "uuid",
    "run_id",
    "ingest_time",
    "begin_ns",
    "end_ns",
    "collection_id",
)

_NOWHERE: Final = -1
"""The number of no collection, and of no data ID."""

_MOST_IDS: Final = 1_000
"""UUIDs that are looked up before, so that the database begins with their data IDs."""

Within: TypeAlias = "Callable[[sa.ColumnElement[Any]], sa.ColumnElement[bool]]"


@dataclass(frozen=True, slots=True, eq=False)
class ResolvedSearch:
    """A search with names replaced by numbers.

    Parameters
    ----------
    row
        The dataset type.
    members
        Number and kind of each collection that may hold it, in order.
    find_first
        Whether only the first collection counts that has a match of a data ID.
    data_ids
        The only numbers of data IDs that can satisfy the conditions; None for all.
    """

    row: TypeRow
    members: tuple[tuple[int, CollectionType], ...]
    find_first: bool
    data_ids: tuple[int, ...] | None = None

    @property
    def ranks(self) -> dict[int, int]:
        """The place of each collection in the order of the search."""
        return {number: rank for rank, (number, _) in enumerate(self.members)}

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


def resolve(
    search: DatasetSearch,
    row: TypeRow,
    core: Core,
    where: Predicate | None = None,
) -> ResolvedSearch:
    """Flatten chains and leave out the collections without the type.

    Parameters
    ----------
    search, row
        What is searched for.
    core
        Where.
    where
        Conditions on its datasets: they may leave few runs, or few data IDs.
    """
    name = search.dataset_type.name
    runs = stated_runs(where, name)
    about = [p for p in conjuncts(where) if _names_collection(p, name)]
    catalog = core.catalog
    searched = catalog.searched(catalog.now, row.id, search.collections)
    members = tuple(
        (number, c.type)
        for number, c in searched.found
        if (runs is None or c.type is not CollectionType.RUN or c.name in runs)
        and False not in [_holds_in(part, c.name) for part in about]
    )
    # A certified dataset has rows of its own for each collection; others have one.
    kinds = [kind for _, kind in members if kind is not CollectionType.CALIBRATION]
    is_ambiguous = (
        not search.find_first and CollectionType.TAGGED in kinds and len(kinds) > 1
    )
    if is_ambiguous and any(_holds_in(part, "") is None for part in about):
        raise InvalidInputError(
            f"With find_first=False and TAGGED collections, `{name}.collection` can "
            "only be compared by =, !=, IN and NOT IN, in conditions joined by AND. "
            "Search other collections instead."
        )
    numbers = _stated_numbers(where, row, core)
    return ResolvedSearch(row, members, search.find_first, numbers)


def _names_collection(predicate: Predicate, dataset_type: str) -> bool:
    """Whether a condition is on the collection in which a type is found."""
    return any(
        isinstance(node, DatasetField)
        and node.dataset_type == dataset_type
        and node.field == "collection"
        for node in walk(predicate)
    )


def _holds_in(predicate: Predicate, collection: str) -> bool | None:
    """Whether a condition holds in a collection; None if more than its name matters.

    A dataset that is in several collections is found in those that fit.
    """
    match predicate:
        case Comparison("=" | "!=" as operator, DatasetField(), Constant(value)):
            return (collection == value) is (operator == "=")
        case Membership(DatasetField(), values, ()):
            return any(collection == constant.value for constant in values)
        case Not(operand):
            held = _holds_in(operand, collection)
            return None if held is None else not held
        case _:
            return None


def _stated_numbers(
    where: Predicate | None, row: TypeRow, core: Core
) -> tuple[int, ...] | None:
    """Return the only data IDs that conditions on UUIDs leave, if there are some."""
    name = row.dataset_type.name
    for part in conjuncts(where):
        match part:
            case Comparison("=", DatasetField(owner, "dataset_id"), Constant(value)):
                ids = [value]
            case Membership(DatasetField(owner, "dataset_id"), values, ()):
                ids = [constant.value for constant in values]
            case _:
                continue
        if owner == name and len(ids) <= _MOST_IDS:
            table = core.schema.dataset_uuid
            found = core.db.rows(
                sa.select(table.c.data_id).where(
                    core.db.driver.is_listed(table.c.uuid, ids),
                    table.c.dataset_type_id == row.id,
                )
            )
            return tuple(sorted({number for (number,) in found}))
    return None


def stated_runs(where: Predicate | None, dataset_type: str) -> frozenset[str] | None:
    """Return the only runs that conditions leave for a type; None if they say none."""
    runs: frozenset[str] | None = None
    for part in conjuncts(where):
        match part:
            case Comparison("=", DatasetField(name, "run"), Constant(str(value))):
                found = frozenset({value})
            case Membership(DatasetField(name, "run"), values, ()):
                found = frozenset(str(constant.value) for constant in values)
            case _:
                continue
        if name == dataset_type:
            runs = found if runs is None else runs & found
    return runs


def matches(
    search: ResolvedSearch, core: Core, within: Within | None = None
) -> sa.Subquery:
    """Return all matches, with columns ``data_id`` and `FIELDS`, one to a dataset.

    ``collection_id`` is where it was found. With ``find_first``, a dataset in several
    collections is there several times; certified datasets are there once for each
    validity range.

    Parameters
    ----------
    search
        What to look for.
    core
        The tables, and how the database writes SQL.
    within
        Makes the condition that a match has one of the data IDs of interest.
    """
    by_kind: dict[CollectionType, list[int]] = {}
    for number, kind in search.members:
        by_kind.setdefault(kind, []).append(number)
    arms: list[Any] = []
    runs = by_kind.get(CollectionType.RUN, [])
    tags = by_kind.get(CollectionType.TAGGED)
    calibrations = by_kind.get(CollectionType.CALIBRATION)
    if tags:
        arms.append(_tags(search, core, tags, runs))
    if calibrations:
        arms.append(_calibrations(search, core, calibrations))
    if runs or not arms:
        arms.insert(0, _runs(search, core, runs or [_NOWHERE]))
    if within is not None:
        arms = [arm.where(within(arm.selected_columns.data_id)) for arm in arms]
    if search.data_ids is not None:
        listed = search.data_ids or (_NOWHERE,)
        is_listed = core.db.driver.is_listed
        arms = [
            arm.where(is_listed(arm.selected_columns.data_id, listed)) for arm in arms
        ]
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


def _is_one_of(
    column: sa.ColumnElement[Any], numbers: Sequence[int], core: Core
) -> sa.ColumnElement[bool]:
    """Return whether a collection is one of some.

    Not a join with the numbers: SQLite takes `VALUES` for a million rows, and would
    first read all datasets to be quick in looking them up.
    """
    if len(numbers) == 1:
        return column == numbers[0]
    return core.db.driver.is_listed(column, numbers)


def _columns(core: Core, collection: sa.ColumnElement[Any]) -> list[Any]:
    dataset = core.schema.dataset
    return [
        dataset.c.data_id,
        dataset.c.uuid,
        dataset.c.run_id,
        dataset.c.ingest_time,
        collection.label("collection_id"),
    ]


def _without_time() -> list[sa.ColumnElement[Any]]:
    no_time = sa.cast(sa.null(), sa.BigInteger)
    return [no_time.label("begin_ns"), no_time.label("end_ns")]


def _runs(search: ResolvedSearch, core: Core, runs: Sequence[int]) -> sa.Select[Any]:
    dataset = core.schema.dataset
    columns = _columns(core, dataset.c.run_id)
    return sa.select(*columns, *_without_time()).where(
        dataset.c.dataset_type_id == search.row.id,
        _is_one_of(dataset.c.run_id, runs, core),
    )


def _tags(
    search: ResolvedSearch, core: Core, tags: Sequence[int], runs: Sequence[int]
) -> sa.Select[Any]:
    dataset, tag = core.schema.dataset, core.schema.membership
    collection: sa.ColumnElement[Any] = tag.c.collection_id
    # A dataset counts once, and its collection is the first that has it.
    is_once = len(tags) > 1 and not search.find_first
    if is_once:
        place = sa.case(
            {number: place for place, number in enumerate(tags)}, value=collection
        )
        first = sa.func.min(place)
        collection = sa.case(dict(enumerate(tags)), value=first)
    chosen = (
        sa.select(*_columns(core, collection), *_without_time())
        .join_from(tag, dataset, core.schema.is_same_dataset(dataset, tag))
        .where(
            tag.c.dataset_type_id == search.row.id,
            _is_one_of(tag.c.collection_id, tags, core),
        )
    )
    if is_once:
        chosen = chosen.group_by(
            dataset.c.data_id, dataset.c.uuid, dataset.c.run_id, dataset.c.ingest_time
        )
    if not search.find_first and runs:
        chosen = chosen.where(sa.not_(_is_one_of(dataset.c.run_id, runs, core)))
    return chosen


def _calibrations(
    search: ResolvedSearch, core: Core, collections: Sequence[int]
) -> sa.Select[Any]:
    dataset, valid = core.schema.dataset, core.schema.calibration
    columns = _columns(core, valid.c.collection_id)
    return (
        sa.select(*columns, valid.c.begin_ns, valid.c.end_ns)
        .join_from(valid, dataset, core.schema.is_same_dataset(dataset, valid))
        .where(
            valid.c.dataset_type_id == search.row.id,
            _is_one_of(valid.c.collection_id, collections, core),
        )
    )
