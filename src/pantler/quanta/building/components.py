"""Which tasks of a pipeline share datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pantler.pipelines.graph import PipelineGraph
    from pantler.pipelines.nodes import TaskNode


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
