"""JSON, YAML and text: what comes back, and what is said of the rest."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantler.datasets.storage_class import get_storage_class
from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.plain import JsonFormatter, YamlFormatter

DICT = get_storage_class("StructuredDict")
BOTH = pytest.mark.parametrize("formatter", [JsonFormatter(), YamlFormatter()])

# YAML 1.1 has no surrogates and reads some control characters as line ends.
texts = st.text(st.characters(exclude_categories=["Cs"]))
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4)
    ),
    max_leaves=12,
)
values = st.dictionaries(texts, trees, max_size=5)


@BOTH
@given(values)
def test_every_plain_dictionary_comes_back(formatter, value):
    found = formatter.from_bytes(formatter.to_bytes(value, DICT), DICT)
    assert found == value
    assert repr(found) == repr(value)  # also -0.0, True against 1, and the order


@BOTH
def test_numbers_of_numpy_become_plain_ones(formatter):
    value = {
        "i": np.int32(3),
        "f": np.float32(0.5),
        "d": np.float64(0.1),
        "b": np.bool_(True),
        "s": np.str_("x"),
        "t": (1, 2),
    }
    found = formatter.from_bytes(formatter.to_bytes(value, DICT), DICT)
    assert found == {"i": 3, "f": 0.5, "d": 0.1, "b": True, "s": "x", "t": [1, 2]}
    assert type(found["i"]) is int
    assert found["b"] is True


@BOTH
def test_nan_and_infinities_come_back(formatter):
    value = {"a": math.nan, "b": math.inf, "c": -math.inf, "d": np.float32("nan")}
    found = formatter.from_bytes(formatter.to_bytes(value, DICT), DICT)
    assert math.isnan(found["a"])
    assert math.isnan(found["d"])
    assert (found["b"], found["c"]) == (math.inf, -math.inf)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": {"b": [0, object()]}}, r"'a\.b\[1\]' is <object"),
        ({"a": {1: 2}}, "the key 1 in 'a' is not text"),
        ({"a": np.arange(2)}, r"'a' is array\(\[0, 1\]\) \(ndarray\).*tolist"),
    ],
)
def test_json_says_where_the_part_is_that_it_cannot_hold(value, words):
    with pytest.raises(InvalidInputError, match=words):
        JsonFormatter().to_bytes(value, DICT)


def test_json_that_holds_itself_is_named():
    value: dict = {}
    value["a"] = [value]
    with pytest.raises(InvalidInputError, match="holds itself"):
        JsonFormatter().to_bytes(value, DICT)


def test_json_of_another_type_is_named():
    with pytest.raises(IntegrityError, match=r"holds a list, where.*'StructuredDict'"):
        JsonFormatter().from_bytes(b"[1]", DICT)


def test_yaml_never_makes_objects():
    text = b"a: !!python/object/apply:os.getcwd []"
    with pytest.raises(IntegrityError, match="column 4: There are no values of kind"):
        YamlFormatter().from_bytes(text, DICT)


@pytest.mark.parametrize(
    "text", [b"a: 2026-13-45", b"a: \xff", b"[" * 3000, b"a: 1\na: 2", b"!!int x"]
)
def test_damaged_yaml_is_named_with_its_place(text):
    with pytest.raises(IntegrityError, match=r"The file, line [12], column"):
        YamlFormatter().from_bytes(text, DICT)


def test_yaml_is_written_only_where_it_can_be_read_again():
    shared = list(range(1000))
    value = {"same": [shared] * 1000}
    data = YamlFormatter().to_bytes(value, DICT)
    assert YamlFormatter().from_bytes(data, DICT) == value
    value["itself"] = value
    with pytest.raises(InvalidInputError, match="holds itself"):
        YamlFormatter().to_bytes(value, DICT)
    deep: dict = {}
    for _ in range(100):
        deep = {"a": deep}
    with pytest.raises(InvalidInputError, match="more than 100 deep"):
        YamlFormatter().to_bytes(deep, DICT)
    data = YamlFormatter().to_bytes(deep["a"], DICT)
    assert YamlFormatter().from_bytes(data, DICT) == deep["a"]
