"""Why a query has no rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pantler.errors import close_match
from pantler.queries.analysis import columns, conjuncts, elements
from pantler.queries.binding import combine
from pantler.queries.no_calibration import not_valid_then
from pantler.queries.query import Query
from pantler.queries.rendering import to_text
from pantler.queries.tree import Comparison, Constant, DimensionKey, RecordField

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from pantler.dimensions.element import DimensionElement
    from pantler.queries.plan import QueryPlan
    from pantler.queries.query import DatasetSearch
    from pantler.queries.runner import QueryRunner
    from pantler.queries.tree import Predicate

_MOST_VALUES = 10
_MOST_ROWS = 10_000
_DEFINED_BY = {
    "visit": " 'pantler define-visits' defines visits, and says why it leaves out a "
    "frame."
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a query was answered, and why there is nothing; as text, to be read.

    Parameters
    ----------
    plan
        The steps of the answer, with the time that each took.
    reasons
        Sentences that say why there are no rows; none if there are some.
    """

    plan: QueryPlan
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join([*self.reasons, str(self.plan)])


def explain(runner: QueryRunner, query: Query) -> list[str]:
    """Return sentences that say which part of a query removes all rows.

    Conditions are added one at a time, in the order in which they are written; the
    first one that leaves nothing is blamed.

    Parameters
    ----------
    runner
        What answers.
    query
        A query without rows.
    """
    plain = replace(query, where=None, order_by=(), limit=None, offset=0)
    parts = conjuncts(query.where)
    if not _has_rows(runner, plain):
        return _explain_unconditional(runner, plain)
    for count, part in enumerate(parts, start=1):
        if not _has_rows(runner, replace(plain, where=combine(*parts[:count]))):
            return _explain_condition(runner, plain, parts[: count - 1], part)
    if query.limit == 0:
        return ["There are rows, but the limit is 0."]
    return [f"There are rows, but the offset of {query.offset} skips them all."]


def _has_rows(runner: QueryRunner, query: Query) -> bool:
    return runner.count(replace(query, limit=1)) > 0


def _explain_unconditional(runner: QueryRunner, plain: Query) -> list[str]:
    """Return why there are no rows without any condition."""
    sentences = [
        _no_datasets(search)
        for search in (*plain.datasets, *((plain.target,) if plain.target else ()))
        if not _has_rows(runner, Query(search.dataset_type.dimensions, target=search))
    ]
    if sentences:
        return sentences
    missing = _elements_without_records(runner, plain, plain.dimensions.elements)
    missing = missing or not_valid_then(runner, plain, ())
    if missing:
        return missing
    what = f"'{plain.element}' records" if plain.element else f"{plain.dimensions!r}"
    datasets = [search.dataset_type.name for search in plain.datasets]
    related = f" with datasets {', '.join(datasets)}" if datasets else ""
    return [
        f"No rows of {what}{related} are related to one another, without any condition."
    ]


def _elements_without_records(
    runner: QueryRunner, plain: Query, needed: Iterable[DimensionElement]
) -> list[str]:
    missing = {
        element.name: element
        for element in needed
        if not element.is_pixel and not _has_rows(runner, _records(plain, element.name))
    }
    return [
        _no_records(element)
        for element in missing.values()
        # Where there are no visits, it goes without saying that none has exposures.
        if not (element.always_join and missing.keys() & element.required)
    ]


def _no_records(element: DimensionElement) -> str:
    if not (element.always_join and element.doc.startswith("Which ")):
        return f"The repository has no records of '{element.name}'."
    # Nobody has named it: its name would say nothing.
    how = _DEFINED_BY.get(element.populated_by or "", "")
    return (
        f"The repository does not say which {element.doc.removeprefix('Which ')}{how}"
    )


def _no_datasets(search: DatasetSearch) -> str:
    where = ", ".join(f"'{name}'" for name in search.collections)
    return f"There is no '{search.dataset_type.name}' in {where or 'no collection'}."


def _records(plain: Query, element: str) -> Query:
    universe = plain.dimensions.universe
    return Query(universe.group(universe[element].required), element=element)


