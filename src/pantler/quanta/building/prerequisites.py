"""Prerequisites: datasets found for quanta that exist already, by place and time."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from pantler.errors import DataIdError, DatasetNotFoundError
from pantler.quanta.building.sources import FoundDatasets, Segment, quoted
from pantler.quanta.join.coding import closed, deciding
from pantler.quanta.join.csr import Csr
from pantler.quanta.join.intervals import Intervals, match_intervals
from pantler.quanta.join.keys import (
    Pairs,
    distinct,
    is_in,
    match,
    pack,
    pack_both,
)
from pantler.quanta.join.relations import Relation
from pantler.tasks.connections import PrerequisiteInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pantler.datasets.dataset_type import DatasetType
    from pantler.dimensions.coordinate import DataCoordinate
    from pantler.dimensions.universe import DimensionGroup
    from pantler.pipelines.nodes import Edge, TaskNode
    from pantler.quanta.building.sources import Sources
    from pantler.quanta.join.coding import Coding
    from pantler.quanta.tables import DataIds

_EVER = np.iinfo(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class CandidateGroup:
    """What one part of the inputs offers.

    Parameters
    ----------
    found
        A row for each dataset; in a CALIBRATION collection, for each time for which
        one is certified.
    rows : (n,)
        The row of each in `Candidates`.
    certified
        Whether they are valid only for their time.
    """

    found: FoundDatasets
    rows: NDArray[np.int32]
    certified: bool


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """All datasets of a type that may be prerequisites.

    Parameters
    ----------
    groups
        Those of each part of the inputs, in the order of the search.
    relation, ids, run_codes
        The distinct datasets, in the order of their data IDs.
    places
        Of each dataset, the row of the first one with its data ID.
    """

    groups: list[CandidateGroup]
    relation: Relation
    ids: NDArray[np.uint8]
    run_codes: NDArray[np.int32]
    places: NDArray[np.int64]

    def data_id(self, row: int, group: DimensionGroup) -> DataCoordinate:
        """Return the data ID of one."""
        return self.relation.coding.coordinate(group, self.relation.columns, row)


def find_candidates(
    sources: Sources,
    coding: Coding,
    name: str,
    *,
    is_calibration: bool,
    optional: DatasetType | None = None,
    ranged: frozenset[str] = frozenset(),
) -> Candidates:
    """Return all datasets of a type in the inputs of a graph.

    Parameters
    ----------
    sources
        What is asked.
    coding
        The numbers.
    name
        Of the dataset type.
    is_calibration
        Whether CALIBRATION collections are searched too.
    optional, ranged
        As for `Sources.find_datasets`.
    """
    title = f"'{name}' datasets"
    if is_calibration:
        segments = sources.segments()
    else:
        segments = [Segment(sources.plain_inputs(), certified=False)]
    groups = [
        sources.find_datasets(
            name,
            coding,
            segment.collections,
            title=title,
            optional=optional,
            ranged=ranged,
        )
        for segment in segments
    ]
    ids = np.concatenate([group.ids for group in groups])
    columns = {
        key: np.concatenate([group.relation.columns[key] for group in groups])
        for key in groups[0].relation.columns
    }
    blobs = np.ascontiguousarray(ids).view("S16").ravel()  # compares as bytes do
    sizes = [coding.size(key) for key in columns]
    keys = pack(list(columns.values()), sizes, len(ids))
    order = np.lexsort((blobs, keys))
    is_new = np.ones(len(ids), dtype=np.bool_)
    is_new[1:] = (ids[order][1:] != ids[order][:-1]).any(axis=1)
    place = np.empty(len(ids), dtype=np.int32)
    place[order] = np.cumsum(is_new) - 1
    chosen = order[is_new]
    bounds = np.cumsum([0, *(len(group.ids) for group in groups)])
    run_codes = np.concatenate([group.run_codes for group in groups])
    whole = Relation(title, "datasets", coding, columns, len(ids))
    return Candidates(
        [
            CandidateGroup(group, place[a:b], segment.certified)
            for group, segment, (a, b) in zip(
                groups, segments, itertools.pairwise(bounds), strict=True
            )
        ],
        whole.take(chosen),
        ids[chosen],
        run_codes[chosen],
        np.searchsorted(keys[chosen], keys[chosen]),
    )


def ranged_dimensions(task: TaskNode, edge: Edge) -> frozenset[str]:
    """Return the dimensions of a prerequisite whose values its quantum leaves open."""
    universe = task.dimensions.universe
    fixed = closed(universe, task.dimensions.names)
    return closed(universe, edge.dataset_type.dimensions.names) - fixed


@dataclass(frozen=True, slots=True, eq=False)
class Seekers:
    """The quanta of a task, as they look for prerequisites.

    Parameters
    ----------
    task
        The task.
    relation
        Their data IDs.
    begin, end
        Their times, TAI nanoseconds, shape (n,). Those of a task without a time in
        its dimensions have no bounds; where a record has no time span, ``begin`` is
        after ``end``.
    """

    task: TaskNode
    relation: Relation
    begin: NDArray[np.int64]
    end: NDArray[np.int64]

    def data_id(self, row: int) -> DataCoordinate:
        """Return the data ID of one."""
        relation = self.relation
        return relation.coding.coordinate(self.task.dimensions, relation.columns, row)


def make_seekers(task: TaskNode, data_ids: DataIds) -> Seekers:
    """Return the quanta of a task with their times."""
    coding = data_ids.coding
    relation = Relation(task.label, "join", coding, data_ids.columns, len(data_ids))
    begin = np.full(len(data_ids), _EVER.min, dtype=np.int64)
    end = np.full(len(data_ids), _EVER.max, dtype=np.int64)
    for element in task.dimensions.temporal_elements():
        held = coding.dimensions[element.name]
        codes = relation.codes(element.name)
        if held.begin is not None and held.end is not None:
            begin = np.maximum(begin, held.begin[codes])
            end = np.minimum(end, held.end[codes])
    return Seekers(task, relation, begin, end)


def match_prerequisite(
    seekers: Seekers, edge: Edge, candidates: Candidates, sources: Sources
) -> Csr:
    """Return the edges from the quanta of a task to its prerequisites.

    For each data ID that a prerequisite of a quantum can have, the first group of
    collections that has any valid one decides.

    Raises
    ------
    DatasetNotFoundError
        If a quantum has fewer than it needs.
    DataIdError
        If several are valid where one is wanted.
    """
    connection = edge.connection
    if not isinstance(connection, PrerequisiteInput):
        raise TypeError(f"'{edge.name}' is not a prerequisite.")
    found = _find_first(seekers, candidates)
    # A dataset that is certified for several times may match with more than one.
    edges = Csr.from_pairs(found.left, found.right, len(seekers.relation)).distinct()
    if not connection.multiple and (edges.counts > 1).any():
        raise _ambiguous(seekers, edge, candidates, edges)
    if (edges.counts < connection.minimum).any():
        raise _missing(seekers, edge, edges.counts < connection.minimum, sources)
    return edges


def _find_first(seekers: Seekers, candidates: Candidates) -> Pairs:
    """Return pairs of a quantum's row and a candidate's that belong together."""
    one_each = candidates.relation.names <= seekers.relation.names
    waiting = np.ones(len(seekers.relation), dtype=np.bool_)
    decided = np.empty(0, dtype=np.int64)  # by an earlier group: quantum and data ID
    quanta = [np.empty(0, dtype=np.int64)]
    datasets = [np.empty(0, dtype=np.int32)]
    for group in candidates.groups:
        index = np.flatnonzero(waiting)
        if not len(index) or not len(group.rows):
            continue
        i, j = _pairs(seekers, index, group)
        rows, found = index[i], group.rows[j]
        if one_each:
            waiting[rows] = False
        elif len(candidates.groups) > 1:
            keys = rows * len(candidates.ids) + candidates.places[found]
            if len(decided):
                new = ~is_in(keys, decided)
                rows, found, keys = rows[new], found[new], keys[new]
            decided = np.concatenate([decided, distinct(keys)])
        quanta.append(rows)
        datasets.append(found)
    return Pairs(np.concatenate(quanta), np.concatenate(datasets))


def _pairs(seekers: Seekers, index: NDArray[np.int64], group: CandidateGroup) -> Pairs:
    """Return pairs of places in ``index`` and rows of a group that go together."""
    asking = seekers.relation.take(index)
    found, offered = group.found, group.found.relation
    names = deciding(asking.coding.universe, asking.names & offered.names)
    left, right = pack_both(
        [asking.codes(name) for name in names],
        [offered.codes(name) for name in names],
        [asking.coding.size(name) for name in names],
        left_rows=len(asking),
        right_rows=len(offered),
    )
    if not group.certified:
        return match(left, right)
    asked = Intervals(left, seekers.begin[index], seekers.end[index])
    valid = Intervals(right, found.begin, found.end)
    if offered.names <= asking.names:
        return match_intervals(asked, valid)
    i, j = match(left, right)
    overlap = (valid.begin[j] < asked.end[i]) & (asked.begin[i] < valid.end[j])
    return Pairs(i[overlap], j[overlap])


def _ambiguous(
    seekers: Seekers, edge: Edge, candidates: Candidates, edges: Csr
) -> DataIdError:
    row = int(np.flatnonzero(edges.counts > 1)[0])
    dataset_type = edge.dataset_type
    shown = [
        f"{candidates.data_id(place, dataset_type.dimensions)} "
        f"({UUID(bytes=candidates.ids[place].tobytes())})"
        for place in map(int, edges.row(row)[:2])
    ]
    advice = (
        "Decertify some of them, or search other collections."
        if dataset_type.dimensions <= seekers.task.dimensions
        else "Declare the connection with multiple=True."
    )
    return DataIdError(
        f"Task '{seekers.task.label}' takes one '{dataset_type.name}' through "
        f"connection '{edge.name}', and {edges.counts[row]} are valid for "
        f"{seekers.data_id(row)}, such as {' and '.join(shown)}. {advice}"
    )


def _missing(
    seekers: Seekers, edge: Edge, missing: NDArray[np.bool_], sources: Sources
) -> DatasetNotFoundError:
    rows = np.flatnonzero(missing)
    shown = "; ".join(str(seekers.data_id(int(row))) for row in rows[:3])
    name = edge.dataset_type.name
    timeless = np.count_nonzero(seekers.begin[rows] > seekers.end[rows])
    if timeless:
        elements = [e.name for e in seekers.task.dimensions.temporal_elements()]
        which = f"{timeless} of them {'has' if timeless == 1 else 'have'}"
        advice = (
            f"{'It has' if len(rows) == 1 else which} no time, as the "
            f"{' or '.join(elements)} record "
            "has no time span, and no calibration is valid then: complete the record, "
        )
    elif getattr(edge.connection, "is_calibration", False):
        advice = "Certify one that is valid at that time, "
    else:
        advice = "Ingest or make it, "
    return DatasetNotFoundError(
        f"Task '{seekers.task.label}' needs '{name}', and there is none for "
        f"{len(rows)} of its {len(missing)} quanta: {shown}"
        f"{' ...' if len(rows) > 3 else ''}. Searched: {quoted(sources.inputs)}. "
        f"{advice}or add the collection that has it to the inputs."
    )
