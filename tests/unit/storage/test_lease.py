"""Leases: the living hold them, the dead do not, wherever they are."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import pytest

from pantler.errors import AccessError, StorageError
from pantler.storage import lease as module
from pantler.storage.lease import FOLDER, LIFETIME_S, Lease, LeaseBook

# Since Python 3.12 a process with threads, such as the one that renews leases, is
# warned when it forks.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

HOLDER = """
import sys, time
from pantler.storage.lease import Lease
lease = Lease.hold(sys.argv[1], "work")
print(lease.id, flush=True)
exec(sys.argv[2])
"""


@contextmanager
def holder(folder, then="time.sleep(60)"):
    """Start a process that holds a lease; yield it and the lease's ID."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), then],
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    try:
        yield process, process.stdout.readline().strip()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def is_live(folder, lease_id):
    return LeaseBook(folder).is_live(lease_id)


def backdate(folder, lease_id, age_s):
    at = time.time() - age_s
    os.utime(folder / FOLDER / lease_id, (at, at))


def pretend_other_kernel(folder, lease_id):
    """Make a lease look as if another host had made it."""
    file = folder / FOLDER / lease_id
    note = json.loads(file.read_text())
    file.write_text(json.dumps({**note, "boot": "another"}))


def test_a_lease_is_live_until_it_is_released(tmp_path):
    with Lease.hold(tmp_path / "new", "run u/me") as lease:
        (note,) = LeaseBook(tmp_path / "new").live()
        assert (note.id, note.what) == (lease.id, "run u/me")
        assert lease.is_held
    assert not lease.is_held
    assert not is_live(tmp_path / "new", lease.id)
    assert list((tmp_path / "new").iterdir()) == []
    lease.release()


def test_a_lease_ends_with_its_object(tmp_path):
    lease = Lease.hold(tmp_path, "x")
    lease_id = lease.id
    del lease
    gc.collect()
    assert LeaseBook(tmp_path).find(lease_id) is None


def test_a_lease_ends_with_its_process(tmp_path):
    with holder(tmp_path, "") as (process, lease_id):
        process.wait()
        assert LeaseBook(tmp_path).find(lease_id) is None


def test_a_killed_holder_is_dead_at_once_also_as_a_zombie(tmp_path):
    with holder(tmp_path) as (process, lease_id):
        assert is_live(tmp_path, lease_id)
        os.kill(process.pid, signal.SIGKILL)
        # Waited for, but not reaped: a zombie has its number still.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not is_live(tmp_path, lease_id)
        assert LeaseBook(tmp_path).find(lease_id) is not None


def test_a_stopped_holder_is_live_however_old_its_renewal(tmp_path):
    with holder(tmp_path) as (process, lease_id):
        os.kill(process.pid, signal.SIGSTOP)
        backdate(tmp_path, lease_id, 10 * LIFETIME_S)
        assert is_live(tmp_path, lease_id)


def test_a_forked_child_does_not_keep_its_parents_lease(tmp_path):
    then = "import os; os.fork() or print(flush=True); time.sleep(60)"
    with holder(tmp_path, then) as (process, lease_id):
        process.stdout.readline()  # the child is there
        process.kill()
        process.wait()
        assert not is_live(tmp_path, lease_id)


def test_a_process_that_a_holder_started_does_not_keep_its_lease(tmp_path):
    then = "import subprocess; subprocess.Popen(['sleep', '60']); print(flush=True)"
    with holder(tmp_path, f"{then}; time.sleep(60)") as (process, lease_id):
        process.stdout.readline()
        process.kill()
        process.wait()
        assert not is_live(tmp_path, lease_id)


def test_a_forked_child_that_ends_leaves_its_parents_lease(tmp_path):
    lease = Lease.hold(tmp_path, "x")
    child = os.fork()
    if child == 0:
        status = 0 if not lease.is_held else 1
        lease.release()
        own = Lease.hold(tmp_path, "y")
        status += 0 if own.id != lease.id and is_live(tmp_path, own.id) else 2
        os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert is_live(tmp_path, lease.id)
    assert lease.is_held


