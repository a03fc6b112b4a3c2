"""Pipelines as values, and their YAML form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pantler.errors import NotFoundError, PipelineError
from pantler.pipelines.pipeline import Pipeline
from pantler.pipelines.task_definition import TaskDefinition
from pantler.science.isr import IsrConfig

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """
description: Three tasks.
instrument: demo
parameters:
  bad: 3
  names: {measured: other}
tasks:
  reduce:
    class: pantler.testing.tasks.ReduceTask
    config:
      fail_on_detector: parameters.bad
      connections: parameters.names
  measure: pantler.testing.tasks.MeasureTask
  gather:
    class: pantler.testing.tasks.GatherTask
subsets:
  single_frame: [reduce, measure]
  patches: [gather]
"""


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline.from_yaml(TEXT)


def overrides(pipeline: Pipeline, label: str) -> dict[str, Any]:
    (task,) = (task for task in pipeline.tasks if task.label == label)
    return dict(task.overrides)


def test_tasks_have_labels_classes_and_values(pipeline: Pipeline) -> None:
    assert pipeline.labels == ("reduce", "measure", "gather")
    assert pipeline.instrument == "demo"
    assert pipeline.tasks[1] == TaskDefinition(
        "measure", "pantler.testing.tasks.MeasureTask"
    )
    assert pipeline.tasks[1].class_name == "MeasureTask"


def test_parameters_are_put_in_place_of_their_names(pipeline: Pipeline) -> None:
    assert overrides(pipeline, "reduce") == {
        "fail_on_detector": 3,
        "connections.measured": "other",
    }


def test_parameters_are_found_within_lists_and_mappings() -> None:
    pipeline = Pipeline.from_yaml(
        "description: x\nparameters: {p: 1}\n"
        "tasks: {a: {class: m.A, config: {list: [parameters.p, 2],"
        " map: {k: parameters.p}}}}"
    )
    assert overrides(pipeline, "a") == {"list": [1, 2], "map.k": 1}


def test_expanded_yaml_reads_back_equal(pipeline: Pipeline) -> None:
    assert Pipeline.from_yaml(pipeline.to_yaml()) == pipeline


def test_a_value_that_yaml_cannot_hold_is_named(pipeline: Pipeline) -> None:
    with pytest.raises(PipelineError, match="cannot be written as YAML"):
        pipeline.with_overrides({"reduce:x": object()}).to_yaml()


def test_tasks_and_subsets_can_be_selected(pipeline: Pipeline) -> None:
    cut = pipeline.select(["gather", "single_frame"])
    assert cut == pipeline
    cut = pipeline.select(["measure"])
    assert cut.labels == ("measure",)
    assert cut.subsets == {"single_frame": ("measure",)}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["mesure"], "no task or subset 'mesure'. Did you mean 'measure'?"),
        ([], "No task was selected"),
    ],
)
def test_selecting_what_is_not_there_is_refused(
    pipeline: Pipeline, names: list[str], words: str
) -> None:
    with pytest.raises(PipelineError) as error:
        pipeline.select(names)
    assert words in str(error.value)


def test_overrides_of_the_command_line_have_types_and_win(pipeline: Pipeline) -> None:
    changed = pipeline.with_overrides(
        {
            "reduce:fail_on_detector": "7",
            "reduce:do_bias": "false",
            "measure:a.b": "[1, two]",
            "gather:c": 1.5,
        }
    )
    assert overrides(changed, "reduce")["fail_on_detector"] == 7
    assert overrides(changed, "reduce")["do_bias"] is False
    assert overrides(changed, "measure") == {"a.b": [1, "two"]}
    assert overrides(changed, "gather") == {"c": 1.5}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("redcue:x", "1", "no task 'redcue'. Did you mean 'reduce'?"),
        ("x", "1", "'label:key=value'"),
        ("reduce:", "1", "'label:key=value'"),
        ("reduce:x", "[1", "value for 'reduce:x', line 1, column 1: This is not"),
    ],
)
def test_a_wrong_override_is_refused(
    pipeline: Pipeline, key: str, value: str, words: str
) -> None:
    with pytest.raises(PipelineError) as error:
        pipeline.with_overrides({key: value})
    assert words in str(error.value)


def test_an_instruments_values_lie_below_the_pipelines(pipeline: Pipeline) -> None:
    changed = pipeline.with_instrument_overrides(
        {
            "ReduceTask": {"fail_on_detector": 8, "a": 1, "b": {"c": 1, "d": 1}},
            "reduce": {"b.c": 2},
            "OtherTask": {"x": 1},
        }
    )
    assert overrides(changed, "reduce") == {
        "fail_on_detector": 3,
        "connections.measured": "other",
        "a": 1,
        "b.c": 2,
        "b.d": 1,
    }
    assert overrides(changed, "measure") == {}


TASK = "\ntasks: {a: m.A}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is a mapping"),
        ("- a", "is a mapping"),
        ("description: x", "has no tasks"),
        ("tasks: {a: m.A}", "'description' is missing"),
        ("description: x" + TASK + "\ntaks: {}", "line 3: There is no key 'taks'. Did"),
        ("description: x\ninstrument: [a]" + TASK, "line 2: 'instrument' takes"),
        ("description: x\ntasks: [a]", "line 2: 'tasks' takes a mapping"),
        ("description: x\ntasks:\n  a: 3", "line 3: Task 'a' takes"),
        ("description: x\ntasks:\n  a:\n    config: {}", "line 3: Task 'a' needs"),
        ("description: x\ntasks:\n  a: {class: m.A,\n   cofnig: {}}", "line 4: There"),
        ("description: x\ntasks:\n  a-b: m.A", "line 3: 'a-b' cannot be a label"),
        (
            "description: x\ntasks:\n  a: m.A\n  a: m.B",
            "line 4, column 3: Key 'a' stands",
        ),
        ("description: x\ntasks: {a", "line 2, column 8: This is not valid YAML"),
        (
            "description: x\ntasks:\n\ta: m.A",
            "line 3, column 1: This is not valid YAML",
        ),
        (
            "description: x\ntasks:\n  a:\n    class: m.A\n    config:\n"
            "      k: parameters.p",
            "line 6: There is no parameter 'p'",
        ),
        ("description: x" + TASK + "\nsubsets:\n  s: [a,\n   b]", "line 5: Subset 's'"),
        ("description: x" + TASK + "\nsubsets:\n  s: a", "line 4: Subset 's' takes"),
        (
            "description: x" + TASK + "\nsubsets:\n  a: [a]",
            "line 4: 'a' is the name of a subset and the label of a task",
        ),
        ("description: x" + TASK + "\nimports: [3]", "line 3: An import is a path"),
    ],
)
def test_a_wrong_file_is_refused_with_the_line(text: str, words: str) -> None:
    with pytest.raises(PipelineError) as error:
        Pipeline.from_yaml(text, where="bad.yaml")
    assert str(error.value).startswith("bad.yaml")
    assert words in str(error.value)


def test_yaml_anchors_may_be_used() -> None:
    pipeline = Pipeline.from_yaml(
        "description: x\ntasks:\n"
        "  a: {class: m.A, config: &c {k: 1}}\n"
        "  b: {class: m.B, config: {<<: *c, l: 2}}\n"
    )
    assert overrides(pipeline, "b") == {"k": 1, "l": 2}


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_a_file_is_loaded_by_its_path(tmp_path: Path) -> None:
    path = write(tmp_path, "p.yaml", TEXT)
    assert Pipeline.load(path) == Pipeline.load(str(path)) == Pipeline.from_yaml(TEXT)


def test_a_packaged_file_is_loaded_by_package_and_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "pantler_packaged_pipelines"
    package.mkdir()
    write(package, "__init__.py", "")
    write(package, "p.yaml", TEXT)
    monkeypatch.syspath_prepend(tmp_path)
    loaded = Pipeline.load("pantler_packaged_pipelines:p.yaml")
    assert loaded == Pipeline.from_yaml(TEXT)
    with pytest.raises(NotFoundError, match=r"no file 'q.yaml'.*Did you mean 'p.yaml'"):
        Pipeline.load("pantler_packaged_pipelines:q.yaml")


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("{folder}/piepline.yaml", "Did you mean 'pipeline.yaml'?"),
        ("{folder}/nowhere/p.yaml", "No pipeline file"),
        ("no_such_package:p.yaml", "No package 'no_such_package'"),
    ],
)
def test_a_missing_file_is_named(tmp_path: Path, location: str, words: str) -> None:
    write(tmp_path, "pipeline.yaml", TEXT)
    with pytest.raises(NotFoundError) as error:
        Pipeline.load(location.format(folder=tmp_path))
    assert words in str(error.value)


def test_imported_tasks_can_be_left_out_and_configured(tmp_path: Path) -> None:
    write(tmp_path, "base.yaml", TEXT)
    path = write(
        tmp_path,
        "top.yaml",
        "description: top\n"
        "imports: [{location: base.yaml, include: single_frame, exclude: measure}]\n"
        "tasks:\n  reduce: {config: {do_bias: false}}\n  last: m.Last\n",
    )
    pipeline = Pipeline.load(path)
    assert pipeline.labels == ("reduce", "last")
    assert pipeline.instrument == "demo"
    assert pipeline.subsets == {"single_frame": ("reduce",)}
    assert overrides(pipeline, "reduce") == {
        "fail_on_detector": 3,
        "connections.measured": "other",
        "do_bias": False,
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("imports: top.yaml", "imports itself"),
        ("imports: {location: base.yaml, include: [redcue]}", "Did you mean 'reduce'?"),
        ("imports: {location: base.yaml, only: []}", "There is no key 'only'"),
        ("imports: base.yaml\ntasks: {reduce: m.Other}", "is a m.Other here"),
        ("imports: [base.yaml, other.yaml]", "comes from two imports"),
    ],
)
def test_a_wrong_import_is_refused(tmp_path: Path, text: str, words: str) -> None:
    write(tmp_path, "base.yaml", TEXT)
    write(tmp_path, "other.yaml", "description: x\ntasks: {reduce: m.Other}")
    path = write(tmp_path, "top.yaml", f"description: top\n{text}\n")
    with pytest.raises(PipelineError) as error:
        Pipeline.load(path)
    assert words in str(error.value)


def test_the_example_of_an_override_is_one_that_works() -> None:
    with pytest.raises(PipelineError) as told:
        Pipeline("", ()).with_overrides({"isr.do_flat": "3"})
    assert "'isr:do_flat=false'" in str(told.value)
    assert not IsrConfig.from_overrides({"do_flat": False}).do_flat
