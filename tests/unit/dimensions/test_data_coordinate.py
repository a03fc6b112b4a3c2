"""Data IDs."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantler.dimensions.coordinate import DataCoordinate
from pantler.dimensions.universe import Universe
from pantler.errors import DataIdError

UNIVERSE = Universe.default()
GROUP = UNIVERSE.group(["visit", "detector"])
TEXTS = functools.partial(
    st.text, st.characters(exclude_categories=["Cs"], exclude_characters="\0")
)
mappings = st.fixed_dictionaries(
    {
        "instrument": TEXTS(min_size=1, max_size=5),
        "visit": st.integers(0, 10),
        "detector": st.integers(0, 10),
    }
)
implied = st.fixed_dictionaries(
    {
        "physical_filter": TEXTS(max_size=3),
        "band": TEXTS(max_size=1),
        "day_obs": st.integers(0, 20300101),
    }
)


@given(mappings, st.randoms())
def test_the_order_of_keys_does_not_matter(mapping, random):
    items = list(mapping.items())
    random.shuffle(items)
    one = DataCoordinate.from_mapping(mapping, GROUP)
    other = DataCoordinate.from_mapping(dict(items), GROUP)
    assert one == other
    assert hash(one) == hash(other)
    assert dict(one) == mapping


@given(mappings, implied)
def test_implied_values_are_keys_but_do_not_tell_data_ids_apart(mapping, more):
    short = DataCoordinate.from_mapping(mapping, GROUP)
    full = DataCoordinate.from_mapping({**mapping, **more}, GROUP)
    assert full.is_full
    assert not short.is_full
    assert full == short
    assert hash(full) == hash(short)
    assert dict(full) == {**mapping, **more}
    assert full.required == short.required == mapping


@given(mappings, mappings)
def test_data_ids_are_equal_exactly_if_their_values_are(one, other):
    left, right = (DataCoordinate.from_mapping(each, GROUP) for each in (one, other))
    assert (left == right) == (one == other)


@given(mappings, implied)
def test_a_subset_keeps_what_the_smaller_group_names(mapping, more):
    full = DataCoordinate.from_mapping({**mapping, **more}, GROUP)
    visit = full.subset(UNIVERSE.group(["visit"]))
    assert visit.is_full
    assert visit["band"] == more["band"]
    assert "detector" not in visit


def test_a_subset_cannot_make_up_values():
    data_id = DataCoordinate.from_mapping(
        {"instrument": "D", "visit": 1, "detector": 2}, GROUP
    )
    with pytest.raises(DataIdError, match="lacks 'physical_filter'"):
        data_id.subset(UNIVERSE.group(["physical_filter"]))


def test_numpy_integers_become_integers():
    data_id = DataCoordinate.from_mapping(
        {"instrument": "D", "visit": np.int64(1), "detector": np.uint8(2)}, GROUP
    )
    assert type(data_id["visit"]) is int
    assert data_id["detector"] == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"visit": None}, "lacks 'visit'"),
        ({"visit": "7"}, "'visit' takes an integer, not '7'"),
        ({"visit": True}, "'visit' takes an integer"),
        ({"visit": 7.0}, "'visit' takes an integer"),
        ({"instrument": 7}, "'instrument' takes text"),
        ({"detectr": 7}, "Did you mean 'detector'"),
    ],
)
def test_a_wrong_data_id_is_refused_with_the_key_that_is_wrong(change, said):
    mapping = {"instrument": "D", "visit": 1, "detector": 2, **change}
    with pytest.raises(DataIdError, match=said):
        DataCoordinate.from_mapping(mapping, GROUP)


def test_a_data_id_prints_its_required_values():
    mapping = {"instrument": "D", "visit": 1, "detector": 2}
    data_id = DataCoordinate.from_mapping(mapping, GROUP)
    assert str(data_id) == "{instrument: 'D', detector: 2, visit: 1}"
    with pytest.raises(KeyError):
        data_id["band"]


class Anything:
    def __index__(self):
        return 4


@pytest.mark.parametrize("value", [np.int64(4), np.uint8(4), np.array(4), Anything()])
def test_an_integer_may_have_any_type(value):
    mapping = {"instrument": "D", "visit": value, "detector": 2}
    data_id = DataCoordinate.from_mapping(mapping, GROUP)
    assert type(data_id["visit"]) is int
    assert data_id["visit"] == 4


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("visit", 4.7, "'visit' takes an integer, not 4.7"),
        ("visit", 4.0, "'visit' takes an integer, not 4.0"),
        ("visit", np.float32(4), "'visit' takes an integer"),
        ("visit", np.True_, "'visit' takes an integer"),
        ("visit", np.array([4]), "'visit' takes an integer"),
        ("visit", 2**63, "'visit': The integer 9223372036854775808 does not fit"),
        ("visit", -(2**63) - 1, "does not fit into 64 bits"),
        ("instrument", "D\ud800", "'instrument': .* characters that are not text"),
        ("instrument", b"D", "'instrument' takes text"),
    ],
)
def test_what_a_repository_cannot_hold_is_refused(key, value, said):
    mapping = {"instrument": "D", "visit": 1, "detector": 2, key: value}
    with pytest.raises(DataIdError, match=said):
        DataCoordinate.from_mapping(mapping, GROUP)


def test_a_pixel_that_its_level_does_not_have_is_refused():
    group = UNIVERSE.group(["htm7"])
    assert DataCoordinate.from_mapping({"htm7": 131072}, group)["htm7"] == 131072
    with pytest.raises(DataIdError, match="no pixel 131071; they are 131072 to 262143"):
        DataCoordinate.from_mapping({"htm7": 131071}, group)


def test_the_least_and_the_greatest_integers_and_text_of_any_script_are_taken():
    for value in (-(2**63), 2**63 - 1):
        mapping = {"instrument": np.str_("望遠鏡"), "visit": value, "detector": 2}
        data_id = DataCoordinate.from_mapping(mapping, GROUP)
        assert data_id["visit"] == value
        assert type(data_id["instrument"]) is str


def test_a_value_that_is_not_there_is_missed_with_a_reason():
    group = Universe.default().group(["visit"])
    required = DataCoordinate(group, ("Demo", 3))
    assert "band" not in required
    assert required.get("band") is None
    assert required.get("band", "r") == "r"
    assert required.get("visit") == 3
    with pytest.raises(KeyError, match=r"'band' is implied by .*visit: 3.*expand"):
        required["band"]
    with pytest.raises(KeyError, match=r"no 'vist'.* Did you mean 'visit'"):
        required["vist"]


@given(mappings, implied)
def test_json_gives_the_same_data_id(mapping, more):
    for values in (mapping, {**mapping, **more}):
        one = DataCoordinate.from_mapping(values, GROUP)
        again = DataCoordinate.from_json(one.to_json(), GROUP)
        assert again == one
        assert again.values_ == one.values_


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", "null", '{"visit": 1.5}', '{"vist": 1}', "[" * 100_000, "NaN"],
)
def test_json_that_is_no_data_id_is_refused(text):
    with pytest.raises(DataIdError):
        DataCoordinate.from_json(text, GROUP)


@given(mappings)
def test_a_union_has_the_values_of_both(mapping):
    whole = DataCoordinate.from_mapping(mapping, GROUP)
    visit = whole.subset(UNIVERSE.group(["visit"]))
    detector = whole.subset(UNIVERSE.group(["detector"]))
    assert visit.union(detector) == whole
    assert detector.union(visit) == whole
    assert whole.union(visit) == whole


def test_a_union_of_what_contradicts_is_refused():
    one = DataCoordinate.from_mapping(
        {"instrument": "A", "visit": 1}, UNIVERSE.group(["visit"])
    )
    other = DataCoordinate.from_mapping(
        {"instrument": "B", "detector": 1}, UNIVERSE.group(["detector"])
    )
    with pytest.raises(DataIdError, match="'instrument' is 'A' in one and 'B'"):
        one.union(other)
