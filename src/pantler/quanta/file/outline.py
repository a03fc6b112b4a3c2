"""The outline of a quantum graph: all but its rows, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from pantler.datasets.dataset_type import DatasetType
from pantler.dimensions.universe import Universe
from pantler.quanta.file.slices import columns_to_records, records_to_columns
from pantler.quanta.graph import QuantumGraph
from pantler.quanta.header import GraphHeader
from pantler.quanta.join.coding import Coding, DimensionValues, deciding
from pantler.quanta.join.csr import Csr
from pantler.quanta.tables import DataIds, DatasetTable, Link, QuantumTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.dimensions.universe import DimensionGroup


def outline_to_dict(graph: QuantumGraph) -> dict[str, Any]:
    """Return the outline of a graph as values for JSON."""
    coding = graph.coding
    return {
        "header": graph.header.to_dict(),
        "universe": graph.universe.to_yaml(),
        "pipeline": graph.pipeline_json,
        "runs": list(graph.runs),
        "dimensions": {
            name: [len(held), held.values.dtype == pl.String]
            for name, held in coding.dimensions.items()
        },
        "datasets": {
            name: {
                "dimensions": list(table.data_ids.group.required),
                "storage_class": table.dataset_type.storage_class,
                "is_calibration": table.dataset_type.is_calibration,
                "count": len(table),
                "first": None if table.ids is not None else table.first,
            }
            for name, table in graph.datasets.items()
        },
        "quanta": {
            label: {
                "dimensions": list(table.data_ids.group.required),
                "count": len(table),
                "log": table.log_type,
                "metadata": table.metadata_type,
                "inputs": {k: v.dataset_type for k, v in table.inputs.items()},
                "outputs": {k: v.dataset_type for k, v in table.outputs.items()},
            }
            for label, table in graph.quanta.items()
        },
    }


def init_columns(graph: QuantumGraph) -> dict[str, Any]:
    """Return what is known of init-inputs that exist, as columns of a block."""
    existing = {
        name: table
        for name, table in graph.datasets.items()
        if table.ids is not None and not len(table.data_ids.group) and len(table)
    }
    if not existing:
        return {"name": []}
    ids = np.concatenate(
        [table.ids for table in existing.values() if table.ids is not None]
    )
    run_codes = [
        table.run_codes[0] for table in existing.values() if table.run_codes is not None
    ]
    wanted = [row.tobytes() for row in ids]
    records = graph.records.filter(pl.col("dataset_id").is_in(wanted))
    return {
        "name": list(existing),
        "id": ids,
        "run": np.array(run_codes, dtype=np.int64),
        **records_to_columns(records),
    }


def dict_to_outline(data: Mapping[str, Any], init: Mapping[str, Any]) -> QuantumGraph:
    """Return the graph without rows of an outline, with its init-datasets.

    Parameters
    ----------
    data
        What `outline_to_dict` returned.
    init
        What `init_columns` returned.
    """
    universe = _universe(data["universe"])
    coding = _outline_coding(universe, data["dimensions"])
    datasets = {}
    for name, entry in data["datasets"].items():
        group = universe.group(entry["dimensions"])
        dataset_type = DatasetType(
            name, group, entry["storage_class"], entry["is_calibration"]
        )
        datasets[name] = _outline_table(dataset_type, coding, entry)
    for place, name in enumerate(init["name"]):
        table = datasets[name]
        datasets[name] = DatasetTable(
            table.dataset_type,
            table.data_ids,
            ids=init["id"][place : place + 1],
            run_codes=init["run"][place : place + 1].astype(np.int32),
        )
    return QuantumGraph(
        header=GraphHeader.from_dict(data["header"]),
        pipeline_json=data["pipeline"],
        coding=coding,
        runs=tuple(data["runs"]),
        datasets=datasets,
        quanta=_outline_quanta(data["quanta"], coding),
        records=columns_to_records(init),
    )


def _universe(text: str) -> Universe:
    default = Universe.default()
    return default if default.to_yaml() == text else Universe.from_yaml(text)


def _outline_coding(universe: Universe, sizes: Mapping[str, Any]) -> Coding:
    from pantler.quanta.join.coding import fixed_by

    none = np.empty(0, dtype=np.int32)
    return Coding(
        universe,
        {
            name: DimensionValues(
                pl.Series(name, [], dtype=pl.String if is_text else pl.Int64),
                {other: none for other in sizes if other in fixed_by(universe, name)},
            )
            for name, (_, is_text) in sizes.items()
        },
    )


def _outline_ids(coding: Coding, group: DimensionGroup, count: int) -> DataIds:
    none = np.empty(0, dtype=np.int32)
    names = deciding(group.universe, group.names)
    return DataIds(coding, group, dict.fromkeys(names, none), count)


def _outline_table(
    dataset_type: DatasetType, coding: Coding, entry: Mapping[str, Any]
) -> DatasetTable:
    # Datasets without dimensions have all there is to know in the outline.
    group = dataset_type.dimensions
    data_ids = _outline_ids(coding, group, 0 if len(group) else entry["count"])
    if entry["first"] is not None:
        return DatasetTable(dataset_type, data_ids, entry["first"])
    return DatasetTable(
        dataset_type,
        data_ids,
        ids=np.empty((0, 16), dtype=np.uint8),
        run_codes=np.empty(0, dtype=np.int32),
    )


def _outline_quanta(
    entries: Mapping[str, Any], coding: Coding
) -> dict[str, QuantumTable]:
    quanta = {}
    first = 0
    none = Csr.from_counts(np.empty(0, np.int64), np.empty(0, np.int32))
    for label, entry in entries.items():
        group = coding.universe.group(entry["dimensions"])
        quanta[label] = QuantumTable(
            label,
            first,
            _outline_ids(coding, group, 0),
            entry["log"],
            entry["metadata"],
            {name: Link(kind, none) for name, kind in entry["inputs"].items()},
            {name: Link(kind, none) for name, kind in entry["outputs"].items()},
        )
        first += entry["count"]
    return quanta
