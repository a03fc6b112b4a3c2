"""Slices: runs of quanta of one task with all that they need, as columns.

A slice names datasets and values by numbers of its own, and holds what these are in
the whole graph; so one slice is enough to read a quantum, and all make the graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from pantler.datasets.identity import uuid_series
from pantler.datasets.records import RECORD_SCHEMA
from pantler.quanta.join.coding import Coding, DimensionValues
from pantler.quanta.join.csr import Csr
from pantler.quanta.join.keys import distinct
from pantler.quanta.tables import DataIds, DatasetTable, Link, QuantumTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pantler.quanta.graph import QuantumGraph

_MOST_QUANTA = 4096
_MOST_LINKS = 32768


def slice_bounds(table: QuantumTable) -> list[tuple[int, int]]:
    """Return the ranges of rows that make good slices of a task's quanta."""
    links = np.zeros(len(table) + 1, dtype=np.int64)
    for link in (*table.inputs.values(), *table.outputs.values()):
        links += link.edges.starts
    bounds = []
    low = 0
    while low < len(table):
        most = int(np.searchsorted(links, links[low] + _MOST_LINKS, side="right")) - 1
        high = min(max(most, low + 1), low + _MOST_QUANTA, len(table))
        bounds.append((low, high))
        low = high
    return bounds


def slice_columns(
    graph: QuantumGraph,
    table: QuantumTable,
    bounds: tuple[int, int],
    records: Mapping[str, Csr],
) -> dict[str, Any]:
    """Return the columns of a slice.

    Parameters
    ----------
    graph
        The whole graph.
    table
        The task's quanta.
    bounds
        Rows of the first quantum of the slice, and of the first after it.
    records
        What `record_rows` returned.
    """
    low, high = bounds
    columns: dict[str, Any] = {}
    coded: dict[str, NDArray[np.int32]] = {
        f"q.{name}": codes[low:high] for name, codes in table.data_ids.columns.items()
    }
    rows = _rows_by_type(table, low, high)
    for kind, links in (("i", table.inputs), ("o", table.outputs)):
        for name, link in links.items():
            starts = link.edges.starts[low : high + 1]
            used = link.edges.columns[starts[0] : starts[-1]]
            columns[f"{kind}.{name}.n"] = np.diff(starts)
            columns[f"{kind}.{name}"] = _local(rows[link.dataset_type], used)
    for dataset_type, chosen in rows.items():
        datasets = graph.datasets[dataset_type]
        columns[f"d.{dataset_type}"] = chosen
        for name, codes in datasets.data_ids.columns.items():
            coded[f"d.{dataset_type}.{name}"] = codes[chosen]
        if datasets.ids is not None and datasets.run_codes is not None:
            columns[f"u.{dataset_type}"] = datasets.ids[chosen]
            columns[f"d.{dataset_type}/run"] = datasets.run_codes[chosen]
    columns |= _values(graph.coding, coded)
    return columns | _records(graph, rows, records)


