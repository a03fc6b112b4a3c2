"""Tasks, run in memory."""

from __future__ import annotations

from typing import Any

import pytest

from pantler.errors import InvalidInputError, TaskError
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import Connections, InitOutput, Input, Output
from pantler.tasks.task import PipelineTask, Task
from pantler.testing.tasks import (
    GatherTask,
    MeasureTask,
    MemoryContext,
    ReduceConfig,
    ReduceTask,
    run_task_once,
)


class FitConfig(TaskConfig):
    order: int = 2


class FitTask(Task[FitConfig]):
    def run(self, *, values: list[float]) -> dict[str, Any]:
        self.metadata["n"] = len(values)
        return {"order": self.config.order}


class CurveConfig(TaskConfig):
    fit: FitConfig = FitConfig(order=4)


class CurveConnections(Connections, dimensions=("visit",)):
    values = Input("values", "StructuredList", dimensions=("visit",))
    curve = Output("curve", "StructuredDict", dimensions=("visit",))
    schema = InitOutput("curve_schema", "StructuredDict")


class CurveTask(PipelineTask[CurveConfig]):
    connections = CurveConnections

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fit = self.make_subtask("fit", FitTask)
        self.schema = {"order": "int"}

    def run(self, *, values: list[float]) -> dict[str, Any]:
        return {"curve": self.fit.run(values=values)}


def test_the_configuration_class_comes_from_the_type_argument() -> None:
    assert FitTask.config_class is FitConfig
    assert FitTask().config == FitConfig()


def test_a_subclass_keeps_the_configuration_class_unless_it_names_another() -> None:
    class Same(FitTask):
        pass

    class Other(FitTask):
        config_class = CurveConfig

    assert Same.config_class is FitConfig
    assert Other.config_class is CurveConfig


def test_a_configuration_of_another_task_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="takes a FitConfig"):
        FitTask(CurveConfig())  # type: ignore[arg-type]


def test_a_subtask_has_its_part_of_the_configuration_label_and_metadata() -> None:
    task = CurveTask(label="curve")
    assert run_task_once(task, {"values": [1.0, 2.0]}) == {"curve": {"order": 4}}
    assert task.fit.label == "curve.fit"
    assert task.metadata == {"n": 2}


def test_init_outputs_are_attributes() -> None:
    assert CurveTask().init_outputs() == {"schema": {"order": "int"}}


def test_a_missing_init_output_is_named() -> None:
    task = CurveTask(label="curve")
    del task.schema
    with pytest.raises(TaskError, match="'curve' has no attribute 'schema'"):
        task.init_outputs()


def test_connections_are_resolved_once_for_each_task() -> None:
    task = CurveTask(CurveConfig(connections={"curve": "other"}))
    assert task.resolved is task.resolved
    assert task.resolved["curve"].name == "other"


def test_a_result_that_is_not_an_output_is_refused() -> None:
    class Wrong(CurveTask):
        def run(self, *, values: list[float]) -> dict[str, Any]:
            return {"curv": values}

    with pytest.raises(TaskError, match=r"'curv'.*Did you mean 'curve'"):
        run_task_once(Wrong(), {"values": []})


def test_an_output_that_was_not_returned_is_an_error_and_nothing_is_stored() -> None:
    class TwoConnections(CurveConnections, dimensions=("visit",)):
        errors = Output("errors", "StructuredDict", dimensions=("visit",))

    class Two(CurveTask):
        connections = TwoConnections

        def run(self, *, values: list[float]) -> dict[str, Any]:  # noqa: ARG002
            return {"curve": {}}

    context = MemoryContext(task := Two(label="two"), {"values": []})
    with pytest.raises(TaskError, match=r"'two' returned no 'errors' for .*NoWork"):
        task.run_quantum(context)
    assert context.results == {}


@pytest.mark.parametrize(
    ("returned", "said"), [(None, "None"), ([1], "an object of type list")]
)
def test_results_that_are_not_a_mapping_are_an_error(returned: Any, said: str) -> None:
    class Forgetful(CurveTask):
        def run(self, *, values: list[float]) -> dict[str, Any]:  # noqa: ARG002
            return returned  # type: ignore[no-any-return]

    expected = rf"'curve' returned {said} for .*each of its outputs: curve\. .*NoWork"
    with pytest.raises(TaskError, match=expected):
        run_task_once(Forgetful(label="curve"), {"values": []})


def test_a_task_without_outputs_returns_an_empty_mapping() -> None:
    class NoneConnections(Connections, dimensions=("visit",)):
        values = Input("values", "StructuredList", dimensions=("visit",))

    class Look(PipelineTask[TaskConfig]):
        connections = NoneConnections

        def run(self, *, values: list[float]) -> dict[str, Any]:  # noqa: ARG002
            return {}

    assert run_task_once(Look(), {"values": []}) == {}


def test_a_dropped_prerequisite_takes_the_default_of_its_argument() -> None:
    task = ReduceTask(ReduceConfig(do_bias=False))
    assert run_task_once(task, {"raw": {"level": 5}}) == {"reduced": {"level": 5}}


def test_no_work_leaves_no_outputs() -> None:
    task = ReduceTask(ReduceConfig(do_bias=False, idle_on_detector=1))
    assert run_task_once(task, {"raw": {"detector": 1}}) == {}


def test_a_failure_passes_through() -> None:
    task = ReduceTask(ReduceConfig(do_bias=False, fail_on_detector=1))
    with pytest.raises(TaskError, match="detector 1"):
        run_task_once(task, {"raw": {"detector": 1}})


def test_a_multiple_input_is_a_list() -> None:
    found = run_task_once(MeasureTask(), {"frames": [{"level": 1}, {"level": 3}]})
    assert found == {"measured": {"frames": 2, "level": 2.0}}


def test_deferred_inputs_are_handles_with_data_ids() -> None:
    measurements = {("Demo", 1, 7): {"level": 1}, ("Demo", 2, 7): {"level": 3}}
    found = run_task_once(GatherTask(), {"measurements": measurements})
    assert found["gathered"]["level"] == 2.0
    assert found["gathered"]["data_ids"] == [
        {"instrument": "Demo", "detector": 1, "visit": 7},
        {"instrument": "Demo", "detector": 2, "visit": 7},
    ]


def test_the_quantum_has_the_data_id_that_was_given() -> None:
    data_id = {"instrument": "Demo", "exposure": 3, "detector": 4}
    inputs = {"raw": {}, "bias": {}}
    context = MemoryContext(ReduceTask(label="x"), inputs, data_id=data_id)
    assert dict(context.data_id) == data_id
    (raw,) = context.inputs["raw"]
    (bias,) = context.inputs["bias"]
    assert dict(raw.data_id) == data_id
    assert dict(bias.data_id) == {"instrument": "Demo", "detector": 4}


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"raw": {}}, "needs an object for its input 'bias'"),
        ({"raw": {}, "bias": {}, "dark": {}}, "no input connection 'dark'"),
    ],
)
def test_objects_must_fit_the_connections(inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        run_task_once(ReduceTask(), inputs)


def test_a_multiple_input_must_be_a_list() -> None:
    with pytest.raises(InvalidInputError, match="give a list"):
        run_task_once(MeasureTask(), {"frames": 3})
