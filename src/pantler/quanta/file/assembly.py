"""The whole graph, put together from its slices."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from pantler.quanta.join.coding import Coding, DimensionValues
from pantler.quanta.join.csr import Csr
from pantler.quanta.tables import DataIds, DatasetTable, Link, QuantumTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from pantler.quanta.file.slices import GraphSlice
    from pantler.quanta.graph import QuantumGraph


def assemble(
    outline: QuantumGraph, sizes: Mapping[str, Any], slices: Iterable[GraphSlice]
) -> QuantumGraph:
    """Return the graph of which these are all slices.

    Parameters
    ----------
    outline
        The graph without rows.
    sizes
        What `outline_to_dict` returned: how many rows there are.
    slices
        In the order of the quanta.
    """
    parts: dict[str, list[GraphSlice]] = {label: [] for label in outline.quanta}
    for part in slices:
        parts[part.table.label].append(part)
    every = [part for group in parts.values() for part in group]
    coding = _merge_values(outline.coding, sizes["dimensions"], every)
    datasets = {
        name: _merge_datasets(table, coding, sizes["datasets"][name]["count"], every)
        if len(table.data_ids.group)
        else table
        for name, table in outline.datasets.items()
    }
    quanta = {
        label: _merge_quanta(table, coding, parts[label])
        for label, table in outline.quanta.items()
    }
    records = pl.concat([outline.records, *(part.records for part in every)])
    return replace(
        outline,
        coding=coding,
        datasets=datasets,
        quanta=quanta,
        records=records.unique(maintain_order=True),
    )


def _merge_values(
    outline: Coding, sizes: Mapping[str, Any], parts: list[GraphSlice]
) -> Coding:
    dimensions = {}
    for name, whole in outline.dimensions.items():
        size, is_text = sizes[name]
        values = np.empty(size, dtype=object) if is_text else np.zeros(size, np.int64)
        fixed = {other: np.zeros(size, dtype=np.int32) for other in whole.fixed}
        for part in parts:
            if name not in part.codes:
                continue
            held = part.coding.dimensions[name]
            values[part.codes[name]] = held.values.to_numpy()
            for other, codes in held.fixed.items():
                fixed[other][part.codes[name]] = part.codes[other][codes]
        # Values that nothing in the graph uses were not kept.
        series = pl.Series(
            name, values.tolist() if is_text else values, whole.values.dtype
        )
        dimensions[name] = DimensionValues(series, fixed)
    return Coding(outline.universe, dimensions)


def _global(part: GraphSlice, ids: DataIds) -> dict[str, NDArray[np.int32]]:
    return {
        name: part.codes[name][codes].astype(np.int32)
        for name, codes in ids.columns.items()
    }


def _merge_datasets(
    table: DatasetTable, coding: Coding, count: int, parts: list[GraphSlice]
) -> DatasetTable:
    columns = {name: np.zeros(count, np.int32) for name in table.data_ids.columns}
    existing = table.ids is not None
    ids = np.zeros((count, 16), dtype=np.uint8) if existing else None
    run_codes = np.zeros(count, dtype=np.int32) if existing else None
    for part in parts:
        held = part.datasets.get(table.dataset_type.name)
        if held is None or held.numbers is None:
            continue
        for name, codes in _global(part, held.data_ids).items():
            columns[name][held.numbers] = codes
        if ids is not None and run_codes is not None and held.ids is not None:
            ids[held.numbers] = held.ids
            run_codes[held.numbers] = held.run_codes  # type: ignore[assignment]
    data_ids = DataIds(coding, table.data_ids.group, columns, count)
    return DatasetTable(table.dataset_type, data_ids, table.first, ids, run_codes)


def _merge_quanta(
    table: QuantumTable, coding: Coding, parts: list[GraphSlice]
) -> QuantumTable:
    columns = {
        name: np.concatenate(
            [
                np.empty(0, np.int32),
                *(_global(p, p.table.data_ids)[name] for p in parts),
            ]
        )
        for name in table.data_ids.columns
    }
    count = sum(len(part.table) for part in parts)
    return replace(
        table,
        data_ids=DataIds(coding, table.data_ids.group, columns, count),
        inputs=_merge_links(table.inputs, [(p, p.table.inputs) for p in parts]),
        outputs=_merge_links(table.outputs, [(p, p.table.outputs) for p in parts]),
    )


def _merge_links(
    links: Mapping[str, Link], parts: list[tuple[GraphSlice, Mapping[str, Link]]]
) -> dict[str, Link]:
    merged = {}
    for name, link in links.items():
        counts = [np.empty(0, np.int64)]
        columns = [np.empty(0, np.int32)]
        for part, held in parts:
            edges = held[name].edges
            numbers = part.datasets[link.dataset_type].numbers
            counts.append(edges.counts)
            if numbers is not None:
                columns.append(numbers[edges.columns].astype(np.int32))
        merged[name] = Link(
            link.dataset_type,
            Csr.from_counts(np.concatenate(counts), np.concatenate(columns)),
        )
    return merged
