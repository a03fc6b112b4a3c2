"""The quantum graph: every quantum and dataset of a run, as columns of integers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from pantler.datasets.identity import uuid_series
from pantler.datasets.records import DatastoreRecord, frame_to_records
from pantler.errors import InvalidInputError, NotFoundError, close_match
from pantler.pipelines.graph import PipelineGraph
from pantler.quanta.join.csr import Csr
from pantler.quanta.join.keys import Pairs
from pantler.quanta.quantum import Quantum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.datasets.ref import DatasetRef
    from pantler.dimensions.universe import Universe
    from pantler.quanta.header import GraphHeader
    from pantler.quanta.join.coding import Coding
    from pantler.quanta.tables import DatasetTable, Link, QuantumTable


_FEW: Final = 20_000
"""Records that may all be held as objects."""


@dataclass(frozen=True, slots=True, eq=False)
class QuantumGraph:
    """Every quantum of a pipeline on some data, before anything runs.

    Quanta are numbered from 0, task after task in the order of the pipeline; refs
    and data IDs become objects when somebody asks for one quantum.

    Parameters
    ----------
    header
        What it was made from.
    pipeline_json
        The pipeline, as `PipelineGraph.to_json` returns it.
    coding
        What the numbers in the tables stand for.
    runs
        Names of the runs of the inputs.
    datasets
        Tables by name of the dataset type; init-inputs, init-outputs and
        configurations, whose data ID is empty, have one row.
    quanta
        Tables by label of the task, each task after those it depends on.
    records
        Datastore records of the inputs that exist, columns as
        `pantler.datasets.records.RECORD_SCHEMA`.
    """

    header: GraphHeader
    pipeline_json: str
    coding: Coding
    runs: tuple[str, ...]
    datasets: Mapping[str, DatasetTable]
    quanta: Mapping[str, QuantumTable]
    records: pl.DataFrame
    _by_id: dict[bytes, list[DatastoreRecord]] = field(
        default_factory=dict, init=False, repr=False
    )

    def __len__(self) -> int:
        return sum(len(table) for table in self.quanta.values())

    @property
    def universe(self) -> Universe:
        """The dimensions."""
        return self.coding.universe

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the tasks, each after those it depends on."""
        return tuple(self.quanta)

    @property
    def n_datasets(self) -> int:
        """How many datasets there are, inputs and outputs."""
        return sum(len(table) for table in self.datasets.values())

    def pipeline(self) -> PipelineGraph:
        """Return the pipeline; its tasks are imported and checked."""
        return PipelineGraph.from_json(self.pipeline_json, self.universe)

    def table_of(self, index: int) -> QuantumTable:
        """Return the table that holds a quantum.

        Raises
        ------
        InvalidInputError
            If there is no quantum of this index.
        """
        for table in self.quanta.values():
            if table.first <= index < table.first + len(table):
                return table
        raise InvalidInputError(
            f"There is no quantum {index}: the graph has {len(self)}, from 0."
        )

    def quantum(self, index: int) -> Quantum:
        """Return one quantum with its refs and records.

        Raises
        ------
        InvalidInputError
            If there is no quantum of this index.
        """
        table = self.table_of(index)
        row = index - table.first
        inputs = self._refs(table.inputs, row)
        return Quantum(
            index,
            table.label,
            table.data_ids.coordinate(row),
            inputs,
            self._refs(table.outputs, row),
            self._ref(table.log_type, row),
            self._ref(table.metadata_type, row),
            self._records(table.inputs, inputs),
        )

    def init_ref(self, dataset_type: str) -> DatasetRef:
        """Return the ref of an init-input, an init-output or a configuration.

        Raises
        ------
        NotFoundError
            If the graph has no such dataset type, or its data IDs are not empty.
        """
        table = self.datasets.get(dataset_type)
        if table is None or len(table.data_ids.group):
            raise NotFoundError(
                f"The graph has no init-dataset '{dataset_type}'."
                f"{close_match(dataset_type, self.datasets)}"
            )
        return self._ref(dataset_type, 0)

    def init_records(self, dataset_type: str) -> list[DatastoreRecord]:
        """Return the datastore records of an init-input that existed beforehand."""
        dataset_id = self.init_ref(dataset_type).id.bytes
        return frame_to_records(
            self.records.filter(pl.col("dataset_id") == pl.lit(dataset_id))
        )

    def predicted(self, dataset_type: str) -> pl.DataFrame:
        """Return all predicted datasets of a type, for recording them in bulk.

        Returns
        -------
        polars.DataFrame
            A column for each dimension, and ``dataset_id``.
        """
        table = self.datasets[dataset_type]
        ids = uuid_series(table.uuids(self.header))
        # Not with_columns: without dimensions the frame has no height.
        return pl.DataFrame([*table.data_ids.frame().get_columns(), ids])

    def dependencies(self) -> Csr:
        """Return for each quantum the quanta that take what it makes."""
        pairs = [
            self._pairs(made, taken, producer.first, consumer.first)
            for producer in self.quanta.values()
            for made in producer.outputs.values()
            for consumer in self.quanta.values()
            for taken in consumer.inputs.values()
            if taken.dataset_type == made.dataset_type
        ]
        none = np.empty(0, dtype=np.int32)
        rows = np.concatenate([none, *(pair.left for pair in pairs)])
        columns = np.concatenate([none, *(pair.right for pair in pairs)])
        return Csr.from_pairs(rows, columns, len(self)).distinct()

    def summary(self) -> pl.DataFrame:
        """Return how many quanta and predicted datasets each task has."""
        return pl.DataFrame(
            [
                {
                    "task": label,
                    "quanta": len(table),
                    "inputs": sum(len(k.edges.columns) for k in table.inputs.values()),
                    "outputs": sum(
                        len(k.edges.columns) for k in table.outputs.values()
                    ),
                }
                for label, table in self.quanta.items()
            ],
            schema={
                "task": pl.String,
                "quanta": pl.Int64,
                "inputs": pl.Int64,
                "outputs": pl.Int64,
            },
        )

    def _pairs(
        self, made: Link, taken: Link, first_producer: int, first_consumer: int
    ) -> Pairs:
        """Return the quanta that make datasets, and those that take them."""
        producers = np.empty(len(self.datasets[made.dataset_type]), dtype=np.int32)
        producers[made.edges.columns] = made.edges.rows + np.int32(first_producer)
        return Pairs(
            producers[taken.edges.columns],
            taken.edges.rows + np.int32(first_consumer),
        )

    def _refs(
        self, links: Mapping[str, Link], row: int
    ) -> dict[str, tuple[DatasetRef, ...]]:
        return {
            name: self.datasets[link.dataset_type].refs(
                self.header, self.runs, link.edges.row(row)
            )
            for name, link in links.items()
        }

    def _ref(self, dataset_type: str, row: int) -> DatasetRef:
        (ref,) = self.datasets[dataset_type].refs(
            self.header, self.runs, np.array([row])
        )
        return ref

    def _records(
        self, links: Mapping[str, Link], inputs: Mapping[str, tuple[DatasetRef, ...]]
    ) -> dict[bytes, list[DatastoreRecord]]:
        ids = {
            ref.id.bytes
            for name, link in links.items()
            if not self.datasets[link.dataset_type].is_predicted
            for ref in inputs[name]
        }
        if not ids or not self.records.height:
            return {}
        if self.records.height > _FEW:
            chosen = self.records.filter(pl.col("dataset_id").is_in(list(ids)))
            return _by_id(chosen)
        if not self._by_id:  # as for a slice, of which most quanta will be asked for
            self._by_id.update(_by_id(self.records))
        return {found: self._by_id[found] for found in ids if found in self._by_id}


def _by_id(records: pl.DataFrame) -> dict[bytes, list[DatastoreRecord]]:
    found: dict[bytes, list[DatastoreRecord]] = {}
    for record in frame_to_records(records):
        found.setdefault(record.dataset_id, []).append(record)
    return found
