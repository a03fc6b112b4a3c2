"""Times of keys, and which of them overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantler.quanta.join.keys import Pairs, distinct, runs

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Times, each of one key.

    Parameters
    ----------
    keys, begin, end : (n,)
        Times are TAI nanoseconds; the end does not belong to them.
    """

    keys: NDArray[np.int64]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]


def match_intervals(asked: Intervals, offered: Intervals) -> Pairs:
    """Return pairs with equal keys whose times overlap; those asked for ascend.

    Parameters
    ----------
    asked, offered
        The offered intervals of one key do not overlap one another, so that those
        which overlap another interval lie together. One that is asked for and ends
        before it begins matches none.
    """
    order = np.lexsort((offered.begin, offered.keys))
    keys = distinct(np.concatenate([asked.keys, offered.keys]))
    times = distinct(
        np.concatenate([asked.begin, asked.end, offered.begin, offered.end])
    )

    def rank(key: NDArray[np.int64], time: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(keys, key) * len(times) + np.searchsorted(times, time)

    begins = rank(offered.keys[order], offered.begin[order])
    ends = rank(offered.keys[order], offered.end[order])
    first = np.searchsorted(ends, rank(asked.keys, asked.begin), side="right")
    last = np.searchsorted(begins, rank(asked.keys, asked.end), side="left")
    # An end without bound has the rank just below the next key's first: ranks of
    # different keys never mix, as each key has all the times to itself.
    counts = np.maximum(last - first, 0)
    counts[asked.begin > asked.end] = 0  # one interval may hold both ends
    places = runs(first, counts)
    return Pairs(np.repeat(np.arange(len(counts)), counts), order[places])
