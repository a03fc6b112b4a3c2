"""Prerequisites: datasets found for quanta that exist already, by place and time."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pantler.errors import DataIdError, DatasetNotFoundError
from pantler.quanta.building.sources import FoundDatasets, quoted
from pantler.quanta.join.coding import deciding
from pantler.quanta.join.csr import Csr
from pantler.quanta.join.keys import match, pack, pack_both
from pantler.quanta.join.relations import Relation
from pantler.tasks.connections import PrerequisiteInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pantler.datasets.dataset_type import DatasetType
    from pantler.pipelines.nodes import Edge, TaskNode
    from pantler.quanta.building.sources import Sources
    from pantler.quanta.join.coding import Coding
    from pantler.quanta.tables import DataIds

_EVER = np.iinfo(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """All datasets of a type that may be prerequisites.

    Parameters
    ----------
    groups
        Those of each group of collections, in the order of the search.
    rows
        For each group, shape (n,): the row of each dataset in ``ids``.
    relation, ids, run_codes
        The distinct datasets.
    """

    groups: list[FoundDatasets]
    rows: list[NDArray[np.int32]]
    relation: Relation
    ids: NDArray[np.uint8]
    run_codes: NDArray[np.int32]


def find_candidates(
    sources: Sources,
    coding: Coding,
    name: str,
    *,
    is_calibration: bool,
    optional: DatasetType | None = None,
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
    optional
        As for `Sources.find_datasets`.
    """
    title = f"'{name}' datasets"
    if is_calibration:
        searches = [names for names, _ in sources.segments()]
    else:
        searches = [sources.plain_inputs()]
    groups = [
        sources.find_datasets(name, coding, names, title=title, optional=optional)
        for names in searches
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
        groups,
        [place[a:b] for a, b in itertools.pairwise(bounds)],
        whole.take(chosen),
        ids[chosen],
        run_codes[chosen],
    )


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
        Their times, TAI nanoseconds, shape (n,); those of quanta without time are
        without bounds.
    """

    task: TaskNode
    relation: Relation
    begin: NDArray[np.int64]
    end: NDArray[np.int64]


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

    The first group of collections that has any for a quantum decides.

    Raises
    ------
    DatasetNotFoundError
        If a quantum has fewer than it needs.
    DataIdError
        If several are valid where one is wanted.
    """
    connection = edge.connection
    if not isinstance(connection, PrerequisiteInput):
        raise TypeError(f"'{edge.name}' is no prerequisite.")
    waiting = np.ones(len(seekers.relation), dtype=np.bool_)
    quanta: list[NDArray[np.int64]] = []
    datasets: list[NDArray[np.int32]] = []
    for group, rows in zip(candidates.groups, candidates.rows, strict=True):
        index = np.flatnonzero(waiting)
        if not len(index) or not len(group.ids):
            continue
        i, j = _pairs(seekers, index, group)
        quanta.append(index[i])
        datasets.append(rows[j])
        waiting[index[i]] = False
    none = np.empty(0, dtype=np.int64)
    edges = Csr.from_pairs(
        np.concatenate([none, *quanta]),
        np.concatenate([none, *datasets]),
        len(seekers.relation),
    )
    if not connection.multiple and (edges.counts > 1).any():
        raise _ambiguous(seekers, edge, candidates, edges)
    if (edges.counts < connection.minimum).any():
        raise _missing(seekers, edge, edges.counts < connection.minimum, sources)
    return edges


def _pairs(
    seekers: Seekers, index: NDArray[np.int64], group: FoundDatasets
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of places in ``index`` and rows of a group that go together."""
    asking = seekers.relation.take(index)
    offered = group.relation
    names = deciding(asking.coding.universe, asking.names & offered.names)
    left, right = pack_both(
        [asking.codes(name) for name in names],
        [offered.codes(name) for name in names],
        [asking.coding.size(name) for name in names],
        (len(asking), len(offered)),
    )
    begin, end = seekers.begin[index], seekers.end[index]
    if offered.names <= asking.names:
        return _match_intervals((left, begin, end), (right, group.begin, group.end))
    i, j = match(left, right)
    valid = (group.begin[j] < end[i]) & (begin[i] < group.end[j])
    return i[valid], j[valid]


Intervals = tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.int64]"]


def _match_intervals(
    asked: Intervals, offered: Intervals
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs with equal keys whose times overlap.

    Parameters
    ----------
    asked, offered
        Keys, begins and ends; the offered intervals of one key do not overlap one
        another, so that those which overlap another interval lie together.
    """
    order = np.lexsort((offered[1], offered[0]))
    keys = np.unique(np.concatenate([asked[0], offered[0]]))
    times = np.unique(np.concatenate([*asked[1:], *offered[1:]]))

    def rank(key: NDArray[np.int64], time: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(keys, key) * len(times) + np.searchsorted(times, time)

    begins = rank(offered[0][order], offered[1][order])
    ends = rank(offered[0][order], offered[2][order])
    first = np.searchsorted(ends, rank(asked[0], asked[1]), side="right")
    last = np.searchsorted(begins, rank(asked[0], asked[2]), side="left")
    # An end without bound has the rank just below the next key's first: ranks of
    # different keys never mix, as each key has all the times to itself.
    counts = np.maximum(last - first, 0)
    i = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(i)) - np.repeat(np.cumsum(counts) - counts, counts)
    return i, order[np.repeat(first, counts) + within]


def _ambiguous(
    seekers: Seekers, edge: Edge, candidates: Candidates, edges: Csr
) -> DataIdError:
    row = int(np.flatnonzero(edges.counts > 1)[0])
    data_id = _data_id(seekers, row)
    ids = [candidates.ids[place].tobytes().hex() for place in edges.row(row)[:3]]
    return DataIdError(
        f"Task '{seekers.task.label}' takes one '{edge.dataset_type.name}', and "
        f"{edges.counts[row]} are valid at the time of {data_id}: {', '.join(ids)}. "
        "Decertify some of them, or search other collections."
    )


def _missing(
    seekers: Seekers, edge: Edge, missing: NDArray[np.bool_], sources: Sources
) -> DatasetNotFoundError:
    rows = np.flatnonzero(missing)
    shown = "; ".join(str(_data_id(seekers, int(row))) for row in rows[:3])
    name = edge.dataset_type.name
    connection = edge.connection
    is_calibration = getattr(connection, "is_calibration", False)
    advice = (
        "Certify one that is valid at that time, "
        if is_calibration
        else "Ingest or make it, "
    )
    return DatasetNotFoundError(
        f"Task '{seekers.task.label}' needs '{name}', and there is none for "
        f"{len(rows)} of its {len(missing)} quanta: {shown}"
        f"{' ...' if len(rows) > 3 else ''}. Searched: {quoted(sources.inputs)}. "
        f"{advice}or add the collection that has it to the inputs."
    )


def _data_id(seekers: Seekers, row: int) -> object:
    relation = seekers.relation
    return relation.coding.coordinate(seekers.task.dimensions, relation.columns, row)
