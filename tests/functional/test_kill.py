"""Whatever is killed, and when: the repository stays whole, and remains are found."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.storage.lease import FOLDER
from pantler.storage.unfinished import is_unfinished
from pantler.testing.survey_repository import make_survey_repository

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
PANTLER = (sys.executable, "-c", "from pantler.cli.main import main; main()")
PIPELINE = """\
description: Frames are stored twice, and once more.
tasks:
  two:
    class: strange_tasks.TwoTask
  after:
    class: strange_tasks.AfterTask
"""
QUANTA = 24  # 3 exposures, 4 detectors, 2 tasks


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    root = tmp_path_factory.mktemp("filled") / "repo"
    make_survey_repository(root).close()
    return root


@pytest.fixture
def repo(filled, tmp_path):
    return Path(shutil.copytree(filled, tmp_path / "repo"))


@pytest.fixture
def start(tmp_path) -> Iterator:
    """Return a function that starts ``pantler run`` in a process group of its own."""
    pipeline = tmp_path / "pipeline.yaml"
    pipeline.write_text(PIPELINE, "utf-8")
    started: list[subprocess.Popen[str]] = []

    def run(repo: Path, output_run: str, *words: str) -> subprocess.Popen[str]:
        line = ("run", str(repo), "-p", str(pipeline), "-i", "Cam/raw")
        process = subprocess.Popen(
            [*PANTLER, *line, "--output-run", output_run, "-j", "2", *words],
            env={**os.environ, "PYTHONPATH": str(HERE)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        _kill_group(process)
        process.communicate()


def _kill_group(process: subprocess.Popen[str]) -> None:
    """Kill a process and all that it has started: workers are groups of their own."""
    for number in (*_members(process.pid), process.pid):
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def _members(session: int) -> list[int]:
    """Return the processes of a session that have not ended."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                state, _, _, of_session = (
                    (path / "stat").read_text().rpartition(")")[2].split()[:4]
                )
            except OSError:
                continue
            if int(of_session) == session and state != "Z":
                found.append(int(path.name))
    return found


def _wait_until(holds, timeout_s: float = 20.0) -> None:
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def _check_and_repair(repo: Path) -> None:
    """Every record has its whole file; remains are removed, and nothing else."""
    with Repository.open(repo, writeable=True) as repository:
        butler = Butler.of(repository)
        report = repository.check(repair=True)
        assert not report.damaged
        for path in report.abandoned:
            assert is_unfinished(path) or path.startswith(FOLDER)
        left = repository.check()
        assert (left.remains, left.damaged) == (0, [])
        for run in butler.collections.query("*"):
            for name in butler.collections.dataset_types(run.name):
                if run.name.startswith("out"):
                    for ref in butler.query_datasets(name, collections=run.name):
                        assert butler.get(ref) is not None


def test_a_worker_killed_in_the_middle_of_a_write_harms_its_quantum_alone(repo, start):
    process = start(repo, "out", "-c", "two:strange_on=1")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 9
    assert "18 of 24 quanta done" in out
    assert "3 failed, and 3 that need their outputs could not run" in out
    assert "two: Died: its process was ended by SIGKILL." in err
    assert "3 quanta, such as" in err
    assert "Traceback" not in err
    with Repository.open(repo) as repository:
        butler = Butler.of(repository, collections="out")
        kept = {r.data_id["detector"] for r in butler.query_datasets("one")}
        assert kept == {0, 2, 3}
        (entry,) = butler.get("two_log", exposure=1, detector=1)
        assert "SIGKILL" in entry["message"]
        report = repository.check()
        assert sum(map(is_unfinished, report.abandoned)) == 3
        assert not report.orphans
        assert not report.damaged
    _check_and_repair(repo)


def test_a_task_that_ends_its_process_has_failed(repo, start):
    words = ("-c", "two:strange_on=1", "-c", "two:how=exit")
    process = start(repo, "out", *words)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 9
    assert "3 failed, and 3 that need their outputs could not run" in out
    assert "SystemExit: I leave." in err
    _check_and_repair(repo)


@pytest.mark.parametrize("moment", range(6))
def test_a_run_killed_at_any_moment_leaves_a_whole_repository(repo, start, moment):
    process = start(repo, "out", "-c", "two:pause_s=0.03")
    _wait_until(lambda: list(repo.glob(".leases/*")) or process.poll() is not None)
    time.sleep(random.Random(moment).uniform(0.0, 1.6))
    os.kill(process.pid, signal.SIGKILL)
    if moment % 2:
        _kill_group(process)
    process.wait()
    _wait_until(lambda: not _members(process.pid))
    _check_and_repair(repo)
    if moment > 1:  # that it can be run again is seen twice
        return
    again = start(repo, "out2")
    out, _ = again.communicate(timeout=60)
    assert again.returncode == 0
    assert f"{QUANTA} of {QUANTA} quanta done" in out
    _check_and_repair(repo)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("processes", ["1", "2"])
