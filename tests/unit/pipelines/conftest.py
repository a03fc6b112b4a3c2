"""Task classes made for one test."""

from __future__ import annotations

import itertools
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from pantler.dimensions.universe import Universe
from pantler.pipelines.graph import PipelineGraph
from pantler.pipelines.pipeline import Pipeline
from pantler.pipelines.task_definition import TaskDefinition
from pantler.tasks.connections import Connection, Connections
from pantler.tasks.task import PipelineTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pantler.datasets.dataset_type import DatasetType

_COUNT = itertools.count()


@pytest.fixture
def make_task(monkeypatch: pytest.MonkeyPatch) -> Callable[..., TaskDefinition]:
    """Return a function that defines a new class with the given connections."""
    module = ModuleType(f"pantler_made_tasks_{next(_COUNT)}")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def make(label: str, dimensions: tuple[str, ...], **members: Any) -> TaskDefinition:
        declared = {k: v for k, v in members.items() if isinstance(v, Connection)}
        others = {k: v for k, v in members.items() if k not in declared}
        connections = type(
            "MadeConnections", (Connections,), declared, dimensions=dimensions
        )
        name = f"Made{next(_COUNT)}Task"
        body: dict[str, Any] = {"run": lambda self, **inputs: {}}  # noqa: ARG005
        body |= {**others, "connections": connections}
        setattr(module, name, type(name, (PipelineTask,), body))
        return TaskDefinition(label, f"{module.__name__}.{name}")

    return make


@pytest.fixture
def graph_of() -> Callable[..., PipelineGraph]:
    """Return a function from tasks to their graph."""

    def graph_of(
        *tasks: TaskDefinition, registered: Iterable[DatasetType] = ()
    ) -> PipelineGraph:
        pipeline = Pipeline("Made for a test.", tasks)
        return PipelineGraph.from_pipeline(
            pipeline, Universe.default(), registered=registered
        )

    return graph_of
