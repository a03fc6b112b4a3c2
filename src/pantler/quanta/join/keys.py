"""Rows as single integers, and what joins ask of them: which are equal, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_MOST_KEYS = 2**62


class KeyPair(NamedTuple):
    """Keys of two sets of rows that can be compared: shapes (n,) and (m,)."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]


class Pairs(NamedTuple):
    """Places on the left and on the right that belong together: shape (n_pairs,)."""

    left: NDArray[np.integer]
    right: NDArray[np.integer]


def pack(
    columns: Sequence[NDArray[np.int32]], sizes: Sequence[int], count: int
) -> NDArray[np.int64]:
    """Return one integer for each row, ordered and equal as the rows are.

    Parameters
    ----------
    columns : (count,) each
        Integers from 0 to below the column's size.
    sizes
        One for each column.
    count
        How many rows there are.
    """
    keys = np.zeros(count, dtype=np.int64)
    range_ = 1
    for column, size in zip(columns, sizes, strict=True):
        if range_ * size > _MOST_KEYS:
            known = distinct(keys)
            keys = np.searchsorted(known, keys)
            range_ = len(known)
        keys = keys * size + column if range_ > 1 else column.astype(np.int64)
        range_ *= max(size, 1)
    return keys


def pack_both(
    left: Sequence[NDArray[np.int32]],
    right: Sequence[NDArray[np.int32]],
    sizes: Sequence[int],
    *,
    left_rows: int,
    right_rows: int,
) -> KeyPair:
    """Return keys of two sets of rows that can be compared with each other.

    Parameters
    ----------
    left, right : (n,) and (m,) each
        The same columns of both.
    sizes
        One for each column.
    left_rows, right_rows
        n and m, which columns do not say where there are none.
    """
    range_ = 1
    for size in sizes:
        range_ *= max(size, 1)
    if range_ <= _MOST_KEYS:
        return KeyPair(pack(left, sizes, left_rows), pack(right, sizes, right_rows))
    both = [np.concatenate(pair) for pair in zip(left, right, strict=True)]
    keys = pack(both, sizes, left_rows + right_rows)
    return KeyPair(keys[:left_rows], keys[left_rows:])


def distinct(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the distinct keys in order.

    By sorting: `numpy.unique` of recent versions makes a table of hashes first, which
    takes four times as long for millions of keys.
    """
    ordered = np.sort(keys)
    is_new = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=is_new[1:])
    return ordered[is_new]


def is_in(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of the left keys are among the right ones, shape (n,)."""
    return np.isin(left, right)


def count_matches(left: NDArray[np.int64], right: NDArray[np.int64]) -> int:
    """Return how many rows a join of the keys has."""
    right = np.sort(right)
    first = np.searchsorted(right, left, side="left")
    return int((np.searchsorted(right, left, side="right") - first).sum())


def match(left: NDArray[np.int64], right: NDArray[np.int64]) -> Pairs:
    """Return the rows of a join: pairs of places with equal keys, the left ascending.

    Parameters
    ----------
    left, right : (n,) and (m,)
        Keys of both sides.
    """
    order = np.argsort(right, kind="stable")
    ordered = right[order]
    first = np.searchsorted(ordered, left, side="left")
    counts = np.searchsorted(ordered, left, side="right") - first
    places = runs(first, counts)
    return Pairs(np.repeat(np.arange(len(left)), counts), order[places])


def runs(first: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return numbers that count up from each first one: ``counts`` of them each."""
    begins = np.cumsum(counts) - counts
    numbers = np.repeat(first - begins, counts)
    numbers += np.arange(len(numbers))
    return numbers


def places(keys: NDArray[np.int64], table: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return where each key stands in a sorted table of distinct keys, or -1.

    Parameters
    ----------
    keys : (n,)
        What to look up.
    table : (m,)
        Ascending.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Places.
    """
    if not len(table):
        return np.full(len(keys), -1, dtype=np.int32)
    found = np.searchsorted(table, keys)
    found[found == len(table)] = 0
    return np.where(table[found] == keys, found, -1).astype(np.int32)
