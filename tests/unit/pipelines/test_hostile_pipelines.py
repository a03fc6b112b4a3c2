"""Whatever stands in a pipeline file, it is a pipeline or an error of ours, quickly."""

from __future__ import annotations

import contextlib
import copy
import json
import random
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from pantler.dimensions.universe import Universe
from pantler.errors import InvalidInputError, PantlerError, PipelineError
from pantler.pipelines.graph import PipelineGraph
from pantler.pipelines.pipeline import Pipeline
from pantler.plugins import load_object

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


BASE: dict[str, Any] = {
    "description": "Three tasks.",
    "instrument": "demo",
    "imports": [{"location": "base.yaml", "include": ["measure"], "exclude": "gather"}],
    "parameters": {"bad": 3, "names": {"bias": "other"}},
    "tasks": {
        "reduce": {
            "class": "pantler.testing.tasks.ReduceTask",
            "config": {
                "fail_on_detector": "parameters.bad",
                "connections": "parameters.names",
            },
            "needs": {"cores": 1, "memory_mb": 10, "wall_time_s": 1.5},
        },
        "measure": "pantler.testing.tasks.MeasureTask",
    },
    "subsets": {"frame": ["reduce", "measure"]},
}
IMPORTED = """
description: base
tasks:
  measure: pantler.testing.tasks.MeasureTask
  gather: {class: pantler.testing.tasks.GatherTask}
"""
VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    10**400,
    1.5,
    float("inf"),
    float("nan"),
    "",
    " ",
    "a\0b",
    "a/b",
    "../../etc/passwd",
    "~nobody-of-this-name/x.yaml",
    "x" * 5000,
    "pantler..x:a.yaml",
    "os:a.yaml",
    "parameters.",
    "parameters.nothing",
    "__import__('os').system",
    "os.system",
    "this_module.does_not_exist",
    "pantler.tasks.task.PipelineTask",
    "pantler.errors.PantlerError",
    "..",
    ".a",
    "a.",
    "é.ü",
    b"\xff",
    [],
    {},
    [[]],
    [{}],
    [None],
    ["reduce", ["reduce"]],
    {"a": {"b": {"c": []}}},
    {1: 2},
    {None: 1},
    {True: []},
    {"": ""},
    {"a..b": 1, "...": 2},
    {"connections": [1]},
    {".".join("a" * 3000): 1},
    set("ab"),
    __import__("datetime").date(2026, 1, 1),
)


_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def _dump(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False)
    return text


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from _paths(inner, (*path, key))


