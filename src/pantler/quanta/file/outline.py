"""The graph without its rows, to and from the outline of a file."""

from __future__ import annotations

import functools
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from pantler.datasets.dataset_type import DatasetType
from pantler.dimensions.universe import Universe
from pantler.quanta.file.blocks import Columns
from pantler.quanta.file.layout import (
    DatasetsForm,
    DimensionForm,
    GraphForm,
    HeaderForm,
    QuantaForm,
)
from pantler.quanta.file.slices import add_records, read_records
from pantler.quanta.graph import QuantumGraph
from pantler.quanta.header import GraphHeader
from pantler.quanta.join.coding import Coding, DimensionValues, deciding, fixed_by
from pantler.quanta.join.csr import Csr
from pantler.quanta.tables import DataIds, DatasetTable, Link, QuantumTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.dimensions.universe import DimensionGroup


def graph_form(graph: QuantumGraph) -> GraphForm:
    """Return a graph without its rows, as a file keeps it."""
    header = asdict(graph.header)
    header |= {name: list(header[name]) for name in ("inputs", "used")}
    header["seed"] = hex(graph.header.seed)
    return GraphForm(
        header=HeaderForm(**header),
        universe=graph.universe.to_yaml(),
        pipeline=graph.pipeline_json,
        runs=list(graph.runs),
        dimensions={
            name: DimensionForm(count=len(held), is_text=held.values.dtype == pl.String)
            for name, held in graph.coding.dimensions.items()
        },
        datasets={
            name: DatasetsForm(
                dimensions=list(table.data_ids.group.required),
                storage_class=table.dataset_type.storage_class,
                is_calibration=table.dataset_type.is_calibration,
                count=len(table),
                first=None if table.ids is not None else table.first,
            )
            for name, table in graph.datasets.items()
        },
        quanta={
            label: QuantaForm(
                dimensions=list(table.data_ids.group.required),
                count=len(table),
                log=table.log_type,
                metadata=table.metadata_type,
                inputs={k: v.dataset_type for k, v in table.inputs.items()},
                outputs={k: v.dataset_type for k, v in table.outputs.items()},
            )
            for label, table in graph.quanta.items()
        },
    )


def init_columns(graph: QuantumGraph) -> Columns:
    """Return what is known of init-inputs that exist, as columns of a block."""
    columns = Columns(texts={"name": []})
    existing = {
        name: table
        for name, table in graph.datasets.items()
        if table.ids is not None and not len(table.data_ids.group) and len(table)
    }
    if not existing:
        return columns
    ids = np.concatenate(
        [table.ids for table in existing.values() if table.ids is not None]
    )
    run_codes = [
        table.run_codes[0] for table in existing.values() if table.run_codes is not None
    ]
    wanted = [row.tobytes() for row in ids]
    columns.texts["name"] = list(existing)
    columns.uuids["id"] = ids
    columns.integers["run"] = np.array(run_codes, dtype=np.int64)
    add_records(columns, graph.records.filter(pl.col("dataset_id").is_in(wanted)))
    return columns


def graph_without_rows(form: GraphForm, init: Columns) -> QuantumGraph:
    """Return the graph without rows of an outline, with its init-datasets.

    Parameters
    ----------
    form
        What `graph_form` returned.
    init
        What `init_columns` returned.

    Raises
    ------
    ValueError, LookupError
        If the two do not fit each other.
    """
    universe = _universe(form.universe)
    coding = _coding_without_values(universe, form.dimensions)
    datasets = {
        name: _datasets_without_rows(name, coding, entry)
        for name, entry in form.datasets.items()
    }
    run_codes = init.codes("run", len(form.runs)) if init.texts["name"] else ()
    for place, name in enumerate(init.texts["name"]):
        table = datasets[str(name)]
        datasets[str(name)] = DatasetTable(
            table.dataset_type,
            table.data_ids,
            ids=init.uuids["id"][place : place + 1],
            run_codes=np.array([run_codes[place]], dtype=np.int32),
        )
    for name, table in datasets.items():
        if len(table.data_ids) and table.ids is not None and not len(table.ids):
            raise ValueError(f"there is no UUID of '{name}'")
    header = form.header
    return QuantumGraph(
        header=GraphHeader(
            inputs=tuple(header.inputs),
            output=header.output,
            output_run=header.output_run,
            user=header.user,
            created=header.created,
            seed=int(header.seed, 16),
            time_ms=header.time_ms,
            used=tuple(header.used),
            command=header.command,
            settings=header.settings,
        ),
        pipeline_json=form.pipeline,
        coding=coding,
        runs=tuple(form.runs),
        datasets=datasets,
        quanta=_quanta_without_rows(form.quanta, coding, datasets),
        records=read_records(init),
    )


@functools.lru_cache(maxsize=8)
def _universe(text: str) -> Universe:
    default = Universe.default()
    return default if default.to_yaml() == text else Universe.restored(text)


def _coding_without_values(
    universe: Universe, forms: Mapping[str, DimensionForm]
) -> Coding:
    none = np.empty(0, dtype=np.int32)
    return Coding(
        universe,
        {
            name: DimensionValues(
                pl.Series(name, [], dtype=pl.String if form.is_text else pl.Int64),
                {other: none for other in forms if other in fixed_by(universe, name)},
            )
            for name, form in forms.items()
        },
    )


def _no_data_ids(coding: Coding, group: DimensionGroup, count: int) -> DataIds:
    none = np.empty(0, dtype=np.int32)
    names = deciding(group.universe, group.names)
    if not coding.dimensions.keys() >= set(group.names):
        raise ValueError(f"there are no values of {group!r}")
    return DataIds(coding, group, dict.fromkeys(names, none), count)


def _datasets_without_rows(
    name: str, coding: Coding, form: DatasetsForm
) -> DatasetTable:
    group = coding.universe.group(form.dimensions)
    dataset_type = DatasetType(name, group, form.storage_class, form.is_calibration)
    # Datasets without dimensions have all there is to know in the outline.
    if not len(group) and form.count > 1:
        raise ValueError(f"there are {form.count} of '{name}', which has no dimensions")
    data_ids = _no_data_ids(coding, group, 0 if len(group) else form.count)
    if form.first is not None:
        return DatasetTable(dataset_type, data_ids, form.first)
    return DatasetTable(
        dataset_type,
        data_ids,
        ids=np.empty((0, 16), dtype=np.uint8),
        run_codes=np.empty(0, dtype=np.int32),
    )


def _quanta_without_rows(
    forms: Mapping[str, QuantaForm],
    coding: Coding,
    datasets: Mapping[str, DatasetTable],
) -> dict[str, QuantumTable]:
    quanta = {}
    first = 0
    none = Csr.from_counts(np.empty(0, np.int64), np.empty(0, np.int32))
    for label, form in forms.items():
        group = coding.universe.group(form.dimensions)
        named = {form.log, form.metadata, *form.inputs.values(), *form.outputs.values()}
        if not datasets.keys() >= named:
            raise ValueError(f"task '{label}' has dataset types that are not there")
        quanta[label] = QuantumTable(
            label,
            first,
            _no_data_ids(coding, group, 0),
            form.log,
            form.metadata,
            {name: Link(kind, none) for name, kind in form.inputs.items()},
            {name: Link(kind, none) for name, kind in form.outputs.items()},
        )
        first += form.count
    return quanta
