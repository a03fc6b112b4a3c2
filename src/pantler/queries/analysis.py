"""What a bound predicate says: its parts, and what its columns need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.queries.query import Aggregate
from pantler.queries.rendering import to_text
from pantler.queries.tree import (
    And,
    Arithmetic,
    Comparison,
    Constant,
    DatasetField,
    DatasetTimespan,
    DimensionKey,
    Glob,
    IsNull,
    Like,
    Membership,
    Negative,
    Not,
    Or,
    Overlaps,
    RecordField,
    TableField,
    TimespanField,
    Truth,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pantler.dimensions.column import DataIdValue
    from pantler.dimensions.universe import Universe
    from pantler.queries.names import Named
    from pantler.queries.query import Query
    from pantler.queries.tree import Operand, Predicate

__all__ = [
    "columns",
    "conjuncts",
    "dataset_types",
    "dimension_names",
    "element_of",
    "elements",
    "fixed_governors",
    "fixed_values",
    "to_text",
    "unnamed",
]


def conjuncts(predicate: Predicate | None) -> tuple[Predicate, ...]:
    """Return the conditions that must all hold; none of None."""
    if predicate is None:
        return ()
    return predicate.operands if isinstance(predicate, And) else (predicate,)


def columns(predicate: Predicate | None) -> tuple[Named, ...]:
    """Return the columns that a predicate names, each once, in order."""
    return () if predicate is None else tuple(dict.fromkeys(_columns(predicate)))


def dimension_names(predicate: Predicate | None, universe: Universe) -> frozenset[str]:
    """Return all dimensions that the columns of a predicate need.

    A dimension, or a field of an element, needs the dimensions that identify it; a
    field of a dataset those of its type, which the predicate does not know and which
    are not among them. So with a field of a joined table.
    """
    return frozenset(
        name
        for column in columns(predicate)
        if (element := element_of(column)) is not None
        for name in universe[element].required
    )


def element_of(column: Named) -> str | None:
    """Return the element that a column is of; None if it is of a dataset or table."""
    match column:
        case DimensionKey(name):
            return name
        case RecordField(name) | TimespanField(name):
            return name
        case _:
            return None


def unnamed(query: Query, values: Mapping[str, object]) -> dict[str, object]:
    """Return those of some data ID values that a query needs and does not name.

    Parameters
    ----------
    query
        Its conditions, and its joined tables, name dimensions: those of which they name
        the value or any field of the records.
    values
        Values, by dimension or ``element.field``.
    """
    universe = query.dimensions.universe
    named = {element_of(column) for column in columns(query.where)}
    needed = set(dimension_names(query.where, universe)).union(query.dimensions.names)
    for table in query.tables:
        named.update(table.dimensions)
    for search in query.searches:
        needed.update(search.dataset_type.dimensions.names)
    shown = (*query.columns, *query.group_by, *(t.column for t in query.order_by))
    for column in shown:
        element = None if isinstance(column, Aggregate) else element_of(column)
        needed.update(universe[element].required if element else ())
    return {
        key: value
        for key, value in values.items()
        if (name := key.partition(".")[0]) in needed and name not in named
    }


def elements(predicate: Predicate | None) -> frozenset[str]:
    """Return the names of the elements whose records a predicate looks into."""
    return frozenset(
        column.element
        for column in columns(predicate)
        if isinstance(column, RecordField | TimespanField)
    )


def dataset_types(predicate: Predicate | None) -> frozenset[str]:
    """Return the names of the dataset types whose fields a predicate names."""
    return frozenset(
        column.dataset_type
        for column in columns(predicate)
        if isinstance(column, DatasetField | DatasetTimespan)
    )


def fixed_values(predicate: Predicate | None) -> dict[str, DataIdValue]:
    """Return the dimensions that can have one value only, as far as equality says."""
    found: dict[str, DataIdValue] = {}
    for part in conjuncts(predicate):
        match part:
            case Comparison("=", DimensionKey(name), Constant(int() | str() as value)):
                found.setdefault(name, value)
            case Membership(
                DimensionKey(name), (Constant(int() | str() as value),), ()
            ):
                found.setdefault(name, value)
    return found


def fixed_governors(predicate: Predicate | None, universe: Universe) -> dict[str, str]:
    """Return the governor dimensions (instrument, skymap) with one value only."""
    return {
        name: str(value)
        for name, value in fixed_values(predicate).items()
        if universe[name].is_governor
    }


def _columns(node: Predicate | Operand) -> Iterator[Named]:
    match node:
        case DimensionKey() | RecordField() | TimespanField():
            yield node
        case DatasetField() | DatasetTimespan() | TableField():
            yield node
        case Arithmetic(_, left, right) | Comparison(_, left, right):
            yield from _columns(left)
            yield from _columns(right)
        case Overlaps(left, right):
            yield from _columns(left)
            yield from _columns(right)
        case Negative(inner) | IsNull(inner) | Truth(inner):
            yield from _columns(inner)
        case Membership(inner) | Glob(inner) | Like(inner):
            yield from _columns(inner)
        case Not(predicate):
            yield from _columns(predicate)
        case And(parts) | Or(parts):
            for part in parts:
                yield from _columns(part)
