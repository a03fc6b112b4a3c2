"""Local storage: what kills, full disks and missing rights leave."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from uuid import uuid4

import pytest

from pantler.errors import (
    AccessError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PluginError,
    StorageError,
)
from pantler.storage import bringing
from pantler.storage.claims import claim, owner_of
from pantler.storage.lease import FOLDER
from pantler.storage.local import LocalStorage
from pantler.storage.opening import open_storage
from pantler.storage.os_errors import storage_errors
from pantler.storage.unfinished import lease_of
from pantler.testing.storage_abilities import is_there

# Since Python 3.12 a process with threads, such as the one that renews leases, is
# warned when it forks.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

KILLED = """
import os, signal, sys
from pantler.storage.local import LocalStorage
def write(local):
    local.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
LocalStorage(sys.argv[1]).stage_by("run/a.fits", write)
"""


def all_files(folder):
    return sorted(
        path.name
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != FOLDER
    )


def bring_in(storage, source, path, mode):
    storage.publish([storage.stage_file(source, path, mode)])


def test_a_killed_writer_leaves_one_file_that_only_a_repair_sees(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    storage = LocalStorage(tmp_path)
    assert not is_there(storage, "run/a.fits")
    assert list(storage.list_files()) == []
    left, lease = storage.abandoned()
    assert left.startswith("run/.tmp-")
    assert lease.startswith(".leases/")
    storage.delete(left)
    storage.delete(lease)
    assert storage.abandoned() == []
    assert all_files(tmp_path) == []


def test_what_another_host_is_writing_is_not_abandoned(tmp_path):
    """Also where its lease cannot be seen yet: then the file's own age counts."""
    file = tmp_path / f".tmp-{'a' * 32}-0.fits"
    file.touch()
    (tmp_path / ".tmp-not-named-so").touch()
    storage = LocalStorage(tmp_path)
    assert storage.abandoned() == []
    assert list(storage.list_files()) == []
    os.utime(file, (0, 0))
    assert storage.abandoned() == [file.name]


def test_a_lease_of_a_folder_below_counts(tmp_path):
    file = LocalStorage(tmp_path / "a").stage("b/c", b"")
    os.utime(file.place, (0, 0))
    inner = LocalStorage(tmp_path / "a")
    file = inner.stage("b/c", b"")
    os.utime(file.place, (0, 0))
    left = LocalStorage(tmp_path).abandoned()
    assert len(left) == 1
    assert str(tmp_path / left[0]) != file.place


def test_a_forked_writer_uses_names_of_its_own(tmp_path):
    storage = LocalStorage(tmp_path)
    own = storage.stage("a", b"")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, storage.stage("b", b"").place.encode())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    place = os.read(reader, 999).decode()
    assert lease_of(place) not in {None, lease_of(own.place)}
    assert storage.abandoned()[0] == Path(place).name
    os.close(reader)
    os.close(writer)


def test_unfinished_names_cannot_be_written(tmp_path):
    with pytest.raises(InvalidInputError, match="unfinished"):
        LocalStorage(tmp_path).write("a/.tmp-x", b"")


