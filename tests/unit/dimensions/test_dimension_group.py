"""Universes, and the algebra of groups of dimensions."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantler.dimensions.universe import Universe
from pantler.errors import DimensionNotFoundError, SettingsError

UNIVERSE = Universe.default()
NAMES = [
    element.name
    for element in UNIVERSE.elements.values()
    if element.is_dimension and not element.is_pixel
]
names = st.lists(st.sampled_from([*NAMES, "htm7", "healpix9"]), max_size=5)


@given(names)
def test_a_group_is_closed_and_made_once(some):
    group = UNIVERSE.group(some)
    assert set(some) <= set(group.names)
    for name in group:
        element = UNIVERSE[name]
        assert set(element.required) <= set(group.names)
        assert set(element.implied) <= set(group.names)
    assert UNIVERSE.group(group.names) is group
    assert UNIVERSE.group(group.required) is group


@given(names)
def test_required_and_implied_divide_a_group(some):
    group = UNIVERSE.group(some)
    assert not set(group.required) & set(group.implied)
    order = list(UNIVERSE.elements)
    for part in (group.required, group.implied):
        assert list(part) == sorted(part, key=order.index)


@given(names, names, names)
def test_union_is_a_least_upper_bound(first, second, third):
    one, two, three = (UNIVERSE.group(some) for some in (first, second, third))
    both = one.union(two)
    assert both is two.union(one)
    assert both.union(three) is one.union(two.union(three))
    assert one <= both
    assert two <= both
    assert (one <= two) == (both is two)


def test_a_visit_fixes_its_filter_band_and_day():
    group = UNIVERSE.group(["visit", "detector"])
    assert group.required == ("instrument", "detector", "visit")
    assert set(group.implied) == {"physical_filter", "band", "day_obs"}
    assert group.governors == ("instrument",)


def test_an_implied_dimension_that_is_asked_for_alone_is_required():
    assert UNIVERSE.group(["band"]).required == ("band",)
    assert UNIVERSE.group(["band", "visit"]) is UNIVERSE.group(["visit"])


def test_the_finest_element_of_a_family_has_the_say():
    detectors = UNIVERSE.group(["visit", "detector", "tract", "patch"])
    found = {element.name for element in detectors.spatial_elements()}
    assert found == {"visit_detector_region", "patch"}
    visits = UNIVERSE.group(["visit", "exposure"])
    assert [e.name for e in visits.spatial_elements()] == ["visit"]
    assert [e.name for e in visits.temporal_elements()] == ["exposure"]


def test_a_relation_is_not_a_dimension():
    with pytest.raises(DimensionNotFoundError, match="instrument, "):
        UNIVERSE.group(["visit_detector_region"])


def test_an_unknown_dimension_is_answered_with_the_nearest_one():
    with pytest.raises(DimensionNotFoundError, match="Did you mean 'visit'"):
        UNIVERSE.group(["vist"])


def test_a_universe_survives_its_own_yaml():
    assert Universe.from_yaml(UNIVERSE.to_yaml()) == UNIVERSE


def test_a_group_crosses_processes_and_stays_itself():
    group = UNIVERSE.group(["visit"])
    assert pickle.loads(pickle.dumps(group)) is group


MINIMAL = """
namespace: small
version: 1
skypix: {common: htm3, systems: {htm: {max_level: 3}}}
elements:
  a: {doc: A., keys: [{name: id, type: int}]%s}
  b: {doc: B., keys: [{name: id, type: int}], requires: [a]}
"""


def test_a_universe_of_ones_own_can_be_small():
    universe = Universe.from_yaml(MINIMAL % "")
    assert universe.group(["b"]).names == ("a", "b")
    assert universe.common_pixels.name == "htm3"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MINIMAL % ", requires: [b]", "cycle: a → b → a"),
        (MINIMAL % ", requires: [c]", "'a' requires 'c'"),
        (MINIMAL % ", colour: red", "colour"),
        ("{", "not valid YAML"),
        ("[" * 3000, "more than 100 deep"),
    ],
)
def test_a_universe_that_does_not_hold_together_is_refused(text, said):
    with pytest.raises(SettingsError, match=said):
        Universe.from_yaml(text)


def test_universes_are_equal_if_their_definitions_are():
    text = UNIVERSE.to_yaml()
    assert Universe.from_yaml(text) == UNIVERSE
    own = text.replace("namespace: pantler", "namespace: own")
    assert Universe.from_yaml(own) != UNIVERSE
    later = own.replace("version: 1", "version: 2")
    assert Universe.from_yaml(later) != Universe.from_yaml(own)
    assert text != UNIVERSE


def test_a_universe_is_written_in_the_order_in_which_it_was_defined():
    keys = [line.partition(":")[0] for line in UNIVERSE.to_yaml().splitlines()]
    assert keys[:3] == ["namespace", "version", "skypix"]


@given(names, names)
def test_an_intersection_has_what_both_have(first, second):
    one, two = UNIVERSE.group(first), UNIVERSE.group(second)
    both = one.intersection(two)
    assert set(both.names) == set(one.names) & set(two.names)
    assert both is two.intersection(one)
    assert both <= one
    assert one.intersection(one) is one
    assert one.intersection() is one


def test_groups_of_equal_universes_are_equal():
    """As those are that another process has read."""
    one, two = (Universe.from_yaml(VISITS).group(["visit"]) for _ in range(2))
    assert one is not two
    assert one == two
    assert one != two.universe.group([])
    assert one != UNIVERSE.group(["visit"])


VISITS = """
namespace: visits
version: 1
skypix: {common: htm7, systems: {htm: {max_level: 7}}}
elements:
  visit: {doc: A visit., keys: [{name: id, type: int}]}
"""
