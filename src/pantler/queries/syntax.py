"""The syntax tree: a query expression as written, before its names have a meaning.

Each node has the place where it begins, or, for operators, of the operator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pantler.errors import QuerySyntaxError

LiteralKind = Literal["int", "float", "string", "bool", "null", "time"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written: line and column count from 1."""

    line: int = 1
    column: int = 1

    def error(self, message: str) -> QuerySyntaxError:
        """Return the error to raise about what is written here."""
        return QuerySyntaxError(message, self.line, self.column)


@dataclass(frozen=True, slots=True)
class Value:
    """A number, text, truth value, NULL, or a time whose text is not yet read."""

    kind: LiteralKind
    value: int | float | str | bool | None
    place: Place


@dataclass(frozen=True, slots=True)
class Literals:
    """A list that has only integers, each of 64 bits, or only text.

    It may be very long.
    """

    values: tuple[int, ...] | tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Name:
    """A name, with its dots."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name with a colon before it: a value from outside."""

    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Call:
    """A function's name with its arguments."""

    function: str
    arguments: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Pair:
    """Two values in parentheses: a span of time."""

    begin: Node
    end: Node
    place: Place


@dataclass(frozen=True, slots=True)
class Unary:
    """NOT or a sign, before an operand."""

    operator: Literal["NOT", "-", "+"]
    operand: Node
    place: Place


@dataclass(frozen=True, slots=True)
class Binary:
    """A comparison, OVERLAPS or arithmetic."""

    operator: str
    left: Node
    right: Node
    place: Place


@dataclass(frozen=True, slots=True)
class Logical:
    """Two or more conditions joined by AND or by OR."""

    operator: Literal["AND", "OR"]
    operands: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class NullTest:
    """``IS NULL``."""

    operand: Node
    place: Place


@dataclass(frozen=True, slots=True)
class Span:
    """A range of integers in a list, both ends included."""

    first: Node
    last: Node
    stride: Node | None
    place: Place


@dataclass(frozen=True, slots=True)
class Listing:
    """``IN`` with its items; a single `Parameter` stands for a bound list."""

    operand: Node
    items: tuple[Node | Span | Literals, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Matching:
    """``LIKE`` with its pattern, and the character that escapes others in it."""

    operand: Node
    pattern: Node
    escape: Node | None
    place: Place


Node = (
    Value
    | Name
    | Parameter
    | Call
    | Pair
    | Unary
    | Binary
    | Logical
    | NullTest
    | Listing
    | Matching
)


def names_in(node: Node) -> frozenset[str]:
    """Return every name and parameter that a tree mentions; parameters with a colon."""
    found: set[str] = set()
    todo: list[Node | Span | Literals | None] = [node]
    while todo:
        match todo.pop():
            case Name(text):
                found.add(text)
            case Parameter(name):
                found.add(f":{name}")
            case Call(_, nodes) | Logical(_, nodes):
                todo.extend(nodes)
            case Pair(left, right) | Binary(_, left, right):
                todo.extend((left, right))
            case Unary(_, operand) | NullTest(operand):
                todo.append(operand)
            case Span(first, last, stride) | Matching(first, last, stride):
                todo.extend((first, last, stride))
            case Listing(operand, items):
                todo.extend((operand, *items))
    return frozenset(found)
