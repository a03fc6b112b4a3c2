"""Workers that do not start, die or wait; and quanta that need more than one core."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pantler.errors import BusyError, PipelineError, WorkerError
from pantler.execution import pool as pool_module
from pantler.execution import recorder as recorder_module
from pantler.execution import worker_process
from pantler.execution.graph_run import run_graph
from pantler.execution.local_pool import LocalPool
from pantler.execution.outcome import QuantumStatus
from pantler.execution.pool import WorkerPool
from pantler.execution.schedule import Schedule
from pantler.execution.worker import start_command
from pantler.storage import local as local_storage
from pantler.tasks.needs import Needs
from pantler.testing.survey_repository import survey_pipeline

if TYPE_CHECKING:
    from pantler.butler.repository import Repository

DIE = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]


@pytest.fixture
def starts(monkeypatch):
    """Return a function that says which starts of workers end in death."""
    monkeypatch.setattr(pool_module, "_PAUSE_S", 0.01)

    def starts(dies) -> list[bool]:
        history: list[bool] = []

        def command(*arguments):
            history.append(dies(len(history)))
            return DIE if history[-1] else start_command(*arguments)

        monkeypatch.setattr(worker_process, "start_command", command)
        return history

    return starts


def test_workers_that_are_killed_while_they_start_are_started_again(
    execute, starts, caplog
):
    history = starts(lambda number: number < 3)
    report, _ = execute(survey_pipeline("reduce"), processes=2)
    assert report.count(QuantumStatus.DONE) == 12
    assert history.count(True) == 3
    assert "A worker did not start: its process was ended by SIGKILL." in caplog.text


def test_a_run_goes_on_with_the_workers_that_start(
    execute, starts, caplog, monkeypatch
):
    # So few that it has given up long before the other worker is ready.
    monkeypatch.setattr(pool_module, "MOST_STARTS", 2)
    starts(lambda number: number != 1)
    report, _ = execute(survey_pipeline(), processes=2)
    assert report.succeeded
    assert report.count() == report.total
    assert "The run goes on with fewer processes: 1." in caplog.text


def test_when_none_starts_the_run_ends_and_says_why(butler, execute, starts):
    history = starts(lambda _: True)
    with pytest.raises(WorkerError, match=r"in 5 attempts; at the last, .* SIGKILL"):
        execute(survey_pipeline("reduce"), processes=2)
    assert len(history) <= 2 * pool_module.MOST_STARTS
    assert butler.collections.dataset_types("out") == ["packages", "reduce_config"]


def test_an_error_of_a_worker_is_the_error_of_the_run(repository, plan, monkeypatch):
    def broken(*arguments):
        line = start_command(*arguments)
        spoilt = "import pantler.testing.tasks as t; del t.ReduceTask; serve("
        return [*line[:2], line[2].replace("serve(", spoilt)]

    monkeypatch.setattr(worker_process, "start_command", broken)
    path = plan(survey_pipeline("reduce"))
    with pytest.raises(PipelineError, match="ReduceTask"):
        run_graph(repository, path, executor=LocalPool(1))


# Needs


class _Sent(WorkerPool):
    """A pool without processes, which notes what it would send."""

    def __init__(self, size: int, memory_mb: int, **options) -> None:
        super().__init__(None, size, memory_mb=memory_mb, **options)
        for place in self._places:
            place.worker = _Idle()

    def running(self) -> list[list[int]]:
        return [place.worker.pending for place in self._places]


class _Idle:
    def __init__(self) -> None:
        self.pending: list[int] = []

    def send(self, indices) -> None:
        self.pending += indices


def _schedule(*needs: Needs) -> Schedule:
    """A quantum of each of some tasks; they do not need one another."""
    starts = np.zeros(len(needs) + 1, dtype=np.int64)
    return Schedule(starts, np.empty(0, np.int64), np.arange(len(needs)), needs)


def test_quanta_that_run_share_the_cores():
    pool = _Sent(4, 1000)
    schedule = _schedule(*[Needs()] * 3, Needs(cores=2), Needs(cores=2))
    pool.hand_out(schedule)
    assert pool.running() == [[4], [3], [], []]
    pool.running()[0].clear()
    pool.hand_out(schedule)
    assert pool.running() == [[2], [3], [1], []]


def test_quanta_that_run_share_the_memory():
    pool = _Sent(3, 1000)
    schedule = _schedule(Needs(memory_mb=300), Needs(), Needs(memory_mb=800))
    pool.hand_out(schedule)
    assert pool.running() == [[2], [1], []]


def test_a_quantum_that_needs_more_than_there_is_runs_alone():
    pool = _Sent(2, 1000)
    schedule = _schedule(Needs(), Needs(cores=64, memory_mb=10**9))
    pool.hand_out(schedule)
    assert pool.running() == [[1], []]
    pool.running()[0].clear()
    pool.hand_out(schedule)
    assert pool.running() == [[0], []]


def test_few_quanta_are_spread_and_many_are_sent_ahead():
    needs = (Needs(),)
    few = Schedule(np.zeros(5, np.int64), np.empty(0, np.int64), [0] * 4, needs)
    pool = _Sent(2, 1000)
    pool.hand_out(few)
    assert pool.running() == [[0, 1], [2, 3]]
    many = Schedule(np.zeros(101, np.int64), np.empty(0, np.int64), [0] * 100, needs)
    pool = _Sent(2, 1000, ahead=3)
    pool.hand_out(many)
    assert pool.running() == [[0, 1, 2], [3, 4, 5]]


# Locks


def _hold_lock(repository: Repository, seconds: float) -> None:
    """Lock the registry from another connection, for a time that begins now."""
    held = threading.Event()

    def hold() -> None:
        file = Path(repository.root, "registry.sqlite3")
        connection = sqlite3.connect(file, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        held.set()
        time.sleep(seconds)
        connection.close()

    threading.Thread(target=hold).start()
    held.wait()


def test_while_others_hold_the_lock_the_recorder_waits_and_says_so(
    repository, plan, monkeypatch, caplog
):
    monkeypatch.setattr(repository.registry, "lock_timeout_s", 0.1)
    monkeypatch.setattr(recorder_module, "_BATCH", 3)

    def lock(outcome, finished, total):
        del outcome, total
        if finished == 1:
            _hold_lock(repository, 1.5)

    with caplog.at_level(logging.WARNING):
        report = run_graph(
            repository, plan(survey_pipeline("reduce")), on_progress=lock
        )
    assert report.count(QuantumStatus.DONE) == 12
    assert "3 finished quanta wait to be recorded" in caplog.text
    check = repository.check()
    assert (check.remains, check.damaged) == (0, [])


def test_whoever_presses_twice_waits_no_longer(repository, plan, monkeypatch):
    monkeypatch.setattr(repository.registry, "lock_timeout_s", 0.1)
    monkeypatch.setattr(recorder_module, "_BATCH", 3)

    def lock(outcome, finished, total):
        del outcome, total
        if finished == 1:
            _hold_lock(repository, 4.0)
            for delay in (0.3, 0.6):
                threading.Timer(delay, os.kill, (os.getpid(), signal.SIGTERM)).start()

    began = time.monotonic()
    with pytest.raises(BusyError, match="locked"):
        run_graph(repository, plan(survey_pipeline("reduce")), on_progress=lock)
    assert time.monotonic() - began < 3.5
    time.sleep(1.0)


# Power cuts


def test_files_are_on_the_disk_before_they_are_recorded(repository, plan, monkeypatch):
    """Not one by one as they are written: many at once, before a batch is recorded."""
    monkeypatch.setattr(recorder_module, "_BATCH", 4)
    synced: set[str] = set()
    real_sync, real_insert = local_storage._sync, repository.registry.datasets.insert
    recorded = []

    def sync(place: str) -> None:
        synced.add(place)
        real_sync(place)

    def insert(dataset_type, *arguments, **options):
        if dataset_type.name == "reduced":
            found = {Path(place).name for place in synced if "/reduced/" in place}
            recorded.append(len([name for name in found if name.endswith(".json")]))
        return real_insert(dataset_type, *arguments, **options)

    monkeypatch.setattr(local_storage, "_sync", sync)
    monkeypatch.setattr(repository.registry.datasets, "insert", insert)
    report = run_graph(repository, plan(survey_pipeline("reduce")))
    assert report.count(QuantumStatus.DONE) == 12
    assert recorded == [4, 8, 12]
