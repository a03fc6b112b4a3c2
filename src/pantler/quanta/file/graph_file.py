"""Quantum graph files: one quantum is read without the rest.

Layout: the magic; blocks of some thousand quanta, each with all that they need; the
edges between quanta; the init-datasets; the outline, as JSON with the places of all
blocks; and a trailer with the outline's place. All blocks are compressed and
checked. UUIDs of predicted datasets are not stored: they follow from the header.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

import zstandard

from pantler.errors import IntegrityError, InvalidInputError, SchemaError
from pantler.quanta.file.assembly import assemble
from pantler.quanta.file.blocks import read_block, write_block
from pantler.quanta.file.outline import dict_to_outline, init_columns, outline_to_dict
from pantler.quanta.file.slices import (
    GraphSlice,
    read_slice,
    record_rows,
    slice_bounds,
    slice_columns,
)
from pantler.quanta.join.csr import Csr
from pantler.storage.opening import open_storage

if TYPE_CHECKING:
    import os
    from typing import BinaryIO

    from pantler.dimensions.universe import Universe
    from pantler.pipelines.graph import PipelineGraph
    from pantler.quanta.graph import QuantumGraph
    from pantler.quanta.header import GraphHeader
    from pantler.quanta.quantum import Quantum
    from pantler.storage.interface import Storage

MAGIC: Final = b"\x89PANTLER-QUANTA\n"
FORMAT: Final = 2

_TRAILER: Final = struct.Struct("<IQQI16s")  # format, place, size, checksum, magic
_TAIL_BYTES: Final = 1 << 16
_MOST_RECENT: Final = 16
"""Slices that are kept: an executor goes to and fro between tasks."""


def write_graph(graph: QuantumGraph, path: str | os.PathLike[str]) -> int:
    """Write a graph to a file, whole or not at all.

    Parameters
    ----------
    graph
        What to write.
    path
        Where; what is there is replaced.

    Returns
    -------
    int
        The size of the file, bytes.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    target = Path(path).absolute()
    storage = open_storage(str(target.parent))
    files = [storage.stage_by(target.name, lambda local: _write_to(graph, local))]
    storage.secure(files)
    storage.publish(files)
    return files[0].size_bytes


def _write_to(graph: QuantumGraph, local: Path) -> None:
    with local.open("wb") as stream:
        stream.write(MAGIC)
        blocks = _write_slices(graph, stream)
        edges = graph.dependencies()
        entries = {
            "slices": blocks,
            "edges": _append(
                stream, {"counts": edges.counts, "columns": edges.columns}
            ),
            "init": _append(stream, init_columns(graph)),
        }
        _write_outline(stream, outline_to_dict(graph) | entries)


def _write_slices(graph: QuantumGraph, stream: BinaryIO) -> list[list[int]]:
    """Write all slices; return (task, first row, place, size) of each."""
    records = record_rows(graph)
    return [
        [
            place,
            low,
            *_append(stream, slice_columns(graph, table, (low, high), records)),
        ]
        for place, table in enumerate(graph.quanta.values())
        for low, high in slice_bounds(table)
    ]


def _append(stream: BinaryIO, columns: dict[str, Any]) -> list[int]:
    data = write_block(columns)
    place = stream.tell()
    stream.write(data)
    return [place, len(data)]


def _write_outline(stream: BinaryIO, outline: dict[str, Any]) -> None:
    text = json.dumps(outline, separators=(",", ":")).encode()
    data = zstandard.ZstdCompressor(level=6).compress(text)
    place = stream.tell()
    stream.write(data)
    stream.write(_TRAILER.pack(FORMAT, place, len(data), zlib.crc32(data), MAGIC))