def test_files_have_the_rights_that_the_umask_leaves(tmp_path):
    storage = LocalStorage(tmp_path)
    before = os.umask(0o027)
    try:
        storage.write("a", b"")
        storage.publish([storage.stage_by("b", Path.touch)])
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("call", ["write", "replace"])
def test_a_full_disk_is_named_and_leaves_what_was_there(tmp_path, monkeypatch, call):
    storage = LocalStorage(tmp_path)
    storage.write("a", b"before")

    def full(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(StorageError, match=r"write .*/a: No space left on device"):
        storage.write("a", b"after")
    monkeypatch.undo()
    assert storage.read("a") == b"before"
    assert all_files(tmp_path) == ["a"]


def test_a_writer_that_makes_no_file_is_an_error(tmp_path):
    with pytest.raises(StorageError, match="a"):
        LocalStorage(tmp_path).stage_by("a", lambda _: None)


def test_missing_rights_are_reported_once():
    with pytest.raises(AccessError) as error, storage_errors("write", "/outer"):
        with_missing_rights()
    assert str(error.value) == "Cannot write /inner: Permission denied."


def with_missing_rights():
    with storage_errors("write", "/inner"):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_a_file_in_place_of_a_folder_is_named(tmp_path):
    storage = LocalStorage(tmp_path)
    storage.write("a", b"")
    with pytest.raises(StorageError, match="Cannot write"):
        storage.write("a/b", b"")
    with pytest.raises(StorageError, match="Cannot read"):
        storage.read("a/b")


def test_readers_see_one_whole_write_among_many(tmp_path):
    storage = LocalStorage(tmp_path)
    contents = [bytes([number]) * 50_000 for number in range(4)]
    storage.write("a", contents[0])

    def work(content):
        for _ in range(30):
            storage.write("a", content)

    threads = [threading.Thread(target=work, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    seen = [storage.read("a") for _ in range(100)]
    for thread in threads:
        thread.join()
    assert set(seen) <= set(contents)
    assert all_files(tmp_path) == ["a"]


def test_power_safety_syncs_the_file_and_its_folder(tmp_path, monkeypatch):
    synced = []
    real = os.fsync

    def spy(descriptor):
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    LocalStorage(tmp_path / "root").write("a/b", b"x")
    assert synced == []
    LocalStorage(tmp_path / "root", fsync=True).write("c/d", b"x")
    places = [place.removeprefix(str(tmp_path)) for place in synced]
    assert {"/root", "/root/c"} <= set(places)
    assert any(place.startswith("/root/c/.tmp-") for place in places)


def test_many_files_are_secured_and_a_failure_is_ours(tmp_path, monkeypatch):
    synced = set()
    real = os.fsync

    def spy(descriptor):
        synced.add(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    storage = LocalStorage(tmp_path, fsync=True)
    files = [storage.stage(f"{n % 2}/{n}", b"x") for n in range(20)]
    synced.clear()
    storage.secure(files)
    assert synced == {file.place for file in files}
    synced.clear()
    storage.publish(files)
    folders = {str(tmp_path / "0"), str(tmp_path / "1")}
    assert synced == folders
    synced.clear()
    storage.publish([storage.stage("0/late", b"")], durably=False)
    assert synced == set()
    paths = [file.path for file in files]
    storage.persist(paths)
    assert synced == folders | {str(tmp_path / path) for path in paths}
    with pytest.raises(StorageError, match="none"):
        storage.persist([*paths, "0/none"])
    LocalStorage(tmp_path).persist(["0/none"])


@pytest.mark.parametrize("mode", ["hardlink", "symlink"])
def test_a_linked_file_is_the_same_file(tmp_path, mode):
    source = tmp_path / "source"
    source.write_bytes(b"content")
    storage = LocalStorage(tmp_path / "root")
    storage.write("a/b", b"before")
    bring_in(storage, source, "a/b", mode)
    assert storage.read("a/b") == b"content"
    assert (tmp_path / "root/a/b").samefile(source)


@pytest.mark.parametrize("mode", ["copy", "move", "hardlink", "symlink"])
def test_a_link_that_was_left_is_replaced_and_never_followed(tmp_path, mode):
    """An ingest by symlink was killed before its commit, and is tried again."""
    source = tmp_path / "source"
    source.write_bytes(b"content")
    storage = LocalStorage(tmp_path / "root")
    bring_in(storage, source, "a", "symlink")
    bring_in(storage, source, "a", mode)
    assert source.read_bytes() == b"content"
    assert (tmp_path / "root/a").is_symlink() == (mode == "symlink")
    if mode != "symlink":
        source.unlink()
        assert storage.read("a") == b"content"


@pytest.mark.parametrize("mode", ["copy", "move", "hardlink", "symlink"])
def test_a_link_that_leads_nowhere_is_replaced(tmp_path, mode):
    source = tmp_path / "source"
    source.write_bytes(b"content")
    storage = LocalStorage(tmp_path / "root")
    storage.write("b", b"")
    (tmp_path / "root/a").symlink_to("none")
    bring_in(storage, source, "a", mode)
    assert storage.read("a") == b"content"
    assert not (tmp_path / "root/none").exists()


@pytest.mark.parametrize("mode", ["copy", "hardlink"])
def test_a_file_that_is_its_own_source_is_not_lost(tmp_path, mode):
    storage = LocalStorage(tmp_path)
    storage.write("a", b"content")
    bring_in(storage, tmp_path / "a", "a", mode)
    assert storage.read("a") == b"content"
    assert all_files(tmp_path) == ["a"]


def test_a_file_of_the_storage_itself_is_not_moved(tmp_path):
    storage = LocalStorage(tmp_path / "root")
    storage.write("a/b", b"content")
    (tmp_path / "link").symlink_to(tmp_path / "root")
    for source in (tmp_path / "root/a/b", tmp_path / "link/a/b"):
        with pytest.raises(InvalidInputError, match="lies within"):
            storage.stage_file(source, "c", "move")


@pytest.mark.parametrize("error", [errno.EXDEV, errno.EPERM])
def test_moving_where_there_can_be_no_link_copies(tmp_path, monkeypatch, error):
    source = tmp_path / "source"
    source.write_bytes(b"content")

    def refuse(*_args):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "link", refuse)
    bring_in(LocalStorage(tmp_path / "root"), source, "a", "move")
    assert (tmp_path / "root/a").read_bytes() == b"content"
    assert not (tmp_path / "root/a").samefile(source)


def test_a_source_that_is_written_again_while_it_is_read_is_refused(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"content")
    os.utime(source, (0, 0))

    class Rewriting:
        def update(self, data):
            source.write_bytes(b"CONTENT"[: len(data)])

    with pytest.raises(StorageError, match="was changed while it was read"):
        LocalStorage(tmp_path / "root").stage_file(source, "a", "copy", Rewriting())


@pytest.mark.parametrize("bad", [b"contenT", b"content+", b"conten", b""])
def test_a_copy_that_differs_is_noticed_before_its_source_can_go(
    tmp_path, monkeypatch, bad
):
    source = tmp_path / "source"
    source.write_bytes(b"content")

    def refuse(*_args):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    def spoil(place):
        Path(place).write_bytes(bad)

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(bringing, "sync", spoil)
    with pytest.raises(StorageError, match="differs when it is read again"):
        LocalStorage(tmp_path / "root").stage_file(source, "a", "move")
    assert all_files(tmp_path / "root") == []


def test_a_moved_link_brings_its_content(tmp_path):
    (tmp_path / "real").write_bytes(b"content")
    (tmp_path / "link").symlink_to("real")
    bring_in(LocalStorage(tmp_path / "root"), tmp_path / "link", "deep/a", "move")
    assert (tmp_path / "root/deep/a").read_bytes() == b"content"
    assert not (tmp_path / "root/deep/a").samefile(tmp_path / "real")


@pytest.mark.parametrize("mode", ["copy", "move", "hardlink", "symlink"])
def test_a_source_that_grows_while_it_is_read_is_refused(tmp_path, mode):
    source = tmp_path / "source"
    source.write_bytes(b"content")

    class Growing:
        has_grown = False

        def update(self, data):
            if not self.has_grown:
                self.has_grown = True
                with source.open("ab") as file:
                    file.write(data)

    storage = LocalStorage(tmp_path / "root")
    with pytest.raises(StorageError, match="was changed while it was read"):
        storage.stage_file(source, "a", mode, Growing())
    assert all_files(tmp_path / "root") == []


def test_direct_is_not_for_storage(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(InvalidInputError, match="direct"):
        LocalStorage(tmp_path).stage_file(tmp_path / "a", "b", "direct")


def test_a_root_is_a_path_or_a_file_uri(tmp_path):
    folder = tmp_path / "a b%20#"
    open_storage(folder.as_uri()).write("x", b"1")
    assert open_storage(str(folder)).read("x") == b"1"
    assert open_storage(str(folder)).root == folder.as_uri() + "/"


def test_a_root_elsewhere_is_refused():
    with pytest.raises(InvalidInputError, match="file of this host"):
        LocalStorage("file://elsewhere/path")
    with pytest.raises(PluginError, match="No storage 'gopher' is installed"):
        open_storage("gopher://host/path")


def test_opening_makes_nothing(tmp_path):
    storage = open_storage(str(tmp_path / "none"))
    assert list(storage.list_files()) == []
    assert storage.abandoned() == []
    with pytest.raises(NotFoundError):
        storage.read("a")
    assert not (tmp_path / "none").exists()


def test_odd_places_are_reported_and_the_rest_is_listed(tmp_path):
    storage = LocalStorage(tmp_path)
    storage.write("a/good", b"")
    (tmp_path / "a/loop").symlink_to("loop")
    (tmp_path / "a/nowhere").symlink_to("none")
    os.mkfifo(tmp_path / "a/pipe")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a/\xff")).touch()
    deep = tmp_path / "b"
    for _ in range(300):
        deep /= "d"
    Path(deep).mkdir(parents=True)
    found = {}
    assert set(storage.list_files("", found.__setitem__)) == {"a/good"}
    assert set(found) == {"a/loop", "a/nowhere", "a/pipe", "a/\\udcff"}
    assert "nowhere" in found["a/nowhere"]
    assert "symbolic links" in found["a/loop"]
    again = {}
    assert storage.abandoned(again.__setitem__) == []
    assert again == found
    with pytest.raises(StorageError, match="Cannot list"):
        list(storage.list_files())
    shutil.rmtree(tmp_path / "b")


def test_a_link_to_a_lost_source_is_a_file_and_one_to_a_lost_disk_is_not(tmp_path):
    """The one may be the remains of an ingest, the other is somebody's own."""
    storage = LocalStorage(tmp_path / "root")
    source = tmp_path / "source"
    source.touch()
    path = f"run/raw_1_{uuid4()}.fits"
    bring_in(storage, source, path, "symlink")
    source.unlink()
    (tmp_path / "root/run2").symlink_to(tmp_path / "disk/run2")
    found = {}
    assert list(storage.list_files("", found.__setitem__)) == [path]
    assert list(found) == ["run2"]


def test_a_folder_that_cannot_be_read_is_reported(tmp_path, monkeypatch):
    storage = LocalStorage(tmp_path)
    storage.write("a/x", b"")
    storage.write("b/y", b"")
    real = os.scandir

    def refuse(folder):
        if str(folder).endswith("/b"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    found = {}
    assert list(storage.list_files("", found.__setitem__)) == ["a/x"]
    assert found == {"b": "Permission denied"}


def test_what_lies_behind_a_link_to_a_folder_is_not_ours_to_tidy(tmp_path):
    """Somebody moved a run to another disk: it is read, and never listed."""
    storage = LocalStorage(tmp_path / "root")
    storage.write("run/a/x", b"content")
    (tmp_path / "root/run").rename(tmp_path / "other-disk")
    (tmp_path / "root/run").symlink_to(tmp_path / "other-disk")
    (tmp_path / "other-disk/back").symlink_to(tmp_path / "root")
    dead = tmp_path / f"other-disk/.tmp-{'a' * 32}-0"
    dead.touch()
    os.utime(dead, (0, 0))
    assert storage.read("run/a/x") == b"content"
    storage.write("run/a/y", b"")
    assert list(storage.list_files()) == []
    assert storage.abandoned() == []


def test_the_marked_root_of_others_is_passed_over(tmp_path):
    outer, inner = LocalStorage(tmp_path), LocalStorage(tmp_path / "a/inner")
    outer.write("a/x", b"")
    claim(inner, "them")
    inner.write("y", b"")
    dead = tmp_path / f"a/inner/.tmp-{'a' * 32}-0"
    dead.touch()
    os.utime(dead, (0, 0))
    claim(outer, "us")
    assert list(outer.list_files()) == ["a/x"]
    assert outer.abandoned() == []
    assert inner.abandoned() == [dead.name]
    assert list(inner.list_files()) == ["y"]


def test_of_two_who_claim_at_once_one_is_refused(tmp_path, monkeypatch):
    storage = LocalStorage(tmp_path)
    real = LocalStorage.stage

    def stage(self, path, data):
        monkeypatch.undo()
        claim(storage, "first")
        return real(self, path, data)

    monkeypatch.setattr(LocalStorage, "stage", stage)
    with pytest.raises(ConflictError, match="first"):
        claim(storage, "second")
    assert owner_of(storage) == "first"


def test_folders_that_are_left_empty_go_with_their_last_file(tmp_path):
    storage = LocalStorage(tmp_path / "root")
    for path in ("u/run/raw/a", "u/run/raw/b", "u/other/c"):
        storage.write(path, b"x")
    storage.delete("u/run/raw/a")
    assert (tmp_path / "root/u/run/raw").is_dir()
    storage.delete("u/run/raw/b", "u/nothing/d")
    assert not (tmp_path / "root/u/run").exists()
    storage.delete("u/other/c")
    assert not (tmp_path / "root/u").exists()
    assert (tmp_path / "root").is_dir()


def test_a_writer_whose_folder_vanishes_makes_it_again(tmp_path):
    """Others remove the last file of it all the time."""
    source = tmp_path / "source"
    source.write_bytes(b"x")
    ended, failures, counts = threading.Event(), [], []

    def put(number):
        storage, path = LocalStorage(tmp_path / "root"), f"u/run/raw/{number}"
        stages = (
            lambda: storage.stage(path, b"x"),
            lambda: storage.stage_by(path, lambda place: place.write_bytes(b"x")),
            lambda: storage.stage_file(source, path, "copy"),
        )
        try:
            for turn in range(300):
                file = stages[turn % 3]()
                storage.publish([file])
                assert storage.read(path) == b"x"
                storage.delete(path)
                counts.append(turn)
        except BaseException as error:
            failures.append(error)
            raise

    def sweep():
        storage = LocalStorage(tmp_path / "root")
        while not ended.is_set():
            storage.delete("u/run/raw/none")

    threads = [threading.Thread(target=put, args=(number,)) for number in range(2)]
    sweeper = threading.Thread(target=sweep)
    for thread in (*threads, sweeper):
        thread.start()
    for thread in threads:
        thread.join()
    ended.set()
    sweeper.join()
    assert not failures
    assert len(counts) == 600
