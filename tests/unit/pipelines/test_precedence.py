"""Which of several values of a pipeline wins, and what is too unclear to choose.

From the weakest: what a task declares, the instrument's values by class, then by
label; imports from the innermost, in order; the file itself; the command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pantler.errors import PipelineError
from pantler.pipelines.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INNER = """
description: inner
parameters: {p: 1, q: 1, only_inner: 1}
tasks:
  a:
    class: m.A
    config: {p: parameters.p, q: parameters.q, list: [parameters.only_inner]}
    needs: {cores: parameters.p, memory_mb: 100}
  b: {class: m.B, config: {p: parameters.p}}
  c: {class: m.C, config: {x: 1, part.y: 1}}
subsets:
  ab: [a, b]
  c_only: [c]
"""


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Pipeline]:
    """Return a function from the texts of files to the pipeline of ``top``."""

    def make(**texts: str) -> Pipeline:
        for name, text in {"inner": INNER, **texts}.items():
            start = "" if text is INNER else f"description: {name}\n"
            (tmp_path / f"{name}.yaml").write_text(start + text, "utf-8")
        return Pipeline.load(tmp_path / "top.yaml")

    return make


def values(pipeline: Pipeline, label: str) -> dict[str, Any]:
    (task,) = (task for task in pipeline.tasks if task.label == label)
    return dict(task.overrides)


def test_parameters_of_the_importing_file_win(load: Callable[..., Pipeline]) -> None:
    pipeline = load(top="imports: inner.yaml\nparameters: {p: 2}")
    assert values(pipeline, "a") == {"p": 2, "q": 1, "list": [1]}
    assert values(pipeline, "b") == {"p": 2}
    assert pipeline.tasks[0].needs == {"cores": 2, "memory_mb": 100}


def test_the_outermost_of_nested_imports_wins(load: Callable[..., Pipeline]) -> None:
    pipeline = load(
        top="imports: middle.yaml\nparameters: {p: 3}",
        middle="imports: inner.yaml\nparameters: {p: 2, q: 2}",
    )
    assert values(pipeline, "a") == {"p": 3, "q": 2, "list": [1]}


def test_parameters_of_imported_files_can_be_used(
    load: Callable[..., Pipeline],
) -> None:
    pipeline = load(
        top="imports: inner.yaml\nparameters: {q: 5}\n"
        "tasks: {d: {class: m.D, config: {p: parameters.p, q: parameters.q}}}"
    )
    assert values(pipeline, "d") == {"p": 1, "q": 5}


def test_an_imported_file_can_leave_a_parameter_to_others(
    load: Callable[..., Pipeline],
) -> None:
    open_text = "tasks: {d: {class: m.D, config: {z: parameters.z}}}"
    pipeline = load(top="imports: open.yaml\nparameters: {z: 9}", open=open_text)
    assert values(pipeline, "d") == {"z": 9}
    with pytest.raises(PipelineError, match=r"open.yaml, line 2: .* parameter 'z'"):
        load(top="imports: open.yaml", open=open_text)
    # Nobody asks for a value that only tasks use which were left out.
    assert load(
        top="imports: {location: open.yaml, exclude: d}\ntasks: {e: m.E}",
        open=open_text,
    ).labels == ("e",)


def test_parameters_of_a_later_import_win_over_those_of_an_earlier_one(
    load: Callable[..., Pipeline],
) -> None:
    later = "parameters: {p: 7}\ntasks: {d: {class: m.D, config: {p: parameters.p}}}"
    pipeline = load(top="imports: [inner.yaml, later.yaml]", later=later)
    assert values(pipeline, "a")["p"] == values(pipeline, "d")["p"] == 7
    pipeline = load(top="imports: [later.yaml, inner.yaml]", later=later)
    assert values(pipeline, "a")["p"] == values(pipeline, "d")["p"] == 1
    pipeline = load(
        top="imports: [later.yaml, inner.yaml]\nparameters: {p: 8}", later=later
    )
    assert values(pipeline, "a")["p"] == values(pipeline, "d")["p"] == 8


@pytest.mark.parametrize("how", ["include: a", "include: [ab], exclude: [b]"])
def test_parameters_reach_what_is_left_of_an_import(
    load: Callable[..., Pipeline], how: str
) -> None:
    pipeline = load(
        top=f"imports: {{location: inner.yaml, {how}}}\nparameters: {{p: 2}}"
    )
    assert pipeline.labels == ("a",)
    assert pipeline.subsets == {"ab": ("a",)}
    assert values(pipeline, "a")["p"] == 2


def test_excluded_subsets_are_left_out(load: Callable[..., Pipeline]) -> None:
    pipeline = load(top="imports: {location: inner.yaml, exclude: ab}")
    assert pipeline.labels == ("c",)
    assert pipeline.subsets == {"c_only": ("c",)}


def test_configuration_of_the_importing_file_wins_over_parameters(
    load: Callable[..., Pipeline],
) -> None:
    pipeline = load(
        top="imports: inner.yaml\nparameters: {p: 2}\n"
        "tasks: {a: {config: {p: 10}, needs: {cores: 4}}}"
    )
    assert values(pipeline, "a") == {"p": 10, "q": 1, "list": [1]}
    assert values(pipeline, "b") == {"p": 2}
    assert pipeline.tasks[0].needs == {"cores": 4, "memory_mb": 100}


def test_mappings_of_parameters_are_laid_over_and_under_others(
    load: Callable[..., Pipeline],
) -> None:
    pipeline = load(
        top="imports: base.yaml\nparameters: {map: {y: 2, z: 2}}\n"
        "tasks: {a: {config: {part.z: 3, part: {w: 3}}}}",
        base="parameters: {map: {y: 1}}\n"
        "tasks: {a: {class: m.A, config: {part.x: 1, part: parameters.map}}}",
    )
    assert values(pipeline, "a") == {"part.x": 1, "part.y": 2, "part.z": 3, "part.w": 3}


def test_a_value_in_place_of_a_part_hides_all_below_it(
    load: Callable[..., Pipeline],
) -> None:
    texts = {
        "base": "tasks: {a: {class: m.A, config: {part: null}}}",
        "middle": "imports: base.yaml\ntasks: {a: {config: {part.y: 1}}}",
    }
    assert values(load(top="imports: middle.yaml", **texts), "a") == {"part.y": 1}
    top = "imports: middle.yaml\ntasks: {a: {config: {part: null}}}"
    assert values(load(top=top, **texts), "a") == {"part": None}


def test_subsets_of_the_importing_file_win(load: Callable[..., Pipeline]) -> None:
    pipeline = load(top="imports: inner.yaml\nsubsets: {ab: [a, c]}")
    assert pipeline.subsets == {"ab": ("a", "c"), "c_only": ("c",)}


def test_the_instrument_of_the_importing_file_wins(
    load: Callable[..., Pipeline],
) -> None:
    one = "instrument: one\ntasks: {a: m.A}"
    two = "instrument: two\ntasks: {b: m.B}"
    assert load(top="imports: one.yaml", one=one).instrument == "one"
    assert load(top="imports: [inner.yaml, one.yaml]", one=one.replace("a:", "z:"))
    texts = {"one": one, "two": two}
    top = "imports: [one.yaml, two.yaml]"
    with pytest.raises(PipelineError, match="for instrument 'one', another for 'two'"):
        load(top=top, **texts)
    assert load(top=f"instrument: three\n{top}", **texts).instrument == "three"


def test_one_task_through_two_imports_is_one_task(
    load: Callable[..., Pipeline],
) -> None:
    pipeline = load(
        top="imports: [left.yaml, right.yaml]",
        left="imports: inner.yaml\nparameters: {p: 2}",
        right="imports: inner.yaml\nparameters: {p: 3}\ntasks: {d: m.D}",
    )
    assert pipeline.labels == ("a", "b", "c", "d")
    assert values(pipeline, "a")["p"] == 3


def test_what_two_imports_define_differently_is_refused(
    load: Callable[..., Pipeline],
) -> None:
    left = "imports: inner.yaml\ntasks: {a: {config: {p: 2}}}\nsubsets: {ab: [a]}"
    with pytest.raises(PipelineError, match=r"line 2: Task 'a' comes from two imports"):
        load(top="imports: [left.yaml, inner.yaml]", left=left)
    with pytest.raises(PipelineError, match="Subset 'ab' comes from two imports"):
        load(
            top="imports: [left.yaml, {location: inner.yaml, exclude: a},"
            "{location: inner.yaml, include: b}]",
            left=left.replace("tasks: {a: {config: {p: 2}}}\n", ""),
        )


def test_a_name_cannot_be_a_subset_and_a_task(load: Callable[..., Pipeline]) -> None:
    with pytest.raises(PipelineError, match=r"line 3: 'ab' is the name of a subset"):
        load(top="imports: inner.yaml\ntasks: {ab: m.D}")
    with pytest.raises(PipelineError, match="'ab' is the name of a subset and"):
        load(top="imports: [inner.yaml, other.yaml]", other="tasks: {ab: m.D}")


def test_instrument_values_lie_below_all_files_and_commands_above(
    load: Callable[..., Pipeline],
) -> None:
    pipeline = load(
        top="imports: inner.yaml\nparameters: {p: 2}\ntasks: {b: {config: {q: 3}}}"
    )
    instrument = {
        "B": {"p": 20, "q": 20, "r": 20, "s": {"t": 20, "u": 20}},
        "b": {"r": 21, "s.t": 21},
    }
    below = pipeline.with_instrument_overrides(instrument)
    expected = {"p": 2, "q": 3, "r": 21, "s.t": 21, "s.u": 20}
    assert values(below, "b") == expected
    above = below.with_overrides({"b:p": "30", "b:s": "{t: 31}"})
    assert values(above, "b") == expected | {"p": 30, "s.t": 31}
    # In whichever order they are applied.
    above = pipeline.with_overrides({"b:p": "30", "b:s": "{t: 31}"})
    assert values(above.with_instrument_overrides(instrument), "b") == (
        expected | {"p": 30, "s.t": 31}
    )


def test_a_value_above_hides_parts_that_an_instrument_has(
    load: Callable[..., Pipeline],
) -> None:
    pipeline = load(top="tasks: {a: {class: m.A, config: {part: null}}}")
    below = pipeline.with_instrument_overrides({"A": {"part": None, "part.x": 1}})
    assert values(below, "a") == {"part": None}


def test_selected_tasks_keep_their_values(load: Callable[..., Pipeline]) -> None:
    pipeline = load(top="imports: inner.yaml\nparameters: {p: 2}")
    assert values(pipeline.select(["ab"]), "a")["p"] == 2


def test_expanded_yaml_has_the_values_of_parameters(
    load: Callable[..., Pipeline],
) -> None:
    pipeline = load(top="imports: inner.yaml\nparameters: {p: 2}")
    again = Pipeline.from_yaml(pipeline.to_yaml())
    assert again == pipeline
    assert values(again, "a")["p"] == 2


def test_parameters_do_not_refer_to_one_another(load: Callable[..., Pipeline]) -> None:
    with pytest.raises(PipelineError, match=r"line 2: 'parameters.q' stands for no"):
        load(top="parameters: {p: parameters.q, q: 1}\ntasks: {a: m.A}")
