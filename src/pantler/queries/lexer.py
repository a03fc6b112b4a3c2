"""Query text to tokens."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from typing import Final, Literal

from pantler.queries.syntax import Place

TokenKind = Literal[
    "name",
    "keyword",
    "int",
    "float",
    "string",
    "time",
    "parameter",
    "operator",
    "literals",
    "end",
]

KEYWORDS: Final = frozenset(
    {"AND", "OR", "NOT", "IN", "IS", "OVERLAPS", "BETWEEN", "LIKE"}
    | {"NULL", "TRUE", "FALSE"}
)

_SPELLINGS: Final = {"==": "=", "<>": "!="}
_HINTS: Final = {
    "&": "Write AND.",
    "|": "Write OR.",
    "!": "Write NOT, or != to compare.",
    "~": "Write NOT.",
    "^": "There is no such operator; the arithmetic ones are + - * / %.",
    ";": "An expression is one condition; join conditions by AND.",
    "[": "Lists stand in parentheses: x IN (1, 2).",
    "{": "Lists stand in parentheses: x IN (1, 2).",
    **dict.fromkeys(
        "`\u2018\u2019\u201c\u201d", "Text stands in straight single quotes: 'text'."
    ),
}

# The order matters: `1..5` is a range and no number with a dot, and `T'` no name.
_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<time>[Tt](?=')(?:'[^']*'))
    | (?P<string>'(?:[^']|'')*' | "(?:[^"]|"")*")
    | (?P<range>\.\.)
    | (?P<float>(?:\d+\.(?!\.)\d*|\.\d+)(?:[eE][+-]?\d+)? | \d+[eE][+-]?\d+)
    | (?P<int>\d+)
    | (?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
    | (?P<parameter>:[^\W\d]\w*)
    | (?P<operator>==|!=|<>|<=|>=|[-=<>+*/%(),:])
    """,
    re.VERBOSE,
)

# A list of integers that surely fit into 64 bits, or of text, is one token: lists of
# 100,000 are pasted from files.
_INTEGERS: Final = re.compile(
    r"\(\s*+ [+-]?\d{1,18}+ \s*+ (?:, \s*+ [+-]?\d{1,18}+ \s*+)++ \)", re.VERBOSE
)
_TEXTS: Final = re.compile(
    r"\(\s*+ '(?:[^']|'')*+' \s*+ (?:, \s*+ '(?:[^']|'')*+' \s*+)++ \)", re.VERBOSE
)
_TEXT: Final = re.compile(r"'((?:[^']|'')*+)'")
_REST: Final = re.compile(r"[\w.]*")


@dataclass(frozen=True, slots=True)
class Token:
    """One word of an expression.

    Parameters
    ----------
    kind
        What it is.
    text
        As written; keywords in capitals and operators in their usual spelling.
    value
        Of literals, and of a list of them; the name of a parameter.
    place
        Where it begins.
    """

    kind: TokenKind
    text: str
    value: int | float | str | tuple[int, ...] | tuple[str, ...]
    place: Place

    def __str__(self) -> str:
        return "the end of the expression" if self.kind == "end" else f"`{self.text}`"


def tokenize(text: str) -> list[Token]:
    """Return the tokens of an expression, with one of kind ``end`` at last.

    Raises
    ------
    QuerySyntaxError
        At a character that begins no token, or an open quote.
    """
    starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(offset: int) -> Place:
        line = bisect.bisect_right(starts, offset)
        return Place(line, offset - starts[line - 1] + 1)

    tokens: list[Token] = []
    offset = 0
    while offset < len(text):
        after_in = bool(tokens) and tokens[-1].text == "IN"
        if after_in and (run := _literals(text, offset)):
            words, values = run
            tokens.append(Token("literals", words, values, place(offset)))
            offset += len(words)
            continue
        match = _TOKEN.match(text, offset)
        if match is None:
            raise place(offset).error(_explain(text, offset))
        if match.lastgroup != "space":
            here = place(offset)
            tokens.append(_token(match, here))
            _check_apart(text, match, here)
        offset = match.end()
    tokens.append(Token("end", "", "", place(len(text))))
    return tokens


def _literals(
    text: str, offset: int
) -> tuple[str, tuple[int, ...] | tuple[str, ...]] | None:
    """Return a list that has only integers or only text, as written and its values."""
    if run := _INTEGERS.match(text, offset):
        return run[0], tuple(map(int, run[0][1:-1].split(",")))
    if run := _TEXTS.match(text, offset):
        return run[0], tuple(
            words.replace("''", "'") for words in _TEXT.findall(run[0])
        )
    return None


def _token(match: re.Match[str], place: Place) -> Token:
    text = match[0]
    match match.lastgroup:
        case "string":
            quote = text[0]
            return Token("string", text, text[1:-1].replace(quote * 2, quote), place)
        case "time":
            return Token("time", text, text[2:-1], place)
        case "int":
            if len(text) > 40:
                raise place.error(f"The number {text[:20]}… is too long.")
            return Token("int", text, int(text), place)
        case "float":
            return Token("float", text, float(text), place)
        case "parameter":
            return Token("parameter", text, text[1:], place)
        case "name":
            word = text.upper()
            if word in KEYWORDS:
                return Token("keyword", word, word, place)
            return Token("name", text, text, place)
        case _:
            return Token("operator", _SPELLINGS.get(text, text), text, place)


def _check_apart(text: str, match: re.Match[str], place: Place) -> None:
    """Refuse a number with letters or a dot run into it, as in ``5px`` or ``1.2.3``."""
    if match.lastgroup not in {"int", "float"}:
        return
    rest = _REST.match(text, match.end())
    if rest is None or not rest[0] or rest[0].startswith(".."):
        return
    raise place.error(
        f"`{match[0]}{rest[0]}` is neither a number nor a name. "
        "If it is text, write it in single quotes."
    )


def _explain(text: str, offset: int) -> str:
    char = text[offset]
    if char in "'\"":
        return (
            f"The quote that opens here, `{text[offset : offset + 12]}`, is never "
            "closed. A quote within text is written twice: 'it''s'."
        )
    if char == ".":
        return "A dot belongs between two names, or within a number."
    hint = _HINTS.get(char, "Text stands in single quotes.")
    return f"`{char}` does not belong in an expression. {hint}"
