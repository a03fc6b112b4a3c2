"""Data IDs of every kind: an answer or an error of ours, and nothing is damaged."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import math
import uuid

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pantler import Butler, Timespan
from pantler.datasets.collection import CollectionType
from pantler.errors import DataIdError, InvalidInputError, PantlerError
from pantler.testing.survey_repository import make_survey_repository


class Number(enum.IntEnum):
    ONE = 1


class Text(str):
    __slots__ = ()


STRANGE = [
    True, 1.0, 1.5, math.nan, math.inf, 1j, b"1", [], {}, (1,), {1}, object(), int,
    np.float64(1), np.bool_(1), np.array([1]), pl.Series([1]),
    decimal.Decimal(1), uuid.UUID(int=1), dt.datetime(2025, 1, 1),
    Timespan.always(), range(1),
]  # fmt: skip
SEVERAL = (list, tuple, set, range, np.ndarray, pl.Series)
TOO_LARGE = [2**63, -(2**63) - 1, 10**400]
NOT_THERE = [
    "", " ", "Cam ", "cam", "CAM", "%", "*", "_", "' OR 1=1 --", "Cam'", 'Cam"', "{x}",
    "../../x", "a/b", "\n", "é", "e\u0301", "\u202e", "🙂", "x" * 1_000_000, -1,
    2**63 - 1,
]  # fmt: skip
UNSTORABLE = ["Cam\0", "\ud800"]
KEYS = ["instrument", "exposure", "detector", "visit", "band", "exposure.obs_id"]


@pytest.fixture(scope="module")
def butler(tmp_path_factory):
    root = tmp_path_factory.mktemp("strange") / "repo"
    make_survey_repository(root).close()
    with Butler.open(root, writeable=True, collections="Cam/raw", run="mine") as opened:
        opened.collections.register("mine", CollectionType.RUN)
        yield opened


@pytest.fixture(scope="module")
def good(butler):
    ref = next(iter(butler.query_datasets("raw")))
    return {name: ref.data_id[name] for name in ("instrument", "exposure", "detector")}


def calls(butler, data_id):
    """Yield all that takes a data ID; in queries, several values mean any of them."""
    group = butler.universe.group(["exposure", "detector"])
    yield lambda: butler.get("raw", data_id)
    yield lambda: butler.find_dataset("raw", data_id)
    yield lambda: butler.put({}, "raw", data_id)
    yield lambda: butler.dimensions.expand(data_id, group)
    if any(isinstance(value, SEVERAL) for value in data_id.values()):
        return
    yield lambda: list(butler.query_datasets("raw", **data_id))
    yield lambda: list(butler.query_data_ids(["exposure", "detector"], **data_id))


def count(butler):
    return butler.query_datasets("raw", collections=["Cam/raw", "mine"]).count()


@pytest.mark.parametrize(
    "value", [*STRANGE, *TOO_LARGE, *UNSTORABLE], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("key", KEYS)
def test_what_cannot_be_a_value_is_refused(butler, good, key, value):
    before = count(butler)
    for call in calls(butler, {**good, key: value}):
        with pytest.raises(InvalidInputError) as caught:
            call()
        assert len(str(caught.value)) < 3000
    assert count(butler) == before


@pytest.mark.parametrize("value", NOT_THERE, ids=lambda value: repr(value)[:30])
@pytest.mark.parametrize("key", KEYS)
def test_what_does_not_exist_is_not_found_and_changes_nothing(butler, good, key, value):
    before = count(butler)
    for call in calls(butler, {**good, key: value}):
        try:
            assert not call()
        except PantlerError as error:
            told = str(error)
            assert len(told) < 3000
            assert "sqlite" not in told.lower()
    assert count(butler) == before


@pytest.mark.parametrize(
    "value", [Number.ONE, np.int64(1), np.uint8(1), np.int32(1)], ids=repr
)
def test_integers_of_every_type_are_integers(butler, good, value):
    one = butler.find_dataset("raw", {**good, "detector": 1})
    assert butler.find_dataset("raw", {**good, "detector": value}) == one
    assert type(one.data_id["detector"]) is int


@pytest.mark.parametrize("value", [Text("Cam"), np.str_("Cam")], ids=repr)
def test_texts_of_every_type_are_texts(butler, good, value):
    found = butler.find_dataset("raw", {**good, "instrument": value})
    assert type(found.data_id["instrument"]) is str


@pytest.mark.parametrize("data_id", [1, "Cam", ["a"], (("exposure", 1),), True, 1.5])
def test_what_is_no_data_id_is_refused(butler, data_id):
    for call in (butler.get, butler.find_dataset, butler.get_deferred):
        with pytest.raises(InvalidInputError, match="a mapping such as"):
            call("raw", data_id)
    with pytest.raises(InvalidInputError, match="a mapping such as"):
        butler.put({}, "raw", data_id)


@pytest.mark.parametrize("key", [1, None, 1.5, b"exposure", ("exposure",)])
def test_a_key_is_text(butler, good, key):
    with pytest.raises(DataIdError, match="is text"):
        butler.find_dataset("raw", {**good, key: 1})


@pytest.mark.parametrize(
    "bounds", [("a", "b"), (1.5, 3), (None, 1), (True, 5), ([], 1)]
)
def test_a_time_span_has_whole_numbers(bounds):
    with pytest.raises(InvalidInputError, match="whole numbers of nanoseconds"):
        Timespan(*bounds)


@pytest.mark.parametrize("bounds", [(1, 1), (2, 1), (0, 2**63), (-(2**63) - 1, 0)])
def test_a_time_span_ends_after_it_begins(bounds):
    with pytest.raises(InvalidInputError):
        Timespan(*bounds)


def test_a_time_span_of_other_integers_is_of_plain_ones():
    span = Timespan(np.int64(1), np.uint8(9))
    assert span == Timespan(1, 9)
    assert type(span.begin) is int


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=40), number=st.integers(-(2**63), 2**63 - 1))
def test_any_name_that_can_be_kept_comes_back_as_it_is(butler, name, number):
    """Quotes, marks of patterns, any script: through records, data IDs and queries."""
    row = {"instrument": "Cam", "detector": number, "full_name": name}
    try:
        butler.dimensions.insert("detector", [row], on_conflict="replace")
    except PantlerError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        reasons = ("NUL", "at most 32", "must be unique")
        assert any(reason in refusal for reason in reasons), refusal
        return
    key = {"instrument": "Cam", "detector": number}
    assert butler.dimensions.find("detector", key)["full_name"] == name
    found = butler.query_dimension_records(
        "detector", where="detector.full_name = name", bind={"name": name}
    )
    assert number in {record["detector"] for record in found}
    quoted = name.replace("'", "''")
    written = butler.query_dimension_records(
        "detector", where=f"detector.full_name = '{quoted}'"
    )
    assert [r["detector"] for r in written] == [r["detector"] for r in found]


@pytest.mark.parametrize("name", ["a\0b", "\0", "\ud800"])
def test_text_that_no_database_holds_is_refused_in_records(butler, name):
    row = {"instrument": "Cam", "detector": 800, "full_name": name}
    with pytest.raises(InvalidInputError, match=r"NUL|not text"):
        butler.dimensions.insert("detector", [row])
    if name != "\ud800":
        with pytest.raises(InvalidInputError, match="NUL"):
            butler.dimensions.insert("detector", pl.DataFrame([row]))
