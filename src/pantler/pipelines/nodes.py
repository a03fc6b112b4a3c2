"""The nodes and edges of a pipeline graph, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pantler.datasets.storage_class import get_storage_class
from pantler.plugins import load_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pantler.datasets.dataset_type import DatasetType
    from pantler.datasets.storage_class import StorageClass
    from pantler.dimensions.universe import DimensionGroup
    from pantler.tasks.config import TaskConfig
    from pantler.tasks.connections import Connection
    from pantler.tasks.needs import Needs
    from pantler.tasks.task import PipelineTask


@dataclass(frozen=True, slots=True)
class Edge:
    """One connection of one task, tied to a dataset type.

    Parameters
    ----------
    name
        The connection's name: the argument of the task's ``run``.
    connection
        The connection as configured.
    dataset_type
        Of the whole dataset, also where the task reads a component of it.
    component
        Name of the component that the task reads, None for the whole.
    """

    name: str
    connection: Connection
    dataset_type: DatasetType
    component: str | None = None

    @property
    def converted_to(self) -> StorageClass | None:
        """The storage class that a task takes, if another is kept; else None."""
        kept = self.dataset_type.storage_class
        if self.component is not None:
            kept = get_storage_class(kept).components[self.component]
        asked = self.connection.storage_class
        return None if asked == kept else get_storage_class(asked)


@dataclass(frozen=True, slots=True)
class TaskNode:
    """One task of a pipeline, checked and tied to dataset types.

    Parameters
    ----------
    label
        Its label in the pipeline.
    task_path
        ``package.module.Class`` of the task.
    config
        Its complete configuration.
    dimensions
        Those of its quanta.
    needs
        What one quantum needs of a machine: the task's, or the pipeline's.
    inputs, prerequisites, outputs, init_inputs, init_outputs
        Edges by the name of the connection.
    log_type, metadata_type, config_type
        The dataset types that every task has besides: ``<label>_log`` and
        ``<label>_metadata`` for each quantum, ``<label>_config`` once for each run.
    """

    label: str
    task_path: str
    config: TaskConfig
    dimensions: DimensionGroup
    needs: Needs
    inputs: Mapping[str, Edge]
    prerequisites: Mapping[str, Edge]
    outputs: Mapping[str, Edge]
    init_inputs: Mapping[str, Edge]
    init_outputs: Mapping[str, Edge]
    log_type: DatasetType
    metadata_type: DatasetType
    config_type: DatasetType

    @property
    def class_name(self) -> str:
        """The name of the task class, without its module."""
        return self.task_path.replace(":", ".").rpartition(".")[2]

    def consumed(self) -> Iterator[Edge]:
        """Yield the edges of all that it takes: init-inputs, inputs, prerequisites."""
        yield from self.init_inputs.values()
        yield from self.inputs.values()
        yield from self.prerequisites.values()

    def produced(self) -> Iterator[Edge]:
        """Yield the edges of all that it makes: init-outputs, outputs."""
        yield from self.init_outputs.values()
        yield from self.outputs.values()

    def load_task_class(self) -> type[PipelineTask[Any]]:
        """Import and return the task class."""
        found: type[PipelineTask[Any]] = load_object(self.task_path)
        return found

    def make_task(
        self, init_inputs: Mapping[str, Any] | None = None
    ) -> PipelineTask[Any]:
        """Return a new task with this configuration and label.

        Parameters
        ----------
        init_inputs
            The objects of its init-input connections, by name.
        """
        return self.load_task_class()(
            self.config, label=self.label, init_inputs=init_inputs
        )


@dataclass(frozen=True, slots=True)
class DatasetNode:
    """One dataset type of a pipeline.

    Parameters
    ----------
    dataset_type
        The type.
    producer
        Label of the task that makes it, None if none does.
    consumers
        Labels of the tasks that take it, in the order of the graph.
    is_prerequisite
        Whether it must exist beforehand without deciding what is processed.
    is_init
        Whether the constructors of tasks make and take it, once for each run.
    """

    dataset_type: DatasetType
    producer: str | None
    consumers: tuple[str, ...]
    is_prerequisite: bool = False
    is_init: bool = False
