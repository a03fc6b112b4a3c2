"""Tokens to syntax tree, by recursive descent.

The grammar, from what binds least to what binds most::

    condition  = conjunction { OR conjunction }
    conjunction = negation { AND negation }
    negation   = NOT negation | comparison
    comparison = sum [ compare sum | OVERLAPS sum | [NOT] IN list
                     | [NOT] BETWEEN sum AND sum | IS [NOT] NULL
                     | [NOT] LIKE sum [ ESCAPE sum ] ]
    compare    = "=" | "!=" | "<" | "<=" | ">" | ">="        also "==" and "<>"
    sum        = product { ("+" | "-") product }
    product    = signed { ("*" | "/" | "%") signed }
    signed     = ("+" | "-") signed | primary
    primary    = literal | name | :parameter
               | name "(" [ condition { "," condition } ] ")"
               | "(" condition ")" | "(" condition "," condition ")"
    list       = :parameter | name | "(" [ item { "," item } ] ")"
    item       = sum [ ".." sum [ ":" sum ] ]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, cast

from pantler.errors import close_match
from pantler.queries.lexer import KEYWORDS, Token, tokenize
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
    Span,
    Unary,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantler.queries.syntax import Place

_COMPARE: Final = frozenset({"=", "!=", "<", "<=", ">", ">="})
_OPENING: Final = "a name, a value, NOT or `(`"
# Deeper trees would come near to the limit of Python's own recursion.
_MAX_DEPTH: Final = 40


def parse(text: str) -> Node | None:
    """Return the syntax tree of an expression; None if there is only white space.

    Parameters
    ----------
    text
        An expression, on any number of lines.

    Raises
    ------
    QuerySyntaxError
        Where the text leaves the grammar, saying what was expected there.
    """
    tokens = tokenize(text)
    if tokens[0].kind == "end":
        return None
    return _Parser(tokens).parse()


class _Parser:
    """Walks over tokens; each method consumes what it is named for."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def parse(self) -> Node:
        node = self._condition()
        if self._token.kind != "end":
            raise self._unexpected("AND, OR or the end")
        return node

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _advance(self) -> Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _is(self, *texts: str) -> bool:
        token = self._token
        return token.kind in {"keyword", "operator"} and token.text in texts

    def _take(self, *texts: str) -> Token | None:
        return self._advance() if self._is(*texts) else None

    def _expect(self, text: str, where: str) -> Token:
        if not self._is(text):
            raise self._unexpected(f"`{text}` {where}")
        return self._advance()

    def _unexpected(self, expected: str) -> Exception:
        token = self._token
        hint = ""
        if token.kind == "name":
            hint = close_match(token.text.upper(), KEYWORDS)
        elif token.text in _COMPARE and self._at and "`:`" not in expected:
            hint = " Comparisons are not chained: join two of them by AND."
        return token.place.error(f"Expected {expected}, found {token}.{hint}")

    def _nest(self, place: Place, parse: Callable[[], Node]) -> Node:
        """Go one level down, and refuse what nests too deeply."""
        if self._depth >= _MAX_DEPTH:
            raise place.error(
                f"The expression nests more than {_MAX_DEPTH} levels deep here. "
                "Bind long lists as a parameter: x IN :values."
            )
        self._depth += 1
        node = parse()
        self._depth -= 1
        return node

    # Conditions

    def _condition(self) -> Node:
        return self._logical("OR", self._conjunction)

    def _conjunction(self) -> Node:
        return self._logical("AND", self._negation)

    def _logical(self, word: Literal["AND", "OR"], parse: Callable[[], Node]) -> Node:
        operands = [parse()]
        place = self._token.place
        while self._take(word):
            operands.append(parse())
        return (
            operands[0] if len(operands) == 1 else Logical(word, tuple(operands), place)
        )

    def _negation(self) -> Node:
        token = self._take("NOT")
        if token is None:
            return self._comparison()
        return Unary("NOT", self._nest(token.place, self._negation), token.place)

    def _comparison(self) -> Node:
        left = self._sum()
        token = self._token
        if self._take(*_COMPARE, "OVERLAPS"):
            return Binary(token.text, left, self._sum(), token.place)
        if self._take("IS"):
            negative = self._take("NOT") is not None
            self._expect("NULL", "after IS")
            return _negate(NullTest(left, token.place), negative=negative)
        negative = self._take("NOT") is not None
        if self._take("IN"):
            found: Node = Listing(left, self._list(), token.place)
        elif self._take("BETWEEN"):
            found = self._between(left, token.place)
        elif self._take("LIKE"):
            found = self._like(left, token.place)
        elif negative:
            raise self._unexpected("IN, BETWEEN or LIKE after NOT")
        else:
            return left
        return _negate(found, negative=negative)

    def _between(self, operand: Node, place: Place) -> Node:
        low = self._sum()
        self._expect("AND", "between the bounds of BETWEEN")
        bounds = (
            Binary(">=", operand, low, place),
            Binary("<=", operand, self._sum(), place),
        )
        return Logical("AND", bounds, place)

    def _like(self, operand: Node, place: Place) -> Node:
        pattern = self._sum()
        escape = None
        # No keyword: a column may be called so.
        if self._token.kind == "name" and self._token.text.upper() == "ESCAPE":
            self._advance()
            escape = self._sum()
        return Matching(operand, pattern, escape, place)

    def _list(self) -> tuple[Node | Span | Literals, ...]:
        token = self._token
        if token.kind == "literals":
            self._advance()
            return (Literals(cast("tuple[int, ...]", token.value), token.place),)
        if token.kind in {"parameter", "name"}:
            return (self._primary(),)
        if not self._take("("):
            raise self._unexpected(
                "a list in parentheses or a bound list, as in (1, 5..9) or :values"
            )
        items: list[Node | Span] = []
        while not self._take(")"):
            if items and not self._take(","):
                raise self._unexpected("`,` or `)` in the list")
            items.append(self._item())
        return tuple(items)

    def _item(self) -> Node | Span:
        first = self._sum()
        token = self._take("..")
        if token is None:
            return first
        last = self._sum()
        if self._token.kind == "parameter":  # `1..9:step` reads as `:step`
            name = self._advance()
            return Span(
                first, last, Parameter(str(name.value), name.place), token.place
            )
        stride = self._sum() if self._take(":") else None
        return Span(first, last, stride, token.place)

    # Values

    def _sum(self) -> Node:
        return self._chain(("+", "-"), self._product)

    def _product(self) -> Node:
        return self._chain(("*", "/", "%"), self._signed)

    def _chain(self, operators: tuple[str, ...], parse: Callable[[], Node]) -> Node:
        left = parse()
        length = 0
        while token := self._take(*operators):
            length += 1
            if self._depth + length > _MAX_DEPTH:
                raise token.place.error("This arithmetic is too long to be followed.")
            left = Binary(token.text, left, parse(), token.place)
        return left

    def _signed(self) -> Node:
        token = self._take("+", "-")
        if token is None:
            return self._primary()
        number = self._token
        if number.kind in {"int", "float"}:  # so that the least integer can be written
            node = cast("Value", self._primary())
            sign = -1 if token.text == "-" else 1
            return Value(node.kind, sign * cast("float", node.value), token.place)
        operand = self._nest(token.place, self._signed)
        return Unary("-" if token.text == "-" else "+", operand, token.place)

    def _primary(self) -> Node:
        token = self._token
        match token.kind:
            case "int" | "float" | "string" | "time":
                self._advance()
                value = cast("int | float | str", token.value)
                return Value(token.kind, value, token.place)
            case "parameter":
                self._advance()
                return Parameter(str(token.value), token.place)
            case "name":
                self._advance()
                if self._is("("):
                    return self._call(token)
                return Name(token.text, token.place)
            case "keyword" if token.text in {"TRUE", "FALSE"}:
                self._advance()
                return Value("bool", token.text == "TRUE", token.place)
            case "keyword" if token.text == "NULL":
                self._advance()
                return Value("null", None, token.place)
        if self._is("("):
            return self._group()
        raise self._unexpected(_OPENING)

    def _call(self, name: Token) -> Node:
        self._advance()
        arguments: list[Node] = []
        while not self._take(")"):
            if arguments and not self._take(","):
                raise self._unexpected(f"`,` or `)` in the arguments of {name.text}")
            arguments.append(self._nest(name.place, self._condition))
        return Call(name.text.upper(), tuple(arguments), name.place)

    def _group(self) -> Node:
        place = self._advance().place
        node = self._nest(place, self._condition)
        if self._take(","):
            end = self._nest(place, self._condition)
            if self._is(","):
                raise self._unexpected("`)` after two values; lists follow IN")
            node = Pair(node, end, place)
        self._expect(")", f"to close `(` of line {place.line}, column {place.column}")
        return node


def _negate(node: Node, *, negative: bool) -> Node:
    return Unary("NOT", node, node.place) if negative else node
