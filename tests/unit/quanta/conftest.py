"""A small survey, three tasks, and graphs of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pantler.datasets.collection import CollectionType
from pantler.dimensions.timespan import Timespan
from pantler.dimensions.universe import Universe
from pantler.pipelines.graph import PipelineGraph
from pantler.pipelines.pipeline import Pipeline
from pantler.pipelines.task_definition import TaskDefinition
from pantler.quanta.build import build_graph
from pantler.queries.binding import parse_where
from pantler.registry.sql.sqlite import SqliteRegistry
from pantler.testing.survey import bias_type, fill_survey, insert_some, raw_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pantler.quanta.graph import QuantumGraph
    from pantler.registry.interface import Registry

INPUTS = ("Cam/raw", "Cam/calib")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """Return a registry with the survey, its raws and biases valid at any time."""
    made = SqliteRegistry.create(tmp_path / "registry.sqlite", Universe.default())
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
        condition = parse_where(where, registry.universe)
        return build_graph(pipeline, registry, where=condition, **options)

    return make
