"""Kill a process before each of its system calls, and look at what is left.

    python kill_points.py FOLDER WORK AGAIN [STEP [FIRST]]

``WORK`` is done in a child that is traced, in a new copy of a small repository. It is
killed before its n-th system call, for n = FIRST, FIRST + STEP and so on until it gets
through.
After each kill another child does ``AGAIN`` (``nothing`` for nothing), checks that
nothing is lost, repairs, and checks that nothing is left. Prints how many points there
were, and what went wrong.

This process itself never queries anything: it could not fork then.
"""

# It is a script.
# ruff: noqa: T201
from __future__ import annotations

import ctypes
import importlib
import json
import os
import shutil
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from pantler.butler.file_dataset import FileDataset
from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.errors import ConflictError
from pantler.testing.survey_repository import make_survey_repository

if TYPE_CHECKING:
    from collections.abc import Callable

TRACE_ME, SYSCALL, SET_OPTIONS, KILL_WITH_TRACER = 0, 24, 0x4200, 0x100000
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_long, ctypes.c_long]
_libc.ptrace.restype = ctypes.c_long

MODES = ("copy", "move", "hardlink", "symlink", "direct")
RAW = {"exposure": 2, "detector": 1}
OLD = {"exposure": 1, "detector": 2}
DOOMED = "doomed"
VALUE = {"level": 7, "filler": "x" * 9000}


class Place:
    """One try: a repository, and a file outside that is to be ingested."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "repo"
        self.source = folder / "source.json"

    def make(self, like: Path) -> None:
        shutil.copytree(like, self.root)
        self.source.write_text(json.dumps(VALUE))

    def ingest(self, repository: Repository, mode: str) -> None:
        raw = repository.registry.dataset_types.get("raw")
        data_id = {"instrument": "Cam", **RAW}
        repository.ingest([FileDataset(self.source, raw, data_id, "mine")], mode)

    def work(self, repository: Repository, work: str) -> None:
        butler = Butler.of(repository, run="mine")
        if work == "put":
            butler.put(VALUE, "raw", RAW)
        elif work == "put two":
            with butler.transaction():
                butler.put(VALUE, "raw", RAW)
                butler.put(VALUE, "raw", exposure=2, detector=3)
        elif work == "replace":
            with butler.transaction():
                repository.delete([butler.find_dataset("raw", OLD, collections="mine")])
                butler.put(VALUE, "raw", OLD)
        elif work == "remove":
            if butler.collections.query(DOOMED):
                butler.remove_runs(DOOMED, unlink=True)
            else:
                # Whatever is removed next, what was left goes too.
                butler.remove_datasets(
                    butler.query_datasets("raw", collections="spare")
                )
        elif work == "repair":
            repository.check(repair=True)
        elif work in MODES:
            self.ingest(repository, work)

    def check(self, work: str, again: str) -> None:
        """Raise AssertionError if anything is not as it must be."""
        with Repository.open(self.root, writeable=True) as repository:
            butler = Butler.of(repository, run="mine")
            self._check_contents(butler, work, {work})
            self._check_doomed(butler)
            if again == "remove":
                self.work(repository, again)
                assert not repository.records.discarded(1), "files are left"
                # What nobody recorded is that of the preparation.
                assert repository.check().orphans == ["nobody.json"]
            elif again != "nothing":
                self._do_again(repository, butler, again)
            report = repository.check(repair=True)
            assert not report.damaged, report.damaged
            left = repository.check(deep=True)
            assert not left.remains, left
            assert not left.odd, left.odd
            assert not left.damaged, left.damaged
            self._check_contents(butler, work, {work, again})

    def _check_contents(self, butler: Butler, work: str, done: set[str]) -> None:
        values = {
            (ref.data_id["exposure"], ref.data_id["detector"]): butler.get(ref)
            for ref in butler.query_datasets("raw", collections="mine")
        }
        old = values.pop((OLD["exposure"], OLD["detector"]))
        assert old == {"level": 1} or (work == "replace" and old == VALUE), old
        assert all(value == VALUE for value in values.values()), values
        if work == "put two":
            assert len(values) in {0, 2}, values
        if work in MODES and not values:
            assert json.loads(self.source.read_text()) == VALUE, "the source is lost"
        if work in MODES and "move" not in done:
            assert json.loads(self.source.read_text()) == VALUE, "the source is lost"

    @staticmethod
    def _check_doomed(butler: Butler) -> None:
        """What is to be removed is there as a whole, or not at all."""
        if not butler.collections.query(DOOMED):
            assert butler.collections.get("chain").children == ("mine",)
            assert not butler.query_datasets("raw", collections="tag").any()
            return
        refs = list(butler.query_datasets("raw", collections=DOOMED))
        assert len(refs) in {0, 4}, refs
        assert [butler.get(ref)["level"] for ref in refs] == [2] * len(refs)
        tagged = list(butler.query_datasets("raw", collections="tag"))
        assert len(tagged) == len(refs)

    def _do_again(self, repository: Repository, butler: Butler, again: str) -> None:
        was_there = butler.find_dataset("raw", RAW, collections="mine") is not None
        try:
            self.work(repository, again)
        except ConflictError:
            assert was_there
        except LookupError:
            assert was_there, "the source is lost"
        ref = butler.find_dataset("raw", RAW, collections="mine")
        assert ref is not None
        assert butler.get(ref) == VALUE
        if again in MODES and not was_there:
            place = Path(butler.uri(ref).removeprefix("file://"))
            assert place.is_symlink() == (again == "symlink"), place
            if again == "move":
                assert not self.source.exists()
            elif again == "copy":
                assert not place.samefile(self.source)


def _forked(work: Callable[[], None]) -> str:
    """Run something in a child; return what went wrong."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        problem = ""
        try:
            work()
        except BaseException:  # noqa: BLE001 - shown by the parent
            problem = traceback.format_exc()
        os.write(write, problem.encode()[:60000])
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        problem = pipe.read().decode()
    _, status = os.waitpid(pid, 0)
    return problem or (f"ended with status {status}" if status else "")


