"""Edges between quanta and datasets, from the join of all relations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pantler.quanta.coding import closed
from pantler.quanta.csr import Csr

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from pantler.pipelines.graph import PipelineGraph
    from pantler.pipelines.nodes import TaskNode
    from pantler.quanta.reduction import JoinTree
    from pantler.quanta.relations import Relation


@dataclass(slots=True, eq=False)
class Projections:
    """Projections of one join, each made once.

    Parameters
    ----------
    tree
        The reduced relations.
    """

    tree: JoinTree
    _made: dict[frozenset[str], Relation] = field(default_factory=dict)

    def on(self, names: Iterable[str]) -> Relation:
        """Return the distinct rows of some dimensions, in order."""
        universe = self.tree.relations[0].coding.universe
        key = closed(universe, names)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self.tree.project(key)
        return found

    def edges(self, rows: Relation, columns: Relation) -> Csr:
        """Return which rows of one projection occur together with which of another.

        Parameters
        ----------
        rows, columns
            Results of `on`.
        """
        if columns is rows:
            return Csr.one_each(np.arange(len(rows), dtype=np.int32))
        if columns.names <= rows.names:
            return Csr.one_each(columns.places_of(rows))
        both = self.on(rows.names | columns.names)
        return Csr.from_pairs(rows.places_of(both), columns.places_of(both), len(rows))


def components(graph: PipelineGraph) -> list[list[TaskNode]]:
    """Return the tasks of a pipeline in groups that share no datasets.

    What is shared as a prerequisite or by constructors does not count. Groups and
    tasks are in the order of the pipeline.
    """
    group_of: dict[str, int] = {}
    groups: dict[int, list[TaskNode]] = {}
    for number, task in enumerate(graph.tasks.values()):
        edges = (*task.inputs.values(), *task.outputs.values())
        names = {edge.dataset_type.name for edge in edges}
        merged = {group_of[name] for name in names if name in group_of}
        members = [member for old in merged for member in groups.pop(old)]
        groups[number] = [*members, task]
        for name, old in list(group_of.items()):
            if old in merged:
                group_of[name] = number
        group_of |= dict.fromkeys(names, number)
    order = list(graph.tasks)
    sorted_groups = [
        sorted(group, key=lambda task: order.index(task.label))
        for group in groups.values()
    ]
    return sorted(sorted_groups, key=lambda group: order.index(group[0].label))


@dataclass(slots=True, eq=False)
class Alive:
    """Which quanta and datasets remain when inputs that are missing are counted.

    Parameters
    ----------
    quanta
        By label; shape (n_quanta,) each.
    datasets
        By name of the dataset type; shape (n_datasets,) each.
    """

    quanta: dict[str, NDArray[np.bool_]]
    datasets: dict[str, NDArray[np.bool_]]

    def drop_starved(
        self,
        label: str,
        inputs: Sequence[tuple[str, Csr, int]],
        outputs: Sequence[tuple[str, Csr]],
    ) -> None:
        """Drop a task's quanta with too few inputs, and what they would make.

        Parameters
        ----------
        label
            The task's.
        inputs
            Dataset type, edges and least number of each connection.
        outputs
            Dataset type and edges of each connection.
        """
        alive = self.quanta[label]
        for name, edges, minimum in inputs:
            wanted = self.datasets[name]
            if minimum and not (wanted.all() and (edges.counts >= minimum).all()):
                alive &= edges.count_where(wanted) >= minimum
        if alive.all():
            return
        for name, edges in outputs:
            made = np.zeros(len(self.datasets[name]), dtype=np.bool_)
            made[edges.columns[alive[edges.rows]]] = True
            self.datasets[name] &= made
