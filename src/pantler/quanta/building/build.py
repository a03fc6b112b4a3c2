"""Building a quantum graph: a pipeline matched with what a registry has.

All relations are read as columns, one query each, and joined in memory: the records
that relate dimensions, the overall inputs that exist, the user's conditions, and
overlaps on the sky. The quanta of a task are the projection of that one join onto
its dimensions; so each constraint works upstream and downstream.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from pantler.config.who import user_name
from pantler.datasets.identity import new_seed
from pantler.datasets.records import RECORD_SCHEMA
from pantler.errors import (
    DatasetNotFoundError,
    NotFoundError,
)
from pantler.quanta.building.components import components
from pantler.quanta.building.draft import Draft, PrerequisiteMatch
from pantler.quanta.building.explain import explain_empty
from pantler.quanta.building.fitness import refuse_unfit
from pantler.quanta.building.overlaps import (
    compared_records,
    overlap_relations,
    spatial_pairs,
)
from pantler.quanta.building.pixels import (
    pixel_relations,
    pixel_values,
    pixels_of,
    touching,
)
from pantler.quanta.building.prerequisites import (
    find_candidates,
    make_seekers,
    match_prerequisite,
    ranged_dimensions,
)
from pantler.quanta.building.sources import Sources, quoted
from pantler.quanta.graph import QuantumGraph
from pantler.quanta.header import GraphHeader
from pantler.quanta.join.coding import closed
from pantler.quanta.join.projections import Projections
from pantler.quanta.join.reduction import reduce_relations
from pantler.quanta.join.relations import Relation
from pantler.quanta.output_run import check_output_run
from pantler.quanta.tables import DataIds, DatasetTable

if TYPE_CHECKING:
    from pantler.dimensions.universe import DimensionGroup
    from pantler.pipelines.graph import PipelineGraph
    from pantler.pipelines.nodes import Edge, TaskNode
    from pantler.quanta.building.sources import FoundDatasets
    from pantler.quanta.join.coding import Coding
    from pantler.queries.tree import Predicate
    from pantler.registry.interface import Registry

_LOG = logging.getLogger("pantler.quanta")

FetchRecords = Callable[[Sequence[bytes]], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class UuidOrigin:
    """What the UUIDs of a graph's outputs are made of.

    Parameters
    ----------
    seed
        Any integer of 64 bits.
    time_ms
        A reading of the clock, Unix milliseconds.
    """

    seed: int
    time_ms: int


def build_graph(
    pipeline: PipelineGraph,
    registry: Registry,
    *,
    inputs: Sequence[str],
    output_run: str,
    where: Predicate | None = None,
    output: str = "",
    records: FetchRecords | None = None,
    uuids_from: UuidOrigin | None = None,
) -> QuantumGraph:
    """Match a pipeline with the data of a repository.

    Parameters
    ----------
    pipeline
        What to run.
    registry
        What there is.
    inputs
        Collections to search for inputs and prerequisites, in order.
    output_run
        The RUN collection of the outputs; need not exist.
    where
        What data IDs must fulfil.
    output
        The CHAINED collection that is to have the outputs; only recorded.
    records
        Returns the datastore records of inputs, which the graph then carries.
    uuids_from
        Where the outputs' UUIDs come from; a new origin when None. The same one, on
        the same data, gives the same graph.

    Returns
    -------
    QuantumGraph
        With at least one quantum.

    Raises
    ------
    NotFoundError
        If there is nothing to do; the message says what left nothing.
    DatasetTypeNotFoundError
        If the repository lacks the dataset type of an input.
    DatasetNotFoundError
        If quanta lack prerequisites.
    DataIdError
        If there are several inputs, or several calibrations are valid, where a task
        takes one; or inputs do not fulfil the condition of their connection.
    ConflictError
        If the output run has outputs already.
    """
    check_output_run(registry, output_run)
    ranged = _ranged(
        (t, e) for t in pipeline.tasks.values() for e in t.prerequisites.values()
    )
    sources = Sources(registry, tuple(inputs), where, ranged)
    groups = components(pipeline)
    coding = _coding(sources, groups, pipeline)
    found = _find_inputs(sources, coding, pipeline)
    draft = Draft(pipeline.tasks, found)
    sentences = []
    for tasks in groups:
        why = _match(sources, coding, tasks, draft)
        if why:
            labels = ", ".join(task.label for task in tasks)
            sentences.append(f"No quanta for {labels}: {why}")
    sentences += draft.drop_starved()
    if not any(len(ids) for ids in draft.quanta.values()):
        raise NotFoundError(" ".join(sentences))
    for sentence in sentences:
        _LOG.warning(sentence)
    refuse_unfit(sources, draft)
    draft.refuse_ambiguous()
    _add_prerequisites(sources, coding, draft)
    origin = uuids_from or UuidOrigin(new_seed(), time.time_ns() // 1_000_000)
    datasets = draft.dataset_tables() | _init_inputs(sources, coding, pipeline)
    header = GraphHeader(
        inputs=tuple(inputs),
        output=output,
        output_run=output_run,
        user=user_name(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=origin.seed,
        time_ms=origin.time_ms,
    )
    return QuantumGraph(
        header=header,
        pipeline_json=pipeline.to_json(),
        coding=coding,
        runs=tuple(sources.runs),
        datasets=datasets,
        quanta=draft.quantum_tables(),
        records=_fetch_records(records, datasets),
    )


def _group(sources: Sources, tasks: Sequence[TaskNode]) -> DimensionGroup:
    """Return all dimensions of some tasks and of the user's conditions."""
    names: set[str] = set()
    for task in tasks:
        names.update(task.dimensions.names)
        for edge in (*task.inputs.values(), *task.outputs.values()):
            names.update(edge.dataset_type.dimensions.names)
    for needed in sources.conditions().values():
        names |= needed
    return sources.universe.group(names)


