"""Half-open spans of time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantler.dimensions.timespan import Timespan
from pantler.errors import InvalidInputError

small = st.integers(-20, 20)
spans = st.builds(
    lambda begin, length: Timespan(begin, begin + length), small, st.integers(1, 10)
)


@given(spans, spans)
def test_spans_overlap_exactly_if_they_share_an_instant(one, other):
    instants = set(range(one.begin, one.end)) & set(range(other.begin, other.end))
    assert one.overlaps(other) == bool(instants) == other.overlaps(one)


@given(spans, small)
def test_a_span_contains_its_begin_and_not_its_end(span, time_ns):
    assert span.contains(time_ns) == (time_ns in range(span.begin, span.end))
    assert span.contains(time_ns) == span.overlaps(Timespan.instant(time_ns))


@given(spans)
def test_every_span_lies_within_always(span):
    assert Timespan.always().overlaps(span)


@pytest.mark.parametrize(("begin", "end"), [(5, 5), (6, 5), (0, 2**63)])
def test_a_span_must_end_after_it_begins_and_fit(begin, end):
    with pytest.raises(InvalidInputError, match="must end after"):
        Timespan(begin, end)


def test_a_missing_bound_is_none():
    span = Timespan.from_text(None, "2020-01-01/tai")
    assert span == Timespan(Timespan.MIN, 1_577_836_800_000_000_000)
    assert str(span) == "[-∞, 2020-01-01T00:00:00) TAI"
    assert Timespan.from_text("40587", None) == Timespan(0, Timespan.MAX)


def test_the_bounds_are_those_of_64_bits():
    assert Timespan.always() == Timespan(-(2**63), 2**63 - 1)


def test_dates_in_the_wrong_order_are_repeated_as_they_were_typed() -> None:
    with pytest.raises(InvalidInputError, match="'2025-06-02' is not after") as told:
        Timespan.from_text("2025-06-05", "2025-06-02")
    assert "'2025-06-05'" in str(told.value)
