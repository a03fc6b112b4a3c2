"""YAML text: plain values, bounds, and the place of what is wrong."""

from __future__ import annotations

import contextlib
import datetime as dt
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pantler.config import yaml_text
from pantler.config.yaml_text import MOST_NESTED, YamlDocument, check_yaml, load_yaml
from pantler.errors import InvalidInputError, SettingsError


@pytest.fixture(params=["libyaml", "python"])
def _parser(request, monkeypatch):
    """Read with either parser of PyYAML."""
    if request.param == "python":

        class Parser(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
            def __init__(self, text):
                yaml.reader.Reader.__init__(self, text)
                yaml.scanner.Scanner.__init__(self)
                yaml.parser.Parser.__init__(self)

        monkeypatch.setattr(yaml_text, "_Parser", Parser)


pytestmark = pytest.mark.usefixtures("_parser")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# only a comment", None),
        (
            "a: [1, 2.5, x, true, null, 2026-03-04]",
            {"a": [1, 2.5, "x", True, None, dt.date(2026, 3, 4)]},
        ),
        ("a: &x {k: 1}\nb: {<<: *x, l: 2}", {"a": {"k": 1}, "b": {"k": 1, "l": 2}}),
        ("a: &x {k: 1}\nb: {<<: *x, k: 2}", {"a": {"k": 1}, "b": {"k": 2}}),
        ("{1: a, '1': b}", {1: "a", "1": "b"}),
        ("\ufeffa: é".encode(), {"a": "é"}),
        ("text", "text"),
    ],
)
def test_values_are_plain(text, value):
    assert load_yaml(text, "doc") == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: {b", "line 1, column 4: This is not valid YAML"),
        ("a: {b\n", "line 1, column 4: This is not valid YAML"),
        ("? [a, b]\n: 1", "line 1, column 3: Found unhashable key"),
        ("a: b: c", "line 1, column 5: This is not valid YAML: mapping val"),
        ("x: 1\nnight: 2026-13-45", "line 2, column 8: '2026-13-45' is not a date"),
        ("!!int 'x'", "line 1, column 1: 'x' is not a whole number"),
        ("a: !!float x", "line 1, column 4: 'x' is not a number"),
        ("a: !!bool x", "line 1, column 4: 'x' is not a truth value"),
        ("a: !!timestamp x", "line 1, column 4: 'x' is not a date or time"),
        (f"a: {'9' * 6000}", "line 1, column 4: '999.* is not a whole number"),
        ("a: !!python/object:os.system {}", "column 4: There are no values of kind"),
        ("a: !!python/name:os.system x", "kind '!!python/name:os.system'"),
        ("a: 1\nb: 2\na: 3", "line 3, column 1: Key 'a' .* first is on line 1"),
        ("1: a\n0x1: b", "line 2, column 1: Key '0x1' stands here for a second"),
        ("a: 1\n---\nb: 2", "line 2, column 1: A second document begins here"),
        ("a: *b", "line 1, column 4: There is no anchor '&b' above"),
        ("a: &a [*a]", "line 1, column 8: '\\*a' stands for a value that contains"),
        ("&a {<<: *a}", "'\\*a' stands for a value that contains it"),
        ("<<: 3", "line 1, column 5: Expected a mapping"),
        (b"a: 1\nb: \xff", "line 2, column 4: The text is not UTF-8"),
        ("a: \ud800", "line 1, column 4: There is a character"),
        ("a:\n  \x07", "line 2, column 3: There is a character"),
        ("[" * 3000, f"line 1, column .*more than {MOST_NESTED} deep"),
        ("- " * 3000, f"more than {MOST_NESTED} deep"),
        ("{a: " * 3000, f"more than {MOST_NESTED} deep"),
    ],
)
def test_what_is_wrong_has_its_place(text, said):
    with pytest.raises(InvalidInputError, match=said) as caught:
        load_yaml(text, "doc")
    assert str(caught.value).startswith("doc, line ")
    assert "\n" not in str(caught.value)


def _chain(link: str) -> str:
    """Return a text of 30 lines whose values grow ninefold from line to line."""
    lines = ["v0: &v0 {k0: 1, l0: 2, m0: 3}"]
    for number in range(1, 30):
        before = ", ".join([f"*v{number - 1}"] * 9)
        value = link.format(before=before, number=number)
        lines.append(f"v{number}: &v{number} {value}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("link", "most_repeated"),
    [
        ("[{before}]", None),
        ("{{<<: [{before}]}}", None),
        # Where aliases may repeat as much as they like, copies still count.
        ("{{<<: [{before}]}}", 10**60),
        ("{{<<: [{before}], k{number}: 1}}", 10**60),
    ],
)
def test_a_short_text_cannot_grow_without_bounds(link, most_repeated):
    limit = {} if most_repeated is None else {"most_repeated": most_repeated}
    start = time.perf_counter()
    with pytest.raises(InvalidInputError, match="repeat more than 100,000 values"):
        load_yaml(_chain(link), "bomb", **limit)
    assert time.perf_counter() - start < 1


def test_text_for_another_reader_is_checked_first():
    check_yaml("a: !their.Thing {b: 1}\nc: !!python/name:os.system x", "doc")
    for link in ("[{before}]", "{{<<: [{before}]}}"):
        with pytest.raises(SettingsError, match=r"doc, line .* repeat more than"):
            check_yaml(_chain(link), "doc", error=SettingsError)
    with pytest.raises(InvalidInputError, match=r"doc, line 1, column 101: .*deep"):
        check_yaml("[" * 500, "doc")
    with pytest.raises(InvalidInputError, match=r"doc, line 1, column \d+: .*deep"):
        check_yaml("[" * 3000, "doc")


def test_repeated_values_are_shared_where_they_may_be_many():
    value = load_yaml(_chain("[{before}]"), "doc", most_repeated=10**60)
    assert value["v29"][0] is value["v29"][8] is value["v28"]


def test_the_deepest_text_that_is_allowed_is_read():
    text = "[" * MOST_NESTED + "]" * MOST_NESTED
    assert load_yaml(text, "doc")
    with pytest.raises(InvalidInputError, match="deep"):
        load_yaml(f"[{text}]", "doc")


def test_errors_have_the_class_that_was_asked_for():
    with pytest.raises(SettingsError, match="line 1, column 1: 'x' is not a whole"):
        load_yaml("!!int x", "the settings", error=SettingsError)


def test_a_document_knows_the_line_of_each_value():
    document = YamlDocument(
        "a:\n  b: [1,\n    2]\nm: &m\n  x: 1\n  y: 2\nn:\n  <<: *m\n  y: 3\n", "doc"
    )
    assert document.at("a") == "doc, line 1"
    assert document.at("a", "b", 1) == "doc, line 3"
    assert document.at("a", "b", 7) == "doc, line 2"
    assert document.at("n", "x") == "doc, line 5"
    assert document.at("n", "y") == "doc, line 9"
    assert document.at("nothing") == "doc"
    assert str(document.error("Wrong.", "a", "b")) == "doc, line 2: Wrong."


_PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.dates(min_value=dt.date(1000, 1, 1)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc=<-0x"), inner),
    max_leaves=20,
)


@given(_PLAIN)
def test_what_pyyaml_writes_is_read_as_pyyaml_reads_it(value):
    text = yaml.safe_dump(value)
    assert load_yaml(text, "doc") == yaml.safe_load(text)


@given(st.text("ab:-[]{}&*!<>?|#'\"0123 \n\t,%@~=.é\x85", max_size=60))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(InvalidInputError):
        load_yaml(text, "doc")
