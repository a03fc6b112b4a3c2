"""Slices: runs of quanta of one task with all that they need, as columns.

A slice names datasets and values by numbers of its own, and holds what these are in
the whole graph; so one slice is enough to read a quantum, and all make the graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from pantler.datasets.identity import uuid_series
from pantler.datasets.records import RECORD_SCHEMA
from pantler.quanta.file.blocks import Columns
from pantler.quanta.file.layout import MOST_QUANTA
from pantler.quanta.join.coding import Coding, DimensionValues
from pantler.quanta.join.csr import Csr
from pantler.quanta.join.keys import distinct, runs
from pantler.quanta.tables import DataIds, DatasetTable, Link, QuantumTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sized

    from numpy.typing import NDArray

    from pantler.quanta.graph import QuantumGraph

_MOST_QUANTA = MOST_QUANTA
_MOST_LINKS = 32768


class Rows(NamedTuple):
    """The rows of a slice within the quanta of its task: first, and after the last."""

    low: int
    high: int


def slice_bounds(table: QuantumTable) -> list[Rows]:
    """Return the ranges of rows that make good slices of a task's quanta."""
    links = np.zeros(len(table) + 1, dtype=np.int64)
    for link in (*table.inputs.values(), *table.outputs.values()):
        links += link.edges.starts
    bounds = []
    low = 0
    while low < len(table):
        most = int(np.searchsorted(links, links[low] + _MOST_LINKS, side="right")) - 1
        high = min(max(most, low + 1), low + _MOST_QUANTA, len(table))
        bounds.append(Rows(low, high))
        low = high
    return bounds


def slice_columns(
    graph: QuantumGraph,
    table: QuantumTable,
    bounds: Rows,
    records: Mapping[str, Csr],
) -> Columns:
    """Return the columns of a slice.

    Parameters
    ----------
    graph
        The whole graph.
    table
        The task's quanta.
    bounds
        Which quanta.
    records
        What `record_rows` returned.
    """
    columns = Columns()
    coded: dict[str, NDArray[np.int32]] = {
        f"q.{name}": codes[bounds.low : bounds.high]
        for name, codes in table.data_ids.columns.items()
    }
    rows = _rows_by_type(table, bounds)
    for kind, links in (("i", table.inputs), ("o", table.outputs)):
        for name, link in links.items():
            starts = link.edges.starts[bounds.low : bounds.high + 1]
            used = link.edges.columns[starts[0] : starts[-1]]
            columns.integers[f"{kind}.{name}.n"] = np.diff(starts)
            columns.integers[f"{kind}.{name}"] = _local(rows[link.dataset_type], used)
    for dataset_type, chosen in rows.items():
        datasets = graph.datasets[dataset_type]
        columns.integers[f"d.{dataset_type}"] = chosen
        for name, codes in datasets.data_ids.columns.items():
            coded[f"d.{dataset_type}.{name}"] = codes[chosen]
        if datasets.ids is not None and datasets.run_codes is not None:
            columns.uuids[f"u.{dataset_type}"] = datasets.ids[chosen]
            columns.integers[f"d.{dataset_type}/run"] = datasets.run_codes[chosen]
    _add_values(columns, graph.coding, coded)
    _add_records(columns, graph, rows, records)
    return columns


def _rows_by_type(table: QuantumTable, bounds: Rows) -> dict[str, NDArray[np.int64]]:
    """Return the rows of each dataset type that some quanta are tied to."""
    used: dict[str, list[NDArray[np.int32]]] = {}
    for link in (*table.inputs.values(), *table.outputs.values()):
        starts = link.edges.starts
        used.setdefault(link.dataset_type, []).append(
            link.edges.columns[starts[bounds.low] : starts[bounds.high]]
        )
    return {name: _distinct(np.concatenate(parts)) for name, parts in used.items()}


