"""Syntax tree to bound tree: names get a meaning, types are checked, constants folded.

Integers become floats where they meet a float. ``/`` of two integers is an integer,
rounded towards zero, and ``%`` takes the sign of its left side, as in SQL. Text that
meets an integer dimension is one of its alternate keys (``detector = 'S01'``); text
that meets a UUID or a hash is read as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast, overload

from pantler.dimensions.timespan import Timespan
from pantler.errors import DataIdError, InvalidInputError, QuerySyntaxError, close_match
from pantler.queries.conditions import (
    Conditions,
    Operator,
    all_of,
    any_of,
    negate,
)
from pantler.queries.foreign import listed_values
from pantler.queries.functions import call
from pantler.queries.names import Names
from pantler.queries.operands import (
    NUMERIC,
    is_constant,
    number,
    string,
    to_operand,
    type_of,
    type_words,
)
from pantler.queries.rendering import to_text
from pantler.queries.syntax import (
    Binary,
    Call,
    Listing,
    Literals,
    Logical,
    Matching,
    Name,
    Node,
    NullTest,
    Pair,
    Parameter,
    Place,
    Span,
    Unary,
    Value,
)
from pantler.queries.tree import (
    Arithmetic,
    Constant,
    DimensionKey,
    Negative,
    TimespanConstant,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pantler.datasets.dataset_type import DatasetType
    from pantler.dimensions.universe import DimensionGroup, Universe
    from pantler.queries.query import JoinedTable
    from pantler.queries.tree import Operand, Predicate

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_ARITHMETIC: Final = frozenset("+-*/%")


@overload
def bind(
    syntax: Node,
    universe: Universe,
    *,
    dataset_types: Mapping[str, DatasetType] = ...,
    parameters: Mapping[str, object] = ...,
    dimensions: DimensionGroup | None = ...,
    tables: Sequence[JoinedTable] = ...,
) -> Predicate: ...


@overload
def bind(
    syntax: Node | None,
    universe: Universe,
    *,
    dataset_types: Mapping[str, DatasetType] = ...,
    parameters: Mapping[str, object] = ...,
    dimensions: DimensionGroup | None = ...,
    tables: Sequence[JoinedTable] = ...,
) -> Predicate | None: ...


def bind(
    syntax: Node | None,
    universe: Universe,
    *,
    dataset_types: Mapping[str, DatasetType] = _NOTHING,
    parameters: Mapping[str, object] = _NOTHING,
    dimensions: DimensionGroup | None = None,
    tables: Sequence[JoinedTable] = (),
) -> Predicate | None:
    """Return the bound tree of a syntax tree; None of None.

    Parameters
    ----------
    syntax
        What `pantler.queries.parser.parse` returns.
    universe
        The dimensions that it can name.
    dataset_types
        Dataset types whose fields, such as ``run``, it can name.
    parameters
        Values that it can name, with a colon before the name or, where no dimension is
        called so, without.
    dimensions
        Where fields without an element are looked for first.
    tables
        Tables whose columns it can name.

    Raises
    ------
    QuerySyntaxError
        If a name is unknown or a type does not fit, with the line and column.

    Examples
    --------
    >>> from pantler.dimensions.universe import Universe
    >>> from pantler.queries.parser import parse
    >>> bind(parse("visit > 3"), Universe.default())
    Comparison(operator='>', left=DimensionKey(dimension='visit', type='int'), \
right=Constant(value=3, type='int'))
    """
    if syntax is None:
        return None
    joined = {table.name: table for table in tables}
    names = Names(universe, dataset_types, dimensions, parameters, joined)
    return _Binder(universe, names, parameters).predicate(syntax)


def data_id_predicate(
    mapping: Mapping[str, object],
    universe: Universe,
    dimensions: DimensionGroup | None = None,
) -> Predicate:
    """Return the condition that dimensions have the values of a data ID.

    Parameters
    ----------
    mapping
        Values by dimension or ``element.field``; a list stands for any of its values,
        and text for an integer dimension for its alternate key.
    universe
        The dimensions.
    dimensions
        Where fields without an element are looked for first.

    Raises
    ------
    DataIdError
        If a key is unknown or a value has the wrong type.
    """
    place = Place()
    names = Names(universe, dimensions=dimensions)
    make = Conditions(universe, place)
    parts: list[Predicate] = []
    for key, value in mapping.items():
        try:
            column = names.resolve(key, place)
            listed = listed_values(value)
            if listed is not None:
                values = [_key_value(column, v, key) for v in listed]
                parts.append(make.membership(column, values))
            else:
                parts.append(make.compare("=", column, _key_value(column, value, key)))
        except QuerySyntaxError as error:
            raise DataIdError(f"Data ID key '{key}': {error.message}") from None
    return all_of(parts)


def _key_value(column: Operand, value: object, key: str) -> Operand:
    """Return the value of a data ID's key, which may not be a float."""
    if value is None:
        raise DataIdError(f"The value of data ID key '{key}' is None.")
    operand = to_operand(value, key, Place())
    if isinstance(column, DimensionKey) and type_of(operand) == "float":
        raise DataIdError(f"Data ID key '{key}' takes an integer, not {value!r}.")
    return operand


