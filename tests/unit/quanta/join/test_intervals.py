"""Times that overlap."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantler.quanta.join.intervals import Intervals, match_intervals

EVER = np.iinfo(np.int64)
TIME = st.integers(0, 8) | st.sampled_from([EVER.min, EVER.max])


def make(rows):
    columns = zip(*rows, strict=True) if rows else ([], [], [])
    return Intervals(*(np.array(column, dtype=np.int64) for column in columns))


@st.composite
def offered(draw):
    """Draw intervals that do not overlap one another within a key."""
    rows = []
    for key in draw(st.sets(st.integers(0, 2))):
        times = sorted(draw(st.sets(TIME, max_size=6)))
        rows += [
            (key, begin, end)
            for begin, end in itertools.pairwise(times)
            if draw(st.booleans())
        ]
    return draw(st.permutations(rows))


ASKED = st.lists(st.tuples(st.integers(0, 3), TIME, TIME))


@given(ASKED, offered())
def test_pairs_are_those_that_overlap(asked, given_rows):
    i, j = match_intervals(make(asked), make(given_rows))
    expected = {
        (a, b)
        for a, (key, begin, end) in enumerate(asked)
        for b, (other, first, last) in enumerate(given_rows)
        if key == other and begin < end and begin < last and first < end
    }
    assert i.tolist() == sorted(i.tolist())
    pairs = list(zip(i.tolist(), j.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    # Where an interval begins when it ends, nobody asks.
    asked_at_all = {a for a, (_, begin, end) in enumerate(asked) if begin != end}
    assert {pair for pair in pairs if pair[0] in asked_at_all} == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((10, 20), True),  # the same
        ((5, 11), True),  # from the left
        ((19, 30), True),  # from the right
        ((5, 30), True),  # around
        ((12, 13), True),  # within
        ((5, 10), False),  # ends where the other begins
        ((20, 30), False),  # begins where the other ends
        ((EVER.min, EVER.max), True),
        ((EVER.max, EVER.min), False),  # no time at all
        ((15, 12), False),  # ends before it begins
    ],
)
def test_ends_do_not_belong_to_a_time(asked, expected):
    i, _ = match_intervals(make([(1, *asked)]), make([(1, 10, 20)]))
    assert bool(len(i)) is expected