def test_elsewhere_the_age_of_the_renewal_decides(tmp_path):
    lease = Lease.hold(tmp_path, "x")
    pretend_other_kernel(tmp_path, lease.id)
    assert is_live(tmp_path, lease.id)
    backdate(tmp_path, lease.id, LIFETIME_S - 10)
    assert is_live(tmp_path, lease.id)
    backdate(tmp_path, lease.id, LIFETIME_S + 10)
    assert not is_live(tmp_path, lease.id)


def test_the_clock_of_the_file_system_counts(tmp_path, monkeypatch):
    lease = Lease.hold(tmp_path, "x")
    pretend_other_kernel(tmp_path, lease.id)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert LeaseBook(tmp_path).now() > 1e9
    backdate_at = LeaseBook(tmp_path).now() - 2 * LIFETIME_S
    os.utime(tmp_path / FOLDER / lease.id, (backdate_at, backdate_at))
    assert not is_live(tmp_path, lease.id)
    assert [p.name for p in (tmp_path / FOLDER).iterdir()] == [lease.id]


def test_without_locks_the_age_decides_here_too(tmp_path, monkeypatch):
    def no_locks(*_args):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(module.fcntl, "flock", no_locks)
    lease = Lease.hold(tmp_path, "x")
    assert '"locked": false' in (tmp_path / FOLDER / lease.id).read_text()
    monkeypatch.undo()
    assert is_live(tmp_path, lease.id)
    backdate(tmp_path, lease.id, LIFETIME_S + 10)
    assert not is_live(tmp_path, lease.id)


def test_a_half_written_lease_is_live_while_it_is_young(tmp_path):
    (tmp_path / FOLDER).mkdir()
    for content in ("", '{"boot": ', "[]", "\xff"):
        (tmp_path / FOLDER / "abc").write_text(content, "latin-1")
        assert is_live(tmp_path, "abc")
    backdate(tmp_path, "abc", LIFETIME_S + 10)
    assert not is_live(tmp_path, "abc")


def test_a_holder_renews(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "RENEWAL_S", 0.05)
    module._start_anew()
    lease = Lease.hold(tmp_path, "x")
    pretend_other_kernel(tmp_path, lease.id)
    for _ in range(3):
        backdate(tmp_path, lease.id, 3 * LIFETIME_S)
        end = time.monotonic() + 10
        while not is_live(tmp_path, lease.id) and time.monotonic() < end:
            time.sleep(0.02)
        assert is_live(tmp_path, lease.id)


def test_a_lease_that_somebody_removed_comes_back_but_not_its_folder(tmp_path):
    lease = Lease.hold(tmp_path / "a", "x")
    other = Lease.hold(tmp_path / "b", "x")
    (tmp_path / "a" / FOLDER / lease.id).unlink()
    shutil.rmtree(tmp_path / "b")
    module._keeper.renew_all()
    assert is_live(tmp_path / "a", lease.id)
    assert not (tmp_path / "b").exists()
    other.release()
    assert not (tmp_path / "b").exists()


def test_all_leases_are_listed_and_those_of_the_dead_can_be_removed(tmp_path):
    assert LeaseBook(tmp_path).all() == []
    lease = Lease.hold(tmp_path, "here")
    with holder(tmp_path) as (process, dead):
        process.kill()
        process.wait()
    assert {note.id for note in LeaseBook(tmp_path).all()} == {lease.id, dead}
    assert [note.id for note in LeaseBook(tmp_path).live()] == [lease.id]
    LeaseBook(tmp_path).remove(dead)
    LeaseBook(tmp_path).remove(dead)
    assert [note.id for note in LeaseBook(tmp_path).all()] == [lease.id]


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises((AccessError, StorageError), match="file"):
        Lease.hold(tmp_path / "file", "x")
