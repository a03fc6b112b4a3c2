"""Bytes are written before anybody holds a lock."""

from __future__ import annotations

import json
import threading

import pytest

import pantler.storage.local as local_module
from pantler.butler.file_dataset import FileDataset
from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.errors import DataIdError
from pantler.formatters.plain import JsonFormatter

RAW = {"exposure": 2, "detector": 1}


class Gate:
    """Lets somebody in, and keeps him until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def pass_slowly(self) -> None:
        self.entered.set()
        assert self.opened.wait(20)


@pytest.fixture
def other(root):
    """Another's connection, which does not wait for locks."""
    with Repository.open(root, writeable=True) as opened:
        opened.registry.lock_timeout_s = 0.2
        yield Butler.of(opened, run="other")


def _in_another_thread(gate: Gate, work, meanwhile) -> None:
    failures = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - shown by the main thread
            failures.append(error)
            gate.entered.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert gate.entered.wait(20)
        assert not failures, failures
        meanwhile()
    finally:
        gate.opened.set()
        thread.join()
    assert not failures, failures


def test_a_put_that_takes_long_delays_nobody(butler, other, monkeypatch):
    gate, to_bytes = Gate(), JsonFormatter.to_bytes

    def slow(self, value, *more):
        if value == {"slow": True}:
            gate.pass_slowly()
        return to_bytes(self, value, *more)

    monkeypatch.setattr(JsonFormatter, "to_bytes", slow)
    _in_another_thread(
        gate,
        lambda: butler.put({"slow": True}, "raw", RAW),
        lambda: other.put({"level": 1}, "raw", RAW),
    )
    assert butler.get("raw", RAW, collections="mine") == {"slow": True}
    assert other.get("raw", RAW) == {"level": 1}


def test_an_ingest_holds_no_lock_while_it_copies(
    repository, butler, other, monkeypatch, tmp_path
):
    gate, bring_in = Gate(), local_module.bring_in

    def slow(*arguments):
        gate.pass_slowly()
        return bring_in(*arguments)

    monkeypatch.setattr(local_module, "bring_in", slow)
    files = []
    for detector in range(4):
        path = tmp_path / f"{detector}.json"
        path.write_text(json.dumps({"level": detector}))
        data_id = {"instrument": "Cam", "exposure": 7, "detector": detector}
        raw = butler.dataset_types.get("raw")
        files.append(FileDataset(path, raw, data_id, "mine"))
    like = butler.dimensions.find("exposure", {"instrument": "Cam", "exposure": 2})
    record = {**like.values, "exposure": 7, "obs_id": "seven"}
    with pytest.raises(DataIdError):
        repository.ingest(files)
    _in_another_thread(
        gate,
        lambda: repository.ingest(files, new_records={"exposure": [record]}),
        lambda: other.put({"level": 1}, "raw", RAW),
    )
    found = butler.query_datasets("raw", collections="mine", exposure=7)
    assert [butler.get(ref)["level"] for ref in found] == [0, 1, 2, 3]


def test_new_records_come_with_their_files_or_not_at_all(repository, butler, tmp_path):
    like = butler.dimensions.find("exposure", {"instrument": "Cam", "exposure": 2})
    record = {**like.values, "exposure": 7, "obs_id": "seven"}
    data_id = {"instrument": "Cam", "exposure": 7, "detector": 1}
    raw = butler.dataset_types.get("raw")
    gone = FileDataset(tmp_path / "gone.json", raw, data_id, "mine")
    with pytest.raises(LookupError, match="gone"):
        repository.ingest([gone], new_records={"exposure": [record]})
    assert butler.query_dimension_records("exposure", exposure=7).count() == 0
