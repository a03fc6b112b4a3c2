"""All or nothing, also for files; and how files of other programs come in."""

from __future__ import annotations

import errno
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from pantler.butler.file_dataset import FileDataset
from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    StorageError,
)
from pantler.storage.lease import FOLDER
from pantler.storage.unfinished import PREFIX

RAW = {"exposure": 2, "detector": 1}
MODES = (
    "auto",
    "copy",
    "move",
    "link",
    "hardlink",
    "symlink",
    "relsymlink",
    "direct",
)


class _GivenUp(Exception):
    pass


def _give_up() -> None:
    raise _GivenUp


@contextmanager
def _failing(butler):
    """A transaction that fails at its end."""
    with pytest.raises(_GivenUp), butler.transaction():  # noqa: PT012 - the body is the caller's
        yield
        _give_up()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "theirs" / "frame.json"
    path.parent.mkdir()
    path.write_text('{"level": 7}', "utf-8")
    return path


def _files(butler, source, **keys):
    dataset_type = butler.dataset_types.get("raw")
    return [FileDataset(source, dataset_type, {**RAW, **keys}, "mine")]


def _stored(repository) -> list[Path]:
    return [
        p
        for p in Path(repository.root, "datasets", "mine").rglob("*")
        if not p.is_dir()
    ]


def test_a_failed_transaction_leaves_neither_records_nor_files(repository, butler):
    with _failing(butler):
        ref = butler.put({"level": 1}, "raw", RAW)
        assert butler.get(ref) == {"level": 1}
    assert butler.find_dataset("raw", RAW, collections="mine") is None
    assert _stored(repository) == []
    butler.put({"level": 2}, "raw", RAW)
    assert butler.get("raw", RAW) == {"level": 2}


def test_a_failed_inner_transaction_takes_only_its_own_files(repository, butler):
    with butler.transaction():
        kept = butler.put({"level": 1}, "raw", RAW)
        with _failing(butler):
            butler.put({"level": 2}, "raw", exposure=1, detector=1)
        assert len(_stored(repository)) == 1
    assert butler.get(kept) == {"level": 1}
    report = repository.check()
    assert (report.remains, report.damaged) == (0, [])


def test_a_transaction_that_fails_later_keeps_what_was_committed_before(
    repository, butler
):
    kept = butler.put({"level": 1}, "raw", RAW)

    def put_two() -> None:
        with butler.transaction():
            butler.put({"level": 2}, "raw", exposure=1, detector=1)
            butler.put({"level": 3}, "raw", RAW)

    with pytest.raises(ConflictError):
        put_two()
    assert butler.get(kept) == {"level": 1}
    assert len(_stored(repository)) == 1


@pytest.mark.parametrize("mode", MODES)
def test_files_come_in_by_every_mode(repository, butler, source, mode):
    (ref,) = butler.ingest(_files(butler, source), mode)
    assert butler.get(ref) == {"level": 7}
    assert source.exists() == (mode != "move")
    (stored,) = _stored(repository) or [None]
    assert (stored is None) == (mode == "direct")
    if mode in {"hardlink", "link"}:
        assert stored.samefile(source)
        assert not stored.is_symlink()
    if mode == "symlink":
        assert stored.readlink() == source
    if mode == "relsymlink":
        assert not stored.readlink().is_absolute()
        assert stored.samefile(source)
    assert repository.check().damaged == []


@pytest.mark.parametrize("mode", MODES)
def test_a_failed_ingest_leaves_the_source_and_nothing_else(
    repository, butler, source, mode
):
    files = _files(butler, source) + _files(
        butler, source.with_name("gone"), exposure=1
    )
    with pytest.raises(NotFoundError, match="gone"):
        butler.ingest(files, mode)
    assert json.loads(source.read_text()) == {"level": 7}
    assert _stored(repository) == []
    assert butler.find_dataset("raw", RAW, collections="mine") is None


