"""From what tasks declare to the nodes of a graph, with every check on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.datasets.dataset_type import DatasetType
from pantler.errors import InvalidInputError, PipelineError
from pantler.pipelines.checks import (
    AUTOMATIC,
    can_use,
    check_components,
    check_dataset,
    check_tasks,
    is_calibration,
    whole_use,
)
from pantler.pipelines.nodes import DatasetNode, Edge, TaskNode
from pantler.pipelines.ordering import find_cycle, topological_order
from pantler.pipelines.uses import declare_task
from pantler.tasks.connections import (
    InitInput,
    InitOutput,
    Input,
    Output,
    PrerequisiteInput,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pantler.dimensions.universe import Universe
    from pantler.pipelines.pipeline import Pipeline
    from pantler.pipelines.uses import DeclaredTask, Use
    from pantler.tasks.connections import Connection


def assemble(
    pipeline: Pipeline, universe: Universe, registered: Iterable[DatasetType] = ()
) -> dict[str, TaskNode]:
    """Check a pipeline and return its task nodes in topological order.

    Parameters
    ----------
    pipeline
        What to check.
    universe
        Where dimensions come from.
    registered
        Dataset types that exist already; consulted for what no task says.

    Raises
    ------
    PipelineError
        If the tasks do not fit together; the message has every problem.
    """
    problems: list[str] = []
    found = [declare_task(task, universe, problems) for task in pipeline.tasks]
    tasks = [task for task in found if task is not None]
    problems += check_tasks(tasks)
    by_type = _by_type(tasks)
    owners = {f"{task.label}_{end}": task.label for task in tasks for end in AUTOMATIC}
    for name, uses in by_type.items():
        problems += check_dataset(name, uses, owners)
    needs = _needs(tasks, by_type)
    cycle = find_cycle(needs)
    if cycle is not None:
        problems.append(f"The tasks need one another in a circle: {cycle}.")
    known = {dataset_type.name: dataset_type for dataset_type in registered}
    parents = _storage_classes(by_type, known)
    if len(tasks) == len(found):  # else what is missing may be what would tell
        problems += check_components(by_type, parents)
    types = _dataset_types(by_type, parents, known, problems)
    _refuse(problems)
    by_label = {task.label: task for task in tasks}
    return {
        label: _node(by_label[label], types, universe)
        for label in topological_order(needs)
    }


def dataset_nodes(tasks: Iterable[TaskNode]) -> dict[str, DatasetNode]:
    """Return the dataset nodes between tasks, in the order in which they are met."""
    types: dict[str, DatasetType] = {}
    producers: dict[str, str] = {}
    consumers: dict[str, list[str]] = {}
    prerequisites: set[str] = set()
    init: set[str] = set()
    for task in tasks:
        for edge in (*task.consumed(), *task.produced()):
            name = edge.dataset_type.name
            types[name] = edge.dataset_type
            takers = consumers.setdefault(name, [])
            if isinstance(edge.connection, Output | InitOutput):
                producers[name] = task.label
            elif task.label not in takers:
                takers.append(task.label)
            if isinstance(edge.connection, PrerequisiteInput):
                prerequisites.add(name)
            if isinstance(edge.connection, InitInput | InitOutput):
                init.add(name)
    return {
        name: DatasetNode(
            dataset_type=dataset_type,
            producer=producers.get(name),
            consumers=tuple(consumers[name]),
            is_prerequisite=name in prerequisites,
            is_init=name in init,
        )
        for name, dataset_type in types.items()
    }


def _refuse(problems: Sequence[str]) -> None:
    if len(problems) == 1:
        raise PipelineError(problems[0])
    if problems:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        raise PipelineError(f"The pipeline has {len(problems)} problems:\n{lines}")


def _by_type(tasks: Iterable[DeclaredTask]) -> dict[str, list[Use]]:
    by_type: dict[str, list[Use]] = {}
    for task in tasks:
        for use in task.uses.values():
            by_type.setdefault(use.dataset_type, []).append(use)
    return by_type


def _needs(
    tasks: Iterable[DeclaredTask], by_type: Mapping[str, Sequence[Use]]
) -> dict[str, dict[str, str]]:
    """Return for each task the tasks that it needs, with a dataset type between."""
    producers = {
        name: use.label for name, uses in by_type.items() for use in uses if use.makes
    }
    needs: dict[str, dict[str, str]] = {}
    for task in tasks:
        before = needs.setdefault(task.label, {})
        for use in task.uses.values():
            producer = producers.get(use.dataset_type)
            # A task that takes what it makes is another problem, reported already.
            if not use.makes and producer is not None and producer != task.label:
                before.setdefault(producer, use.dataset_type)
    return needs


def _storage_classes(
    by_type: Mapping[str, Sequence[Use]], known: Mapping[str, DatasetType]
) -> dict[str, str]:
    """Return the storage class of whole datasets, where something tells it.

    That is the registered one, where the tasks can use that.
    """
    found = {name: dataset_type.storage_class for name, dataset_type in known.items()}
    for name, uses in by_type.items():
        use = whole_use(uses)
        # A task may work with another class than the one that is kept.
        wholes = [one for one in uses if one.component is None]
        registered = found.get(name)
        if use is not None and not (
            registered and all(can_use(one, registered) for one in wholes)
        ):
            found[name] = use.connection.storage_class
    return found


def _dataset_types(
    by_type: Mapping[str, Sequence[Use]],
    parents: Mapping[str, str],
    known: Mapping[str, DatasetType],
    problems: list[str],
) -> dict[str, DatasetType]:
    types = {}
    for name, uses in by_type.items():
        speakers = [
            u for u in uses if isinstance(u.connection, Output | PrerequisiteInput)
        ]
        if speakers:
            calibration = is_calibration(speakers[0])
        else:  # a plain input does not say
            calibration = name in known and known[name].is_calibration
        first = next((use for use in uses if use.makes), uses[0])
        try:
            types[name] = DatasetType(
                name, first.dimensions, parents.get(name, ""), calibration
            )
        except InvalidInputError as error:
            problems.append(f"{first}: {error}".replace("task", "Task", 1))
    return types


def _node(
    task: DeclaredTask, types: Mapping[str, DatasetType], universe: Universe
) -> TaskNode:
    def edges(accept: Callable[[Connection], bool]) -> dict[str, Edge]:
        return {
            name: Edge(name, use.connection, types[use.dataset_type], use.component)
            for name, use in task.uses.items()
            if accept(use.connection)
        }

    label = task.label
    return TaskNode(
        label=label,
        task_path=task.task_path,
        config=task.config,
        dimensions=task.dimensions,
        needs=task.needs,
        inputs=edges(lambda c: isinstance(c, Input)),
        prerequisites=edges(lambda c: isinstance(c, PrerequisiteInput)),
        outputs=edges(lambda c: isinstance(c, Output)),
        init_inputs=edges(lambda c: isinstance(c, InitInput)),
        init_outputs=edges(lambda c: isinstance(c, InitOutput)),
        log_type=DatasetType(f"{label}_log", task.dimensions, "TaskLog"),
        metadata_type=DatasetType(f"{label}_metadata", task.dimensions, "TaskMetadata"),
        config_type=DatasetType(
            f"{label}_config", universe.group(()), "StructuredDict"
        ),
    )
