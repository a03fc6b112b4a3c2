"""The cache of files from other hosts: shared, bounded, and whole after any death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from pantler.datasets.records import DatastoreRecord
from pantler.datastores.cache import FileCache
from pantler.datastores.checksums import checksum_of
from pantler.datastores.file import FileDatastore
from pantler.datastores.settings import CacheSettings, FileDatastoreSettings
from pantler.errors import IntegrityError, StorageError
from pantler.testing.datastores import make_image, make_ref

SIZE = 1000


class FarAway:
    """Storage of another host, which notes in a file each time that it is asked."""

    root = "far://away/"
    capabilities = frozenset()

    def __init__(self, folder: Path, wait_s: float = 0) -> None:
        self.folder = folder
        self.wait_s = wait_s

    @contextmanager
    def reading(self, path):
        with (self.folder / "asked").open("a") as asked:
            asked.write(f"{path}\n")
        time.sleep(self.wait_s)
        yield self.folder / path

    def asked(self):
        place = self.folder / "asked"
        return place.read_text().split() if place.exists() else []


@pytest.fixture
def far(tmp_path):
    (tmp_path / "far").mkdir()
    return FarAway(tmp_path / "far")


def _record(far, number, dataset=None):
    data = bytes([number]) * SIZE
    (far.folder / f"{number}.bin").write_bytes(data)
    dataset_id = bytes([dataset if dataset is not None else number]) * 16
    return DatastoreRecord(
        dataset_id, "file", "", f"{number}.bin", None, SIZE, checksum_of(data), "x", "X"
    )


def _cache(tmp_path, **settings):
    return FileCache(CacheSettings(folder=str(tmp_path / "cache"), **settings))


def _read(cache, far, record):
    with cache.reading(far, record.path, record) as local:
        return local.read_bytes()


def _held(tmp_path):
    return sorted((tmp_path / "cache" / "files").glob("*/*"))


def test_a_file_is_fetched_once_and_then_here(tmp_path, far):
    record = _record(far, 1)
    cache = _cache(tmp_path)
    for _ in range(3):
        assert _read(cache, far, record) == b"\1" * SIZE
    assert far.asked() == ["1.bin"]
    use = cache.use
    assert (use.hits, use.hit_bytes) == (2, 2 * SIZE)
    assert (use.misses, use.fetched_bytes) == (1, SIZE)
    assert _read(_cache(tmp_path), far, record) == b"\1" * SIZE
    assert far.asked() == ["1.bin"]
    assert list((tmp_path / "cache" / "in-use").iterdir()) == []


@pytest.mark.parametrize(
    ("limit", "left"),
    [
        ({"most_files": 3}, 3),
        ({"most_bytes": 3 * SIZE}, 3),
        ({"most_datasets": 2}, 4),
        ({"most_bytes": None}, 8),
    ],
)
def test_the_longest_unused_go_first(tmp_path, far, limit, left):
    """Two files each are of one dataset."""
    cache = _cache(tmp_path, **limit)
    records = [_record(far, n, n // 2) for n in range(8)]
    for number, record in enumerate(records):
        _read(cache, far, record)
        place = cache.place(far, record)
        if place.exists():
            os.utime(place, (number, time.time() - 100 + number))
    held = {place.name for place in _held(tmp_path)}
    assert left - 2 <= len(held) <= left
    newest = [cache.place(far, record).name for record in records[8 - len(held) :]]
    assert held == set(newest)


def test_what_nobody_reads_for_a_while_goes(tmp_path, far):
    cache = _cache(tmp_path, most_age_s=100)
    old, new = _record(far, 1), _record(far, 2)
    _read(cache, far, old)
    os.utime(cache.place(far, old), (0, time.time() - 101))
    _read(cache, far, new)
    cache.tidy()
    assert _held(tmp_path) == [cache.place(far, new)]


def test_a_file_that_is_read_may_be_removed_meanwhile(tmp_path, far):
    cache = _cache(tmp_path, most_files=1)
    first, second = _record(far, 1), _record(far, 2)
    with cache.reading(far, first.path, first) as local:
        _read(cache, far, second)
        cache.place(far, first).unlink(missing_ok=True)
        assert local.read_bytes() == b"\1" * SIZE


@pytest.mark.parametrize("harm", [b"short", b"\7" * SIZE])
def test_what_is_not_as_recorded_is_never_kept(tmp_path, far, harm):
    record = _record(far, 1)
    (far.folder / "1.bin").write_bytes(harm)
    cache = _cache(tmp_path)
    with pytest.raises(IntegrityError, match="recorded"):
        _read(cache, far, record)
    assert _held(tmp_path) == []
    assert list((tmp_path / "cache" / "in-use").iterdir()) == []


def test_a_file_that_was_cut_in_the_cache_is_fetched_again(tmp_path, far):
    record = _record(far, 1)
    cache = _cache(tmp_path)
    _read(cache, far, record)
    cache.place(far, record).write_bytes(b"cut")
    assert _read(cache, far, record) == b"\1" * SIZE
    assert len(far.asked()) == 2


def test_many_threads_and_processes_fetch_each_file_once(tmp_path, far):
    records = [_record(far, n) for n in range(6)]
    far.wait_s = 0.02
    code = (
        "import sys; sys.path.insert(0, sys.argv[3])\n"
        "from pathlib import Path\n"
        "import test_cache as t\n"
        "far = t.FarAway(Path(sys.argv[1]), 0.02)\n"
        "cache = t._cache(Path(sys.argv[2]))\n"
        "for n in [*range(6)] * 5:\n"
        "    record = t._record_of(n)\n"
        "    assert t._read(cache, far, record) == bytes([n]) * t.SIZE\n"
    )
    others = [
        subprocess.Popen(
            [sys.executable, "-c", code, far.folder, tmp_path, Path(__file__).parent]
        )
        for _ in range(2)
    ]
    cache = _cache(tmp_path)
    with ThreadPoolExecutor(4) as threads:
        got = list(threads.map(lambda r: _read(cache, far, r), records * 5))
    assert [one[0] for one in got] == [*range(6)] * 5
    assert [other.wait(60) for other in others] == [0, 0]
    assert sorted(far.asked()) == [f"{n}.bin" for n in range(6)]


def _record_of(number):
    data = bytes([number]) * SIZE
    return DatastoreRecord(
        bytes([number]) * 16,
        "file",
        "",
        f"{number}.bin",
        None,
        SIZE,
        checksum_of(data),
        "x",
        "X",
    )


def test_who_is_killed_while_fetching_leaves_nothing_that_counts(tmp_path, far):
    record = _record(far, 1)
    code = (
        "import sys; sys.path.insert(0, sys.argv[3])\n"
        "from pathlib import Path\n"
        "import test_cache as t\n"
        "far = t.FarAway(Path(sys.argv[1]), 60)\n"
        "t._read(t._cache(Path(sys.argv[2])), far, t._record_of(1))\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, far.folder, tmp_path, Path(__file__).parent]
    )
    until = time.monotonic() + 60
    while not far.asked() and time.monotonic() < until:
        time.sleep(0.02)
    other.send_signal(signal.SIGKILL)
    other.wait()
    cache = _cache(tmp_path)
    assert _read(cache, far, record) == b"\1" * SIZE
    (left,) = (tmp_path / "cache" / "in-use").iterdir()
    os.utime(left, (0, time.time() - 100_000))
    cache.tidy()
    assert not left.exists()


def test_a_cache_that_cannot_be_written_says_so(tmp_path, far):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(StorageError, match=r"cache.*cannot be used.*datastore.cache"):
        _read(_cache(tmp_path), far, _record(far, 1))


def test_a_datastore_keeps_files_of_the_types_that_are_chosen(tmp_path):
    settings = FileDatastoreSettings(
        root=f"memory://{uuid4()}/a",
        cache=CacheSettings(folder=str(tmp_path / "cache"), accept=("CCDImage",)),
    )
    datastore = FileDatastore(settings, str(tmp_path / "repo"))
    small = make_ref()
    image = make_ref("calexp", storage_class="CCDImage")
    for ref, value in ((small, {"n": 1}), (image, make_image())):
        records = datastore.write(value, ref)
        for _ in range(3):
            datastore.read(ref, records)
    assert (datastore.cache.use.misses, datastore.cache.use.hits) == (1, 2)
    part = datastore.read(image, records, component="data")
    assert part.tolist() == make_image().data.tolist()
    assert datastore.cache.use.hits == 3
    assert len(_held(tmp_path)) == 1


def test_parts_of_a_file_that_is_not_here_are_not_fetched_whole(tmp_path):
    settings = FileDatastoreSettings(
        root=f"memory://{uuid4()}/a",
        cache=CacheSettings(folder=str(tmp_path / "cache")),
    )
    datastore = FileDatastore(settings, str(tmp_path / "repo"))
    ref = make_ref("calexp", storage_class="CCDImage")
    records = datastore.write(make_image(), ref)
    datastore.read(ref, records, component="data")
    assert (datastore.cache.use.misses, datastore.cache.use.hits) == (0, 0)


def test_files_of_this_host_are_not_copied(tmp_path):
    settings = FileDatastoreSettings(
        cache=CacheSettings(folder=str(tmp_path / "cache"))
    )
    datastore = FileDatastore(settings, str(tmp_path / "repo"))
    ref = make_ref()
    assert datastore.read(ref, datastore.write({"n": 1}, ref)) == {"n": 1}
    assert not (tmp_path / "cache").exists()
