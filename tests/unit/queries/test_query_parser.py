"""Query text becomes a syntax tree, or an error that says where and why."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantler.errors import QuerySyntaxError
from pantler.queries.lexer import tokenize
from pantler.queries.parser import parse
from pantler.queries.syntax import (
    Listing,
    Literals,
    Matching,
    Name,
    NullTest,
    Pair,
    Parameter,
    Place,
    Span,
    Value,
    names_in,
)

LABELS = {
    NullTest: "IS NULL",
    Pair: "pair",
    Span: "..",
    Listing: "IN",
    Matching: "LIKE",
}


def shape(node):
    """Return a tree without places, as nested tuples."""
    match node:
        case None:
            return None
        case Value(_, value):
            return value
        case Name(text):
            return text
        case Parameter(name):
            return f":{name}"
    parts = [getattr(node, f.name) for f in fields(node) if f.name != "place"]
    label = LABELS.get(type(node)) or parts.pop(0)
    flat = [n for part in parts for n in (part if isinstance(part, tuple) else [part])]
    return (label, *map(shape, flat))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a OR b AND c", ("OR", "a", ("AND", "b", "c"))),
        ("NOT a AND b", ("AND", ("NOT", "a"), "b")),
        ("NOT a = 1", ("NOT", ("=", "a", 1))),
        ("a = 1 + 2 * -b", ("=", "a", ("+", 1, ("*", 2, ("-", "b"))))),
        ("a - b - c < 1", ("<", ("-", ("-", "a", "b"), "c"), 1)),
        ("(a OR b) AND c", ("AND", ("OR", "a", "b"), "c")),
        ("a == 1 or b <> 2", ("OR", ("=", "a", 1), ("!=", "b", 2))),
        ("a is not null", ("NOT", ("IS NULL", "a"))),
        (
            "a between 1 and 2 and b",
            ("AND", ("AND", (">=", "a", 1), ("<=", "a", 2)), "b"),
        ),
        ("a LIKE 'x%' OR b", ("OR", ("LIKE", "a", "x%", None), "b")),
        ("a not like :p escape '!'", ("NOT", ("LIKE", "a", ":p", "!"))),
        ("escape LIKE escape", ("LIKE", "escape", "escape", None)),
        ("a NOT IN :list", ("NOT", ("IN", "a", ":list"))),
        ("a IN list", ("IN", "a", "list")),
        (
            "a IN (1, 5..9, 10..20:2, 'x')",
            ("IN", "a", 1, ("..", 5, 9, None), ("..", 10, 20, 2), "x"),
        ),
        ("a IN (-5..-1:step)", ("IN", "a", ("..", -5, -1, ":step"))),
        (
            "a OVERLAPS (T'2024-01-01', NULL)",
            ("OVERLAPS", "a", ("pair", "2024-01-01", None)),
        ),
        ("point(1., .5) overlaps a", ("OVERLAPS", ("POINT", 1.0, 0.5), "a")),
        ("a = 'it''s'", ("=", "a", "it's")),
        ('a = "say ""x"""', ("=", "a", 'say "x"')),
        ("a = -9223372036854775808", ("=", "a", -(2**63))),
        (" \n\t ", None),
    ],
)
def test_precedence_and_forms_are_as_the_grammar_says(text, expected):
    assert shape(parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a = 1 ad b = 2", 1, 7, ["AND, OR or the end", "`ad`", "Did you mean 'AND'?"]),
        ("a < b < c", 1, 7, ["not chained"]),
        ("a LIKE", 1, 7, ["Expected a name"]),
        ("a NOT 'x%'", 1, 7, ["IN, BETWEEN or LIKE after NOT"]),
        ("a =\n  5px", 2, 3, ["`5px`", "single quotes"]),
        ("a =\n\n b AND c = 'x", 3, 12, ["never closed"]),
        ("a && b", 1, 3, ["`&`", "AND"]),
        ("a = \u2018x\u2019", 1, 5, ["straight single quotes"]),
        ("a = ", 1, 5, ["the end of the expression"]),
        ("(a = 1", 1, 7, ["`)`", "line 1, column 1"]),
        ("a IN 5", 1, 6, ["list"]),
        ("a NOT = 5", 1, 7, ["IN, BETWEEN or LIKE"]),
        ("a IS 5", 1, 6, ["`NULL`"]),
        ("a BETWEEN 1 OR 2", 1, 13, ["`AND`"]),
        ("a IN (1 2)", 1, 9, ["`,` or `)`"]),
        ("(a, b, c)", 1, 6, ["two values"]),
        ("a. = 1", 1, 2, ["dot"]),
        ("a.5 = 1", 1, 2, ["`.5`"]),
        ("1.2.3 = a", 1, 1, ["`1.2.3`"]),
    ],
)
def test_an_error_has_its_place_and_says_what_was_expected(text, line, column, words):
    with pytest.raises(QuerySyntaxError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("text", ["a = ", "= 5", "(a = 1", "a IN (1 2)", "a IS = 5"])
def test_only_a_chain_of_comparisons_is_called_one(text):
    with pytest.raises(QuerySyntaxError) as caught:
        parse(text)
    assert ("not chained" in str(caught.value)) == (text == "a IS = 5")


def test_a_number_has_at_most_forty_digits():
    assert parse("a = " + "9" * 40).right.value == 10**40 - 1
    with pytest.raises(QuerySyntaxError, match="too long"):
        parse("a = " + "9" * 41)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 500 + "a" + ")" * 500,
        "NOT " * 500 + "a",
        "-" * 500 + "a",
        "1+" * 500 + "1",
    ],
)
def test_text_that_nests_too_deeply_is_refused_without_a_recursion_error(text):
    with pytest.raises(QuerySyntaxError, match=r"deep|long"):
        parse(text)