def _coding(
    sources: Sources, groups: Sequence[Sequence[TaskNode]], pipeline: PipelineGraph
) -> Coding:
    names: set[str] = set()
    with_regions: set[str] = set()
    of_tasks = [_group(sources, tasks) for tasks in groups]
    for group in of_tasks:
        names.update(group.names)
        with_regions.update(e.name for pair in spatial_pairs(group) for e in pair)
        for pixel in pixels_of(group):
            with_regions.update(e.name for e in touching(group, pixel.name))
    nodes = [*pipeline.overall_inputs(), *pipeline.prerequisites()]
    for node in pipeline.prerequisites():
        names.update(node.dataset_type.dimensions.names)

    def pixels(name: str, coding: Coding) -> pl.Series:
        types = [node.dataset_type for node in nodes]
        return pixel_values(sources, coding, name, groups=of_tasks, dataset_types=types)

    return sources.coding(names, with_regions=with_regions, pixels=pixels)


def _find_inputs(
    sources: Sources, coding: Coding, pipeline: PipelineGraph
) -> dict[str, FoundDatasets]:
    collections = sources.plain_inputs()
    found = {}
    for node in pipeline.overall_inputs():
        name = node.dataset_type.name
        if not node.is_init:
            title = f"'{name}' datasets in {quoted(sources.inputs)}"
            edges = [
                edge
                for label in node.consumers
                for edge in pipeline.tasks[label].inputs.values()
                if edge.dataset_type.name == name
            ]
            needed = any(map(_minimum, edges))
            found[name] = sources.find_datasets(
                name,
                coding,
                collections,
                title=title,
                optional=None if needed else node.dataset_type,
            )
    return found


