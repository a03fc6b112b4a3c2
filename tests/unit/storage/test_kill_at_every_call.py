"""Storage operations, killed at each call of the operating system.

A child process does one operation; the n-th call that changes anything is replaced by
SIGKILL, for each n until the operation ends by itself. After each kill: no reader sees
half a file, no source is lost, what is left is found by a repair, and the operation
can be done again.
"""

from __future__ import annotations

import builtins
import os
import signal
from pathlib import Path

import pytest

from pantler.datastores.file import FileDatastore
from pantler.datastores.interface import SourceFile
from pantler.datastores.settings import FileDatastoreSettings
from pantler.errors import NotFoundError
from pantler.storage.lease import LIFETIME_S
from pantler.storage.local import LocalStorage
from pantler.testing.datastores import VALUE, make_ref

CALLS = (
    "open",
    "write",
    "close",
    "replace",
    "rename",
    "link",
    "symlink",
    "unlink",
    "makedirs",
    "mkdir",
    "fsync",
    "utime",
)
CONTENT = b"content" * 1000
MOST_CALLS = 200

# Since Python 3.12 a process with threads, such as the one that renews leases, is
# warned when it forks.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def kill_at(number, work):
    """Do some work in a child that is killed at a call; whether it was."""
    child = os.fork()
    if child == 0:
        left = number

        def counted(real):
            def call(*args, **keys):
                nonlocal left
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
                return real(*args, **keys)

            return call

        for name in CALLS:
            setattr(os, name, counted(getattr(os, name)))
        builtins.open = counted(open)
        try:
            work()
        finally:
            os._exit(0)
    status = os.waitpid(child, 0)[1]
    return os.WIFSIGNALED(status)


def killed_everywhere(work, check):
    """Kill at each call in turn, and check after each kill; return how many."""
    for number in range(MOST_CALLS):
        was_killed = kill_at(number, work)
        check()
        if not was_killed:
            return number
    raise AssertionError("it never ended")


def tidy(storage):
    """Remove what the dead left, as a repair does."""
    root = Path(storage.root.removeprefix("file://"))
    for path in root.rglob(".tmp-*"):
        # As if the time had passed after which a lease counts that cannot be found.
        at = path.lstat().st_mtime - 2 * LIFETIME_S
        os.utime(path, (at, at), follow_symlinks=False)
    for path in storage.abandoned():
        storage.delete(path)
    assert list(root.rglob(".tmp-*")) == []
    assert storage.abandoned() == []


@pytest.mark.parametrize("fsync", [False, True])
def test_a_write_is_whole_or_not_at_all(tmp_path, fsync):
    storage = LocalStorage(tmp_path / "root", fsync=fsync)
    seen = set()

    def check():
        try:
            found = storage.read("run/a")
        except NotFoundError:
            found = None
        assert found in {None, CONTENT}
        seen.add(found)
        assert set(storage.list_files()) <= {"run/a"}
        tidy(storage)
        storage.delete("run/a")

    calls = killed_everywhere(lambda: storage.write("run/a", CONTENT), check)
    assert calls > 6
    assert seen == {None, CONTENT}


@pytest.mark.parametrize("mode", ["copy", "move", "hardlink", "symlink"])
@pytest.mark.parametrize("retry", ["copy", "move"])
def test_an_ingest_that_was_killed_is_tried_again_and_nothing_is_lost(
    tmp_path, mode, retry
):
    """Whatever the killed one left at the same place, also a link to the source."""
    source = tmp_path / "source"
    storage = LocalStorage(tmp_path / "root")

    def ingest(how):
        file = storage.stage_file(source, "run/a", how)
        storage.secure([file])
        storage.publish([file])
        if how == "move":
            source.unlink()

    def check():
        kept = source if source.exists() else tmp_path / "root/run/a"
        assert kept.read_bytes() == CONTENT
        if not source.exists():
            source.write_bytes(CONTENT)
        ingest(retry)
        place = tmp_path / "root/run/a"
        assert not place.is_symlink()
        assert place.read_bytes() == CONTENT
        assert source.exists() == (retry == "copy")
        source.unlink(missing_ok=True)
        assert storage.read("run/a") == CONTENT
        tidy(storage)
        source.write_bytes(CONTENT)
        storage.delete("run/a")

    source.write_bytes(CONTENT)
    assert killed_everywhere(lambda: ingest(mode), check) >= 3


def test_datasets_and_packs_are_whole_or_not_at_all(tmp_path):
    datastore = FileDatastore(
        FileDatastoreSettings(take_apart=("CCDImage",)), str(tmp_path)
    )
    ref, packed = make_ref(), make_ref("metrics", visit=8)
    source = tmp_path / "source.json"
    source.write_text('{"a": 1}')
    ingested = make_ref(visit=9)

    def work():
        datastore.prepare(VALUE, ref).publish()
        datastore.pack([(packed, b'{"a": 1}')])
        files = [SourceFile(ingested, source, "json")]
        datastore.prepare_files(files, "symlink").publish()

    def check():
        for one in (ref, ingested):
            records = datastore.find(one)
            if records:
                assert datastore.read(one, records) in (VALUE, {"a": 1})
        orphans = list(datastore.orphans(lambda _: set()))
        for path in orphans:
            if path.endswith(".zip"):
                assert (tmp_path / "datasets" / path).read_bytes()[-22:-18] == (
                    b"PK\5\6"
                )
        datastore.delete(orphans)
        tidy(LocalStorage(tmp_path / "datasets"))
        assert source.read_text() == '{"a": 1}'

    assert killed_everywhere(work, check) > 15
