"""Graph files."""

from __future__ import annotations

import polars as pl
import pytest

from pantler.datasets.records import RECORD_SCHEMA
from pantler.errors import IntegrityError, InvalidInputError, SchemaError
from pantler.quanta.file import slices
from pantler.quanta.file.graph_file import FORMAT, GraphFile, write_graph
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
    with pytest.raises(IntegrityError, match="no quantum graph"):
        GraphFile.open(path)
    path.write_bytes(b"")
    with pytest.raises(IntegrityError, match="no quantum graph"):
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


def test_a_graph_replaces_another_whole(path, build):
    write_graph(build("reduce"), path)
    assert GraphFile.open(path).labels == ("reduce",)
    assert [p.name for p in path.parent.glob("*.qgraph*")] == [path.name]
