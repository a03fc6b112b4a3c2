"""From a pipeline and a registry to a graph with names for its collections."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pantler.datasets.collection import check_collection_name
from pantler.errors import InvalidInputError, PipelineError
from pantler.instruments.instrument import get_instrument
from pantler.pipelines.graph import PipelineGraph
from pantler.quanta.building.build import build_graph
from pantler.quanta.building.sources import quoted
from pantler.quanta.output_run import searched_collections, used_collections
from pantler.queries.binding import bind as bind_names
from pantler.queries.parser import parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pantler.pipelines.pipeline import Pipeline
    from pantler.quanta.building.build import FetchRecords
    from pantler.quanta.graph import QuantumGraph
    from pantler.registry.interface import Registry


def plan_graph(
    registry: Registry,
    pipeline: Pipeline,
    *,
    inputs: Sequence[str],
    output: str | None = None,
    output_run: str | None = None,
    where: str = "",
    bind: Mapping[str, object] | None = None,
    records: FetchRecords | None = None,
) -> QuantumGraph:
    """Match a pipeline against what a registry has.

    Parameters
    ----------
    registry
        What there is.
    pipeline
        What to run; the configuration of the instrument that it names is applied.
    inputs
        Collections to search for inputs, in order.
    output
        The CHAINED collection that is to hold the outputs, then what it holds now,
        then those of ``inputs`` that are used. What it holds now is searched before
        ``inputs``, so that each step reads what the step before it made.
    output_run
        The RUN collection of the outputs; ``output`` with the time when None.
    where
        What the data IDs must fulfil: a query expression.
    bind
        Values for names in it.
    records
        Returns the datastore records of the inputs, such as
        ``repository.records.fetch``: a graph needs them to be run.

    Returns
    -------
    QuantumGraph
        Never empty.

    Raises
    ------
    InvalidInputError
        If neither output is named, or there is nothing to search.
    ConflictError
        If the output run has datasets already, or the inputs contradict what the
        output chain holds.
    NotFoundError
        If there is nothing to do: the message says which condition or dataset type
        left nothing.
    PipelineError
        If the pipeline does not hold together or does not fit the repository, or
        has the configuration of another instrument than its data.
    """
    if output_run is None:
        if output is None:
            raise InvalidInputError("Name the output: a chain, a run, or both.")
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        output_run = f"{output}/{stamp}"
    if output is not None:
        check_collection_name(output)
    searched = searched_collections(registry, inputs, output)
    graph = make_pipeline_graph(registry, pipeline)
    mismatches = graph.compare_with_registered(registry.dataset_types.all())
    if mismatches:
        raise PipelineError(
            "The pipeline does not fit the repository. " + " ".join(mismatches)
        )
    condition = bind_names(parse(where), registry.universe, parameters=dict(bind or {}))
    built = build_graph(
        graph,
        registry,
        inputs=searched,
        output_run=output_run,
        output=output or "",
        where=condition,
        records=records,
    )
    if pipeline.instrument is not None:
        _refuse_others(get_instrument(pipeline.instrument).name, built)
    taken = [name for name, table in built.datasets.items() if not table.is_predicted]
    used = used_collections(registry, searched, built.runs, taken)
    return replace(built, header=replace(built.header, used=used))


def make_pipeline_graph(registry: Registry, pipeline: Pipeline) -> PipelineGraph:
    """Return the checked graph of a pipeline, with its instrument's configuration."""
    if pipeline.instrument is not None:
        overrides = get_instrument(pipeline.instrument).config_overrides()
        pipeline = pipeline.with_instrument_overrides(overrides)
    return PipelineGraph.from_pipeline(
        pipeline, registry.universe, registered=registry.dataset_types.all()
    )


def _refuse_others(instrument: str, graph: QuantumGraph) -> None:
    """Refuse data of other instruments than that whose configuration is applied.

    Raises
    ------
    PipelineError
        Naming both.
    """
    for label, table in graph.quanta.items():
        data_ids = table.data_ids
        if "instrument" not in data_ids.group:
            continue
        frame = data_ids.coding.frame(data_ids.columns, ["instrument"])
        others = sorted(set(frame["instrument"].unique()) - {instrument})
        if others:
            raise PipelineError(
                f"The pipeline takes the configuration of '{instrument}', and task "
                f"'{label}' would process data of {quoted(others)}. Name the "
                "instrument of the data, or leave the others out with a condition: "
                f"instrument = '{instrument}'."
            )
