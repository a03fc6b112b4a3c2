"""A frame that is moved in goes, unless another dataset is read from it."""

from __future__ import annotations

import errno
import os
import shutil

import pytest

from pantler.butler.repository import Repository
from pantler.config.settings import RepositorySettings
from pantler.datastores.staged import StagedFiles
from pantler.errors import StorageError
from pantler.ingest.raws import ingest_raws
from pantler.ingest.registration import register_instrument
from pantler.storage.local import LocalStorage


@pytest.fixture
def frames(night, tmp_path):
    """Two frames that a test may move."""
    folder = tmp_path / "night"
    folder.mkdir()
    return [shutil.copy(path, folder / path.name) for path in night[:2]]


def _renamed_link(path):
    link = path.parent.parent / "another name.fits"
    link.symlink_to(path)
    return link


def _through_a_folder(path):
    folder = path.parent.parent / "link"
    folder.symlink_to(path.parent)
    return folder / path.name


def _relative(path):
    return type(path)(os.path.relpath(path))


@pytest.mark.parametrize("checksum", [True, False])
@pytest.mark.parametrize(
    "spell", [lambda path: path, _renamed_link, _through_a_folder, _relative]
)
@pytest.mark.parametrize("transfer", ["direct", "symlink"])
def test_a_source_that_another_dataset_is_read_from_stays(
    tmp_path, camera, frames, transfer, spell, checksum, caplog
):
    text = f"datastore: {{checksum: {str(checksum).lower()}}}"
    settings = RepositorySettings.from_yaml(text)
    with Repository.create(tmp_path / "one", settings=settings) as repository:
        register_instrument(repository, camera)
        first = ingest_raws(repository, [spell(frames[0])], camera, transfer=transfer)
        report = ingest_raws(repository, frames, camera, transfer="move", run="other")
        assert len(report.ingested) == 2
        assert [path.exists() for path in frames] == [True, False]
        assert f"is read from {frames[0]}: it stays" in caplog.text
        assert len(caplog.records) == 1
        assert not repository.check(deep=True).damaged
        assert (
            repository.get(first.refs[0]).shape == repository.get(report.refs[0]).shape
        )


def test_an_edited_file_that_is_read_where_it_is_stays_too(repository, camera, frames):
    """Its checksum is no longer the one that was recorded."""
    first = ingest_raws(repository, frames[:1], camera, transfer="direct")
    data = bytearray(frames[0].read_bytes())
    data[-2880] ^= 1
    frames[0].write_bytes(data)
    ingest_raws(repository, frames[:1], camera, transfer="move", run="other")
    assert frames[0].exists()
    assert repository.get(first.refs[0]) is not None


def test_sources_that_are_copied_or_linked_elsewhere_go(repository, camera, frames):
    ingest_raws(repository, frames[:1], camera, transfer="copy")
    ingest_raws(repository, frames[1:], camera, transfer="hardlink")
    report = ingest_raws(repository, frames, camera, transfer="move", run="other")
    assert len(report.ingested) == 2
    assert not any(path.exists() for path in frames)
    assert not repository.check(deep=True).damaged


@pytest.mark.parametrize("transfer", ["direct", "symlink"])
def test_a_file_that_somebody_moves_meanwhile_is_not_recorded(
    repository, camera, frames, transfer, monkeypatch
):
    """Whoever looks before the other has recorded it finds nobody who needs it."""
    secure = StagedFiles.secure

    def late(self):
        secure(self)
        frames[0].unlink()

    monkeypatch.setattr(StagedFiles, "secure", late)
    report = ingest_raws(repository, frames[:1], camera, transfer=transfer)
    ((path, reason),) = report.failed
    assert path == frames[0]
    assert "was removed while it was ingested" in reason
    assert repository.check().remains == 0


def _overwrite(path):
    data = path.read_bytes()
    with path.open("r+b") as file:
        file.write(data[::-1])


@pytest.mark.parametrize("transfer", ["direct", "symlink"])
def test_who_changes_a_file_that_stays_does_not_change_the_moved_dataset(
    repository, camera, frames, transfer
):
    ingest_raws(repository, frames[:1], camera, transfer=transfer)
    report = ingest_raws(repository, frames, camera, transfer="move", run="other")
    before = repository.get(report.refs[0]).data
    _overwrite(frames[0])
    assert (repository.get(report.refs[0]).data == before).all()
    assert repository.check().remains == 0


def test_who_changes_a_file_that_could_not_be_removed_does_not_change_the_dataset(
    repository, camera, frames, monkeypatch, caplog
):
    def refuse(path, **_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    report = ingest_raws(repository, frames[:1], camera, transfer="move")
    before = repository.get(report.refs[0]).data
    assert f"{frames[0]} cannot be removed" in caplog.text
    _overwrite(frames[0])
    assert (repository.get(report.refs[0]).data == before).all()
    assert repository.check().remains == 0


def test_a_file_with_another_name_shares_no_bytes_with_the_moved_dataset(
    repository, camera, frames
):
    other = frames[0].parent.parent / "other.fits"
    os.link(frames[0], other)
    report = ingest_raws(repository, frames[:1], camera, transfer="move")
    assert not frames[0].exists()
    before = repository.get(report.refs[0]).data
    _overwrite(other)
    assert (repository.get(report.refs[0]).data == before).all()


def test_a_file_that_stays_and_cannot_be_copied_is_said_to_share_its_bytes(
    repository, camera, frames, monkeypatch, caplog
):
    ingest_raws(repository, frames[:1], camera, transfer="direct")
    stage_file = LocalStorage.stage_file

    def full(self, source, path, mode, digest=None):
        if mode == "copy":
            raise StorageError("No space left on device")
        return stage_file(self, source, path, mode, digest)

    monkeypatch.setattr(LocalStorage, "stage_file", full)
    report = ingest_raws(repository, frames, camera, transfer="move", run="other")
    assert len(report.ingested) == 2
    assert f"Do not change {frames[0]}: a dataset shares its bytes" in caplog.text
    assert not repository.check(deep=True).damaged
