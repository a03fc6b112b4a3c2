"""Writing a quantum graph to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pantler.quanta.file.blocks import Columns, write_block
from pantler.quanta.file.layout import (
    MAGIC,
    BlockPlace,
    Outline,
    SlicePlace,
    pack_outline,
)
from pantler.quanta.file.outline import graph_form, init_columns
from pantler.quanta.file.slices import record_rows, slice_bounds, slice_columns
from pantler.storage.opening import open_storage

if TYPE_CHECKING:
    import os
    from typing import BinaryIO

    from pantler.quanta.graph import QuantumGraph


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
        slices = _write_slices(graph, stream)
        edges = graph.dependencies()
        columns = Columns({"counts": edges.counts, "columns": edges.columns})
        outline = Outline(
            graph=graph_form(graph),
            slices=slices,
            edges=_append(stream, columns),
            init=_append(stream, init_columns(graph)),
        )
        stream.write(pack_outline(outline, stream.tell()))


def _write_slices(graph: QuantumGraph, stream: BinaryIO) -> list[SlicePlace]:
    records = record_rows(graph)
    return [
        SlicePlace(
            task,
            bounds.low,
            *_append(stream, slice_columns(graph, table, bounds, records)),
        )
        for task, table in enumerate(graph.quanta.values())
        for bounds in slice_bounds(table)
    ]


def _append(stream: BinaryIO, columns: Columns) -> BlockPlace:
    data = write_block(columns)
    place = stream.tell()
    stream.write(data)
    return BlockPlace(place, len(data))
