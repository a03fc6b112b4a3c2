"""A naive evaluator of query expressions over rows: what a registry must agree with.

It reads the syntax tree and nothing of what pantler makes of it: one row, one value, in
Python. Anything compared with a missing value is neither true nor false (None).
"""

from __future__ import annotations

import fnmatch
import operator
import re
from typing import TYPE_CHECKING, Any, Final

from pantler.dimensions.times import parse_time
from pantler.queries.syntax import (
    Binary,
    Call,
    Listing,
    Literals,
    Logical,
    Matching,
    Name,
    NullTest,
    Pair,
    Parameter,
    Span,
    Unary,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pantler.queries.syntax import Node

_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FOREVER: Final = (-(2**63), 2**63 - 1)


def evaluate(
    node: Node, row: Mapping[str, Any], parameters: Mapping[str, Any] | None = None
) -> Any:
    """Return the value of an expression for a row.

    Parameters
    ----------
    node
        What `pantler.queries.parser.parse` returns.
    row
        Values by name, as written in the expression; ``x.timespan`` is a pair of TAI
        ns, and a time is TAI ns.
    parameters
        Bound values by name.
    """
    return _Evaluator(row, parameters or {}).value(node)


class _Evaluator:
    def __init__(self, row: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
        self._row = row
        self._parameters = parameters

    def value(self, node: Node) -> Any:  # noqa: C901, PLR0911, PLR0912 - a case a node
        match node:
            case Value("time", value):
                return parse_time(str(value))
            case Value(_, value):
                return value
            case Name(text):
                return self._row[text]
            case Parameter(name):
                return self._parameters[name]
            case Pair(begin, end):
                bounds = (self.value(begin), self.value(end))
                return tuple(
                    given if given is not None else bound
                    for given, bound in zip(bounds, _FOREVER, strict=True)
                )
            case Unary("NOT", operand):
                return _opposite(self.value(operand))
            case Unary(sign, operand):
                value = self.value(operand)
                return value if value is None or sign == "+" else -value
            case Logical("AND", operands):
                return _all(self.value(each) for each in operands)
            case Logical(_, operands):
                some = (_opposite(self.value(each)) for each in operands)
                return _opposite(_all(some))
            case NullTest(operand):
                return self.value(operand) is None
            case Listing(operand, items):
                return self._is_listed(self.value(operand), items)
            case Matching(operand, pattern, escape):
                found = self.value(operand)
                mark = None if escape is None else self.value(escape)
                if found is None:
                    return None
                return bool(_like(self.value(pattern), mark).fullmatch(found))
            case Call("GLOB", (operand, pattern)):
                found = self.value(operand)
                plain = str(self.value(pattern)).replace("[", "[[]")
                return found if found is None else fnmatch.fnmatchcase(found, plain)
            case Binary(word, left, right):
                return self._binary(word, left, right)
        raise NotImplementedError(f"{node!r} has no value.")

    def _binary(self, word: str, left: Node, right: Node) -> Any:
        one, other = self.value(left), self.value(right)
        if word in {"=", "!="}:
            for side, against in ((left, other), (right, one)):
                if isinstance(side, Value) and side.kind == "null":
                    return (against is None) == (word == "=")
        if one is None or other is None:
            return None
        if word in _COMPARE:
            return _COMPARE[word](one, other)
        if word == "OVERLAPS":
            first, second = _span(one), _span(other)
            return first[0] < second[1] and second[0] < first[1]
        return _arithmetic(word, one, other)

    def _is_listed(
        self, value: Any, items: Iterable[Node | Span | Literals]
    ) -> bool | None:
        found: list[bool | None] = []
        for item in items:
            if isinstance(item, Literals):
                found.append(None if value is None else value in item.values)
                continue
            if isinstance(item, Span):
                stride = 1 if item.stride is None else self.value(item.stride)
                numbers = range(self.value(item.first), self.value(item.last) + 1)
                found.append(None if value is None else value in numbers[::stride])
                continue
            other = self.value(item)
            for each in other if isinstance(other, list) else [other]:
                is_null = isinstance(item, Value | Parameter) and each is None
                missing = value is None or each is None
                unknown = None if missing else value == each
                found.append(value is None if is_null else unknown)
        return _opposite(_all(_opposite(each) for each in found))


def _arithmetic(word: str, one: Any, other: Any) -> Any:
    match word:
        case "+":
            return one + other
        case "-":
            return one - other
        case "*":
            return one * other
    if other == 0:
        return None
    if isinstance(one, float) or isinstance(other, float):
        return one / other
    quotient = abs(one) // abs(other)  # towards zero, as in SQL
    quotient = quotient if (one < 0) == (other < 0) else -quotient
    return quotient if word == "/" else one - quotient * other


def _span(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value + 1)


def _opposite(value: bool | None) -> bool | None:
    return None if value is None else not value


def _all(values: Iterable[bool | None]) -> bool | None:
    known = list(values)
    if any(value is False for value in known):
        return False
    return None if None in known else True


def _like(pattern: str, escape: str | None) -> re.Pattern[str]:
    parts: list[str] = []
    characters = iter(pattern)
    for each in characters:
        if each == escape:
            parts.append(re.escape(next(characters)))
        else:
            parts.append({"%": ".*", "_": "."}.get(each, re.escape(each)))
    return re.compile("".join(parts), re.DOTALL)
