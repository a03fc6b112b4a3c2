"""What a predicate says of itself, and that its text says the same."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pantler.datasets.dataset_type import DatasetType
from pantler.dimensions.timespan import Timespan
from pantler.dimensions.universe import Universe
from pantler.errors import InvalidInputError
from pantler.queries.analysis import (
    columns,
    conjuncts,
    dataset_types,
    dimension_names,
    elements,
    fixed_governors,
    fixed_values,
    to_text,
)
from pantler.queries.binding import bind
from pantler.queries.columns import parse_order
from pantler.queries.parser import parse
from pantler.queries.query import DatasetSearch, OrderTerm, Query
from pantler.queries.tree import DatasetField, DimensionKey, RecordField

UNIVERSE = Universe.default()
NOTHING = UNIVERSE.group([])
TYPES = {
    name: DatasetType(name, UNIVERSE.group(["visit"]), "NumpyArray")
    for name in ("calexp", "flat")
}


def bound(text, **parameters):
    return bind(parse(text), UNIVERSE, dataset_types=TYPES, parameters=parameters)


def test_a_predicate_names_its_columns_elements_and_dimensions():
    found = bound(
        "NOT (visit.exposure_time * 2 > -patch.cell_x OR GLOB(band, 'r*')) "
        "AND calexp.run = 'u' AND visit_detector_region.region OVERLAPS patch.region "
        "AND visit.timespan OVERLAPS (NULL, T'60000') AND exposure.can_see_sky "
        "AND physical_filter IS NULL AND tract IN (3..5) AND group LIKE 'a%' "
        "AND flat.timespan OVERLAPS day_obs.timespan"
    )
    assert elements(found) == {
        "visit",
        "patch",
        "visit_detector_region",
        "exposure",
        "day_obs",
    }
    assert dataset_types(found) == {"calexp", "flat"}
    assert dimension_names(found, UNIVERSE) == {
        "instrument",
        "visit",
        "skymap",
        "tract",
        "patch",
        "band",
        "detector",
        "exposure",
        "physical_filter",
        "group",
        "day_obs",
    }
    assert columns(bound("visit = 3 OR visit = 4")) == (DimensionKey("visit", "int"),)
    assert (
        elements(None)
        == dataset_types(None)
        == dimension_names(None, UNIVERSE)
        == set()
    )


def test_conjuncts_are_what_must_all_hold():
    assert conjuncts(None) == ()
    assert len(conjuncts(bound("visit = 3 OR visit = 4"))) == 1
    assert len(conjuncts(bound("visit = 3 AND visit != 4 AND band = 'r'"))) == 3


def test_governors_are_fixed_by_equality_only():
    found = bound("instrument = 'Demo' AND skymap IN ('s') AND visit = 3 AND tract > 1")
    assert fixed_values(found) == {"instrument": "Demo", "skymap": "s", "visit": 3}
    assert fixed_governors(found, UNIVERSE) == {"instrument": "Demo", "skymap": "s"}
    for text in (
        "instrument != 'a'",
        "instrument = 'a' OR visit = 3",
        "NOT instrument = 'a'",
        "instrument IN ('a', 'b')",
    ):
        assert fixed_governors(bound(text), UNIVERSE) == {}


def test_order_terms_name_columns_and_direction():
    assert parse_order(
        ["-visit.exposure_time", "detector", "visit.timespan.begin", "calexp.run"],
        Query(NOTHING, datasets=(DatasetSearch(TYPES["calexp"], ("u",)),)),
    ) == (
        OrderTerm(RecordField("visit", "exposure_time", "float"), descending=True),
        OrderTerm(DimensionKey("detector", "int")),
        OrderTerm(RecordField("visit", "timespan_begin", "time")),
        OrderTerm(DatasetField("calexp", "run", "string")),
    )
    rows = Query(UNIVERSE.group(["visit"]))
    assert parse_order(["timespan.begin"], rows) == parse_order(
        ["visit.timespan.begin"], Query(NOTHING)
    )


@pytest.mark.parametrize(
    ("term", "words"),
    [
        ("-vist", "Did you mean 'visit'?"),
        ("--visit", "Cannot order by '--visit'"),
        ("", "Cannot order by ''"),
        ("visit.timespan", "visit.timespan.begin"),
        ("visit.region", "no order"),
    ],
)
def test_what_has_no_order_is_refused(term, words):
    with pytest.raises(InvalidInputError) as caught:
        parse_order([term], Query(NOTHING))
    assert words in str(caught.value)


# Texts of all kinds of condition, with bound values of all kinds.

# `recursive` bounds how deep they nest, as `deferred` does not: the parser follows
# forty levels.
INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TIMES = st.integers(-(2**62), 2**62)
NUMBERS = st.recursive(
    st.sampled_from(["visit", "detector.id", "visit.exposure_time", "tracking_ra"])
    | st.integers(-99, 99).map(str)
    | FLOATS.map(repr),
    lambda inner: (
        inner.map(lambda a: f"-({a})")
        | st.tuples(inner, st.sampled_from("+-*"), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        )
    ),
    max_leaves=5,
)
OPERATORS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def joined(word, conditions):
    return f" {word} ".join(f"({condition})" for condition in conditions)


# A database keeps no NUL in text, so that one is refused.
CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0")
TEXT, SHORT = st.text(CHARACTERS), st.text(CHARACTERS, max_size=5)


ATOMS = st.one_of(
    st.tuples(NUMBERS, OPERATORS, NUMBERS).map(" ".join),
    st.tuples(
        st.sampled_from(["band", "detector", "calexp.run"]),
        OPERATORS,
        TEXT.map(quoted),
    ).map(" ".join),
    st.lists(INTEGERS | st.integers(0, 9), max_size=4).map(
        lambda v: f"visit IN ({', '.join(map(str, v))})"
    ),
    st.tuples(st.integers(0, 9), st.integers(10, 19), st.integers(1, 3)).map(
        lambda r: "visit.seq_num NOT IN ({}..{}:{}, 5, detector)".format(*r)
    ),
    SHORT.map(lambda p: f"GLOB(visit.name, {quoted(p)})"),
    SHORT.map(lambda p: f"visit.name LIKE {quoted(p)}"),
    st.sampled_from(
        [
            "exposure.can_see_sky",
            "can_see_sky = FALSE",
            "visit.name = NULL",
            "visit.name NOT IN ('a', NULL)",
            r"visit.name LIKE '!%\_' ESCAPE '!'",
            "calexp.timespan OVERLAPS visit.timespan",
            "calexp.timespan.begin > T'60000' OR calexp.size < 3",
            "calexp.collection = 'a'",
            "TRUE",
            "1 > 2",
            "visit.region OVERLAPS patch.region",
            "visit.region OVERLAPS CIRCLE(10, 20, 0.3)",
            "skymap.hash != 'abcd'",
            "detector IN ('S01', 3, 5..9)",
            "visit.timespan OVERLAPS day_obs.timespan",
            "calexp.dataset_id = UUID('0190b7f4-0000-7000-8000-000000000000')",
        ]
    ),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map(lambda c: f"NOT ({c})"),
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: joined("AND", parts)),
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: joined("OR", parts)),
    ),
    max_leaves=8,
)


@given(CONDITIONS)
def test_the_text_of_a_tree_binds_to_that_tree(text):
    try:
        tree = bound(text)
    except InvalidInputError as error:
        message = str(error)
    else:
        assert bound(to_text(tree)) == tree
        return
    # Folding may make a number that is too large; nothing else is wrong with the text.
    assert "64 bits" in message or "not finite" in message


@given(TIMES, st.integers(1, 2**61))
def test_the_text_of_times_is_exact_to_the_nanosecond(begin, length):
    for tree in (
        bound("visit.timespan OVERLAPS :span", span=Timespan(begin, begin + length)),
        bound("visit.timespan OVERLAPS :span", span=Timespan(Timespan.MIN, begin)),
        bound("visit.timespan OVERLAPS :span", span=Timespan.always()),
        bound("visit.timespan OVERLAPS (T'60000.1', NULL)"),
    ):
        assert bound(to_text(tree)) == tree


@given(
    st.floats(0, 360, exclude_max=True),
    st.floats(-80, 80),
    st.floats(0, 5) | st.sampled_from([0, 0.5, 1]),
)
@example(0.0, -5e-324, 0.0)  # nothing but a sign
def test_the_text_of_regions_is_exact_to_the_bit(lon, lat, size):
    for region in (
        f"CIRCLE({lon!r}, {lat!r}, {size!r})",
        f"BOX({lon!r}, {lat!r}, {size!r}, 2)",
        f"POLYGON({lon!r}, {lat!r}, {lon + 2!r}, {lat!r}, {lon + 1!r}, {lat + 3!r})",
    ):
        tree = bound(f"visit.region OVERLAPS {region}")
        assert bound(to_text(tree)) == tree


@pytest.mark.parametrize(
    "text",
    [
        "visit.region OVERLAPS CIRCLE(10.0, -20.5, 0.3)",
        "visit.region OVERLAPS POLYGON(10.0, 0.0, 11.0, 0.0, 10.0, 1.0)",
        "visit.name IS NOT NULL AND NOT (visit = 1 OR visit IN (3, 5..9:2))",
        "visit.timespan OVERLAPS (NULL, T'2025-01-01T12:00:00.5/tai')",
    ],
)
def test_text_is_as_people_write_it(text):
    assert to_text(bound(text)) == text
