"""What `Repository.check` finds, and what it leaves alone."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.config.settings import RepositorySettings
from pantler.datasets.dataset_type import DatasetType
from pantler.errors import CollectionNotFoundError, ConflictError

RAW = {"exposure": 2, "detector": 1}


@pytest.fixture
def folder(repository, butler):
    """The folder of the one dataset of the run ``mine``."""
    butler.put({"level": 1}, "raw", RAW)
    (place,) = Path(repository.root, "datasets", "mine").rglob("*.json")
    return place.parent


def test_altered_bytes_of_equal_size_are_found_by_checksum(repository, butler, folder):
    (place,) = folder.iterdir()
    place.write_text(place.read_text().replace("1", "2"))
    assert not repository.check().damaged
    (damage,) = repository.check(deep=True).damaged
    assert damage.ref == butler.find_dataset("raw", RAW, collections="mine")
    assert "checksum" in damage.problem


def test_data_that_was_moved_to_another_disk_is_left_where_it_is(
    repository, butler, folder, tmp_path
):
    elsewhere = tmp_path / "other disk"
    shutil.move(folder, elsewhere)
    folder.symlink_to(elsewhere)
    (elsewhere / "note.txt").touch()
    report = repository.check(repair=True)
    assert (report.remains, report.damaged, report.odd) == (0, [], {})
    assert folder.is_symlink()
    assert butler.get("raw", RAW, collections="mine") == {"level": 1}
    assert (elsewhere / "note.txt").exists()


def test_links_in_circles_are_reported_and_nothing_is_removed_through_them(
    repository, butler, folder
):
    (folder / "up").symlink_to(folder.parent.parent)
    (folder / "self").symlink_to("self")
    report = repository.check(repair=True)
    (odd,) = report.odd
    assert odd.endswith("/self")
    assert report.orphans == []
    assert butler.get("raw", RAW, collections="mine") == {"level": 1}
    assert not repository.check().damaged


@pytest.mark.parametrize("oddity", ["a file", "a loop", "a folder"])
def test_odd_places_of_recorded_files_are_reported_with_the_rest(
    repository, butler, folder, oddity
):
    butler.put({"level": 2}, "raw", exposure=1, detector=2)
    shutil.rmtree(folder) if oddity != "a folder" else None
    if oddity == "a file":
        folder.touch()
    elif oddity == "a loop":
        folder.symlink_to(folder.name)
    else:
        (place,) = folder.iterdir()
        place.unlink()
        place.mkdir()
    (damage,) = repository.check(deep=True).damaged
    assert damage.ref == butler.find_dataset("raw", RAW, collections="mine")
    assert damage.problem
    assert butler.get("raw", exposure=1, detector=2) == {"level": 2}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_reported(repository, folder):
    folder.chmod(0)
    try:
        report = repository.check()
    finally:
        folder.chmod(0o755)
    assert "Permission denied" in " ".join(report.odd.values())


def test_a_folder_that_the_system_cannot_list_is_reported(
    repository, butler, folder, monkeypatch
):
    scandir = os.scandir

    def fails(path):
        if str(path) == str(folder):
            raise OSError(5, "Input/output error")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", fails)
    report = repository.check()
    assert set(report.odd.values()) == {"Input/output error"}
    assert not report.damaged


def _with_root(root: Path, datasets: Path) -> Repository:
    text = f"datastore: {{root: {json.dumps(str(datasets))}}}"
    return Repository.create(root, settings=RepositorySettings.from_yaml(text))


def _put(repository: Repository) -> None:
    group = repository.universe.group(())
    butler = Butler.of(repository, run="r", collections=())
    butler.dataset_types.register(DatasetType("note", group, "StructuredDict"))
    butler.put({"of": repository.root}, "note")


def test_two_repositories_do_not_share_the_root_of_a_datastore(tmp_path):
    shared, root = tmp_path / "shared", tmp_path / "first"
    with _with_root(root, shared) as first:
        _put(first)
    with pytest.raises(ConflictError, match="belongs to another repository"):
        _with_root(tmp_path / "second", shared)
    assert not (tmp_path / "second" / "pantler.yaml").exists()
    # Somebody may have written it into the settings by hand.
    with _with_root(tmp_path / "third", tmp_path / "own") as third:
        _put(third)
    file = tmp_path / "third" / "pantler.yaml"
    file.write_text(file.read_text().replace(str(tmp_path / "own"), str(shared)))
    with pytest.raises(ConflictError, match="belongs to another repository"):
        Repository.open(tmp_path / "third", writeable=True)
    with Repository.open(root, writeable=True) as first:
        report = first.check(repair=True)
        assert (report.remains, report.damaged) == (0, [])
        assert Butler.of(first, collections="r").get("note") == {"of": str(root)}


def test_a_repository_that_is_moved_keeps_its_datastore(tmp_path):
    shared, root = tmp_path / "shared", tmp_path / "first"
    with _with_root(root, shared) as first:
        _put(first)
    moved = shutil.move(root, tmp_path / "moved")
    with Repository.open(moved, writeable=True) as opened:
        assert not opened.check(repair=True).remains


def test_what_is_recorded_while_a_check_looks_is_not_taken_for_remains(
    repository, butler, folder, monkeypatch
):
    """A file that is seen before its record is, is asked for again under the lock."""
    datastore = type(repository.datastore)
    orphans = datastore.orphans

    def late(self, in_use, on_problem=None):
        del in_use
        yield from orphans(self, lambda _: set(), on_problem)

    monkeypatch.setattr(datastore, "orphans", late)
    report = repository.check(repair=True)
    assert report.orphans == []
    assert butler.get("raw", RAW, collections="mine") == {"level": 1}


def test_a_link_that_a_dead_writer_left_goes_though_its_source_was_moved(
    repository, butler, folder, tmp_path
):
    for name in (f"orphan_{uuid4()}.json", f".tmp-{'a' * 32}-0.json"):
        (folder / name).symlink_to(tmp_path / "moved away")
        os.utime(folder / name, (0, 0), follow_symlinks=False)
    report = repository.check()
    assert (len(report.orphans), len(report.abandoned)) == (1, 1)
    repository.check(repair=True)
    assert len(list(folder.iterdir())) == 1
    assert not repository.check().odd


@pytest.mark.parametrize("when", ["fetch", "verify"])
def test_what_somebody_deletes_meanwhile_is_not_damaged(
    repository, butler, monkeypatch, when
):
    """IDs are read first, then records, then files: each step may find less."""
    refs = [butler.put({}, "raw", exposure=1, detector=d) for d in (1, 2)]
    owner = type(repository.records if when == "fetch" else repository.datastore)
    step = getattr(owner, when)

    def late(self, what, **keywords):
        ids = {getattr(one, "dataset_id", one) for one in what}
        if refs[0].id.bytes in ids:
            monkeypatch.undo()
            with Repository.open(repository.root, writeable=True) as other:
                other.delete(refs)
        return step(self, what, **keywords)

    monkeypatch.setattr(owner, when, late)
    assert not repository.check(repair=True).damaged


def test_a_repair_forgets_data_ids_without_datasets(repository, butler):
    butler.put({"level": 1}, "raw", RAW)
    doomed = list(butler.query_datasets("raw", where="exposure = 1"))
    butler.remove_datasets(doomed)
    assert repository.check().unused_data_ids == 0
    assert repository.check(repair=True).unused_data_ids == len(doomed)
    assert repository.check(repair=True).unused_data_ids == 0
    assert butler.get("raw", RAW) == {"level": 1}


def test_a_uuid_without_a_dataset_is_reported_and_removed(repository):
    with repository.registry.transaction():
        repository.registry._db.run(
            sa.text(
                "INSERT INTO dataset_uuid (uuid, run_id, dataset_type_id, data_id) "
                "VALUES (randomblob(16), 1, 1, 1)"
            )
        )
    assert len(repository.check().left_over) == 1
    assert len(repository.check(repair=True).left_over) == 1
    assert repository.check().left_over == []


def test_a_run_that_somebody_removes_meanwhile_is_passed_over(
    repository, butler, monkeypatch
):
    butler.put({}, "raw", RAW)
    collections = type(repository.registry.collections)
    dataset_types = collections.dataset_types

    def late(self, name):
        if name == "mine":
            raise CollectionNotFoundError("It has just been removed.")
        return dataset_types(self, name)

    monkeypatch.setattr(collections, "dataset_types", late)
    assert not repository.check().damaged
