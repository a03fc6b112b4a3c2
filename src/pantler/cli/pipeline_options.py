"""The options of commands that run pipelines, and what they mean."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from pantler.butler.repository import Repository
    from pantler.cli.options import DataChoice, PipelineChoice
    from pantler.pipelines.pipeline import Pipeline
    from pantler.quanta.graph import QuantumGraph


def load_pipeline(choice: PipelineChoice) -> Pipeline:
    """Return the pipeline that the options say."""
    from pantler.pipelines.pipeline import Pipeline

    if not choice.pipeline:
        raise InvalidInputError("Say which pipeline: -p FILE.")
    pipeline = Pipeline.load(choice.pipeline)
    if choice.tasks:
        pipeline = pipeline.select(choice.tasks)
    if choice.instrument:
        pipeline = replace(pipeline, instrument=choice.instrument)
    overrides = {}
    for text in choice.config:
        key, equals, value = text.partition("=")
        if not equals:
            raise InvalidInputError(
                f"'{text}' is not a configuration: write LABEL:KEY=VALUE."
            )
        overrides[key.strip()] = value
    return pipeline.with_overrides(overrides) if overrides else pipeline


def plan(
    repository: Repository, pipeline: PipelineChoice, data: DataChoice
) -> QuantumGraph:
    """Return the graph that the options say."""
    from pantler.quanta.planning import plan_graph

    return plan_graph(
        repository.registry,
        load_pipeline(pipeline),
        inputs=data.inputs,
        output=data.output,
        output_run=data.output_run,
        where=data.where,
        records=repository.records.fetch,
    )
