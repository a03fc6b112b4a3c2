"""The tasks of a graph, each constructed once with its init-inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pantler.datasets.storage_class import get_storage_class

if TYPE_CHECKING:
    from pantler.datastores.interface import Datastore
    from pantler.pipelines.graph import PipelineGraph
    from pantler.pipelines.nodes import Edge
    from pantler.quanta.graph import QuantumGraph
    from pantler.tasks.task import PipelineTask


class TaskMaker:
    """Constructs the tasks of a pipeline on demand, and keeps them.

    Parameters
    ----------
    graph
        The graph, which knows the init-inputs that existed; its outline does.
    pipeline
        Its pipeline.
    datastore
        Where those are read.
    """

    def __init__(
        self, graph: QuantumGraph, pipeline: PipelineGraph, datastore: Datastore
    ) -> None:
        self._graph = graph
        self._pipeline = pipeline
        self._datastore = datastore
        self._tasks: dict[str, PipelineTask[Any]] = {}
        self._notes: dict[str, dict[str, Any]] = {}

    def task(self, label: str) -> PipelineTask[Any]:
        """Return the task of a label."""
        if label not in self._tasks:
            node = self._pipeline.tasks[label]
            inputs = {
                name: self._init_input(edge) for name, edge in node.init_inputs.items()
            }
            self._tasks[label] = node.make_task(inputs)
            self._notes[label] = self._tasks[label].metadata
        return self._tasks[label]

    def prepared(self, label: str) -> tuple[PipelineTask[Any], dict[str, Any]]:
        """Return the task of a label and its metadata, which are empty.

        They are the dictionary that its subtasks share, whatever the quantum before
        put in its place.
        """
        task, notes = self.task(label), self._notes[label]
        notes.clear()
        task.metadata = notes
        return task, notes

    def init_outputs(self, label: str) -> dict[str, Any]:
        """Return what the constructor of a task made, by dataset type."""
        edges = self._pipeline.tasks[label].init_outputs
        if not edges:
            return {}
        made = self.task(label).init_outputs()
        return {edge.dataset_type.name: made[name] for name, edge in edges.items()}

    def _init_input(self, edge: Edge) -> Any:
        name = edge.dataset_type.name
        producer = self._pipeline.datasets[name].producer
        if producer is not None:
            made = self.init_outputs(producer)[name]
            taken = get_storage_class(edge.connection.storage_class)
            return taken.convert(made, f"Connection '{edge.name}'")
        ref = self._graph.init_ref(name)
        return self._datastore.read(
            ref, self._graph.init_records(name), storage_class=edge.converted_to
        )
