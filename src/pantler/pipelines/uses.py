"""What the tasks of a pipeline say of their datasets, not yet compared."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pantler.datasets.dataset_type import split_component
from pantler.errors import DimensionNotFoundError, PantlerError
from pantler.plugins import load_object
from pantler.tasks.connections import (
    DimensionedConnection,
    InitInput,
    InitOutput,
    Input,
    Output,
    PrerequisiteInput,
)
from pantler.tasks.task import PipelineTask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.dimensions.universe import DimensionGroup, Universe
    from pantler.pipelines.task_definition import TaskDefinition
    from pantler.tasks.config import TaskConfig
    from pantler.tasks.connections import Connection
    from pantler.tasks.needs import Needs


@dataclass(frozen=True, slots=True)
class Use:
    """What one connection of one task says of a dataset type.

    Parameters
    ----------
    label
        The task's label.
    name
        The connection's name.
    connection
        The connection as configured.
    dataset_type
        Name of the dataset type, without a component.
    component
        Name of the component that the task reads, None for the whole.
    dimensions
        The dimensions that the connection gives the dataset type.
    """

    label: str
    name: str
    connection: Connection
    dataset_type: str
    component: str | None
    dimensions: DimensionGroup

    @property
    def makes(self) -> bool:
        """Whether the task makes the dataset, rather than takes it."""
        return isinstance(self.connection, Output | InitOutput)

    @property
    def is_init(self) -> bool:
        """Whether the dataset belongs to the task's constructor."""
        return isinstance(self.connection, InitInput | InitOutput)

    @property
    def is_prerequisite(self) -> bool:
        """Whether the dataset must exist beforehand."""
        return isinstance(self.connection, PrerequisiteInput)

    def __str__(self) -> str:
        return f"task '{self.label}' (connection '{self.name}')"


@dataclass(frozen=True, slots=True)
class DeclaredTask:
    """One task of a pipeline, imported and configured.

    Parameters
    ----------
    label, task_path
        As in its definition.
    config
        Its complete configuration.
    dimensions
        Those of its quanta.
    needs
        What one quantum needs of a machine.
    uses
        What it says of its datasets, by connection.
    """

    label: str
    task_path: str
    config: TaskConfig
    dimensions: DimensionGroup
    needs: Needs
    uses: Mapping[str, Use]


def declare_task(
    definition: TaskDefinition, universe: Universe, problems: list[str]
) -> DeclaredTask | None:
    """Import and configure a task.

    Parameters
    ----------
    definition
        The task.
    universe
        Where its dimensions come from.
    problems
        Gets what is wrong with it, a sentence each.

    Returns
    -------
    DeclaredTask or None
        None if the task cannot be understood at all.
    """
    where = f"Task '{definition.label}'"
    try:
        task_class = load_object(definition.task_path)
        if not isinstance(task_class, type) or not issubclass(task_class, PipelineTask):
            problems.append(
                f"{where}: {definition.task_path} is not a PipelineTask, which a task "
                "of a pipeline must be."
            )
            return None
        config = task_class.config_class.from_overrides(definition.overrides, where)
        connections = task_class.connections.resolve(config, where)
        needs = task_class.needs.replaced(definition.needs)
    except PantlerError as error:
        text = str(error)
        problems.append(text if text.startswith(where) else f"{where}: {text}")
        return None
    problems.extend(
        f"{where}: {text}" for text in run_problems(task_class, connections)
    )
    dimensions = _group(universe, task_class.connections.dimensions, where, problems)
    uses = {}
    for name, connection in connections.items():
        use = _use(
            definition.label, name, connection, universe=universe, problems=problems
        )
        if use is not None:
            uses[name] = use
    if dimensions is None:
        return None
    return DeclaredTask(
        definition.label, definition.task_path, config, dimensions, needs, uses
    )


def _group(
    universe: Universe, names: tuple[str, ...], where: str, problems: list[str]
) -> DimensionGroup | None:
    try:
        return universe.group(names)
    except DimensionNotFoundError as error:
        problems.append(f"{where}: {error}")
        return None


def _use(
    label: str,
    name: str,
    connection: Connection,
    *,
    universe: Universe,
    problems: list[str],
) -> Use | None:
    where = f"Task '{label}', connection '{name}'"
    names = (
        connection.dimensions if isinstance(connection, DimensionedConnection) else ()
    )
    group = _group(universe, names, where, problems)
    if group is None:
        return None
    dataset_type, component = split_component(connection.name)
    use = Use(label, name, connection, dataset_type, component, group)
    if component is not None and not isinstance(connection, Input | PrerequisiteInput):
        problems.append(
            f"{where}: '{connection.name}' is a component, which only an input or a "
            "prerequisite can name."
        )
        return None
    return use


def run_problems(
    task_class: type[PipelineTask[Any]], connections: Mapping[str, Connection]
) -> list[str]:
    """Return in what the arguments of a task's ``run`` differ from its inputs.

    A task with a ``run_quantum`` of its own calls ``run`` as it likes.
    """
    if task_class.run_quantum is not PipelineTask.run_quantum:
        return []
    if task_class.run is PipelineTask.run:
        return [f"{task_class.__name__} defines no run method."]
    inputs = [
        name
        for name, connection in connections.items()
        if isinstance(connection, Input | PrerequisiteInput)
    ]
    by_name = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    parameters = list(inspect.signature(task_class.run).parameters.values())[1:]
    named = {p.name: p for p in parameters if p.kind in by_name}
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
    problems = []
    if not takes_any:
        problems += [
            f"run has no argument '{name}' for the input connection of that name."
            for name in inputs
            if name not in named
        ]
    for name, parameter in named.items():
        if name not in inputs and parameter.default is inspect.Parameter.empty:
            dropped = name in task_class.connections.declared
            problems.append(
                f"run needs an argument '{name}', "
                + (
                    "a connection that this configuration drops: give it a default."
                    if dropped
                    else "which is not an input connection."
                )
            )
    return problems
