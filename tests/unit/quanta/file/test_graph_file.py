"""Graph files."""

from __future__ import annotations

import contextlib
import copy
import json
import random
import struct
import time
import zlib

import numpy as np
import polars as pl
import pytest
import zstandard

from pantler.datasets.records import RECORD_SCHEMA
from pantler.errors import (
    IntegrityError,
    InvalidInputError,
    PantlerError,
    SchemaError,
)
from pantler.quanta.file import slices
from pantler.quanta.file.blocks import read_block, write_block
from pantler.quanta.file.layout import FORMAT, MAGIC, unpack_trailer
from pantler.quanta.file.reading import GraphFile
from pantler.quanta.file.writing import write_graph
from pantler.storage.local import LocalStorage


def fake_records(ids):
    return pl.DataFrame(
        {
            "dataset_id": ids,
            "store": "file",
            "component": "",
            "path": [f"some/{blob.hex()}.json" for blob in ids],
            "offset": [place if place % 2 else None for place in range(len(ids))],
            "size_bytes": 10,
            "checksum": None,
            "formatter": "json",
            "storage_class": "StructuredDict",
        },
        schema=RECORD_SCHEMA,
    )


@pytest.fixture
def graph(build, monkeypatch):
    monkeypatch.setattr(slices, "_MOST_QUANTA", 3)  # so that there are many slices
    return build(records=fake_records, output="chain")


@pytest.fixture
def path(graph, tmp_path):
    target = tmp_path / "some.qgraph"
    size = write_graph(graph, target)
    assert size == target.stat().st_size
    return target


def quanta(graph):
    return [graph.quantum(index) for index in range(len(graph))]


def test_every_quantum_is_read_alone(graph, path):
    file = GraphFile.open(path)
    assert len(file) == len(graph) == 24
    for index in (23, 0, *range(24)):
        assert file.quantum(index) == graph.quantum(index)
    with pytest.raises(InvalidInputError, match="no quantum 24"):
        file.quantum(24)
    with pytest.raises(InvalidInputError, match="no quantum -1"):
        file.quantum(-1)


def test_the_whole_graph_comes_back(graph, path):
    loaded = GraphFile.open(path).load()
    assert quanta(loaded) == quanta(graph)
    assert loaded.header == graph.header
    assert loaded.summary().equals(graph.summary())
    assert loaded.n_datasets == graph.n_datasets
    for name, table in graph.datasets.items():
        found = loaded.datasets[name]
        assert found.data_ids.frame().equals(table.data_ids.frame())
        assert (found.uuids(loaded.header) == table.uuids(graph.header)).all()
    assert loaded.init_ref("measure_config") == graph.init_ref("measure_config")


def test_a_loaded_graph_can_be_written_again(graph, path, tmp_path):
    again = tmp_path / "again.qgraph"
    write_graph(GraphFile.open(path).load(), again)
    assert quanta(GraphFile.open(again)) == quanta(graph)


def test_what_is_known_without_quanta(graph, path):
    file = GraphFile.open(path)
    assert file.header == graph.header
    assert file.labels == ("reduce", "measure", "gather")
    assert file.counts == {"reduce": 8, "measure": 8, "gather": 8}
    assert file.universe == graph.universe
    assert list(file.pipeline().tasks) == list(file.labels)
    assert file.outline.init_ref("reduce_config") == graph.init_ref("reduce_config")
    edges, expected = file.dependencies(), graph.dependencies()
    assert edges.starts.tolist() == expected.starts.tolist()
    assert edges.columns.tolist() == expected.columns.tolist()


def test_a_quantum_carries_the_records_of_inputs_that_exist(path):
    quantum = GraphFile.open(path).quantum(0)
    existing = {r.id.bytes for name in ("raw", "bias") for r in quantum.inputs[name]}
    assert set(quantum.records) == existing
    for blob, (record,) in quantum.records.items():
        assert record.path == f"some/{blob.hex()}.json"
    assert GraphFile.open(path).quantum(8).records == {}


class CountingStorage(LocalStorage):
    """Counts what is read."""

    reads: list[int]

    def read(self, path, *, offset=0, size=None):
        data = super().read(path, offset=offset, size=size)
        self.reads.append(len(data))
        return data


def test_one_quantum_costs_a_few_reads(path):
    storage = CountingStorage(path.parent)
    storage.reads = []
    GraphFile.read_from(storage, path.name).quantum(20)
    assert len(storage.reads) <= 4


