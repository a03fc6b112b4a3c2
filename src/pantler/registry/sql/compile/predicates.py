"""Bound conditions as SQL: one short function for each kind of node."""

from __future__ import annotations

import functools
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from pantler.errors import InternalError, InvalidInputError
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
    TimespanConstant,
    TimespanField,
    Truth,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pantler.queries.tree import Operand, Predicate
    from pantler.registry.sql.driver import Driver

_MOST_JOINED: Final = 50
"""Conditions in one pair of brackets."""

_STARS_AS_LIKE: Final = str.maketrans(
    {"*": "%", "?": "_", "%": "\\%", "_": "\\_", "\\": "\\\\"}
)

Sql = sa.ColumnElement[Any]


class Scope(Protocol):
    """Where the columns of a statement are found, and how its database writes SQL."""

    @property
    def driver(self) -> Driver:
        """What writes that which systems write differently."""
        ...

    def dimension(self, name: str) -> Sql:
        """Return the column of a dimension."""
        ...

    def field(self, element: str, name: str) -> Sql:
        """Return a column of an element's records."""
        ...

    def dataset(self, dataset_type: str, name: str) -> Sql:
        """Return a column of a dataset search."""
        ...

    def table(self, name: str, column: str) -> Sql:
        """Return a column of a table of the user's own."""
        ...


def conjuncts(predicate: Predicate | None) -> list[Predicate]:
    """Return the conditions that must all hold."""
    if predicate is None:
        return []
    if isinstance(predicate, And):
        return [part for operand in predicate.operands for part in conjuncts(operand)]
    return [predicate]


def walk(node: object) -> Iterator[object]:
    """Yield a node and all below it."""
    if isinstance(node, Constant):  # nothing is below it, and lists have very many
        yield node
    elif isinstance(node, tuple):
        for part in node:
            yield from walk(part)
    elif is_dataclass(node):
        yield node
        for part in fields(node):
            yield from walk(getattr(node, part.name))


@functools.singledispatch
def to_sql(node: object, scope: Scope) -> Sql:
    """Return a condition or an operand as SQL.

    Parameters
    ----------
    node
        Any node of `pantler.queries.tree` but spans and regions as such.
    scope
        Where its columns are.
    """
    raise InternalError(f"No SQL for {node!r} in {scope!r}.")


@to_sql.register
def _(node: DimensionKey, scope: Scope) -> Sql:
    return scope.dimension(node.dimension)


@to_sql.register
def _(node: RecordField, scope: Scope) -> Sql:
    return scope.field(node.element, node.field)


@to_sql.register
def _(node: DatasetField, scope: Scope) -> Sql:
    return scope.dataset(node.dataset_type, node.field)


@to_sql.register
def _(node: TableField, scope: Scope) -> Sql:
    return scope.table(node.table, node.field)


@to_sql.register
def _(node: Constant, scope: Scope) -> Sql:  # noqa: ARG001 - the shape of them all
    return sa.null() if node.value is None else sa.literal(node.value)


@to_sql.register
def _(node: Arithmetic, scope: Scope) -> Sql:
    # By op(), as SQL does it: SQLAlchemy's own division turns integers into floats.
    left, right = to_sql(node.left, scope), to_sql(node.right, scope)
    return left.op(node.operator)(right).self_group()


@to_sql.register
def _(node: Negative, scope: Scope) -> Sql:
    return -to_sql(node.operand, scope)


@to_sql.register
def _(node: Comparison, scope: Scope) -> Sql:
    left, right = to_sql(node.left, scope), to_sql(node.right, scope)
    return left.op(node.operator, is_comparison=True)(right)


@to_sql.register
def _(node: Membership, scope: Scope) -> Sql:
    operand = to_sql(node.operand, scope)
    values = [constant.value for constant in node.values]
    options: list[Sql] = []
    if values:
        options.append(scope.driver.is_listed(operand, values))
    for first, last, stride in node.ranges:
        inside: Sql = operand.between(first, last)
        if stride != 1:
            inside &= operand.op("-")(first).op("%")(stride) == 0
        options.append(inside)
    return sa.or_(*options)


@to_sql.register
def _(node: IsNull, scope: Scope) -> Sql:
    if isinstance(node.operand, TimespanField):
        return scope.field(node.operand.element, "timespan_begin").is_(None)
    if isinstance(node.operand, DatasetTimespan):
        return scope.dataset(node.operand.dataset_type, "timespan_begin").is_(None)
    return to_sql(node.operand, scope).is_(None)


@to_sql.register
def _(node: Glob, scope: Scope) -> Sql:
    plain = node.pattern.translate(_STARS_AS_LIKE)
    return scope.driver.matches_like(to_sql(node.operand, scope), plain)


@to_sql.register
def _(node: Like, scope: Scope) -> Sql:
    return scope.driver.matches_like(to_sql(node.operand, scope), node.pattern)


@to_sql.register
def _(node: Truth, scope: Scope) -> Sql:
    return to_sql(node.operand, scope) == sa.literal(True)


@to_sql.register
def _(node: Not, scope: Scope) -> Sql:
    return sa.not_(to_sql(node.operand, scope))


@to_sql.register
def _(node: And, scope: Scope) -> Sql:
    return _joined(sa.and_, [to_sql(operand, scope) for operand in node.operands])


@to_sql.register
def _(node: Or, scope: Scope) -> Sql:
    return _joined(sa.or_, [to_sql(operand, scope) for operand in node.operands])


class _Bracketed(sa.ColumnElement[bool]):
    """A condition in brackets, which SQLAlchemy takes away from what is associative."""

    inherit_cache = False
    type = sa.Boolean()

    def __init__(self, inner: Sql) -> None:
        self.inner = inner


@compiles(_Bracketed)
def _write_bracketed(element: _Bracketed, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.inner, **options)})"


def all_hold(conditions: Iterable[Sql]) -> Sql:
    """Return the condition that all of some hold."""
    return _joined(sa.and_, [sa.true(), *conditions])


def _joined(join: Callable[..., Sql], parts: list[Sql]) -> Sql:
    """Join conditions, in brackets if they are many.

    A database reads ``a OR b OR c …`` as a tree as deep as it is long, and refuses
    deep ones.
    """
    if len(parts) <= _MOST_JOINED:
        return join(*parts)
    size = -(-len(parts) // _MOST_JOINED)
    groups = [parts[start : start + size] for start in range(0, len(parts), size)]
    return join(*(_Bracketed(_joined(join, group)) for group in groups))


@to_sql.register
def _(node: Overlaps, scope: Scope) -> Sql:
    if node.topology == "spatial":
        raise InvalidInputError(
            "A condition on the overlap of sky regions can only be joined to others by "
            "AND; it cannot stand below OR or NOT. Ask two queries instead."
        )
    begin, end = _span(node.left, scope)
    other_begin, other_end = _span(node.right, scope)
    return sa.and_(begin < other_end, other_begin < end)


def _span(node: Operand, scope: Scope) -> tuple[Sql, Sql]:
    """Return begin and end of a span, or of the nanosecond that a time stands for."""
    match node:
        case TimespanField(element):
            begin = scope.field(element, "timespan_begin")
            return begin, scope.field(element, "timespan_end")
        case DatasetTimespan(name):
            begin = scope.dataset(name, "timespan_begin")
            return begin, scope.dataset(name, "timespan_end")
        case TimespanConstant(first, last):
            return sa.literal(first), sa.literal(last)
        case _:
            time = to_sql(node, scope)
            return time, time + 1