def test_an_interrupted_run_records_what_is_done_and_leaves_no_process(
    repo, start, number, processes
):
    process = start(repo, "out", "-c", "two:pause_s=0.2", "-j", processes)
    _wait_until(lambda: len(list(repo.rglob("out/two/**/*.json"))) >= 2)
    if number is signal.SIGINT:  # a terminal tells the whole group
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "Stopped." in err
    _wait_until(lambda: not _members(process.pid))
    with Repository.open(repo) as repository:
        butler = Butler.of(repository, collections="out")
        done = butler.query_datasets("two").count()
        assert 2 <= done < QUANTA // 2
        assert butler.query_datasets("two_log").count() >= done
        report = repository.check()
        assert (report.remains, report.damaged) == (0, [])


def test_ctrl_c_says_how_far_it_got_and_how_to_go_on(repo, start):
    words = ("-o", "u/me", "-c", "two:pause_s=0.2", "-j", "1")
    process = start(repo, "out", *words)
    _wait_until(lambda: len(list(repo.rglob("out/two/**/*.json"))) >= 2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "of 24 quanta done" in err
    assert "Outputs are in out, the first in the chain 'u/me'." in err
    assert "run the same command again" in err
    with Butler.open(repo) as butler:
        assert butler.collections.get("u/me").children == ("out", "Cam/raw")


def test_whoever_presses_twice_ends_a_task_that_does_not_let_go(repo, start):
    words = ("-c", "two:strange_on=1", "-c", "two:how=stubborn", "-j", "2")
    process = start(repo, "out", *words)
    _wait_until(lambda: list(repo.rglob("out/one/**/*.json")))
    time.sleep(1.0)
    began = time.monotonic()
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    _, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 8  # it would be given ten seconds
    assert process.returncode == 130
    assert "Traceback" not in err
    _wait_until(lambda: not _members(process.pid))
    _check_and_repair(repo)


PUTS = """
import sys
from pantler.butler.interface import Butler
with Butler.open(sys.argv[1], run="many", writeable=True) as butler:
    print("ready", flush=True)
    for exposure in (1, 2, 3):
        for detector in range(4):
            for name in "abcdefgh":
                value = {"exposure": exposure, "filler": name * 20000}
                butler.put(value, name, exposure=exposure, detector=detector)
"""


def test_puts_killed_at_any_moment_leave_records_and_files_that_agree(repo):
    from pantler.datasets.dataset_type import DatasetType

    with Butler.open(repo, writeable=True) as butler:
        group = butler.universe.group(["exposure", "detector"])
        for name in "abcdefgh":
            butler.dataset_types.register(DatasetType(name, group, "StructuredDict"))
        butler.collections.register("many")
    dice = random.Random(5)
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", PUTS, str(repo)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "ready\n"
        time.sleep(dice.uniform(0.0, 0.08))
        process.kill()
        process.communicate()
        with Repository.open(repo, writeable=True) as repository:
            butler = Butler.of(repository)
            assert not repository.check().damaged
            repository.check(repair=True)
            if not butler.collections.query("many"):
                continue  # it was killed before its first put
            names = butler.collections.dataset_types("many")
            refs = [
                r for n in names for r in butler.query_datasets(n, collections="many")
            ]
            for ref in refs:
                assert len(butler.get(ref)["filler"]) == 20000
            _forget(repository, refs)
    _check_and_repair(repo)


def _forget(repository, refs) -> None:
    """Remove datasets, so that the next process can put them again."""
    with repository.transaction():
        repository.registry.datasets.delete([ref.id.bytes for ref in refs])
    repository.check(repair=True)


def test_nothing_is_repaired_while_a_run_is_at_work(repo, start):
    from pantler.errors import ConflictError

    process = start(repo, "out", "-c", "two:pause_s=0.3")
    _wait_until(lambda: list(repo.rglob("out/one/**/*.json")))
    with (
        Repository.open(repo, writeable=True) as repository,
        pytest.raises(ConflictError, match="A run is at work"),
    ):
        repository.check(repair=True)
    process.communicate(timeout=60)
    assert process.returncode == 0
    _check_and_repair(repo)
