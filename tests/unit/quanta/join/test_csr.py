"""Edges as compressed sparse rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pantler.quanta.join.csr import Csr

PAIRS = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 9)), max_size=40)


def make(pairs: set[tuple[int, int]]) -> Csr:
    rows = np.array([row for row, _ in pairs], dtype=np.int32)
    columns = np.array([column for _, column in pairs], dtype=np.int32)
    return Csr.from_pairs(rows, columns, 8)


def to_pairs(edges: Csr) -> list[tuple[int, int]]:
    return list(zip(edges.rows.tolist(), edges.columns.tolist(), strict=True))


@given(PAIRS)
def test_edges_come_back_in_order(pairs):
    edges = make(pairs)
    assert to_pairs(edges) == sorted(pairs)
    assert len(edges) == 8
    for row in range(8):
        assert edges.row(row).tolist() == sorted(c for r, c in pairs if r == row)


@given(PAIRS, st.sets(st.integers(0, 9)))
def test_links_to_wanted_columns_are_counted(pairs, wanted):
    mask = np.isin(np.arange(10), list(wanted))
    counts = make(pairs).count_where(mask)
    expected = [sum(r == row and c in wanted for r, c in pairs) for row in range(8)]
    assert counts.tolist() == expected


@given(PAIRS, st.sets(st.integers(0, 7)), st.sets(st.integers(0, 9)))
def test_kept_rows_and_columns_are_renumbered(pairs, rows, columns):
    kept = make(pairs).keep(
        np.isin(np.arange(8), list(rows)), np.isin(np.arange(10), list(columns))
    )
    expected = sorted(
        (sorted(rows).index(row), sorted(columns).index(column))
        for row, column in pairs
        if row in rows and column in columns
    )
    assert to_pairs(kept) == expected
    assert len(kept) == len(rows)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=20))
def test_repeated_links_count_once(pairs):
    rows = np.array([row for row, _ in pairs], dtype=np.int32)
    columns = np.array([column for _, column in pairs], dtype=np.int32)
    edges = Csr.from_pairs(rows, columns, 5)
    assert to_pairs(edges) == sorted(pairs)
    assert to_pairs(edges.distinct()) == sorted(set(pairs))
    assert len(edges.distinct()) == 5


def test_the_same_column_in_neighbouring_rows_is_no_repetition():
    edges = Csr.one_each(np.array([2, 2, 2], dtype=np.int32))
    assert edges.distinct() is edges
    assert edges.counts.tolist() == [1, 1, 1]
