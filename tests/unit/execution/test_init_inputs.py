"""Tasks are constructed with what others, or earlier runs, have made for them."""

from __future__ import annotations

import sys

import pytest

from pantler import DatasetType, Repository
from pantler.butler.interface import Butler
from pantler.execution.graph_run import run_graph
from pantler.pipelines.pipeline import Pipeline
from pantler.quanta.file.writing import write_graph
from pantler.quanta.planning import plan_graph
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import Connections, InitInput, InitOutput, Input, Output
from pantler.tasks.task import PipelineTask

EXPOSURE = ("instrument", "exposure")
constructed: list[str] = []


class FirstConnections(Connections, dimensions=EXPOSURE):
    """A number in and out; a schema out."""

    number = Input("number", "StructuredDict", "Any.", dimensions=EXPOSURE)
    start = InitInput("start", "StructuredDict", "From outside.")
    schema = InitOutput("schema", "StructuredDict", "For the next.")
    result = Output("first", "StructuredDict", "More.", dimensions=EXPOSURE)


class FirstTask(PipelineTask[TaskConfig]):
    """Adds what it was constructed with."""

    connections = FirstConnections

    def __init__(self, config=None, **more):
        super().__init__(config, **more)
        constructed.append(self.label)
        self.schema = {"step": self.init_inputs["start"]["step"]}

    def run(self, number):
        return {"result": {"n": number["n"] + self.schema["step"]}}


class SecondConnections(Connections, dimensions=EXPOSURE):
    """A number in and out; a schema in."""

    number = Input("first", "StructuredDict", "Any.", dimensions=EXPOSURE)
    schema = InitInput("schema", "StructuredDict", "Of the one before.")
    result = Output("second", "StructuredDict", "More.", dimensions=EXPOSURE)


class SecondTask(PipelineTask[TaskConfig]):
    """Multiplies by what the other was constructed with."""

    connections = SecondConnections

    def run(self, number):
        return {"result": {"n": number["n"] * self.init_inputs["schema"]["step"]}}


@pytest.fixture
def repository(tmp_path):
    with Repository.create(tmp_path / "repo") as opened:
        made = Butler.of(opened)
        common = {"instrument": "Cam"}
        add = made.dimensions.insert
        add("instrument", [{**common, "class_name": "none"}])
        add("physical_filter", [{**common, "physical_filter": "g1", "band": "g"}])
        add("day_obs", [{**common, "day_obs": 20250101}])
        add("group", [{**common, "group": "a"}])
        rows = [
            {
                **common,
                "exposure": n,
                "obs_id": f"o{n}",
                "physical_filter": "g1",
                "day_obs": 20250101,
                "group": "a",
            }
            for n in range(5)
        ]
        add("exposure", rows)
        group = made.universe.group
        number = DatasetType("number", group(["exposure"]), "StructuredDict")
        made.dataset_types.register(number)
        made.dataset_types.register(DatasetType("start", group(()), "StructuredDict"))
        made.put({"step": 10}, "start", run="in")
        for n in range(5):
            made.put({"n": n}, "number", exposure=n, run="in")
        yield opened


@pytest.fixture
def butler(repository):
    return Butler.of(repository)


def test_init_inputs_come_from_the_repository_and_from_other_tasks(
    repository, butler, tmp_path
):
    sys.modules["init_tasks_for_test"] = sys.modules[FirstTask.__module__]
    pipeline = Pipeline.from_yaml(
        "description: Two steps.\n"
        "tasks:\n"
        "  second: init_tasks_for_test.SecondTask\n"
        "  first: init_tasks_for_test.FirstTask\n"
    )
    graph = plan_graph(
        repository.registry,
        pipeline,
        inputs=["in"],
        output_run="out",
        records=repository.records.fetch,
    )
    write_graph(graph, tmp_path / "graph")
    constructed.clear()
    report = run_graph(repository, tmp_path / "graph")
    assert report.succeeded
    assert report.count() == 10
    # Once for what is stored before the run, once for all of its quanta.
    assert constructed == ["first", "first"]
    assert butler.get("schema", collections="out") == {"step": 10}
    assert butler.get("second", exposure=3, collections="out") == {"n": 130}
