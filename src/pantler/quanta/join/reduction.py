"""The join of all relations, as a tree of relations that agree with one another.

References
----------
.. [1] Yannakakis 1981, VLDB, "Algorithms for acyclic database schemes": semi-joins
   up and down a join tree leave in each relation just what the whole join uses.
.. [2] Graham 1979; Yu & Ozsoyoglu 1979: removing ears finds the join tree.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pantler.quanta.join.coding import deciding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pantler.quanta.join.relations import Relation


@dataclass(frozen=True, slots=True)
class Step:
    """One semi-join or join, with the rows that went in and came out."""

    name: str
    other: str
    before: int
    after: int


class TreeLink(NamedTuple):
    """Two relations, by place, of which the leaf has no more to share with others."""

    leaf: int
    parent: int


@dataclass(slots=True, eq=False)
class JoinTree:
    """Relations that hold just what their join uses.

    Parameters
    ----------
    relations
        The nodes.
    links
        Which of them are linked; they form a tree.
    steps
        What the reduction did.
    """

    relations: list[Relation]
    links: list[TreeLink]
    steps: list[Step] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether the join has no rows."""
        return any(not relation.count for relation in self.relations)

    def project(self, names: Iterable[str]) -> Relation:
        """Return the distinct rows that the join has of some dimensions, in order."""
        universe = self.relations[0].coding.universe
        wanted = frozenset(deciding(universe, names))
        covering = [r for r in self.relations if wanted <= r.names]
        if covering:
            return min(covering, key=len).project(wanted)
        nodes = self._smallest_subtree(wanted)
        return self._join_nodes(nodes, wanted).project(wanted)

    def _smallest_subtree(self, wanted: frozenset[str]) -> set[int]:
        """Drop leaves that hold nothing wanted that their neighbour does not have."""
        nodes = set(range(len(self.relations)))
        while True:
            for node in nodes:
                near = self._neighbours(node, nodes)
                if len(near) == 1 and (
                    self.relations[node].names & wanted <= self.relations[near[0]].names
                ):
                    nodes.remove(node)
                    break
            else:
                return nodes

    def _neighbours(self, node: int, nodes: set[int]) -> list[int]:
        return [
            b if a == node else a
            for a, b in self.links
            if node in {a, b} and a in nodes and b in nodes
        ]

    def _join_nodes(self, nodes: set[int], wanted: frozenset[str]) -> Relation:
        """Join a subtree from its leaves inwards, keeping what is still needed."""
        held = {node: self.relations[node] for node in nodes}
        while len(held) > 1:
            leaves = [n for n in held if len(self._neighbours(n, set(held))) == 1]
            leaf = min(leaves, key=lambda node: len(held[node]))
            (inner,) = self._neighbours(leaf, set(held))
            joined = held[inner].join(held.pop(leaf))
            others = [r.names for node, r in held.items() if node != inner]
            keep = joined.names & wanted.union(*others)
            held[inner] = joined.project(keep)
        return next(iter(held.values()))


def reduce_relations(relations: Sequence[Relation]) -> JoinTree:
    """Return the join tree of some relations, fully reduced.

    Relations that form a cycle are joined, the pair with the fewest rows first,
    until the rest is acyclic.

    Parameters
    ----------
    relations
        At least one.
    """
    tree = JoinTree(list(relations), [])
    todo = list(range(len(relations)))
    ears: list[TreeLink] = []
    merged: dict[int, int] = {}
    while len(todo) > 1:
        ear = _find_ear(tree, todo)
        if ear is None:
            _merge_cheapest(tree, todo, merged)
        else:
            _semi_join(tree, ear.parent, ear.leaf)
            ears.append(ear)
            todo.remove(ear.leaf)
    links = [TreeLink(leaf, _resolve(parent, merged)) for leaf, parent in ears]
    for leaf, parent in reversed(links):
        _semi_join(tree, leaf, parent)
    return _without_merged(tree, links, todo[0])


def _find_ear(tree: JoinTree, todo: list[int]) -> TreeLink | None:
    """Return a relation and another that has all it shares with any, smallest first."""
    names = {node: tree.relations[node].names for node in todo}
    for node in sorted(todo, key=lambda n: len(tree.relations[n])):
        others = [other for other in todo if other != node]
        shared = names[node] & frozenset().union(*(names[o] for o in others))
        for other in others:
            if shared <= names[other]:
                return TreeLink(node, other)
    return None


def _semi_join(tree: JoinTree, node: int, other: int) -> None:
    before = tree.relations[node]
    after = before.semi_join(tree.relations[other])
    tree.relations[node] = after
    tree.steps.append(
        Step(before.name, tree.relations[other].name, before.count, after.count)
    )


def _resolve(node: int, merged: dict[int, int]) -> int:
    """Return the relation that holds another one now."""
    while node in merged:
        node = merged[node]
    return node


def _merge_cheapest(tree: JoinTree, todo: list[int], merged: dict[int, int]) -> None:
    """Replace the pair of relations whose join is smallest by their join."""
    pairs = [
        (tree.relations[a].join_size(tree.relations[b]), a, b)
        for a, b in itertools.combinations(todo, 2)
        if tree.relations[a].names & tree.relations[b].names
    ]
    _, a, b = min(pairs)
    left, right = tree.relations[a], tree.relations[b]
    joined = left.join(right)
    tree.steps.append(Step(left.name, right.name, left.count, joined.count))
    tree.relations.append(joined)
    todo.remove(a)
    todo.remove(b)
    todo.append(len(tree.relations) - 1)
    merged[a] = merged[b] = todo[-1]


def _without_merged(tree: JoinTree, links: list[TreeLink], root: int) -> JoinTree:
    """Leave out the relations that were merged, and link what hung on them."""
    nodes = [node for node, _ in links] + [root]
    number = {node: place for place, node in enumerate(nodes)}
    return JoinTree(
        [tree.relations[node] for node in nodes],
        [TreeLink(number[leaf], number[parent]) for leaf, parent in links],
        tree.steps,
    )