def test_a_file_that_was_cut_off_is_refused(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(IntegrityError, match="cut off"):
        GraphFile.open(path)


def test_another_file_is_refused(path):
    path.write_bytes(b"SIMPLE  =                    T" * 100)
    with pytest.raises(IntegrityError, match="not a quantum graph"):
        GraphFile.open(path)
    path.write_bytes(b"")
    with pytest.raises(IntegrityError, match="not a quantum graph"):
        GraphFile.open(path)


def test_another_format_is_refused(path):
    data = path.read_bytes()
    at = len(data) - 40
    assert data[at : at + 4] == FORMAT.to_bytes(4, "little")
    path.write_bytes(data[:at] + (FORMAT + 1).to_bytes(4, "little") + data[at + 4 :])
    with pytest.raises(SchemaError, match=f"format {FORMAT + 1}"):
        GraphFile.open(path)


def read_all(path):
    file = GraphFile.open(path)
    file.load()
    file.dependencies()


def test_every_damaged_byte_is_noticed(path):
    data = bytearray(path.read_bytes())
    for at in range(16, len(data), 97):
        changed = bytearray(data)
        changed[at] ^= 0x55
        path.write_bytes(changed)
        with pytest.raises((IntegrityError, SchemaError)):
            read_all(path)


def read_everything(path):
    """Read a file in every way; any error of ours may come."""
    with contextlib.suppress(PantlerError):
        file = GraphFile.open(path)
        for read in (file.load, file.dependencies, lambda: file.quantum(0)):
            with contextlib.suppress(PantlerError):
                read()
        for index in range(0, min(len(file), 24), 5):
            with contextlib.suppress(PantlerError):
                file.quantum(index)


def test_damage_of_any_kind_ends_in_an_error_of_ours(path):
    data = path.read_bytes()
    rng = random.Random(20260304)
    for _ in range(300):
        changed = bytearray(data)
        kind = rng.randrange(4)
        at, size = rng.randrange(len(data)), rng.randint(1, 60)
        if kind == 0:
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del changed[at : at + size]
        elif kind == 2:
            changed[at:at] = rng.randbytes(size)
        else:  # the end, with the trailer and the outline
            place = len(data) - rng.randint(1, 45)
            changed[place] = rng.randrange(256)
        path.write_bytes(changed)
        read_everything(path)


def rewritten(data, outline, blocks):
    """Return a file with other blocks and another outline, all checksums right."""
    out = bytearray(MAGIC)
    for block in blocks:
        out += block
    text = json.dumps(outline).encode()
    packed = zstandard.ZstdCompressor().compress(text)
    crc = zlib.crc32(packed)
    end = struct.pack("<IQQI16s", FORMAT, len(out), len(packed), crc, MAGIC)
    return bytes(out) + packed + end


def parts_of(path):
    """Return the outline of a file, and the raw bytes of its blocks."""
    data = path.read_bytes()
    trailer = unpack_trailer(data, len(data), "x")
    at, size = trailer.place
    outline = json.loads(zstandard.ZstdDecompressor().decompress(data[at : at + size]))
    places = [*(s[2:] for s in outline["slices"]), outline["edges"], outline["init"]]
    return outline, [data[a : a + n] for a, n in places]


def with_places(outline, blocks):
    """Return the outline with the places that blocks of these sizes have."""
    places, at = [], len(MAGIC)
    for block in blocks:
        places.append([at, len(block)])
        at += len(block)
    count = len(outline["slices"])
    for entry, place in zip(outline["slices"], places, strict=False):
        entry[2:] = place
    outline["edges"], outline["init"] = places[count : count + 2]
    return outline


def all_paths(value, path=()):
    yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from all_paths(inner, (*path, key))


ODD = (None, True, -1, 0, 1, 7, 10**15, 2**64, 1.5, "x", "", [], {}, [[]], ["detector"])


def test_an_outline_made_by_hand_ends_in_an_error_of_ours(path):
    outline, blocks = parts_of(path)
    path.write_bytes(rewritten(path, with_places(outline, blocks), blocks))
    assert len(GraphFile.open(path).load()) == 24
    rng = random.Random(5)
    places = [place for place in all_paths(outline) if place]
    for place in places:
        for value in rng.sample(ODD, 2):
            changed = copy.deepcopy(outline)
            part = changed
            for step in place[:-1]:
                part = part[step]
            part[place[-1]] = value
            path.write_bytes(rewritten(path, changed, blocks))
            read_everything(path)


def test_blocks_made_by_hand_end_in_an_error_of_ours(path):
    outline, blocks = parts_of(path)
    rng = random.Random(7)
    for _ in range(300):
        number = rng.randrange(len(blocks))
        columns = read_block(blocks[number], "x", most_values=10**6)
        kinds = (columns.integers, columns.integers, columns.uuids, columns.texts)
        held = rng.choice([kind for kind in kinds if kind])
        name = rng.choice(list(held))
        action = rng.randrange(4)
        if action == 0:
            del held[name]
        elif action == 1:
            held[name] = held[name][: rng.randint(0, max(0, len(held[name]) - 1))]
        elif held is columns.integers:
            values = held[name].astype(np.int64)
            if len(values):
                odd = rng.choice([-1, 10**6, 2**40, 2**63 - 1, -(2**63), 1])
                values[rng.randrange(len(values))] = odd
            held[name] = values if action == 2 else np.append(values, values)
        elif held is columns.texts:
            held[name] = [None, *held[name]]
        else:
            held[name] = np.vstack([held[name], held[name]])
        changed = list(blocks)
        changed[number] = write_block(columns)
        made = with_places(copy.deepcopy(outline), changed)
        path.write_bytes(rewritten(path, made, changed))
        read_everything(path)


def test_sizes_are_not_believed(path):
    outline, blocks = parts_of(path)
    for change in (
        lambda o: o["graph"]["quanta"]["gather"].update(count=10**12),
        lambda o: o["graph"]["datasets"]["reduced"].update(count=10**12),
        lambda o: o["graph"]["dimensions"]["exposure"].update(count=10**12),
        lambda o: o["graph"]["datasets"]["reduce_config"].update(count=10**12),
        lambda o: o["slices"][0].__setitem__(3, 10**12),
        lambda o: o["slices"][0].__setitem__(2, 10**12),
    ):
        changed = copy.deepcopy(outline)
        change(changed)
        path.write_bytes(rewritten(path, changed, blocks))
        start = time.perf_counter()
        read_everything(path)
        assert time.perf_counter() - start < 5


def test_a_graph_replaces_another_whole(path, build):
    write_graph(build("reduce"), path)
    assert GraphFile.open(path).labels == ("reduce",)
    assert [p.name for p in path.parent.glob("*.qgraph*")] == [path.name]