def _rows_by_type(
    table: QuantumTable, low: int, high: int
) -> dict[str, NDArray[np.int64]]:
    """Return the rows of each dataset type that some quanta are tied to."""
    used: dict[str, list[NDArray[np.int32]]] = {}
    for link in (*table.inputs.values(), *table.outputs.values()):
        starts = link.edges.starts
        used.setdefault(link.dataset_type, []).append(
            link.edges.columns[starts[low] : starts[high]]
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


def _values(coding: Coding, coded: Mapping[str, NDArray[np.int32]]) -> dict[str, Any]:
    """Return columns by local numbers, and what these are."""
    used: dict[str, list[NDArray[np.integer]]] = {}
    for key, codes in coded.items():
        used.setdefault(key.rpartition(".")[2], []).append(codes)
    distinct: dict[str, NDArray[np.int64]] = {}
    for name in reversed(list(coding.dimensions)):
        if name not in used:
            continue
        distinct[name] = _distinct(np.concatenate(used[name]))
        for other, codes in coding.dimensions[name].fixed.items():
            used.setdefault(other, []).append(codes[distinct[name]])
    columns: dict[str, Any] = {
        key: _local(distinct[key.rpartition(".")[2]], codes)
        for key, codes in coded.items()
    }
    for name, chosen in distinct.items():
        held = coding.dimensions[name]
        values = held.values.gather(chosen)
        columns[f"c.{name}"] = chosen
        columns[f"v.{name}"] = (
            values.to_list() if values.dtype == pl.String else values.to_numpy()
        )
        for other, codes in held.fixed.items():
            columns[f"f.{name}.{other}"] = _local(distinct[other], codes[chosen])
    return columns


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


def _records(
    graph: QuantumGraph,
    rows: Mapping[str, NDArray[np.int64]],
    records: Mapping[str, Csr],
) -> dict[str, Any]:
    """Return the datastore records of the inputs, column by column."""
    used = [
        records[name].columns[_ranges(records[name], chosen)]
        for name, chosen in rows.items()
        if name in records
    ]
    if not any(len(part) for part in used):
        return {}
    return records_to_columns(graph.records[np.concatenate(used)])


def _ranges(edges: Csr, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places of the links of some rows."""
    counts = edges.counts[rows]
    before = np.cumsum(counts) - counts
    places = np.repeat(edges.starts[rows] - before, counts)
    places += np.arange(len(places))
    return places


def records_to_columns(records: pl.DataFrame) -> dict[str, Any]:
    """Return a frame of datastore records as columns of a block."""
    blob = b"".join(records["dataset_id"].to_list())
    columns: dict[str, Any] = {
        "r.dataset_id": np.frombuffer(blob, np.uint8).reshape(-1, 16)
    }
    for name, dtype in RECORD_SCHEMA.items():
        if dtype == pl.String:
            columns[f"r.{name}"] = records[name].to_list()
        elif dtype == pl.Int64:
            columns[f"r.{name}"] = records[name].fill_null(-1).to_numpy()
    return columns


def columns_to_records(columns: Mapping[str, Any]) -> pl.DataFrame:
    """Return the frame of datastore records that a block holds."""
    if "r.dataset_id" not in columns:
        return pl.DataFrame(schema=RECORD_SCHEMA)
    ids = [row.tobytes() for row in columns["r.dataset_id"]]
    data = {"dataset_id": ids} | {
        name: columns[f"r.{name}"] for name in RECORD_SCHEMA if name != "dataset_id"
    }
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
    columns: Mapping[str, Any], outline: QuantumGraph, label: str, low: int
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
    low
        Row of its first quantum within the task's.
    """
    whole = outline.quanta[label]
    coding = _read_coding(columns, outline)
    ids = whole.data_ids
    data_ids = _data_ids(columns, coding, ids, "q.")
    inputs = _read_links(columns, whole.inputs, "i")
    outputs = _read_links(columns, whole.outputs, "o")
    count = data_ids.count if ids.columns else 1
    table = QuantumTable(
        label,
        whole.first + low,
        DataIds(coding, ids.group, data_ids.columns, count),
        whole.log_type,
        whole.metadata_type,
        inputs,
        outputs,
    )
    datasets = {
        link.dataset_type: _read_datasets(
            columns, coding, outline.datasets[link.dataset_type]
        )
        for link in (*inputs.values(), *outputs.values())
    }
    for name in (whole.log_type, whole.metadata_type):
        kind = outline.datasets[name]
        numbers = np.arange(low, low + count, dtype=np.int64)
        datasets[name] = DatasetTable(
            kind.dataset_type, table.data_ids, kind.first, numbers=numbers
        )
    codes = {name: columns[f"c.{name}"] for name in coding.dimensions}
    return GraphSlice(table, datasets, coding, codes, columns_to_records(columns))


def _read_coding(columns: Mapping[str, Any], outline: QuantumGraph) -> Coding:
    held = {key[2:] for key in columns if key.startswith("c.")}
    dimensions = {}
    for name, whole in outline.coding.dimensions.items():
        if name in held:
            fixed = {
                other: columns[f"f.{name}.{other}"].astype(np.int32)
                for other in whole.fixed
            }
            values = pl.Series(name, columns[f"v.{name}"], whole.values.dtype)
            dimensions[name] = DimensionValues(values, fixed)
    return Coding(outline.universe, dimensions)


def _data_ids(
    columns: Mapping[str, Any], coding: Coding, whole: DataIds, prefix: str
) -> DataIds:
    codes = {name: columns[prefix + name].astype(np.int32) for name in whole.columns}
    count = len(next(iter(codes.values()))) if codes else 0
    return DataIds(coding, whole.group, codes, count)


def _read_links(
    columns: Mapping[str, Any], links: Mapping[str, Link], kind: str
) -> dict[str, Link]:
    return {
        name: Link(
            link.dataset_type,
            Csr.from_counts(
                columns[f"{kind}.{name}.n"],
                columns[f"{kind}.{name}"].astype(np.int32),
            ),
        )
        for name, link in links.items()
    }


def _read_datasets(
    columns: Mapping[str, Any], coding: Coding, whole: DatasetTable
) -> DatasetTable:
    name = whole.dataset_type.name
    data_ids = _data_ids(columns, coding, whole.data_ids, f"d.{name}.")
    numbers = columns[f"d.{name}"]
    ids = columns.get(f"u.{name}")
    return DatasetTable(
        whole.dataset_type,
        DataIds(coding, data_ids.group, data_ids.columns, len(numbers)),
        whole.first,
        ids,
        None if ids is None else columns[f"d.{name}/run"].astype(np.int32),
        numbers,
    )
