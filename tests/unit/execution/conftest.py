"""The small survey, and graphs of made tasks on it, run here or by workers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import cast

import pytest

from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.execution.executor import InProcess
from pantler.execution.graph_run import run_graph
from pantler.execution.local_pool import LocalPool
from pantler.pipelines.pipeline import Pipeline
from pantler.pipelines.task_definition import TaskDefinition
from pantler.quanta.file.reading import GraphFile
from pantler.quanta.file.writing import write_graph
from pantler.quanta.planning import plan_graph
from pantler.testing.survey_repository import INPUTS


@pytest.fixture
def repository(survey_repository, tmp_path):
    root = shutil.copytree(survey_repository, tmp_path / "repo")
    with Repository.open(root, writeable=True) as opened:
        yield opened


@pytest.fixture
def butler(repository):
    return Butler.of(repository)


@pytest.fixture
def made_pipeline(monkeypatch):
    """Return a function that makes the pipeline of the two made tasks."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))

    def make(**config) -> Pipeline:
        source = TaskDefinition("source", "made_tasks.SourceTask", config)
        sink = TaskDefinition("sink", "made_tasks.SinkTask")
        return Pipeline("For tests.", (source, sink))

    return make


@pytest.fixture
def plan(repository, butler, tmp_path):
    """Return a function from a pipeline to the file of its graph."""

    def plan(pipeline: Pipeline, run: str = "out") -> Path:
        graph = plan_graph(
            repository.registry,
            pipeline,
            inputs=INPUTS,
            output_run=run,
            records=repository.records.fetch,
        )
        path = tmp_path / f"{run}.qgraph"
        write_graph(graph, path)
        return path

    return plan


@pytest.fixture
def execute(repository, butler, plan):
    """Return a function that runs a pipeline: report and graph."""

    def execute(pipeline: Pipeline, run: str = "out", processes: int = 0, **options):
        """Run in process, or in some processes."""
        path = plan(pipeline, run)
        executor = LocalPool(processes) if processes else InProcess()
        report = run_graph(repository, path, executor=executor, **options)
        return report, GraphFile.open(path)

    return execute


@pytest.fixture
def contents(butler):
    """Return a function from a run to all its datasets, by type and data ID."""

    def contents(run: str) -> dict[tuple[str, str], object]:
        return {
            (name, str(ref.data_id)): butler.get(ref)
            for name in butler.collections.dataset_types(run)
            for ref in butler.query_datasets(name, collections=run)
        }

    return cast("object", contents)