def test_a_link_is_symbolic_where_there_can_be_no_hard_one(
    repository, butler, source, monkeypatch
):
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(os, "link", refuse)
    (ref,) = butler.ingest(_files(butler, source), "link")
    (stored,) = _stored(repository)
    assert stored.is_symlink()
    assert butler.get(ref) == {"level": 7}
    with pytest.raises(StorageError, match="another disk"):
        butler.ingest(_files(butler, source, exposure=1), "hardlink")


def test_a_relative_link_leads_to_its_source_through_links_to_folders(
    root, source, tmp_path
):
    """Where the datastore's folder, or that of the source, is a link itself."""
    real = tmp_path / "far" / "away"
    real.parent.mkdir()
    shutil.move(root / "datasets", real)
    (root / "datasets").symlink_to(real)
    (tmp_path / "here").symlink_to(source.parent)
    with Repository.open(root, writeable=True) as repository:
        butler = Butler.of(repository, run="mine")
        files = _files(butler, tmp_path / "here" / source.name)
        (ref,) = butler.ingest(files, "relsymlink")
        assert butler.get(ref) == {"level": 7}


@pytest.mark.parametrize("mode", ["in-place", "auto"])
def test_a_file_in_the_datastore_becomes_a_dataset_under_its_own_name(
    repository, butler, source, mode
):
    place = Path(repository.root) / "datasets" / "by hand" / "x.json"
    place.parent.mkdir()
    shutil.copy(source, place)
    with _failing(butler):
        butler.ingest(_files(butler, place), mode)
    assert place.exists()
    (ref,) = butler.ingest(_files(butler, place), mode)
    assert butler.uri(ref) == place.as_uri()
    assert butler.get(ref) == {"level": 7}
    report = repository.check(repair=True, deep=True)
    assert (report.remains, report.damaged) == (0, [])
    butler.remove_datasets(ref)
    assert not place.exists()


def test_a_file_elsewhere_cannot_be_ingested_in_place(repository, butler, source):
    with pytest.raises(InvalidInputError, match="outside the datastore"):
        butler.ingest(_files(butler, source), "in-place")
    unfinished = Path(repository.root) / "datasets" / f"{PREFIX}x"
    shutil.copy(source, unfinished)
    with pytest.raises(InvalidInputError, match="kept for unfinished"):
        butler.ingest(_files(butler, unfinished), "in-place")
    assert _stored(repository) == []


@pytest.mark.parametrize("mode", MODES)
def test_one_file_comes_in_once_for_all_its_datasets(repository, butler, source, mode):
    files = [
        file
        for exposure in (1, 2, 3)
        for file in _files(butler, source, exposure=exposure)
    ]
    refs = butler.ingest(files, mode)
    assert len(_stored(repository)) == (mode != "direct")
    assert [butler.get(ref) for ref in refs] == [{"level": 7}] * 3
    assert len({butler.uri(ref) for ref in refs}) == 1
    assert source.exists() == (mode != "move")
    butler.remove_datasets(refs[:2])
    assert butler.get(refs[2]) == {"level": 7}
    butler.remove_datasets(refs[2])
    assert _stored(repository) == []


def test_sources_of_a_move_go_when_the_outermost_transaction_is_committed(
    butler, source
):
    with butler.transaction():
        butler.ingest(_files(butler, source), "move")
        assert source.exists()
    assert not source.exists()
    assert butler.get("raw", RAW) == {"level": 7}


def test_sources_of_a_move_stay_if_an_enclosing_transaction_fails(
    repository, butler, source
):
    with _failing(butler):
        butler.ingest(_files(butler, source), "move")
    assert json.loads(source.read_text()) == {"level": 7}
    with _failing(butler):
        butler.put({}, "raw", exposure=1, detector=1)
    assert source.exists()
    assert _stored(repository) == []


def test_a_file_of_the_datastore_itself_is_not_moved(repository, butler):
    butler.put({"level": 7}, "raw", RAW)
    (place,) = _stored(repository)
    with pytest.raises(InvalidInputError, match="lies within"):
        butler.ingest(_files(butler, place, exposure=1), "move")
    assert butler.get("raw", RAW, collections="mine") == {"level": 7}