def _replaced(path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    document = copy.deepcopy(BASE)
    part = document
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    return document


def _with_key(path: tuple[Any, ...], key: Any) -> Any:
    """Return the document with a key of one of its mappings replaced."""
    document: Any = copy.deepcopy(BASE)
    part = document
    for step in path[:-1]:
        part = part[step]
    part[key] = part.pop(path[-1])
    return document


def _documents() -> Iterator[str]:
    for path in _paths(BASE):
        for value in VALUES:
            yield _dump(_replaced(path, value))
        if path and isinstance(path[-1], str):
            for key in (None, 1, "", "a b", "é", "x" * 300, "__class__", "a\0"):
                yield _dump(_with_key(path, key))
    rng = random.Random(20260304)
    text = _dump(BASE)
    for _ in range(300):
        characters = list(text)
        for _ in range(rng.randint(1, 6)):
            place = rng.randrange(len(characters))
            characters[place] = rng.choice("{}[]:,&*!|>'\"%@`?-# \n\t\0\u20280aé")
        yield "".join(characters)


@pytest.fixture
def universe() -> Universe:
    return Universe.default()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(IMPORTED, "utf-8")
    return tmp_path


def test_mutated_files_are_pipelines_or_errors_of_ours(
    folder: Path, universe: Universe
) -> None:
    slowest = 0.0
    count = 0
    for text in _documents():
        count += 1
        start = time.perf_counter()
        with contextlib.suppress(PantlerError):
            pipeline = Pipeline.from_yaml(text, where=str(folder / "top.yaml"))
            assert Pipeline.from_yaml(pipeline.to_yaml()) == pipeline or "nan" in text
            graph = PipelineGraph.from_pipeline(pipeline, universe)
            PipelineGraph.from_json(graph.to_json(), universe)
        slowest = max(slowest, time.perf_counter() - start)
    assert count > 1000
    assert slowest < 2


def test_mutated_graphs_are_graphs_or_errors_of_ours(
    folder: Path, universe: Universe
) -> None:
    path = folder / "top.yaml"
    path.write_text(yaml.safe_dump(BASE), "utf-8")
    graph = PipelineGraph.from_pipeline(Pipeline.load(path), universe)
    data = json.loads(graph.to_json())
    for at in _paths(data):
        if not at:
            continue
        for value in (None, 3, "x", [], {}, [{}], {"a": 1}, 1e999, True):
            changed = copy.deepcopy(data)
            part = changed
            for step in at[:-1]:
                part = part[step]
            part[at[-1]] = value
            with contextlib.suppress(PantlerError):
                PipelineGraph.from_json(json.dumps(changed), universe)


@pytest.mark.parametrize(
    "text",
    ["[" * 3000, "2026-13-45", "!!int x", "\0", "a: 1\na: 2", "{a: *b}", "\ud800"],
)
def test_a_hostile_override_is_refused(folder: Path, text: str) -> None:
    (folder / "top.yaml").write_text(_dump(BASE), "utf-8")
    with pytest.raises(PipelineError, match=r"The value for 'reduce:x', line [12],"):
        Pipeline.load(folder / "top.yaml").with_overrides({"reduce:x": text})


@pytest.mark.parametrize("text", ["", "[1]", "{", "null", "[" * 100_000, '{"a": 1}'])
def test_json_that_is_not_a_graph_is_refused(text: str, universe: Universe) -> None:
    with pytest.raises(PantlerError):
        PipelineGraph.from_json(text, universe)


def test_a_long_chain_of_imports_is_refused(tmp_path: Path) -> None:
    for number in range(200):
        text = f"description: x\nimports: p{number + 1}.yaml"
        (tmp_path / f"p{number}.yaml").write_text(text, "utf-8")
    with pytest.raises(PipelineError, match="more than 50 files deep"):
        Pipeline.load(tmp_path / "p0.yaml")


def test_files_that_import_one_another_many_times_are_read_once(tmp_path: Path) -> None:
    for number in range(30):
        text = f"description: x\nimports: [{', '.join([f'p{number + 1}.yaml'] * 9)}]"
        (tmp_path / f"p{number}.yaml").write_text(text, "utf-8")
    (tmp_path / "p30.yaml").write_text("description: x\ntasks: {a: m.A}", "utf-8")
    start = time.perf_counter()
    assert Pipeline.load(tmp_path / "p0.yaml").labels == ("a",)
    assert time.perf_counter() - start < 2


def test_a_file_that_imports_itself_by_another_path_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "link.yaml").symlink_to("top.yaml")
    path = tmp_path / "top.yaml"
    for location in ("./x/../top.yaml", "link.yaml", str(path)):
        path.write_text(f"description: x\nimports: {location}", "utf-8")
        with pytest.raises(PipelineError, match=r"line 2: .* imports itself"):
            Pipeline.load(path)


def test_a_module_that_ends_the_process_is_an_error(
    tmp_path: Path, universe: Universe, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pantler_test_leaves.py").write_text("raise SystemExit(3)", "utf-8")
    (tmp_path / "pantler_test_lazy.py").write_text(
        "def __getattr__(name):\n    raise RuntimeError(name)", "utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for path in ("pantler_test_leaves.Task", "pantler_test_lazy.Task"):
        pipeline = Pipeline.from_yaml(f"description: x\ntasks: {{a: {path}}}")
        with pytest.raises(PipelineError, match="Task 'a'"):
            PipelineGraph.from_pipeline(pipeline, universe)


@pytest.mark.parametrize(
    "path", ["", ".", "a", "a..b", ".a.b", "os; x.y", "a b.c", "a.b.", "a\0.b"]
)
def test_what_is_not_a_path_of_a_class_is_not_imported(path: str) -> None:
    with pytest.raises(InvalidInputError, match="is not an import path"):
        load_object(path)
