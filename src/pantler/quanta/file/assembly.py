"""The whole graph, put together from its slices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from pantler.quanta.join.coding import Coding, DimensionValues
from pantler.quanta.join.csr import Csr
from pantler.quanta.join.keys import distinct
from pantler.quanta.tables import DataIds, DatasetTable, Link, QuantumTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from pantler.quanta.file.layout import GraphForm
    from pantler.quanta.file.slices import GraphSlice
    from pantler.quanta.graph import QuantumGraph


def assemble(
    outline: QuantumGraph, form: GraphForm, slices: Iterable[GraphSlice]
) -> QuantumGraph:
    """Return the graph of which these are all slices.

    Parameters
    ----------
    outline
        The graph without rows.
    form
        How many rows there are.
    slices
        In the order of the quanta.

    Raises
    ------
    ValueError
        If the slices do not have all rows.
    """
    parts: dict[str, list[GraphSlice]] = {label: [] for label in outline.quanta}
    for part in slices:
        parts[part.table.label].append(part)
    every = [part for group in parts.values() for part in group]
    values = _merge_values(outline.coding, every)
    coding = Coding(outline.universe, {n: v.values for n, v in values.items()})
    quanta = {
        label: _merge_quanta(table, coding, values, parts[label])
        for label, table in outline.quanta.items()
    }
    datasets = {
        name: _merge_datasets(
            table, coding, values, parts=every, count=form.datasets[name].count
        )
        if len(table.data_ids.group)
        else table
        for name, table in outline.datasets.items()
    }
    records = pl.concat([outline.records, *(part.records for part in every)])
    return replace(
        outline,
        coding=coding,
        datasets=datasets,
        quanta=quanta,
        records=records.unique(maintain_order=True),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Merged:
    """The values of a dimension that any slice has.

    Parameters
    ----------
    numbers : (n,)
        Their numbers in the graph that was written, ascending.
    values
        Numbered anew: those that nothing in the graph uses were not kept.
    """

    numbers: NDArray[np.int64]
    values: DimensionValues

    def places(self, numbers: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the new numbers of values."""
        return np.searchsorted(self.numbers, numbers).astype(np.int32)


def _merge_values(outline: Coding, parts: list[GraphSlice]) -> dict[str, _Merged]:
    merged: dict[str, _Merged] = {}
    for name, whole in outline.dimensions.items():
        held = [part for part in parts if name in part.codes]
        none = np.empty(0, dtype=np.int64)
        numbers = distinct(np.concatenate([none, *(part.codes[name] for part in held)]))
        is_text = whole.values.dtype == pl.String
        values = np.zeros(len(numbers), dtype=object if is_text else np.int64)
        fixed = {other: np.zeros(len(numbers), np.int32) for other in whole.fixed}
        for part in held:
            places = np.searchsorted(numbers, part.codes[name])
            mine = part.coding.dimensions[name]
            values[places] = mine.values.to_numpy()
            for other, codes in mine.fixed.items():
                fixed[other][places] = merged[other].places(part.codes[other][codes])
        series = pl.Series(
            name, values.tolist() if is_text else values, whole.values.dtype
        )
        merged[name] = _Merged(numbers, DimensionValues(series, fixed))
    return merged


def _in_whole(
    part: GraphSlice, ids: DataIds, values: Mapping[str, _Merged]
) -> dict[str, NDArray[np.int32]]:
    return {
        name: values[name].places(part.codes[name][codes])
        for name, codes in ids.columns.items()
    }


def _merge_datasets(
    table: DatasetTable,
    coding: Coding,
    values: Mapping[str, _Merged],
    *,
    parts: list[GraphSlice],
    count: int,
) -> DatasetTable:
    name = table.dataset_type.name
    held = [part for part in parts if name in part.datasets]
    if count > sum(len(part.datasets[name]) for part in held):
        raise ValueError(f"there are fewer than the {count} datasets '{name}'")
    columns = {key: np.zeros(count, np.int32) for key in table.data_ids.columns}
    existing = table.ids is not None
    ids = np.zeros((count, 16), dtype=np.uint8) if existing else None
    run_codes = np.zeros(count, dtype=np.int32) if existing else None
    found = np.zeros(count, dtype=np.bool_)
    for part in held:
        mine = part.datasets[name]
        if mine.numbers is None:
            continue
        found[mine.numbers] = True
        for key, codes in _in_whole(part, mine.data_ids, values).items():
            columns[key][mine.numbers] = codes
        if ids is not None and mine.ids is not None:
            ids[mine.numbers] = mine.ids
        if run_codes is not None and mine.run_codes is not None:
            run_codes[mine.numbers] = mine.run_codes
    if not found.all():
        raise ValueError(f"there are fewer than the {count} datasets '{name}'")
    data_ids = DataIds(coding, table.data_ids.group, columns, count)
    return DatasetTable(table.dataset_type, data_ids, table.first, ids, run_codes)


def _merge_quanta(
    table: QuantumTable,
    coding: Coding,
    values: Mapping[str, _Merged],
    parts: list[GraphSlice],
) -> QuantumTable:
    columns = {
        name: np.concatenate(
            [
                np.empty(0, np.int32),
                *(_in_whole(p, p.table.data_ids, values)[name] for p in parts),
            ]
        )
        for name in table.data_ids.columns
    }
    count = sum(len(part.table) for part in parts)
    return replace(
        table,
        data_ids=DataIds(coding, table.data_ids.group, columns, count),
        inputs={n: _merge_link(n, k, parts) for n, k in table.inputs.items()},
        outputs={n: _merge_link(n, k, parts) for n, k in table.outputs.items()},
    )


def _merge_link(name: str, link: Link, parts: list[GraphSlice]) -> Link:
    counts = [np.empty(0, np.int64)]
    columns = [np.empty(0, np.int32)]
    for part in parts:
        edges = {**part.table.inputs, **part.table.outputs}[name].edges
        counts.append(edges.counts)
        numbers = part.datasets[link.dataset_type].numbers
        if numbers is not None:
            columns.append(numbers[edges.columns].astype(np.int32))
    return Link(
        link.dataset_type,
        Csr.from_counts(np.concatenate(counts), np.concatenate(columns)),
    )