@pytest.mark.parametrize(
    "nested",
    [
        lambda depth: "NOT " * depth + "a",
        lambda depth: "(" * depth + "a" + ")" * depth,
        lambda depth: "-" * depth + "a",
        lambda depth: "f(" * depth + "a" + ")" * depth,
        lambda depth: "a" + " + a" * depth,
    ],
)
def test_forty_levels_are_not_too_deep(nested):
    assert parse(nested(40)) is not None
    with pytest.raises(QuerySyntaxError, match=r"more than 40 levels|too long"):
        parse(nested(41))


def test_long_flat_conditions_and_lists_are_fine():
    many = range(3000)
    assert len(parse(" OR ".join(f"a = {i}" for i in many)).operands) == len(many)
    assert len(parse(f"a IN ({', '.join(map(str, many))}, 'x')").items) == 3001


def test_a_list_of_integers_is_one_value():
    listing = parse("a IN\n ( 1,-2 , +3,\n 00004 )")
    assert listing.items == (Literals((1, -2, 3, 4), Place(2, 2)),)


def test_a_list_of_text_is_one_value():
    listing = parse("a IN\n ( 'x','it''s' , '', 'a, (b)',\n '''',' 3 ' )")
    values = ("x", "it's", "", "a, (b)", "'", " 3 ")
    assert listing.items == (Literals(values, Place(2, 2)),)


@pytest.mark.parametrize(
    "text",
    [
        *("a IN ('x')", "a IN ('x', T'2020-01-01')", "a IN ('x', 1)"),
        *("a IN (5)", "a IN (1, 2.5)", "a IN (1, b)", "a IN (1, 2..3)"),
        "a IN (1, - 2)",
    ],
)
def test_other_lists_have_their_items(text):
    assert not any(isinstance(item, Literals) for item in parse(text).items)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("a IN (1, 2", 11),
        ("a IN (1, 2,)", 12),
        ("a IN (1,, 2)", 9),
        ("a IN (1, 2) 3", 13),
        ("a IN (1, 2x)", 10),
        ("a IN ('x', 'y'", 15),
        ("a IN ('x', 'y,)", 12),
        ("a IN ('x' 'y')", 11),
        (f"a IN (1, {'9' * 41})", 10),
    ],
)
def test_mistakes_in_lists_of_integers_are_placed(text, column):
    with pytest.raises(QuerySyntaxError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (1, column)


def test_the_names_of_an_expression_are_found_wherever_they_stand():
    node = parse(
        "NOT a.b = :p AND f(c, :q) OR d IN (e, 1..g:h) OR i IS NULL OR (j, -k) = 1"
    )
    names = "a.b :p c :q d e g :h i j k"
    assert names_in(node) == set(names.split())


_WORDS = [
    "a",
    "visit.id",
    "AND",
    "or",
    "NOT",
    "IN",
    "(",
    ")",
    ",",
    "..",
    ":",
    "=",
    "<=",
    "-",
    "*",
    "1",
    "2.5",
    "'x'",
    "T'60000'",
    ":p",
    "IS",
    "NULL",
    "TRUE",
    "OVERLAPS",
    "BETWEEN",
    "GLOB",
    "\n",
]


ANY_TEXT = st.lists(st.sampled_from(_WORDS), max_size=15).map(" ".join) | st.text()


@given(ANY_TEXT)
def test_any_text_is_parsed_or_refused_with_a_place_inside_it(text):
    place = None
    try:
        parse(text)
    except QuerySyntaxError as error:
        place = error.line, error.column
    if place is not None:
        lines = text.split("\n")
        assert 1 <= place[0] <= len(lines)
        assert 1 <= place[1] <= len(lines[place[0] - 1]) + 1


@given(st.lists(st.sampled_from([w for w in _WORDS if w != "\n"]), max_size=15))
def test_tokens_stand_where_their_places_say(words):
    text = "\n ".join(words)
    lines = text.split("\n")
    for token, word in zip(tokenize(text), words, strict=False):
        line = lines[token.place.line - 1]
        assert line[token.place.column - 1 :].startswith(word)
