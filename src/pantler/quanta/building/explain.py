"""Why a graph has no quanta, in sentences."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from pantler.quanta.join.reduction import reduce_relations
from pantler.queries.explanation import explain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantler.quanta.building.sources import Sources
    from pantler.quanta.join.reduction import JoinTree
    from pantler.quanta.join.relations import Relation


def explain_empty(
    sources: Sources, relations: Sequence[Relation], tree: JoinTree
) -> str:
    """Return what left nothing of a join: one relation, a pair, or a step.

    Parameters
    ----------
    sources
        The queries of the relations, which are asked again in part.
    relations
        What was joined, and the records whose regions were compared.
    tree
        The join, which is empty.
    """
    on_earth = [relation for relation in relations if relation.kind != "overlap"]
    empty = [relation for relation in on_earth if not len(relation)]
    if empty:
        datasets = [relation for relation in empty if relation.kind == "datasets"]
        return " ".join(_explain_alone(sources, r) for r in datasets or empty)
    reduced = reduce_relations(on_earth)
    if not reduced.is_empty:
        on_sky = [r for r in relations if r.kind == "overlap" and not len(r)]
        if on_sky:
            return " ".join(f"There are no {relation.name}." for relation in on_sky)
    pairs = [
        _explain_pair(left, right)
        for left, right in itertools.combinations(on_earth, 2)
        if left.shared(right) and not left.join_size(right)
    ]
    return " ".join(pairs) or _explain_steps(reduced if reduced.is_empty else tree)


def _explain_alone(sources: Sources, relation: Relation) -> str:
    query = sources.queries.get(relation.name)
    if query is None:  # there was no collection to ask for them
        return f"There are no {relation.name}."
    if sources.registry.count(query):
        return (
            f"None of the {relation.name} belongs to values that the conditions leave "
            f"of {', '.join(map(repr, relation.columns))}."
        )
    if query.where is None:
        return f"There are no {relation.name}."
    sentences = " ".join(explain(sources.registry, query))
    return f"There are no {relation.name} that fulfil the conditions: {sentences}"


def _explain_pair(left: Relation, right: Relation) -> str:
    shared = ", ".join(map(repr, left.shared(right)))
    return (
        f"None of the {len(left)} {left.name} agrees in {shared} with any of the "
        f"{len(right)} {right.name}."
    )


def _explain_steps(tree: JoinTree) -> str:
    """Return the joins one after another, with the rows that each left."""
    lines = []
    for step in tree.steps:
        if step.after != step.before or not step.after:
            lines.append(
                f"matched with {step.other}, of {step.before} {step.name} "
                f"{step.after} are left"
            )
        if not step.after:
            break
    return "Each two agree, but not all together: " + "; ".join(lines) + "."
