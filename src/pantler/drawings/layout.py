"""Places for the nodes of a drawing: layers from top to bottom, few crossings.

References
----------
.. [1] Sugiyama, Tagawa & Toda 1981, IEEE Trans. SMC 11, 109: layers, barycentres.
.. [2] Barlow et al. 1972, Statistical Inference under Order Restrictions: pooling of
   adjacent violators, which here keeps the boxes of a layer apart.
"""

from __future__ import annotations

import bisect
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SWEEPS = 24
_MOST_MOVED = 150  # nodes and bends, above which trying all moves takes too long
_STRAIGHT = 8.0  # how much more a long edge, or a lone one, insists on being straight
_BEND = 16.0  # pixels of a layer's breadth that an edge that passes it takes up


class Point(NamedTuple):
    """A place, pixels; y goes down."""

    x: float
    y: float


class Size(NamedTuple):
    """The size of a node, pixels."""

    width: float
    height: float


class Line(NamedTuple):
    """An edge: the nodes from which and to which it goes."""

    first: str
    last: str


class Passage(NamedTuple):
    """Where an edge passes a layer: x, and y of the layer's top and bottom, pixels."""

    x: float
    top: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is, in pixels; y goes down.

    Parameters
    ----------
    centres
        Of each node.
    routes
        For each edge, how it passes each layer from that of its first node to that of
        its last, both included.
    width, height
        Of the whole.
    """

    centres: Mapping[str, Point]
    routes: Mapping[Line, Sequence[Passage]]
    width: float
    height: float


def lay_out(
    sizes: Mapping[str, Size],
    edges: Iterable[Line],
    *,
    gap_x: float = 22.0,
    gap_y: float = 34.0,
) -> Layout:
    """Place the nodes of an acyclic graph.

    Parameters
    ----------
    sizes
        Of each node.
    edges
        Between them.
    gap_x, gap_y
        Least distance of nodes of one layer, and of layers, in pixels.
    """
    edges = list(dict.fromkeys(edges))
    ranks = _ranks(list(sizes), edges)
    chains = {edge: _chain(edge, ranks) for edge in edges}
    layers, links = _layers(list(sizes), ranks, chains)
    _reduce_crossings(layers, links)
    widths = {node: sizes[node].width for node in sizes}
    xs = _columns(layers, links, widths, gap_x)
    heights = [
        max([sizes[node].height for node in layer if node in sizes], default=0.0)
        for layer in layers
    ]
    tops = [sum(heights[:rank]) + gap_y * rank for rank in range(len(layers))]
    routes = {
        edge: [
            Passage(xs[node], tops[rank], tops[rank] + heights[rank])
            for rank, node in enumerate(chain, ranks[edge.first])
        ]
        for edge, chain in chains.items()
    }
    return Layout(
        centres={
            n: Point(xs[n], tops[ranks[n]] + heights[ranks[n]] / 2) for n in sizes
        },
        routes=routes,
        width=max(xs[n] + _breadth(n, widths) / 2 for n in xs),
        height=tops[-1] + heights[-1],
    )


def _breadth(node: str, widths: Mapping[str, float]) -> float:
    return widths.get(node, _BEND)


def _ranks(nodes: Sequence[str], edges: Sequence[Line]) -> dict[str, int]:
    """Return the layer of each node: below all before it; sources as low as can be."""
    before: dict[str, list[str]] = {node: [] for node in nodes}
    after: dict[str, list[str]] = {node: [] for node in nodes}
    for first, last in edges:
        before[last].append(first)
        after[first].append(last)
    ranks: dict[str, int] = {}

    def rank(node: str) -> int:
        if node not in ranks:
            ranks[node] = 1 + max(map(rank, before[node]), default=-1)
        return ranks[node]

    for node in nodes:
        rank(node)
    for node in nodes:
        if not before[node] and after[node]:
            ranks[node] = min(ranks[other] for other in after[node]) - 1
    return ranks


def _chain(edge: Line, ranks: Mapping[str, int]) -> list[str]:
    """Return the nodes of an edge with a bend for each layer that it passes."""
    first, last = edge
    passed = range(ranks[first] + 1, ranks[last])
    return [first, *(f"\0{first}\0{last}\0{rank}" for rank in passed), last]


class _Neighbours(NamedTuple):
    """What a node or bend is linked to, in the layers above and below."""

    above: list[str]
    below: list[str]


class _Layers(NamedTuple):
    """The nodes and bends of each layer, and what each is linked to."""

    nodes: list[list[str]]
    links: dict[str, _Neighbours]


def _layers(
    nodes: Sequence[str],
    ranks: Mapping[str, int],
    chains: Mapping[Line, Sequence[str]],
) -> _Layers:
    """Return the nodes and bends of each layer, and what each is linked to."""
    layers: list[list[str]] = [[] for _ in range(max(ranks.values()) + 1)]
    links: dict[str, _Neighbours] = {}
    for node in nodes:
        layers[ranks[node]].append(node)
        links[node] = _Neighbours([], [])
    for (first, _), chain in chains.items():
        for rank, node in enumerate(chain, ranks[first]):
            if node not in links:
                layers[rank].append(node)
                links[node] = _Neighbours([], [])
        for upper, lower in itertools.pairwise(chain):
            links[upper].below.append(lower)
            links[lower].above.append(upper)
    return _Layers(layers, links)


def _reduce_crossings(
    layers: list[list[str]], links: Mapping[str, _Neighbours]
) -> None:
    """Sort each layer by the mean place of its neighbours; keep the best order."""
    best = [list(layer) for layer in layers]
    fewest = _crossings(layers, links)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for rank in range(len(layers)) if down else reversed(range(len(layers))):
            neighbour = rank - 1 if down else rank + 1
            if not 0 <= neighbour < len(layers):
                continue
            place = {node: at for at, node in enumerate(layers[neighbour])}
            own = {node: at for at, node in enumerate(layers[rank])}
            keys = {
                node: _mean(
                    [
                        place[o]
                        for o in (links[node].above if down else links[node].below)
                    ],
                    own[node],
                )
                for node in layers[rank]
            }
            layers[rank].sort(key=keys.__getitem__)
        crossings = _crossings(layers, links)
        if crossings < fewest:
            fewest, best = crossings, [list(layer) for layer in layers]
    layers[:] = best
    if sum(map(len, layers)) <= _MOST_MOVED:
        while _move_one(layers, links):
            pass


def _move_one(layers: list[list[str]], links: Mapping[str, _Neighbours]) -> bool:
    """Make the first move of one node within its layer that saves a crossing."""
    for rank, layer in enumerate(layers):
        near = slice(max(rank - 1, 0), rank + 2)
        before = _crossings(layers[near], links)
        if not before:
            continue
        for start, end in itertools.permutations(range(len(layer)), 2):
            moved = list(layer)
            moved.insert(end, moved.pop(start))
            layers[rank] = moved
            if _crossings(layers[near], links) < before:
                return True
        layers[rank] = layer
    return False


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _crossings(
    layers: Sequence[Sequence[str]], links: Mapping[str, _Neighbours]
) -> int:
    count = 0
    for upper, lower in itertools.pairwise(layers):
        place = {node: at for at, node in enumerate(lower)}
        ends = [sorted(place[o] for o in links[node].below) for node in upper]
        seen: list[int] = []
        for end in (end for these in ends for end in these):
            count += len(seen) - bisect.bisect_right(seen, end)
            bisect.insort(seen, end)
    return count


def _columns(
    layers: Sequence[Sequence[str]],
    links: Mapping[str, _Neighbours],
    widths: Mapping[str, float],
    gap: float,
) -> dict[str, float]:
    """Return x of the centre of each node and bend: near its neighbours, apart."""
    xs: dict[str, float] = {}
    for layer in layers:
        total = 0.0
        for node in layer:
            breadth = _breadth(node, widths)
            xs[node] = total + breadth / 2
            total += breadth + gap
        for node in layer:
            xs[node] -= total / 2
    for sweep in range(8 * _SWEEPS):
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            _settle(layer, links, widths, xs=xs, gap=gap)
    for layer in layers:
        _settle(layer, links, widths, xs=xs, gap=gap, align=True)
    left = min(x - _breadth(node, widths) / 2 for node, x in xs.items())
    return {node: x - left for node, x in xs.items()}


def _settle(
    layer: Sequence[str],
    links: Mapping[str, _Neighbours],
    widths: Mapping[str, float],
    *,
    xs: dict[str, float],
    gap: float,
    align: bool = False,
) -> None:
    """Move the nodes of a layer to where their neighbours want them, apart.

    With ``align``, those that follow one another alone stand exactly in line.
    """
    wanted, weights = [], []
    for node in layer:
        pulls = [(xs[o], _insists(o, node, links, widths)) for o in links[node].above]
        if align:
            pulls = [pull for pull in pulls if pull[1] == _STRAIGHT]
        else:
            pulls += [
                (xs[o], _insists(node, o, links, widths)) for o in links[node].below
            ]
        total = sum(weight for _, weight in pulls)
        wanted.append(sum(x * w for x, w in pulls) / total if total else xs[node])
        weights.append(total * 1000.0 if align and total else total or 1.0)
    apart = [
        (_breadth(a, widths) + _breadth(b, widths)) / 2 + gap
        for a, b in itertools.pairwise(layer)
    ]
    xs.update(zip(layer, spread(wanted, weights, apart), strict=True))


def _insists(
    upper: str,
    lower: str,
    links: Mapping[str, _Neighbours],
    widths: Mapping[str, float],
) -> float:
    lone = len(links[upper].below) == 1 and len(links[lower].above) == 1
    passing = upper not in widths and lower not in widths
    return _STRAIGHT if lone or passing else 1.0


class _Block(NamedTuple):
    """Nodes that stand as near to one another as they can."""

    mean: float
    weight: float
    nodes: int

    def pooled(self, other: _Block) -> _Block:
        weight = self.weight + other.weight
        mean = (self.mean * self.weight + other.mean * other.weight) / weight
        return _Block(mean, weight, self.nodes + other.nodes)


def spread(
    wanted: Sequence[float], weights: Sequence[float], apart: Sequence[float]
) -> list[float]:
    """Return the ordered places nearest to the wanted ones that keep their distance.

    Parameters
    ----------
    wanted : (n,)
        Where each would like to be.
    weights : (n,)
        How much each insists.
    apart : (n - 1,)
        Least distance of each from the next.
    """
    offsets = [0.0]
    for distance in apart:
        offsets.append(offsets[-1] + distance)
    blocks: list[_Block] = []
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        block = _Block(want - offset, weight, 1)
        while blocks and blocks[-1].mean > block.mean:
            block = block.pooled(blocks.pop())
        blocks.append(block)
    means = [block.mean for block in blocks for _ in range(block.nodes)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]