def _distinct(values: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the distinct values in order; quick where they lie together."""
    if not len(values):
        return values.astype(np.int64)
    least = int(values.min())
    span = int(values.max()) - least + 1
    if span > 16 * len(values):
        return distinct(values.astype(np.int64))
    present = np.zeros(span, dtype=np.bool_)
    present[values - least] = True
    return np.flatnonzero(present) + least


def _local(table: NDArray[np.int64], values: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the places of values in a sorted table that has them all."""
    return np.searchsorted(table, values.astype(np.int64))


def _add_values(
    columns: Columns, coding: Coding, coded: Mapping[str, NDArray[np.int32]]
) -> None:
    """Add columns by local numbers, and what these are."""
    used: dict[str, list[NDArray[np.integer]]] = {}
    for key, codes in coded.items():
        used.setdefault(key.rpartition(".")[2], []).append(codes)
    chosen: dict[str, NDArray[np.int64]] = {}
    for name in reversed(list(coding.dimensions)):
        if name not in used:
            continue
        chosen[name] = _distinct(np.concatenate(used[name]))
        for other, codes in coding.dimensions[name].fixed.items():
            used.setdefault(other, []).append(codes[chosen[name]])
    for key, codes in coded.items():
        columns.integers[key] = _local(chosen[key.rpartition(".")[2]], codes)
    for name, numbers in chosen.items():
        held = coding.dimensions[name]
        values = held.values.gather(numbers)
        columns.integers[f"c.{name}"] = numbers
        if values.dtype == pl.String:
            columns.texts[f"v.{name}"] = values.to_list()
        else:
            columns.integers[f"v.{name}"] = values.to_numpy()
        for other, codes in held.fixed.items():
            columns.integers[f"f.{name}.{other}"] = _local(
                chosen[other], codes[numbers]
            )


def record_rows(graph: QuantumGraph) -> dict[str, Csr]:
    """Return for each dataset that exists the rows of its datastore records.

    Returns
    -------
    dict
        Edges from rows of the dataset type's table to rows of ``graph.records``, by
        name of the dataset type.
    """
    known = graph.records.select("dataset_id").with_row_index("record")
    found = {}
    for name, table in graph.datasets.items():
        if table.ids is None or not known.height:
            continue
        wanted = pl.DataFrame({"dataset_id": uuid_series(table.ids)})
        pairs = wanted.with_row_index("row").join(known, on="dataset_id")
        rows, records = pairs["row"].to_numpy(), pairs["record"].to_numpy()
        found[name] = Csr.from_pairs(rows, records, len(table))
    return found


def _add_records(
    columns: Columns,
    graph: QuantumGraph,
    rows: Mapping[str, NDArray[np.int64]],
    records: Mapping[str, Csr],
) -> None:
    """Add the datastore records of the inputs."""
    used = [
        records[name].columns[
            runs(records[name].starts[chosen], records[name].counts[chosen])
        ]
        for name, chosen in rows.items()
        if name in records
    ]
    if any(len(part) for part in used):
        add_records(columns, graph.records[np.concatenate(used)])


def add_records(columns: Columns, records: pl.DataFrame) -> None:
    """Add a frame of datastore records to the columns of a block."""
    blob = b"".join(records["dataset_id"].to_list())
    columns.uuids["r.dataset_id"] = np.frombuffer(blob, np.uint8).reshape(-1, 16)
    for name, dtype in RECORD_SCHEMA.items():
        if dtype == pl.String:
            columns.texts[f"r.{name}"] = records[name].to_list()
        elif dtype == pl.Int64:
            columns.integers[f"r.{name}"] = records[name].fill_null(-1).to_numpy()


def read_records(columns: Columns) -> pl.DataFrame:
    """Return the frame of datastore records that a block holds."""
    if "r.dataset_id" not in columns.uuids:
        return pl.DataFrame(schema=RECORD_SCHEMA)
    data: dict[str, object] = {
        "dataset_id": [row.tobytes() for row in columns.uuids["r.dataset_id"]]
    }
    for name, dtype in RECORD_SCHEMA.items():
        if dtype == pl.String:
            data[name] = columns.texts[f"r.{name}"]
        elif dtype == pl.Int64:
            data[name] = columns.integers[f"r.{name}"]
    frame = pl.DataFrame(data, schema=RECORD_SCHEMA)
    offset = pl.col("offset")
    return frame.with_columns(pl.when(offset >= 0).then(offset).alias("offset"))


@dataclass(frozen=True, slots=True, eq=False)
class GraphSlice:
    """A slice that was read.

    Parameters
    ----------
    table
        Its quanta.
    datasets
        The datasets that they are tied to, with their numbers in the whole graph.
    coding
        What its own numbers of values stand for.
    codes
        The numbers that its values have in the whole graph, by dimension.
    records
        Datastore records of its inputs.
    """

    table: QuantumTable
    datasets: Mapping[str, DatasetTable]
    coding: Coding
    codes: Mapping[str, NDArray[np.int64]]
    records: pl.DataFrame


def read_slice(
    columns: Columns, outline: QuantumGraph, label: str, bounds: Rows
) -> GraphSlice:
    """Return the slice of which these are the columns.

    Parameters
    ----------
    columns
        What `slice_columns` returned.
    outline
        The graph's header, dataset types and tasks, with tables that have no rows.
    label
        The task's label.
    bounds
        Which quanta.

    Raises
    ------
    ValueError, LookupError
        If the columns do not fit one another or the outline.
    """
    whole = outline.quanta[label]
    count = bounds.high - bounds.low
    parts = _Parts(columns, outline, _read_coding(columns, outline))
    data_ids = parts.data_ids(whole.data_ids, "q.", count)
    links = (*whole.inputs.values(), *whole.outputs.values())
    datasets = {
        name: parts.datasets(name) for name in {link.dataset_type for link in links}
    }
    sizes = {name: len(table) for name, table in datasets.items()}
    table = QuantumTable(
        label,
        whole.first + bounds.low,
        data_ids,
        whole.log_type,
        whole.metadata_type,
        {n: parts.link(f"i.{n}", k, sizes, count) for n, k in whole.inputs.items()},
        {n: parts.link(f"o.{n}", k, sizes, count) for n, k in whole.outputs.items()},
    )
    for name in (whole.log_type, whole.metadata_type):
        kind = outline.datasets[name]
        numbers = np.arange(bounds.low, bounds.high, dtype=np.int64)
        datasets[name] = DatasetTable(
            kind.dataset_type, data_ids, kind.first, numbers=numbers
        )
    codes = {name: columns.integers[f"c.{name}"] for name in parts.coding.dimensions}
    return GraphSlice(table, datasets, parts.coding, codes, read_records(columns))


def _read_coding(columns: Columns, outline: QuantumGraph) -> Coding:
    dimensions: dict[str, DimensionValues] = {}
    for name, whole in outline.coding.dimensions.items():
        if f"c.{name}" not in columns.integers:
            continue
        count = len(columns.integers[f"c.{name}"])
        # Those that a dimension fixes come before it.
        fixed = {
            other: columns.codes(f"f.{name}.{other}", len(dimensions[other]))
            for other in whole.fixed
        }
        held = columns.texts if whole.values.dtype == pl.String else columns.integers
        values = pl.Series(name, held[f"v.{name}"], whole.values.dtype)
        _check_length(name, count, values, *fixed.values())
        dimensions[name] = DimensionValues(values, fixed)
    return Coding(outline.universe, dimensions)


def _check_length(name: str, count: int, *columns: Sized) -> None:
    if any(len(column) != count for column in columns):
        raise ValueError(f"the columns of '{name}' do not have the same length")


@dataclass(frozen=True, slots=True)
class _Parts:
    """Reads the parts of a slice, checked against one another."""

    columns: Columns
    outline: QuantumGraph
    coding: Coding

    def data_ids(self, whole: DataIds, prefix: str, count: int) -> DataIds:
        codes = {
            name: self.columns.codes(prefix + name, self.coding.size(name))
            for name in whole.columns
        }
        _check_length(prefix, count, *codes.values())
        return DataIds(self.coding, whole.group, codes, count)

    def link(
        self, name: str, whole: Link, sizes: Mapping[str, int], count: int
    ) -> Link:
        places = self.columns.codes(name, sizes[whole.dataset_type])
        counts = self.columns.codes(f"{name}.n", len(places) + 1)
        _check_length(name, count, counts)
        edges = Csr.from_counts(counts, places)
        if edges.starts[-1] != len(places):
            raise ValueError(f"the links of '{name}' are not all there")
        return Link(whole.dataset_type, edges)

    def datasets(self, name: str) -> DatasetTable:
        whole = self.outline.datasets[name]
        numbers = self.columns.integers[f"d.{name}"]
        if len(numbers) and numbers.min() < 0:
            raise ValueError(f"the numbers of '{name}' are below zero")
        ids = run_codes = None
        if whole.ids is not None:
            ids = self.columns.uuids[f"u.{name}"]
            run_codes = self.columns.codes(f"d.{name}/run", len(self.outline.runs))
            _check_length(name, len(numbers), ids, run_codes)
        return DatasetTable(
            whole.dataset_type,
            self.data_ids(whole.data_ids, f"d.{name}.", len(numbers)),
            whole.first,
            ids,
            run_codes,
            numbers,
        )
