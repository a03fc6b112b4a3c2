"""From a pipeline and a repository to a graph with names for its collections."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pantler.datasets.collection import CollectionType
from pantler.errors import InvalidInputError, PipelineError
from pantler.instruments.instrument import get_instrument
from pantler.pipelines.graph import PipelineGraph
from pantler.quanta.building.build import build_graph
from pantler.queries.binding import parse_where

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pantler.butler.repository import Repository
    from pantler.pipelines.pipeline import Pipeline
    from pantler.quanta.graph import QuantumGraph
    from pantler.quanta.header import GraphHeader


def plan_graph(
    repository: Repository,
    pipeline: Pipeline,
    *,
    inputs: Sequence[str],
    output: str | None = None,
    output_run: str | None = None,
    where: str = "",
    bind: Mapping[str, object] | None = None,
) -> QuantumGraph:
    """Match a pipeline against a repository.

    Parameters
    ----------
    repository
        Where to look.
    pipeline
        What to run; the configuration of the instrument that it names is applied.
    inputs
        Collections to search for inputs, in order.
    output
        The CHAINED collection that is to hold the outputs and then the inputs. If it
        is there already, its children are searched after ``inputs``.
    output_run
        The RUN collection of the outputs; ``output`` with the time when None.
    where
        What the data IDs must fulfil: a query expression.
    bind
        Values for names in it.

    Returns
    -------
    QuantumGraph
        Never empty.

    Raises
    ------
    InvalidInputError
        If neither output is named.
    NotFoundError
        If there is nothing to do: the message says which condition or dataset type
        left nothing.
    PipelineError
        If the pipeline does not hold together or does not fit the repository.
    """
    if output_run is None:
        if output is None:
            raise InvalidInputError("Name the output: a chain, a run, or both.")
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        output_run = f"{output}/{stamp}"
    registered = repository.registry.dataset_types.all()
    graph = make_pipeline_graph(repository, pipeline)
    mismatches = graph.compare_with_registered(registered)
    if mismatches:
        raise PipelineError(
            "The pipeline does not fit the repository. " + " ".join(mismatches)
        )
    condition = parse_where(where, repository.universe, parameters=dict(bind or {}))
    return build_graph(
        graph,
        repository.registry,
        inputs=_searched(repository, inputs, output),
        output_run=output_run,
        output=output or "",
        where=condition,
        records=repository.records.fetch,
    )


def make_pipeline_graph(repository: Repository, pipeline: Pipeline) -> PipelineGraph:
    """Return the checked graph of a pipeline, with its instrument's configuration."""
    if pipeline.instrument is not None:
        overrides = get_instrument(pipeline.instrument).config_overrides()
        pipeline = pipeline.with_instrument_overrides(overrides)
    return PipelineGraph.from_pipeline(
        pipeline,
        repository.universe,
        registered=repository.registry.dataset_types.all(),
    )


def chain_output(repository: Repository, header: GraphHeader) -> None:
    """Make the output chain of a graph: the new run, what was there, the inputs."""
    if not header.output:
        return
    collections = repository.registry.collections
    collections.register(header.output_run, CollectionType.RUN)
    children = [header.output_run, *header.inputs]
    collections.set_chain(header.output, list(dict.fromkeys(children)))


def _searched(
    repository: Repository, inputs: Sequence[str], output: str | None
) -> list[str]:
    """Return the collections of the inputs, then those of an existing output."""
    names = list(inputs)
    if output is not None:
        known = {found.name: found for found in repository.registry.collections.all()}
        if output in known:
            names += known[output].children
    return list(dict.fromkeys(name for name in names if name != output))
