"""What comes before the first quantum of a run: its collections and init-outputs."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import distributions
from typing import TYPE_CHECKING

from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.datasets.identity import make_uuid
from pantler.datasets.ref import DatasetRef
from pantler.dimensions.coordinate import DataCoordinate
from pantler.errors import CollectionNotFoundError, ConflictError
from pantler.execution.task_maker import TaskMaker
from pantler.quanta.output_run import chained, check_output_run

if TYPE_CHECKING:
    from pantler.butler.repository import Repository
    from pantler.dimensions.universe import Universe
    from pantler.pipelines.graph import PipelineGraph
    from pantler.quanta.file.reading import GraphFile
    from pantler.registry.interface import CollectionFacet

PACKAGES = "packages"


def begin_run(
    repository: Repository,
    graph: GraphFile,
    pipeline: PipelineGraph,
    *,
    has_files: bool = False,
) -> dict[str, DatasetType]:
    """Register a run with its dataset types, chain it, and store its init-outputs.

    The output chain gets the run in front of what it holds at this moment. Stored
    are what has no data ID: the configuration of each task, its init-outputs, and
    the versions of all installed packages. The graph may have been run before: where
    its outputs were removed, files of the same names come again, long before they are
    recorded. When this returns, no removal that was begun earlier takes them any more.

    Parameters
    ----------
    repository
        Where it is to run.
    graph
        What is to run.
    pipeline
        Its pipeline.
    has_files
        Whether quanta have written files already. What earlier removals left to be
        removed then stays, as some of it may be these.

    Returns
    -------
    dict
        All dataset types of the run's outputs, by name.

    Raises
    ------
    ConflictError
        If the run has outputs already, or the graph belongs to a repository of
        another universe; nothing is changed then.
    """
    if graph.universe != repository.universe:
        raise ConflictError(
            f"The graph was built for the universe {_described(graph.universe)}, and "
            f"the repository has {_described(repository.universe)}. Build it again "
            "from the repository that it is to run in."
        )
    if not has_files:
        # Also here, not only below: a process that is killed once the run is there
        # leaves nothing undone.
        repository.remove_discarded(wait=True)
    run = graph.header.output_run
    types = output_types(graph)
    empty = repository.universe.group(())
    packages = DatasetType(PACKAGES, empty, "StructuredDict")
    for dataset_type in (*types.values(), packages):
        repository.registry.dataset_types.register(dataset_type)
    maker = TaskMaker(graph.outline, pipeline, repository.datastore)
    outputs = {
        label: maker.init_outputs(label) for label in pipeline.tasks
    }  # code of tasks: before the transaction
    with repository.transaction():
        check_output_run(repository.registry, run)
        collections = repository.registry.collections
        collections.register(run, CollectionType.RUN)
        if graph.header.output:
            _chain(collections, graph)
        data_id = DataCoordinate(empty, ())
        repository.put(_versions(), DatasetRef(packages, data_id, run, make_uuid()))
        for task in pipeline.tasks.values():
            ref = graph.outline.init_ref(task.config_type.name)
            repository.put(task.config.model_dump(mode="json"), ref)
            for name, value in outputs[task.label].items():
                repository.put(value, graph.outline.init_ref(name))
    if not has_files:
        repository.remove_discarded(wait=True)  # whoever removed the run meanwhile
    return types


def output_types(graph: GraphFile) -> dict[str, DatasetType]:
    """Return the dataset types of all that a graph makes, by name.

    They are known without the code of the tasks.
    """
    return {
        name: table.dataset_type
        for name, table in graph.outline.datasets.items()
        if table.is_predicted
    }


def _chain(collections: CollectionFacet, graph: GraphFile) -> None:
    """Put the run in front of what its chain holds now, and what was used after it."""
    header = graph.header
    try:
        held = collections.get(header.output).children
    except CollectionNotFoundError:
        held = ()
    children = chained(held, header.output_run, header.used)
    collections.set_chain(header.output, children)


def _described(universe: Universe) -> str:
    return f"'{universe.namespace}' version {universe.version}"


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "platform": sys.platform}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            found[name] = distribution.version
    return dict(sorted(found.items()))