def combine(*predicates: Predicate | None) -> Predicate | None:
    """Return the condition that all of some hold; None if there is none."""
    given = [predicate for predicate in predicates if predicate is not None]
    return all_of(given) if given else None


@dataclass(frozen=True, slots=True)
class _Binder:
    """Turns syntax nodes into conditions or into operands."""

    universe: Universe
    names: Names
    parameters: Mapping[str, object]

    def predicate(self, node: Node) -> Predicate:
        """Return a node as a condition."""
        make = Conditions(self.universe, node.place)
        match node:
            case Logical(word, operands):
                parts = [self.predicate(operand) for operand in operands]
                return all_of(parts) if word == "AND" else any_of(parts)
            case Unary("NOT", operand):
                return negate(self.predicate(operand))
            case NullTest(operand):
                return make.is_null(self.operand(operand))
            case Binary("OVERLAPS", left, right):
                return make.overlap(self.operand(left), self.operand(right))
            case Binary(operator, left, right) if operator not in _ARITHMETIC:
                return make.compare(
                    cast("Operator", operator), self.operand(left), self.operand(right)
                )
            case Listing():
                return self._membership(node, make)
            case Matching() | Call("GLOB"):
                return self._pattern(node, make)
            case _:
                return make.truth(self.operand(node))

    def _pattern(self, node: Matching | Call, make: Conditions) -> Predicate:
        if isinstance(node, Matching):
            escape = None if node.escape is None else self.operand(node.escape)
            return make.like(
                self.operand(node.operand), self.operand(node.pattern), escape
            )
        if len(node.arguments) != 2:
            raise node.place.error("GLOB takes two values: GLOB(name, 'pattern*').")
        return make.glob(*(self.operand(argument) for argument in node.arguments))

    def operand(self, node: Node) -> Operand:
        """Return a node as a value."""
        match node:
            case Value():
                return _literal(node)
            case Name(text, place):
                return self._name(text, place)
            case Parameter(name, place):
                return _scalar(self._parameter(name, place), name, place)
            case Unary("-" | "+" as sign, operand, place):
                return _signed(sign, self.operand(operand), place)
            case Binary(operator, left, right, place) if operator in _ARITHMETIC:
                return _arithmetic(
                    operator, self.operand(left), self.operand(right), place
                )
            case Pair(begin, end, place):
                return _timespan(self.operand(begin), self.operand(end), place)
            case Call(function, arguments, place) if function != "GLOB":
                values = [self.operand(argument) for argument in arguments]
                return call(function, values, place)
            case _:
                raise node.place.error("A value is needed here, not a condition.")

    def _name(self, text: str, place: Place) -> Operand:
        """Return what a name stands for: a dimension, a bound value, a field."""
        if text in self.parameters and text not in self.universe:
            return _scalar(self.parameters[text], text, place)
        return self.names.resolve(text, place)

    def _parameter(self, name: str, place: Place) -> object:
        if name in self.parameters:
            return self.parameters[name]
        raise place.error(
            f"No value is bound to ':{name}'.{close_match(name, self.parameters)}"
        )

    def _membership(self, node: Listing, make: Conditions) -> Predicate:
        items: list[Operand] = []
        ranges: list[tuple[int, int, int]] = []
        for item in node.items:
            if isinstance(item, Span):
                ranges.append(self._range(item))
                continue
            if isinstance(item, Literals):
                # As they are distinct, so are the constants, which are slow to compare.
                for value in dict.fromkeys(cast("tuple[int | str, ...]", item.values)):
                    if isinstance(value, str):
                        items.append(string(value, item.place))
                    else:
                        items.append(Constant(value, "int"))
                continue
            bound = self._bound_list(item)
            if isinstance(bound, range) and bound:
                ranges.append(_ascending(bound))
            elif bound is not None:
                items.extend(
                    to_operand(value, _text(item), item.place) for value in bound
                )
            else:
                items.append(self.operand(item))
        return make.membership(self.operand(node.operand), items, ranges)

    def _bound_list(self, item: Node) -> Iterable[object] | None:
        """Return the values of an item of a list that is bound to several."""
        match item:
            case Parameter(name, place):
                value = self._parameter(name, place)
            case Name(text) if text in self.parameters and text not in self.universe:
                value = self.parameters[text]
            case _:
                return None
        return _listed(value, item.place)

    def _range(self, span: Span) -> tuple[int, int, int]:
        first = self._integer(span.first)
        last = self._integer(span.last)
        stride = 1 if span.stride is None else self._integer(span.stride)
        if stride < 1:
            raise span.place.error(f"The stride of a range is 1 or more, not {stride}.")
        if last < first:
            raise span.place.error(
                f"The range {first}..{last} is empty: write the smaller number first."
            )
        return first, last, stride

    def _integer(self, node: Node) -> int:
        operand = self.operand(node)
        if isinstance(operand, Constant) and operand.type == "int":
            return cast("int", operand.value)
        raise node.place.error(
            f"A range is of integers, but `{to_text(operand)}` is "
            f"{type_words(type_of(operand))}"
            + ("." if is_constant(operand) else " that is not known beforehand.")
        )


