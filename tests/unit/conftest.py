"""What the tests of several rooms stand on: made tasks, and the small survey."""

from __future__ import annotations

import itertools
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from pantler.datasets.collection import CollectionType
from pantler.dimensions.timespan import Timespan
from pantler.dimensions.universe import Universe
from pantler.pipelines.graph import PipelineGraph
from pantler.pipelines.pipeline import Pipeline
from pantler.pipelines.task_definition import TaskDefinition
from pantler.quanta.building.build import build_graph
from pantler.queries.binding import bind
from pantler.queries.parser import parse
from pantler.registry.sql.settings import SqliteSettings
from pantler.registry.sql.sqlite import SqliteRegistry
from pantler.tasks.connections import Connection, Connections
from pantler.tasks.task import PipelineTask
from pantler.testing.survey import bias_type, fill_survey, insert_some, raw_type
from pantler.testing.survey_repository import make_survey_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from pantler.datasets.dataset_type import DatasetType
    from pantler.quanta.graph import QuantumGraph
    from pantler.registry.interface import Registry

INPUTS = ("Cam/raw", "Cam/calib")

_COUNT = itertools.count()


@pytest.fixture(scope="session")
def survey_repository(tmp_path_factory):
    """Return the root of the small survey's repository: copy it before a change."""
    root = tmp_path_factory.mktemp("survey") / "repo"
    make_survey_repository(root).close()
    return root


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


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """Return a registry with the survey, its raws and biases valid at any time."""
    made = SqliteRegistry.create(
        tmp_path / "registry.sqlite",
        Universe.default(),
        settings=SqliteSettings(durability="process"),
    )
    fill_survey(made)
    insert_some(made, raw_type(made), "Cam/raw")
    biases = insert_some(made, bias_type(made), "Cam/biases", [1])
    made.collections.register("Cam/calib", CollectionType.CALIBRATION)
    made.collections.certify("Cam/calib", biases, Timespan.always())
    yield made
    made.close()


@pytest.fixture
def make_pipeline(registry: Registry) -> Callable[..., PipelineGraph]:
    """Return a function that makes the graph of some of the three tasks."""

    def make(*labels: str, **config: dict[str, Any]) -> PipelineGraph:
        tasks = tuple(
            TaskDefinition(
                label,
                f"pantler.testing.tasks.{label.capitalize()}Task",
                config.get(label, {}),
            )
            for label in labels or ("reduce", "measure", "gather")
        )
        return PipelineGraph.from_pipeline(
            Pipeline("For tests.", tasks),
            registry.universe,
            registered=registry.dataset_types.all(),
        )

    return make


@pytest.fixture
def build(
    registry: Registry, make_pipeline: Callable[..., PipelineGraph]
) -> Callable[..., QuantumGraph]:
    """Return a function that builds a graph from labels and an expression."""

    def make(*labels: str, where: str = "", **options: Any) -> QuantumGraph:
        options = {"inputs": INPUTS, "output_run": "out", **options}
        pipeline = options.pop("pipeline", None) or make_pipeline(*labels)
        condition = bind(parse(where), registry.universe)
        return build_graph(pipeline, registry, where=condition, **options)

    return make
