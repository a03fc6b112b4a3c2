"""The graph of a pipeline, and what it refuses."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace
from typing import Any

import pytest

from pantler.datasets.dataset_type import DatasetType
from pantler.dimensions.universe import Universe
from pantler.errors import PipelineError, SchemaError
from pantler.pipelines.graph import PipelineGraph
from pantler.pipelines.pipeline import Pipeline
from pantler.pipelines.task_definition import TaskDefinition
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import (
    InitInput,
    InitOutput,
    Input,
    Output,
    PrerequisiteInput,
)
from pantler.tasks.needs import Needs
from pantler.testing.tasks import MeasureTask, ReduceConfig

DICT = "StructuredDict"
VISIT = ("visit",)
DETECTOR = ("visit", "detector")
UNIVERSE = Universe.default()

TEXT = """
description: Three tasks.
tasks:
  gather: pantler.testing.tasks.GatherTask
  measure: pantler.testing.tasks.MeasureTask
  reduce: pantler.testing.tasks.ReduceTask
"""


def dataset_type(
    name: str, dimensions: tuple[str, ...], storage: str = DICT, calib: bool = False
) -> DatasetType:
    return DatasetType(name, UNIVERSE.group(dimensions), storage, calib)


@pytest.fixture
def graph() -> PipelineGraph:
    return PipelineGraph.from_pipeline(Pipeline.from_yaml(TEXT), UNIVERSE)


def refusal(graph_of: Any, *tasks: TaskDefinition, **more: Any) -> str:
    with pytest.raises(PipelineError) as error:
        graph_of(*tasks, **more)
    return str(error.value)


def test_tasks_stand_behind_what_they_need(graph: PipelineGraph) -> None:
    assert list(graph.tasks) == ["reduce", "measure", "gather"]


def test_among_equals_the_order_of_the_file_holds(
    make_task: Any, graph_of: Any
) -> None:
    tasks = [
        make_task("c", VISIT, x=Input("b_out", DICT, dimensions=VISIT)),
        make_task("z", VISIT, x=Output("z_out", DICT, dimensions=VISIT)),
        make_task("b", VISIT, x=Output("b_out", DICT, dimensions=VISIT)),
        make_task("a", VISIT, x=Output("a_out", DICT, dimensions=VISIT)),
    ]
    assert list(graph_of(*tasks).tasks) == ["z", "b", "c", "a"]


def test_datasets_know_who_makes_and_takes_them(graph: PipelineGraph) -> None:
    reduced = graph.datasets["reduced"]
    assert reduced.producer == "reduce"
    assert reduced.consumers == ("measure",)
    assert reduced.dataset_type == dataset_type("reduced", ("exposure", "detector"))
    assert graph.datasets["bias"].is_prerequisite
    assert graph.datasets["bias"].dataset_type.is_calibration


def test_inputs_prerequisites_and_outputs_are_told_apart(graph: PipelineGraph) -> None:
    def names(nodes: list[Any]) -> list[str]:
        return [node.dataset_type.name for node in nodes]

    assert names(graph.overall_inputs()) == ["raw"]
    assert names(graph.prerequisites()) == ["bias"]
    assert names(graph.outputs()) == ["reduced", "measured", "gathered"]


def test_every_task_has_a_log_metadata_and_a_configuration(
    graph: PipelineGraph,
) -> None:
    node = graph.tasks["measure"]
    assert node.log_type == dataset_type("measure_log", DETECTOR, "TaskLog")
    assert node.metadata_type == dataset_type(
        "measure_metadata", DETECTOR, "TaskMetadata"
    )
    assert node.config_type == dataset_type("measure_config", (), DICT)


def test_a_node_makes_its_task(graph: PipelineGraph) -> None:
    task = graph.tasks["measure"].make_task()
    assert isinstance(task, MeasureTask)
    assert task.label == "measure"


def test_a_node_has_the_needs_of_its_task_and_the_pipelines_over_them(
    make_task: Any, graph_of: Any
) -> None:
    plain = make_task("plain", ("visit",))
    made = make_task("heavy", ("visit",), needs=Needs(cores=2, memory_mb=900))
    other = TaskDefinition("other", made.task_path, needs={"memory_mb": None})
    graph = graph_of(plain, made, other)
    again = PipelineGraph.from_json(graph.to_json(), graph.universe)
    for found in (graph, again):
        assert found.tasks["plain"].needs == Needs()
        assert found.tasks["heavy"].needs == Needs(2, 900)
        assert found.tasks["other"].needs == Needs(2)


def test_needs_that_make_no_sense_are_told_with_the_task(
    make_task: Any, graph_of: Any
) -> None:
    made = make_task("heavy", ("visit",))
    with pytest.raises(PipelineError, match="Task 'heavy': 'cores' takes"):
        graph_of(TaskDefinition("heavy", made.task_path, needs={"cores": 0}))


def test_one_class_serves_under_two_labels(graph_of: Any) -> None:
    path = "pantler.testing.tasks.ReduceTask"
    graph = graph_of(
        TaskDefinition("first", path),
        TaskDefinition(
            "second",
            path,
            {"connections.raw": "reduced", "connections.reduced": "twice"},
        ),
    )
    assert graph.datasets["reduced"].consumers == ("second",)
    assert graph.datasets["twice"].producer == "second"


def test_a_dropped_connection_is_not_in_the_graph(graph_of: Any) -> None:
    path = "pantler.testing.tasks.ReduceTask"
    graph = graph_of(TaskDefinition("reduce", path, {"do_bias": False}))
    assert "bias" not in graph.datasets
    assert graph.tasks["reduce"].config == ReduceConfig(do_bias=False)


def test_a_subset_takes_from_outside_what_it_no_longer_makes(
    graph: PipelineGraph,
) -> None:
    cut = graph.subset(["gather", "measure"])
    assert list(cut.tasks) == ["measure", "gather"]
    assert [n.dataset_type.name for n in cut.overall_inputs()] == ["reduced"]
    with pytest.raises(PipelineError, match=r"'gahter'.*Did you mean 'gather'"):
        graph.subset(["gahter"])
    with pytest.raises(PipelineError, match="No task was selected"):
        graph.subset([])


def test_json_holds_the_whole_graph(graph: PipelineGraph) -> None:
    assert PipelineGraph.from_json(graph.to_json(), UNIVERSE) == graph


def test_a_pickled_graph_is_equal(graph: PipelineGraph) -> None:
    assert pickle.loads(pickle.dumps(graph)) == graph


def test_json_keeps_what_only_registered_types_told(
    make_task: Any, graph_of: Any
) -> None:
    task = make_task(
        "a", VISIT, x=Input("image.wcs", "Wcs", dimensions=VISIT, multiple=True)
    )
    graph = graph_of(task, registered=[dataset_type("image", VISIT, "CCDImage")])
    assert PipelineGraph.from_json(graph.to_json(), UNIVERSE) == graph


def test_json_of_another_format_is_refused(graph: PipelineGraph) -> None:
    text = graph.to_json().replace('"format":2', '"format":99')
    with pytest.raises(SchemaError, match="99"):
        PipelineGraph.from_json(text, UNIVERSE)


def test_a_graph_of_other_versions_of_the_tasks_is_refused(
    graph: PipelineGraph,
) -> None:
    text = graph.to_json().replace('["instrument","detector","visit"]', '["visit"]')
    with pytest.raises(PipelineError, match="'measured'"):
        PipelineGraph.from_json(text, UNIVERSE)


def test_two_producers_are_refused(make_task: Any, graph_of: Any) -> None:
    text = refusal(
        graph_of,
        make_task("a", VISIT, x=Output("image", DICT, dimensions=VISIT)),
        make_task("b", VISIT, y=Output("image", DICT, dimensions=VISIT)),
    )
    assert "made by more than one" in text
    assert "task 'a' (connection 'x')" in text
    assert "task 'b' (connection 'y')" in text


def test_a_cycle_is_named_with_the_datasets_along_it(
    make_task: Any, graph_of: Any
) -> None:
    def link(label: str, takes: str, makes: str) -> TaskDefinition:
        return make_task(
            label,
            VISIT,
            x=Input(takes, DICT, dimensions=VISIT),
            y=Output(makes, DICT, dimensions=VISIT),
        )

    text = refusal(
        graph_of,
        link("before", "raw", "one"),
        link("a", "three", "two"),
        link("b", "two", "three"),
        link("after", "three", "four"),
    )
    match = re.search(r"circle: (.*)\.", text)
    assert match is not None
    loop = match.group(1)
    assert loop in {"a → 'two' → b → 'three' → a", "b → 'three' → a → 'two' → b"}


@pytest.mark.parametrize(
    ("maker", "taker", "words"),
    [
        (
            Output("d", DICT, dimensions=DETECTOR),
            Input("d", DICT, dimensions=VISIT),
            "two different dimensions",
        ),
        (
            Output("d", DICT, dimensions=DETECTOR),
            Input("d", "Table", dimensions=DETECTOR),
            "two different storage classes",
        ),
        (
            Output("d", "CCDImage", dimensions=DETECTOR),
            Input("d.wsc", "Wcs", dimensions=DETECTOR),
            "Did you mean 'wcs'?",
        ),
        (
            Output("d", "CCDImage", dimensions=DETECTOR),
            Input("d.wcs", "Table", dimensions=DETECTOR),
            "that component is a Wcs",
        ),
        (
            Output("d", DICT, dimensions=DETECTOR),
            PrerequisiteInput("d", DICT, dimensions=DETECTOR),
            "must exist before the pipeline runs",
        ),
        (
            Input("d", DICT, dimensions=DETECTOR),
            PrerequisiteInput("d", DICT, dimensions=DETECTOR),
            "Declare it one or the other",
        ),
        (
            PrerequisiteInput("d", DICT, dimensions=DETECTOR),
            PrerequisiteInput("d", DICT, dimensions=DETECTOR, is_calibration=True),
            "two different values of is_calibration",
        ),
        (
            InitOutput("d", DICT),
            Input("d", DICT, dimensions=()),
            "belongs to the constructor",
        ),
    ],
)
def test_a_disagreement_of_two_tasks_is_named_with_both(
    make_task: Any, graph_of: Any, maker: Any, taker: Any, words: str
) -> None:
    text = refusal(
        graph_of,
        make_task("first", DETECTOR, x=maker),
        make_task("second", DETECTOR, y=taker),
    )
    assert words in text
    assert "'d'" in text
    assert "task 'first' (connection 'x')" in text
    assert "task 'second' (connection 'y')" in text.replace("Task", "task")


def test_a_component_is_an_edge_to_the_whole(make_task: Any, graph_of: Any) -> None:
    graph = graph_of(
        make_task("a", VISIT, x=Output("d", "CCDImage", dimensions=VISIT)),
        make_task("b", VISIT, y=Input("d.wcs", "Wcs", dimensions=VISIT)),
    )
    edge = graph.tasks["b"].inputs["y"]
    assert edge.component == "wcs"
    assert edge.dataset_type == dataset_type("d", VISIT, "CCDImage")


def test_a_component_of_an_unknown_whole_needs_a_registered_type(
    make_task: Any, graph_of: Any
) -> None:
    task = make_task("b", VISIT, y=Input("d.wcs", "Wcs", dimensions=VISIT))
    assert "no registered dataset type tells" in refusal(graph_of, task)
    graph = graph_of(task, registered=[dataset_type("d", VISIT, "CCDImage")])
    assert graph.datasets["d"].dataset_type.storage_class == "CCDImage"


def test_an_init_output_reaches_the_constructor_of_another(
    make_task: Any, graph_of: Any
) -> None:
    graph = graph_of(
        make_task("b", VISIT, schema=InitInput("schema", DICT)),
        make_task("a", VISIT, table=InitOutput("schema", DICT)),
    )
    assert list(graph.tasks) == ["a", "b"]
    assert graph.datasets["schema"].is_init
    assert graph.tasks["b"].init_inputs["schema"].dataset_type.dimensions.names == ()


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (
            {"x": Output("d", DICT, dimensions=DETECTOR)},
            "one quantum does not fix detector",
        ),
        (
            {"x": Output("d.wcs", DICT, dimensions=VISIT)},
            "is a component",
        ),
        (
            {
                "x": Input("d", DICT, dimensions=VISIT),
                "y": Output("d", DICT, dimensions=VISIT),
            },
            "both takes 'd' (connection 'x') and makes it (connection 'y')",
        ),
        (
            {"x": Input("d", DICT, dimensions=("vist",))},
            "connection 'x': No dimension 'vist'",
        ),
        (
            {"x": Output("a b", DICT, dimensions=VISIT)},
            "'a b' cannot name a dataset type",
        ),
        (
            {"x": Output("t_log", DICT, dimensions=VISIT)},
            "'t_log' is made for task 't' automatically",
        ),
        (
            {
                "x": Input("d", DICT, dimensions=VISIT),
                "run": lambda self, y: {},  # noqa: ARG005
            },
            "run has no argument 'x'",
        ),
        (
            {"run": lambda self, y: {}},  # noqa: ARG005
            "run needs an argument 'y', which is not an input connection",
        ),
        ({"config_class": ReduceConfig, "overrides": {"do_bais": 1}}, "'do_bias'"),
    ],
)
def test_a_task_that_is_wrong_alone_is_named_with_its_label(
    make_task: Any, graph_of: Any, members: dict[str, Any], words: str
) -> None:
    overrides = members.pop("overrides", {})
    text = refusal(
        graph_of, replace(make_task("t", VISIT, **members), overrides=overrides)
    )
    assert words in text
    assert "Task 't'" in text or "task 't'" in text


def test_a_multiple_output_may_go_beyond_the_dimensions_of_the_task(
    make_task: Any, graph_of: Any
) -> None:
    output = Output("d", DICT, dimensions=DETECTOR, multiple=True)
    assert graph_of(make_task("t", VISIT, x=output)).tasks["t"].outputs


def test_an_unknown_dimension_of_a_task_is_named(make_task: Any, graph_of: Any) -> None:
    text = refusal(graph_of, make_task("t", ("detectr",)))
    assert text.startswith("Task 't': No dimension 'detectr'")
    assert "Did you mean 'detector'?" in text


def test_an_argument_of_a_dropped_connection_needs_a_default(
    make_task: Any, graph_of: Any
) -> None:
    class Config(TaskConfig):
        pass

    task = make_task(
        "t",
        VISIT,
        config_class=Config,
        x=Input("d", DICT, dimensions=VISIT),
        run=lambda self, x: {},  # noqa: ARG005
    )
    connections = graph_of(task).tasks["t"].load_task_class().connections
    connections.dropped = classmethod(lambda cls, config: ["x"])  # type: ignore[assignment,method-assign]  # noqa: ARG005
    assert "give it a default" in refusal(graph_of, task)


def test_a_run_quantum_of_its_own_may_call_run_as_it_likes(
    make_task: Any, graph_of: Any
) -> None:
    task = make_task(
        "t",
        VISIT,
        x=Input("d", DICT, dimensions=VISIT),
        run=lambda self, other: {},  # noqa: ARG005
        run_quantum=lambda self, quantum: None,  # noqa: ARG005
    )
    assert list(graph_of(task).tasks) == ["t"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("pantler.testing.tasks.ReduceConfig", "is not a PipelineTask"),
        ("pantler.testing.tasks.ReduceTsk", "Did you mean 'ReduceTask'?"),
        ("pantler.no_such_module.X", "Cannot import module"),
        ("no_such_module.X", "in PYTHONPATH, or install it with 'pip install -e'"),
        ("X", "is not an import path"),
        ("pantler.tasks.task.PipelineTask", "defines no run method"),
    ],
)
def test_a_class_that_is_not_a_task_is_named(
    graph_of: Any, path: str, words: str
) -> None:
    text = refusal(graph_of, TaskDefinition("t", path))
    assert text.startswith("Task 't'")
    assert words in text


def test_all_problems_are_told_together(make_task: Any, graph_of: Any) -> None:
    text = refusal(
        graph_of,
        TaskDefinition("lost", "pantler.testing.tasks.Lost"),
        make_task("a", VISIT, x=Output("image", DICT, dimensions=VISIT)),
        make_task("b", VISIT, x=Output("image", "Table", dimensions=DETECTOR)),
    )
    assert text.startswith("The pipeline has 5 problems:")
    for word in (
        "'lost'",
        "more than one",
        "dimensions:",
        "storage classes:",
        "detector",
    ):
        assert word in text


def test_registered_types_that_differ_are_told_with_the_labels(
    graph: PipelineGraph,
) -> None:
    found = graph.compare_with_registered(
        [
            dataset_type("raw", ("exposure", "detector"), calib=True),
            dataset_type("reduced", ("exposure",), "Table"),
            dataset_type("bias", ("instrument", "detector")),
            dataset_type("measured", DETECTOR),
            dataset_type("measure_log", DETECTOR, DICT),
            dataset_type("elsewhere", ()),
        ]
    )
    reduced, bias, log = found
    assert "tasks 'reduce', 'measure'" in reduced
    assert "{instrument, exposure} there" in reduced
    assert "storage class StructuredDict here and Table there" in reduced
    assert "is_calibration True here and False there" in bias
    assert "task 'measure'" in log


def test_a_plain_input_that_is_a_registered_calibration_stays_one(
    make_task: Any, graph_of: Any
) -> None:
    bias = dataset_type("bias", ("detector",), calib=True)
    task = make_task(
        "t", ("instrument",), x=Input("bias", DICT, dimensions=("detector",))
    )
    graph = graph_of(task, registered=[bias])
    assert graph.datasets["bias"].dataset_type == bias