def _text(item: Node) -> str:
    return item.name if isinstance(item, Parameter) else getattr(item, "text", "")


def _ascending(values: range) -> tuple[int, int, int]:
    ordered = values if values.step > 0 else values[::-1]
    return ordered[0], ordered[-1], ordered.step


def _literal(node: Value) -> Operand:
    value = node.value
    match node.kind:
        case "int" | "float":
            return number(cast("float", value), node.place)
        case "time":
            return Constant(_time(str(value), node.place), "time")
        case "string":
            return string(str(value), node.place)
        case kind:
            return Constant(value, kind)


def _time(text: str, place: Place) -> int:
    from pantler.dimensions.times import parse_time

    try:
        return parse_time(text)
    except InvalidInputError as error:
        raise place.error(str(error)) from error


def _scalar(value: object, name: str, place: Place) -> Operand:
    if _listed(value, place) is not None:
        raise place.error(f"'{name}' is bound to a list of values: write IN :{name}.")
    return to_operand(value, name, place)


def _listed(value: object, place: Place) -> Iterable[object] | None:
    try:
        return listed_values(value)
    except InvalidInputError as error:
        raise place.error(str(error)) from None


def _timespan(begin: Operand, end: Operand, place: Place) -> TimespanConstant:
    bounds: list[int] = []
    for operand, unbounded in ((begin, Timespan.MIN), (end, Timespan.MAX)):
        if not (isinstance(operand, Constant) and operand.type in {"time", "null"}):
            raise place.error(
                "Two values in parentheses are a span of time, as in "
                "(T'2025-01-01', NULL), but "
                f"`{to_text(operand)}` is {type_words(type_of(operand))}."
            )
        bounds.append(
            unbounded if operand.value is None else cast("int", operand.value)
        )
    if bounds[0] >= bounds[1]:
        raise place.error("A span of time must end after it begins.")
    return TimespanConstant(*bounds)


def _signed(sign: str, operand: Operand, place: Place) -> Operand:
    _require_number(operand, sign, place)
    if sign == "+":
        return operand
    if isinstance(operand, Constant):
        return number(-cast("float", operand.value), place)
    return operand.operand if isinstance(operand, Negative) else Negative(operand)


def _arithmetic(operator: str, left: Operand, right: Operand, place: Place) -> Operand:
    for operand in (left, right):
        _require_number(operand, operator, place)
        if operator == "%" and type_of(operand) != "int":
            raise place.error(
                f"`%` takes integers, but `{to_text(operand)}` is a number "
                "with a fraction."
            )
    if operator in "/%" and isinstance(right, Constant) and right.value == 0:
        raise place.error("This divides by zero.")
    kinds = {type_of(left), type_of(right)}
    if isinstance(left, Constant) and isinstance(right, Constant):
        return number(
            _fold(operator, cast("float", left.value), cast("float", right.value)),
            place,
        )
    if kinds == NUMERIC:
        left, right = (
            Constant(float(cast("int", side.value)), "float")
            if isinstance(side, Constant) and side.type == "int"
            else side
            for side in (left, right)
        )
    return Arithmetic(cast("Any", operator), left, right)


def _fold(operator: str, left: float, right: float) -> float:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
    if isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right)
        quotient = quotient if (left < 0) == (right < 0) else -quotient
        return quotient if operator == "/" else left - quotient * right
    return left / right


def _require_number(operand: Operand, operator: str, place: Place) -> None:
    if type_of(operand) not in NUMERIC:
        raise place.error(
            f"`{operator}` takes numbers, but `{to_text(operand)}` is "
            f"{type_words(type_of(operand))}."
        )