def _explain_condition(
    runner: QueryRunner, plain: Query, before: tuple[Predicate, ...], part: Predicate
) -> list[str]:
    text = to_text(part)
    if not before or not _has_rows(runner, replace(plain, where=part)):
        sentences = [f"No row satisfies `{text}`."]
    else:
        others = to_text(combine(*before) or part)
        sentences = [f"No row that satisfies `{others}` satisfies `{text}` too."]
    universe = plain.dimensions.universe
    missing = _elements_without_records(
        runner, plain, (universe[name] for name in sorted(elements(part)))
    )
    if missing:
        return [*sentences, *missing]
    reason = _undefined(runner, plain, part)
    reason = reason or not_valid_then(runner, plain, (*before, part))
    if reason:
        return [*sentences, *reason]
    for column in columns(part):
        if isinstance(column, DimensionKey | RecordField):
            sentences += _existing(runner, plain, column, before=before, part=part)
    return sentences


def _undefined(runner: QueryRunner, plain: Query, part: Predicate) -> list[str]:
    """Return a sentence for a visit that is asked for by the number of an exposure.

    In general: a value of a dimension that it does not have, while another dimension
    of which its values are made, as a relation between them says, does have it.
    """
    match part:
        case Comparison(
            "=", DimensionKey(name, kind), Constant(int() as value) as constant
        ):
            pass
        case _:
            return []
    universe = plain.dimensions.universe
    has_time = universe[name].temporal_family is not None
    if has_time and _has_rows(runner, replace(_records(plain, name), where=part)):
        return []
    for relation in universe.elements.values():
        if not (has_time and relation.always_join and name in relation.required):
            continue
        for origin in relation.required:
            if origin == name or universe[origin].temporal_family is None:
                continue
            same = Comparison("=", DimensionKey(origin, kind), constant)
            if _has_rows(runner, replace(_records(plain, origin), where=same)):
                return [
                    f"There is {origin} {value}, but no {name} has been defined for "
                    f"it.{_DEFINED_BY.get(name, '')}"
                ]
    return []


def _existing(
    runner: QueryRunner,
    plain: Query,
    column: DimensionKey | RecordField,
    *,
    before: tuple[Predicate, ...],
    part: Predicate,
) -> list[str]:
    """Return a sentence with the values that there are, if they are few."""
    if isinstance(column, RecordField) and column.type in {"region", "hash", "time"}:
        return []
    values = _values(runner, plain, combine(*before), column)
    name = to_text(column)
    if values is None or values.is_empty():
        return []
    hint = ""
    if (
        isinstance(part, Comparison)
        and isinstance(part.right, Constant)
        and isinstance(part.right.value, str)  # a number is near to any other
    ):
        known = [str(value) for value in values.to_list()]
        hint = close_match(part.right.value, known)
    if len(values) <= _MOST_VALUES:
        listing = ", ".join(repr(value) for value in values.to_list())
        return [f"The values of '{name}' there are {listing}.{hint}"]
    if values.dtype.is_numeric():
        return [f"The values of '{name}' there are {values[0]} to {values[-1]}.{hint}"]
    return [f"There are {len(values)} values of '{name}'.{hint}"]


def _values(
    runner: QueryRunner,
    plain: Query,
    where: Predicate | None,
    column: DimensionKey | RecordField,
) -> pl.Series | None:
    """Return the values of a column in rows that satisfy a condition, ascending.

    None if they are too many to be read only for a hint.
    """
    universe = plain.dimensions.universe
    searches = (*plain.datasets, *((plain.target,) if plain.target else ()))
    if isinstance(column, DimensionKey):
        if universe[column.dimension].is_pixel:
            return None
        name = column.dimension
        query = Query(universe.group([name]), where, searches, limit=_MOST_ROWS)
    else:
        name = column.field
        query = replace(
            _records(plain, column.element),
            where=where,
            datasets=searches,
            limit=_MOST_ROWS,
        )
    frame = runner.query(query)
    if frame.height >= _MOST_ROWS:
        return None
    return frame.get_column(name).drop_nulls().unique().sort()