@dataclass(slots=True, eq=False)
class GraphFile:
    """A quantum graph in a file.

    Open one with `GraphFile.open`. Reading a quantum takes one range of the file,
    and none if its slice is among those that were read most recently.

    Parameters
    ----------
    storage, path
        Where it is.
    outline
        The graph without its quanta.
    blocks
        Where in the file everything is.
    """

    storage: Storage
    path: str
    outline: QuantumGraph
    blocks: dict[str, Any]
    _recent: dict[int, QuantumGraph] = field(default_factory=dict)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open a local file.

        Raises
        ------
        IntegrityError
            If it is no quantum graph, or damaged.
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
        size = storage.size_bytes(path)
        start = max(0, size - _TAIL_BYTES)
        tail = storage.read(path, offset=start, size=size - start)
        place, length, checksum = _read_trailer(storage, path, tail)
        data = (
            tail[place - start : place - start + length]
            if place >= start
            else storage.read(path, offset=place, size=length)
        )
        if zlib.crc32(data) != checksum:
            raise IntegrityError(
                f"'{path}' is damaged: its outline has another checksum than when it "
                "was written. Build the graph again."
            )
        outline = json.loads(zstandard.ZstdDecompressor().decompress(data))
        blocks = {key: outline.pop(key) for key in ("slices", "edges", "init")}
        init = read_block(_cut(storage, path, blocks["init"], tail), path)
        graph = dict_to_outline(outline, init)
        blocks["counts"] = {
            label: entry["count"] for label, entry in outline["quanta"].items()
        }
        blocks["outline"] = outline
        return cls(storage, path, graph, blocks)

    @property
    def uri(self) -> str:
        """The URI of the file."""
        return self.storage.root + quote(self.path)

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
        return dict(self.blocks["counts"])

    def __len__(self) -> int:
        return sum(self.blocks["counts"].values())

    def label_of(self, index: int) -> str:
        """Return the label of a quantum's task.

        Raises
        ------
        InvalidInputError
            If there is no quantum of this index.
        """
        task: int = self.blocks["slices"][self._find_slice(index)][0]
        return self.labels[task]

    def pipeline(self, universe: Universe | None = None) -> PipelineGraph:
        """Return the pipeline; its tasks are imported and checked."""
        from pantler.pipelines.graph import PipelineGraph

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
        place = self._find_slice(index)
        part = self._recent.pop(place, None)
        if part is None:
            part = self._slice_graph(self._read_slice(place))
            if len(self._recent) >= _MOST_RECENT:
                del self._recent[next(iter(self._recent))]
        self._recent[place] = part
        return part.quantum(index)

    def dependencies(self) -> Csr:
        """Return for each quantum the quanta that take what it makes."""
        columns = self._columns(self.blocks["edges"])
        return Csr.from_counts(columns["counts"], columns["columns"].astype("int32"))

    def load(self) -> QuantumGraph:
        """Return the whole graph."""
        slices = (self._read_slice(n) for n in range(len(self.blocks["slices"])))
        return assemble(self.outline, self.blocks["outline"], slices)

    def _find_slice(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise InvalidInputError(
                f"There is no quantum {index}: the graph has {len(self)}, from 0."
            )
        tables = list(self.outline.quanta.values())
        low, high = 0, len(self.blocks["slices"])
        while high - low > 1:
            middle = (low + high) // 2
            task, row, *_ = self.blocks["slices"][middle]
            if tables[task].first + row <= index:
                low = middle
            else:
                high = middle
        return low

    def _read_slice(self, number: int) -> GraphSlice:
        task, row, *place = self.blocks["slices"][number]
        label = self.labels[task]
        return read_slice(self._columns(place), self.outline, label, row)

    def _slice_graph(self, part: GraphSlice) -> QuantumGraph:
        return replace(
            self.outline,
            coding=part.coding,
            datasets=part.datasets,
            quanta={part.table.label: part.table},
            records=part.records,
        )

    def _columns(self, place: list[int]) -> dict[str, Any]:
        return read_block(_cut(self.storage, self.path, place, b""), self.path)


def _cut(storage: Storage, path: str, place: list[int], tail: bytes) -> bytes:
    """Return a part of the file, from its tail if that has been read."""
    offset, size = place
    from_end = storage.size_bytes(path) - offset if tail else 0
    if tail and from_end <= len(tail):
        at = len(tail) - from_end
        return tail[at : at + size]
    data = storage.read(path, offset=offset, size=size)
    if len(data) != size:
        raise IntegrityError(
            f"'{path}' is cut off: {size} bytes at {offset} are not all there. "
            "Build the graph again."
        )
    return data


def _read_trailer(storage: Storage, path: str, tail: bytes) -> tuple[int, int, int]:
    """Return place, size and checksum of the outline."""
    if len(tail) >= _TRAILER.size:
        version, place, length, checksum, magic = _TRAILER.unpack(
            tail[-_TRAILER.size :]
        )
        if magic == MAGIC:
            if version != FORMAT:
                raise SchemaError(
                    f"'{path}' has format {version}; this version of pantler reads "
                    f"{FORMAT}. Build the graph again, or use the version that did."
                )
            return place, length, checksum
    if storage.read(path, offset=0, size=len(MAGIC)) == MAGIC:
        raise IntegrityError(
            f"'{path}' is a quantum graph that was cut off. Copy it or build it again."
        )
    raise IntegrityError(
        f"'{path}' is no quantum graph. Make one with 'pantler build'."
    )
