"""The columns of a quantum graph: tables of datasets and of quanta."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from pantler.datasets.identity import uuids_at
from pantler.datasets.ref import DatasetRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl
    from numpy.typing import NDArray

    from pantler.datasets.dataset_type import DatasetType
    from pantler.dimensions.coordinate import DataCoordinate
    from pantler.dimensions.universe import DimensionGroup
    from pantler.quanta.header import GraphHeader
    from pantler.quanta.join.coding import Codes, Coding
    from pantler.quanta.join.csr import Csr


@dataclass(frozen=True, slots=True, eq=False)
class DataIds:
    """Data IDs of one group of dimensions, as columns of numbers.

    Parameters
    ----------
    coding
        What the numbers stand for.
    group
        The dimensions.
    columns
        Numbers of the dimensions that decide the others; shape (count,) each.
    count
        How many data IDs there are.
    """

    coding: Coding
    group: DimensionGroup
    columns: Codes
    count: int

    def __len__(self) -> int:
        return self.count

    def coordinate(self, row: int) -> DataCoordinate:
        """Return one, in full."""
        return self.coding.coordinate(self.group, self.columns, row)

    def frame(self) -> pl.DataFrame:
        """Return all as a frame with a column for each dimension of the group."""
        return self.coding.frame(self.columns, self.group.names)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.integer]) -> DataIds:
        """Return those of some rows, by mask or by place."""
        count = np.count_nonzero(rows) if rows.dtype == np.bool_ else len(rows)
        columns = {name: codes[rows] for name, codes in self.columns.items()}
        return replace(self, columns=columns, count=int(count))


@dataclass(frozen=True, slots=True, eq=False)
class DatasetTable:
    """The datasets of one type in a graph, in the order of their data IDs.

    They exist already (then they have ``ids`` and ``run_codes``), or are predicted
    (then their UUIDs follow from ``first`` and the graph's header).

    Parameters
    ----------
    dataset_type
        Their type.
    data_ids
        Their data IDs.
    first
        Place of the first in the graph's sequence of UUIDs.
    ids : (n, 16)
        UUIDs of datasets that exist.
    run_codes : (n,)
        Places of their runs in the graph's ``runs``.
    numbers : (n,)
        In a part of a graph, the rows that they have in the whole; else None.
    """

    dataset_type: DatasetType
    data_ids: DataIds
    first: int = 0
    ids: NDArray[np.uint8] | None = None
    run_codes: NDArray[np.int32] | None = None
    numbers: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.data_ids)

    @property
    def is_predicted(self) -> bool:
        """Whether the graph makes them."""
        return self.ids is None

    def uuids(
        self, header: GraphHeader, rows: NDArray[np.integer] | None = None
    ) -> NDArray[np.uint8]:
        """Return UUIDs as bytes, shape (n, 16), of all or of some rows."""
        if self.ids is not None:
            return self.ids if rows is None else self.ids[rows]
        if rows is None:
            rows = np.arange(len(self), dtype=np.int64)
        numbers = rows if self.numbers is None else self.numbers[rows]
        places = numbers.astype(np.int64) + self.first
        return uuids_at(places, seed=header.seed, time_ms=header.time_ms)

    def refs(
        self, header: GraphHeader, runs: tuple[str, ...], rows: NDArray[np.integer]
    ) -> tuple[DatasetRef, ...]:
        """Return refs of some rows."""
        ids = self.uuids(header, rows)
        return tuple(
            DatasetRef(
                self.dataset_type,
                self.data_ids.coordinate(int(row)),
                header.output_run
                if self.run_codes is None
                else runs[self.run_codes[row]],
                UUID(bytes=ids[place].tobytes()),
            )
            for place, row in enumerate(rows)
        )

    def take(self, rows: NDArray[np.bool_]) -> DatasetTable:
        """Return those of some rows."""
        return replace(
            self,
            data_ids=self.data_ids.take(rows),
            ids=None if self.ids is None else self.ids[rows],
            run_codes=None if self.run_codes is None else self.run_codes[rows],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """What one connection ties to each quantum of a task.

    Parameters
    ----------
    dataset_type
        Name of the dataset type, whose table the columns of ``edges`` are rows of.
    edges
        From the task's quanta to datasets.
    """

    dataset_type: str
    edges: Csr


@dataclass(frozen=True, slots=True, eq=False)
class QuantumTable:
    """The quanta of one task, in the order of their data IDs.

    Parameters
    ----------
    label
        The task's label.
    first
        Index of the first within the graph.
    data_ids
        Their data IDs.
    inputs
        Inputs and prerequisites by connection.
    outputs
        Outputs by connection.
    log_type, metadata_type
        Names of dataset types whose tables have one row for each of the quanta.
    """

    label: str
    first: int
    data_ids: DataIds
    log_type: str
    metadata_type: str
    inputs: Mapping[str, Link] = field(default_factory=dict)
    outputs: Mapping[str, Link] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.data_ids)
