"""Rows as single integers, and what joins ask of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantler.quanta.join import keys
from pantler.quanta.join.keys import (
    count_matches,
    distinct,
    is_in,
    match,
    pack,
    pack_both,
    places,
    runs,
)

KEYS = st.lists(st.integers(0, 4))


def array(values):
    return np.array(values, dtype=np.int64)


@given(KEYS, KEYS)
def test_matches_are_all_pairs_of_equal_keys(left, right):
    i, j = match(array(left), array(right))
    expected = [
        (a, b)
        for a, b in itertools.product(range(len(left)), range(len(right)))
        if left[a] == right[b]
    ]
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == expected
    assert count_matches(array(left), array(right)) == len(expected)
    assert is_in(array(left), array(right)).tolist() == [x in right for x in left]


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3)))
def test_distinct_keys_are_in_order(values):
    assert distinct(array(values)).tolist() == sorted(set(values))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 4))))
def test_runs_count_up(pairs):
    first, counts = array([a for a, _ in pairs]), array([n for _, n in pairs])
    expected = [a + more for a, n in pairs for more in range(n)]
    assert runs(first, counts).tolist() == expected


@given(KEYS, st.sets(st.integers(0, 4)))
def test_places_are_those_in_the_table(values, table):
    ordered = sorted(table)
    found = places(array(values), array(ordered))
    assert found.dtype == np.int32
    assert found.tolist() == [
        ordered.index(v) if v in table else -1 for v in values
    ]  # fmt: skip


ROWS = st.lists(st.tuples(*[st.integers(0, 2**31 - 2)] * 3), min_size=1)


def columns_of(rows):
    return [np.array(column, dtype=np.int32) for column in zip(*rows, strict=True)]


def check_order(rows, packed):
    for (a, x), (b, y) in itertools.pairwise(zip(rows, packed, strict=True)):
        assert (a < b, a == b) == (x < y, x == y)


@given(ROWS)
def test_keys_keep_the_order_of_rows_even_where_they_do_not_fit_one_integer(rows):
    columns = columns_of(rows)
    check_order(rows, pack(columns, [2**31 - 1] * 3, len(rows)).tolist())
    left, right = pack_both(
        columns, columns, [2**31 - 1] * 3, left_rows=len(rows), right_rows=len(rows)
    )
    assert (left == right).all()


@given(ROWS, ROWS, st.sampled_from([2**31 - 1, 2**20, 4]))
def test_keys_of_two_sets_of_rows_can_be_compared(left, right, size):
    left, right = ([tuple(v % size for v in row) for row in r] for r in (left, right))
    packed = pack_both(
        columns_of(left),
        columns_of(right),
        [size] * 3,
        left_rows=len(left),
        right_rows=len(right),
    )
    assert (len(packed.left), len(packed.right)) == (len(left), len(right))
    check_order([*left, *right], [*packed.left.tolist(), *packed.right.tolist()])


def test_small_columns_need_no_table_of_keys(monkeypatch):
    monkeypatch.setattr(keys, "_MOST_KEYS", 6)
    columns = [np.array([1, 0, 1], np.int32), np.array([2, 1, 0], np.int32)]
    assert pack(columns, [2, 3], 3).tolist() == [5, 1, 3]
    monkeypatch.setattr(keys, "_MOST_KEYS", 5)
    assert pack(columns, [2, 3], 3).tolist() == [5, 1, 3]
    columns = [np.array([7, 0, 7], np.int32), np.array([2, 1, 0], np.int32)]
    assert pack(columns, [8, 3], 3).tolist() == [5, 1, 3]  # 7 became 1


def test_rows_without_columns_are_all_equal():
    assert pack([], [], 3).tolist() == [0, 0, 0]
    assert pack([np.zeros(2, np.int32)], [0], 2).tolist() == [0, 0]
    assert pack([np.array([1, 0], np.int32)] * 2, [2, 0], 2).tolist() == [1, 0]


@pytest.mark.parametrize("sizes", [[1, 4], [4, 1]])
def test_columns_of_one_value_take_no_room(sizes):
    wide = np.array([3, 1], np.int32)
    columns = [wide if size == 4 else np.zeros(2, np.int32) for size in sizes]
    assert pack(columns, sizes, 2).tolist() == [3, 1]


def test_rows_without_columns_are_as_many_on_each_side_as_they_were():
    left, right = pack_both([], [], [], left_rows=2, right_rows=3)
    assert (left.tolist(), right.tolist()) == ([0, 0], [0, 0, 0])
