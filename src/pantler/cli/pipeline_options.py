"""The options of commands that run pipelines, and what they mean."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.butler.repository import Repository
    from pantler.pipelines.pipeline import Pipeline
    from pantler.quanta.graph import QuantumGraph


def load_pipeline(choice: Mapping[str, Any]) -> Pipeline:
    """Return the pipeline that the options say."""
    from pantler.pipelines.pipeline import Pipeline

    if not choice["pipeline"]:
        raise InvalidInputError("Say which pipeline: -p FILE.")
    pipeline = Pipeline.load(choice["pipeline"])
    chosen = choice["tasks"]
    if chosen:
        pipeline = pipeline.select(chosen)
    if choice["instrument"]:
        pipeline = replace(pipeline, instrument=choice["instrument"])
    overrides = {}
    for text in choice["config"]:
        key, equals, value = text.partition("=")
        if not equals:
            raise InvalidInputError(
                f"'{text}' is no configuration: write LABEL:KEY=VALUE."
            )
        overrides[key.strip()] = value
    return pipeline.with_overrides(overrides) if overrides else pipeline


def plan(repository: Repository, choice: Mapping[str, Any]) -> QuantumGraph:
    """Return the graph that the options say."""
    from pantler.quanta.planning import plan_graph

    return plan_graph(
        repository.registry,
        load_pipeline(choice),
        inputs=choice["inputs"],
        output=choice["output"],
        output_run=choice["output_run"],
        where=choice["where"],
        records=repository.records.fetch,
    )