def _trace(place: Place, work: str, number: int) -> bool:
    """Do the work, and kill it before a system call; return whether it got so far."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with Repository.open(place.root, writeable=True) as repository:
                # What is done once is done: the pool of polars, plans, the lease.
                Butler.of(repository, run="mine").put(
                    {"level": 1}, "raw", exposure=3, detector=0, run="warm"
                )
                _libc.ptrace(TRACE_ME, 0, 0, 0)
                os.kill(os.getpid(), signal.SIGSTOP)
                place.work(repository, work)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    if not os.WIFSTOPPED(status):
        raise RuntimeError(f"the work could not begin: {status}")
    _libc.ptrace(SET_OPTIONS, pid, 0, KILL_WITH_TRACER)
    stops, deliver = 0, 0
    while True:
        _libc.ptrace(SYSCALL, pid, 0, deliver)
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status):
            if os.WEXITSTATUS(status):
                raise RuntimeError("the work failed")
            return False
        stopped = os.WSTOPSIG(status)
        deliver = 0 if stopped == signal.SIGTRAP else stopped
        if stopped == signal.SIGTRAP:
            if stops == 2 * number:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return True
            stops += 1


def _prepare(filled: Path) -> None:
    with make_survey_repository(filled) as repository:
        butler = Butler.of(repository, run="mine")
        butler.put({"level": 1}, "raw", OLD)
        butler.put({"level": 1}, "raw", OLD, run="spare")
        doomed = [
            butler.put({"level": 2}, "raw", exposure=3, detector=d, run=DOOMED)
            for d in range(4)
        ]
        butler.collections.register("tag", "TAGGED")
        butler.collections.associate("tag", doomed)
        butler.collections.chain("chain", [DOOMED, "mine"])
    shutil.copy(filled / "pantler.yaml", filled / "datasets" / "nobody.json")


def _rehearse(folder: Path, filled: Path, work: str, again: str) -> None:
    """Prepare, do all once, and note which modules that takes."""
    _prepare(filled)
    place = Place(folder / "rehearsal")
    place.make(filled)
    with Repository.open(place.root, writeable=True) as repository:
        place.work(repository, work)
    place.check(work, again)
    names = [name for name in sys.modules if name.startswith(("pantler", "sqlalchemy"))]
    (folder / "modules").write_text("\n".join(names))


def main(folder: Path, work: str, again: str, step: int = 1, first: int = 0) -> int:
    """Kill everywhere; return how many points went wrong."""
    filled = folder / "filled"
    if problem := _forked(lambda: _rehearse(folder, filled, work, again)):
        print(problem)
        return 1
    # Every child would import them anew, which takes longer than what it does.
    for name in (folder / "modules").read_text().splitlines():
        importlib.import_module(name)
    number, points, wrong = first, 0, 0
    while True:
        place = Place(folder / "try")
        place.make(filled)
        was_killed = _trace(place, work, number)
        problem = _forked(lambda place=place: place.check(work, again))
        shutil.rmtree(folder / "try")
        if problem:
            wrong += 1
            print(f"{work}, killed before system call {number}, then {again}:")
            print(problem)
        points += 1
        if not was_killed:
            break
        number += step
    print(f"{points} points, {wrong} wrong")
    return wrong


if __name__ == "__main__":
    _, place, work, again, *numbers = sys.argv
    sys.exit(min(main(Path(place), work, again, *map(int, numbers)), 100))
