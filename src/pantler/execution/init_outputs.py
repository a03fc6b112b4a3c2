"""What is stored once, before the first quantum of a run."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import distributions
from typing import TYPE_CHECKING, Any

from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.errors import ConflictError

if TYPE_CHECKING:
    from pantler.butler.direct import DirectButler
    from pantler.pipelines.graph import PipelineGraph
    from pantler.quanta.file import GraphFile

PACKAGES = "packages"


def write_init_outputs(
    butler: DirectButler, graph: GraphFile, pipeline: PipelineGraph
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
    empty = butler.universe.group(())
    types[PACKAGES] = DatasetType(PACKAGES, empty, "StructuredDict")
    for task in pipeline.tasks.values():
        for extra in (task.log_type, task.metadata_type, task.config_type):
            types[extra.name] = extra
    for dataset_type in types.values():
        butler.dataset_types.register(dataset_type)
    with butler.transaction():
        butler.put(_versions(), PACKAGES, run=run)
        for task in pipeline.tasks.values():
            ref = graph.outline.init_ref(task.config_type.name)
            butler.put(task.config.model_dump(mode="json"), ref)
        _put_init_outputs(butler, graph, pipeline)
    return types


def _put_init_outputs(
    butler: DirectButler, graph: GraphFile, pipeline: PipelineGraph
) -> None:
    made: dict[str, Any] = {}
    for task in pipeline.tasks.values():
        if not (task.init_outputs or task.init_inputs):
            continue
        inputs = {
            name: made[edge.dataset_type.name]
            for name, edge in task.init_inputs.items()
        }
        values = task.make_task(inputs).init_outputs()
        for name, edge in task.init_outputs.items():
            made[edge.dataset_type.name] = values[name]
            butler.put(values[name], graph.outline.init_ref(edge.dataset_type.name))


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "platform": sys.platform}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            found[name] = distribution.version
    return dict(sorted(found.items()))
