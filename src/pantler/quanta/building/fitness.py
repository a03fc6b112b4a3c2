"""Whether the inputs that were found are of the kind that a task takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pantler.errors import DataIdError, PipelineError
from pantler.queries.analysis import dimension_names
from pantler.queries.binding import bind, combine
from pantler.queries.parser import parse
from pantler.queries.query import Query

if TYPE_CHECKING:
    from pantler.pipelines.nodes import Edge, TaskNode
    from pantler.quanta.building.draft import Draft
    from pantler.quanta.building.sources import Sources
    from pantler.quanta.tables import DataIds
    from pantler.queries.tree import Predicate


def refuse_unfit(sources: Sources, draft: Draft) -> None:
    """Refuse inputs that do not fulfil the condition of their connection.

    Raises
    ------
    DataIdError
        Naming the task, the condition and two of the datasets.
    PipelineError
        If a condition names dimensions that the dataset type does not have.
    """
    for label, task in draft.tasks.items():
        for name, edge in task.inputs.items():
            condition = getattr(edge.connection, "where", "")
            if not condition:
                continue
            link = draft.inputs[label][name]
            table = draft.datasets[link.dataset_type]
            taken = table.data_ids.take(np.unique(link.edges.columns))
            wanted = _bound(condition, task, edge, sources)
            unfit = _unfit(taken, wanted, sources)
            if len(unfit):
                raise _error(task, edge, taken, unfit)


def _bound(condition: str, task: TaskNode, edge: Edge, sources: Sources) -> Predicate:
    group = edge.dataset_type.dimensions
    predicate = bind(parse(condition), sources.universe, dimensions=group)
    if predicate is None:
        raise PipelineError(
            f"Connection '{edge.name}' of task '{task.label}' has an empty condition."
        )
    others = sorted(set(dimension_names(predicate, sources.universe)) - {*group.names})
    if others:
        raise PipelineError(
            f"The condition of connection '{edge.name}' of task '{task.label}' names "
            f"{', '.join(others)}, and '{edge.dataset_type.name}' does not have that "
            f"dimension: {condition}"
        )
    return predicate


def _unfit(taken: DataIds, wanted: Predicate, sources: Sources) -> list[int]:
    """Return the places of data IDs that do not fulfil a condition."""
    group = sources.universe.group(dimension_names(wanted, sources.universe))
    keys = list(group.required)
    where = combine(sources.pushed(group.names), wanted)
    fit = sources.registry.query(Query(group, where=where)).select(keys)
    frame = taken.coding.frame(taken.columns, keys).with_row_index("place")
    return frame.join(fit, on=keys, how="anti").get_column("place").sort().to_list()


def _error(task: TaskNode, edge: Edge, taken: DataIds, unfit: list[int]) -> DataIdError:
    shown = " and ".join(str(taken.coordinate(place)) for place in unfit[:2])
    condition = getattr(edge.connection, "where", "")
    return DataIdError(
        f"Task '{task.label}' takes '{edge.dataset_type.name}' only with "
        f"{condition}, and {len(unfit)} of the {len(taken)} that the graph would give "
        f"it do not fulfil that, such as {shown}. Add it to the conditions of the "
        f'graph: -d "{condition}".'
    )
