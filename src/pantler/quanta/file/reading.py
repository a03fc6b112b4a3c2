"""Reading quantum graph files: one quantum is read without the rest."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import quote

from pantler.errors import IntegrityError, InvalidInputError
from pantler.pipelines.graph import PipelineGraph
from pantler.quanta.file.assembly import assemble
from pantler.quanta.file.blocks import Columns, read_block
from pantler.quanta.file.layout import (
    MAGIC,
    BlockPlace,
    Outline,
    SlicePlace,
    damage_told,
    unpack_outline,
    unpack_trailer,
)
from pantler.quanta.file.outline import graph_without_rows
from pantler.quanta.file.slices import GraphSlice, Rows, read_slice
from pantler.quanta.join.csr import Csr
from pantler.storage.opening import open_storage

if TYPE_CHECKING:
    import os

    from pantler.dimensions.universe import Universe
    from pantler.quanta.graph import QuantumGraph
    from pantler.quanta.header import GraphHeader
    from pantler.quanta.quantum import Quantum
    from pantler.storage.interface import Storage

_TAIL_BYTES: Final = 1 << 16
_MOST_RECENT: Final = 16
"""Slices that are kept: an executor goes to and fro between tasks."""
_MOST_VALUES: Final = 1 << 26
"""How many integers a slice has at most, all columns together."""
_MOST_EDGES: Final = 64
"""How many edges a quantum has at most, on average."""


@dataclass(slots=True, eq=False)
class GraphFile:
    """A quantum graph in a file.

    Open one with `GraphFile.open`. Reading a quantum takes one range of the file,
    and none if its slice is among those that were read most recently.

    Parameters
    ----------
    source
        Its bytes.
    outline
        The graph without its quanta.
    layout
        Where in the file everything is.
    """

    source: FileBytes
    outline: QuantumGraph
    layout: Outline
    _recent: dict[int, QuantumGraph] = field(default_factory=dict)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open a local file.

        Raises
        ------
        IntegrityError
            If it is not a quantum graph, or damaged.
        SchemaError
            If it has another format.
        StorageError
            If it cannot be read.
        """
        target = Path(path).absolute()
        return cls.read_from(open_storage(str(target.parent)), target.name)

    @classmethod
    def read_from(cls, storage: Storage, path: str) -> Self:
        """Open a file in any storage; errors as for `open`."""
        source = FileBytes.open(storage, path)
        trailer = unpack_trailer(source.tail, source.size_bytes, path)
        if trailer is None:
            raise _not_a_graph(source)
        layout = unpack_outline(source.read(trailer.place), trailer, path)
        init = read_block(source.read(layout.init), path, most_values=_MOST_VALUES)
        with damage_told(path):
            outline = graph_without_rows(layout.graph, init)
        return cls(replace(source, tail=b""), outline, layout)

    @property
    def path(self) -> str:
        """Its path within its storage."""
        return self.source.path

    @property
    def uri(self) -> str:
        """The URI of the file."""
        return self.source.storage.root + quote(self.path)

    @property
    def header(self) -> GraphHeader:
        """What the graph was made from."""
        return self.outline.header

    @property
    def universe(self) -> Universe:
        """The dimensions."""
        return self.outline.universe

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the tasks, each after those it depends on."""
        return self.outline.labels

    @property
    def counts(self) -> dict[str, int]:
        """How many quanta each task has; they are numbered in this order."""
        return self.layout.counts

    def __len__(self) -> int:
        return sum(self.layout.counts.values())

    def label_of(self, index: int) -> str:
        """Return the label of a quantum's task.

        Raises
        ------
        InvalidInputError
            If there is no quantum of this index.
        """
        return self.labels[self.layout.slices[self._find_slice(index)].task]

    def pipeline(self, universe: Universe | None = None) -> PipelineGraph:
        """Return the pipeline; its tasks are imported and checked."""
        return PipelineGraph.from_json(
            self.outline.pipeline_json, universe or self.universe
        )

    def quantum(self, index: int) -> Quantum:
        """Return one quantum with its refs and records.

        Raises
        ------
        InvalidInputError
            If there is no quantum of this index.
        IntegrityError
            If its part of the file is damaged.
        """
        number = self._find_slice(index)
        part = self._recent.pop(number, None)
        if part is None:
            part = self._slice_graph(self._read_slice(number))
            if len(self._recent) >= _MOST_RECENT:
                del self._recent[next(iter(self._recent))]
        self._recent[number] = part
        with damage_told(self.path):
            return part.quantum(index)

    def dependencies(self) -> Csr:
        """Return for each quantum the quanta that take what it makes.

        Raises
        ------
        IntegrityError
            If its part of the file is damaged.
        """
        count = len(self)
        columns = self._columns(self.layout.edges, _MOST_VALUES + _MOST_EDGES * count)
        with damage_told(self.path):
            places = columns.codes("columns", count)
            counts = columns.codes("counts", len(places) + 1)
            edges = Csr.from_counts(counts, places)
            if len(edges) != count or edges.starts[-1] != len(places):
                raise ValueError("the edges are not those of the quanta")
        return edges

    def load(self) -> QuantumGraph:
        """Return the whole graph.

        Raises
        ------
        IntegrityError
            If the file is damaged.
        """
        slices = [self._read_slice(n) for n in range(len(self.layout.slices))]
        with damage_told(self.path):
            return assemble(self.outline, self.layout.graph, slices)

    def _find_slice(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise InvalidInputError(
                f"There is no quantum {index}: the graph has {len(self)}, from 0."
            )
        tables = list(self.outline.quanta.values())

        def first(place: SlicePlace) -> int:
            return tables[place.task].first + place.row

        return bisect.bisect_right(self.layout.slices, index, key=first) - 1

    def _read_slice(self, number: int) -> GraphSlice:
        place = self.layout.slices[number]
        bounds = Rows(place.row, place.row + self.layout.slice_count(number))
        columns = self._columns(place.block, _MOST_VALUES)
        with damage_told(self.path):
            return read_slice(columns, self.outline, self.labels[place.task], bounds)

    def _slice_graph(self, part: GraphSlice) -> QuantumGraph:
        return replace(
            self.outline,
            coding=part.coding,
            datasets=part.datasets,
            quanta={part.table.label: part.table},
            records=part.records,
        )

    def _columns(self, place: BlockPlace, most_values: int) -> Columns:
        return read_block(self.source.read(place), self.path, most_values=most_values)


@dataclass(frozen=True, slots=True)
class FileBytes:
    """The bytes of a file in a storage.

    Parameters
    ----------
    storage, path
        Where it is.
    size_bytes
        How long it is.
    tail
        Its last bytes, which were read first.
    """

    storage: Storage
    path: str
    size_bytes: int
    tail: bytes

    @classmethod
    def open(cls, storage: Storage, path: str) -> Self:
        """Return those of a file, whose end is read at once."""
        size = storage.size_bytes(path)
        start = max(0, size - _TAIL_BYTES)
        return cls(
            storage, path, size, storage.read(path, offset=start, size=size - start)
        )

    def read(self, place: BlockPlace) -> bytes:
        """Return a part.

        Raises
        ------
        IntegrityError
            If it is not all there.
        """
        at = place.offset - (self.size_bytes - len(self.tail))
        if at >= 0:
            data = self.tail[at : at + place.size]
        else:
            data = self.storage.read(self.path, offset=place.offset, size=place.size)
        if len(data) != place.size:
            raise IntegrityError(
                f"'{self.path}' is cut off: {place.size} bytes at {place.offset} are "
                "not all there. Build the graph again."
            )
        return data


def _not_a_graph(source: FileBytes) -> IntegrityError:
    start = source.storage.read(source.path, offset=0, size=len(MAGIC))
    if start == MAGIC:
        return IntegrityError(
            f"'{source.path}' is a quantum graph that was cut off. Copy it or build it "
            "again."
        )
    return IntegrityError(
        f"'{source.path}' is not a quantum graph. Make one with 'pantler build'."
    )