@pytest.mark.parametrize("mode", ["copy", "hardlink"])
@pytest.mark.parametrize("fails", [False, True])
def test_a_file_that_is_in_the_datastore_already_is_never_removed(
    repository, butler, mode, fails
):
    ref = butler.put({"level": 7}, "raw", RAW)
    (place,) = _stored(repository)
    with butler.transaction():
        repository.registry.datasets.delete([ref.id.bytes])
    with _failing(butler) if fails else butler.transaction():
        butler.ingest(_files(butler, place), mode)
    assert (butler.find_dataset("raw", RAW, collections="mine") is None) == fails
    assert json.loads(place.read_text()) == {"level": 7}


def test_a_moved_link_leaves_what_it_points_to(repository, butler, source, tmp_path):
    link = tmp_path / "link.json"
    link.symlink_to(source)
    butler.ingest(_files(butler, link), "move")
    assert not link.is_symlink()
    assert source.exists()
    assert not source.samefile(_stored(repository)[0])


def test_ingest_of_what_is_there_is_refused_and_the_file_stays(butler, source):
    butler.put({"level": 1}, "raw", RAW)
    with pytest.raises(ConflictError):
        butler.ingest(_files(butler, source), "move")
    assert source.exists()
    assert butler.get("raw", RAW) == {"level": 1}


def test_remains_are_found_and_removed_and_nothing_else(repository, butler, root):
    kept = butler.put({"level": 1}, "raw", RAW)
    (place,) = _stored(repository)
    orphan = place.with_name("nobody.json")
    shutil.copy(place, orphan)
    dead = place.with_name(f".tmp-{'a' * 32}-0.json")
    dead.touch()
    outside = Path(root, "graphs", f".tmp-{'a' * 32}-0.qgraph")
    outside.parent.mkdir()
    outside.touch()
    for path in (dead, outside):
        os.utime(path, (0, 0))
    foreign = place.with_name(".tmp-elsewhere-1-1-0.json")
    foreign.touch()
    report = repository.check()
    assert report.orphans == [f"mine/{orphan.relative_to(Path(root, 'datasets/mine'))}"]
    assert [Path(p).name for p in report.abandoned] == [dead.name]
    assert report.outside == [outside]
    assert (report.remains, report.repaired) == (3, False)
    assert orphan.exists()
    assert repository.check(repair=True).repaired
    assert not orphan.exists()
    assert not dead.exists()
    assert not outside.exists()
    assert foreign.exists()
    assert butler.get(kept) == {"level": 1}
    assert repository.check().remains == 0


def test_lost_and_shortened_files_are_reported_by_dataset(repository, butler):
    refs = [butler.put({"level": 1}, "raw", exposure=e, detector=1) for e in (1, 2, 3)]
    places = sorted(_stored(repository))
    places[0].unlink()
    places[1].write_bytes(b"{}")
    damaged = repository.check().damaged
    assert len({d.ref for d in damaged} & set(refs)) == len(damaged) == 2
    assert {Path(d.uri).name for d in damaged} == {p.name for p in places[:2]}


def test_a_lease_of_a_dead_run_does_not_keep_from_repair(repository, root):
    lease = Path(root, FOLDER, "a" * 32)
    lease.parent.mkdir()
    lease.write_text('{"what": "run u/me"}')
    with pytest.raises(ConflictError, match=lease.name):
        repository.check(repair=True)
    os.utime(lease, (0, 0))
    assert repository.check(repair=True).outside == [lease]
    assert not lease.exists()


def test_a_datastore_around_the_repository_is_not_searched_for_orphans(tmp_path):
    from pantler.config.settings import RepositorySettings
    from pantler.errors import InvalidInputError

    settings = RepositorySettings.from_yaml("datastore: {root: .}")
    with (
        Repository.create(tmp_path / "repo", settings=settings) as repository,
        pytest.raises(InvalidInputError, match="holds the repository"),
    ):
        repository.check(repair=True)
    assert Path(tmp_path, "repo", "pantler.yaml").exists()