def _match(
    sources: Sources, coding: Coding, tasks: list[TaskNode], draft: Draft
) -> str:
    """Add the quanta of tasks that share datasets; return why there are none."""
    group = _group(sources, tasks)
    deciding_inputs = {
        edge.dataset_type.name
        for task in tasks
        for edge in task.inputs.values()
        if edge.dataset_type.name in draft.found and _minimum(edge)
    }
    relations = [draft.found[name].relation for name in sorted(deciding_inputs)]
    relations += sources.join_elements(frozenset(group.names), coding)
    relations += sources.condition_relations(coding)
    covered = closed(sources.universe, [n for r in relations for n in r.columns])
    for name in group.names:
        if name not in covered:
            relations.append(_all_values(coding, name))
    relations += overlap_relations(sources, coding, group, relations)
    relations += pixel_relations(sources, coding, group, relations)
    tree = reduce_relations(relations)
    draft.add_tasks(tasks, Projections(tree))
    if not tree.is_empty:
        return ""
    relations += compared_records(sources, coding, group)
    return explain_empty(sources, relations, tree)


def _minimum(edge: Edge) -> int:
    return int(getattr(edge.connection, "minimum", 1))


def _all_values(coding: Coding, name: str) -> Relation:
    codes = np.arange(coding.size(name), dtype=np.int32)
    title = (
        f"sky pixels '{name}' that regions and conditions leave"
        if coding.universe[name].is_pixel
        else f"'{name}' records"
    )
    return Relation(title, "records", coding, {name: codes}, len(codes))


class _Prerequisite(NamedTuple):
    """A task and what it takes as a prerequisite."""

    task: TaskNode
    edge: Edge


def _add_prerequisites(sources: Sources, coding: Coding, draft: Draft) -> None:
    wanted: dict[str, list[_Prerequisite]] = {}
    for task in draft.tasks.values():
        for edge in task.prerequisites.values():
            wanted.setdefault(edge.dataset_type.name, []).append(
                _Prerequisite(task, edge)
            )
    seekers = {}
    for name, uses in wanted.items():
        is_calibration = any(
            getattr(use.edge.connection, "is_calibration", False) for use in uses
        )
        needed = any(_minimum(use.edge) for use in uses)
        candidates = find_candidates(
            sources,
            coding,
            name,
            is_calibration=is_calibration,
            optional=None if needed else uses[0].edge.dataset_type,
            ranged=_ranged(uses),
        )
        matches = []
        for task, edge in uses:
            if task.label not in seekers:
                seekers[task.label] = make_seekers(task, draft.quanta[task.label])
            links = match_prerequisite(seekers[task.label], edge, candidates, sources)
            matches.append(PrerequisiteMatch(task.label, edge, links))
        draft.add_prerequisites(candidates, matches)


def _ranged(uses: Iterable[tuple[TaskNode, Edge]]) -> frozenset[str]:
    return frozenset().union(*(ranged_dimensions(task, edge) for task, edge in uses))


def _init_inputs(
    sources: Sources, coding: Coding, pipeline: PipelineGraph
) -> dict[str, DatasetTable]:
    """Return the init-inputs that no task makes."""
    tables = {}
    for node in pipeline.overall_inputs():
        if not node.is_init:
            continue
        name = node.dataset_type.name
        found = sources.find_datasets(
            name, coding, sources.plain_inputs(), title=f"'{name}' datasets"
        )
        if not len(found.ids):
            raise DatasetNotFoundError(
                f"The tasks {', '.join(node.consumers)} need '{name}' to be set up, "
                f"and there is none in {quoted(sources.inputs)}. Add the collection "
                "that has it to the inputs."
            )
        tables[name] = DatasetTable(
            node.dataset_type,
            DataIds(coding, node.dataset_type.dimensions, {}, 1),
            ids=found.ids[:1],
            run_codes=found.run_codes[:1],
        )
    return tables


def _fetch_records(
    fetch: FetchRecords | None, datasets: dict[str, DatasetTable]
) -> pl.DataFrame:
    ids = [
        row.tobytes()
        for table in datasets.values()
        if table.ids is not None
        for row in table.ids
    ]
    if fetch is None or not ids:
        return pl.DataFrame(schema=RECORD_SCHEMA)
    return fetch(ids)
