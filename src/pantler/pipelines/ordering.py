"""The order in which the tasks of a pipeline can run."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def topological_order(needs: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return labels in an order in which each follows what it needs.

    Parameters
    ----------
    needs
        For each label, the labels that it needs, with the name of the dataset type
        between the two. Among equals the order of this mapping holds.

    Returns
    -------
    list of str
        All labels; those on a cycle, or behind one, are left out.
    """
    rank = {label: place for place, label in enumerate(needs)}
    labels = list(needs)
    waiting = {label: len(needs[label]) for label in labels}
    followers: dict[str, list[str]] = {label: [] for label in labels}
    for label, before in needs.items():
        for other in before:
            followers[other].append(label)
    ready = [rank[label] for label in labels if not waiting[label]]
    heapq.heapify(ready)
    order = []
    while ready:
        label = labels[heapq.heappop(ready)]
        order.append(label)
        for follower in followers[label]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(ready, rank[follower])
    return order


def find_cycle(needs: Mapping[str, Mapping[str, str]]) -> str | None:
    """Return one cycle in words, ``a → 'x' → b → 'y' → a``, or None.

    Parameters
    ----------
    needs
        As for `topological_order`.
    """
    done = set(topological_order(needs))
    rest = [label for label in needs if label not in done]
    if not rest:
        return None
    # Every label left needs one that is left: going back, we must meet one again.
    path: list[str] = []
    label = rest[0]
    while label not in path:
        path.append(label)
        label = next(other for other in needs[label] if other not in done)
    loop = [*path[path.index(label) :], label]
    loop.reverse()
    words = [loop[0]]
    for before, after in itertools.pairwise(loop):
        words += [f"'{needs[after][before]}'", after]
    return " → ".join(words)
