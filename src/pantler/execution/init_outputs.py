"""What is stored once, before the first quantum of a run."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import distributions
from typing import TYPE_CHECKING

from pantler.butler.interface import Butler
from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.errors import ConflictError
from pantler.execution.task_maker import TaskMaker

if TYPE_CHECKING:
    from pantler.butler.repository import Repository
    from pantler.pipelines.graph import PipelineGraph
    from pantler.quanta.file.graph_file import GraphFile

PACKAGES = "packages"


def write_init_outputs(
    repository: Repository, graph: GraphFile, pipeline: PipelineGraph
) -> dict[str, DatasetType]:
    """Register the run and its dataset types, and store what has no data ID.

    That is the configuration of each task, its init-outputs, and the versions of
    all installed packages.

    Returns
    -------
    dict
        All dataset types of the run's outputs, by name.

    Raises
    ------
    ConflictError
        If the run holds datasets already.
    """
    run = graph.header.output_run
    butler = Butler.of(repository)
    butler.collections.register(run, CollectionType.RUN)
    if butler.collections.dataset_types(run):
        raise ConflictError(
            f"The run '{run}' has outputs already. "
            "Build a graph with another output run."
        )
    types = {
        node.dataset_type.name: node.dataset_type
        for node in pipeline.datasets.values()
        if node.producer is not None
    }
    empty = repository.universe.group(())
    types[PACKAGES] = DatasetType(PACKAGES, empty, "StructuredDict")
    for task in pipeline.tasks.values():
        for extra in (task.log_type, task.metadata_type, task.config_type):
            types[extra.name] = extra
    for dataset_type in types.values():
        butler.dataset_types.register(dataset_type)
    maker = TaskMaker(graph.outline, pipeline, repository.datastore)
    with repository.transaction():
        butler.put(_versions(), PACKAGES, run=run)
        for task in pipeline.tasks.values():
            ref = graph.outline.init_ref(task.config_type.name)
            repository.put(task.config.model_dump(mode="json"), ref)
            for name, value in maker.init_outputs(task.label).items():
                repository.put(value, graph.outline.init_ref(name))
    return types


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "platform": sys.platform}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            found[name] = distribution.version
    return dict(sorted(found.items()))
