"""A frame that is moved in goes, unless another dataset is read from it."""

from __future__ import annotations

import os
import shutil

import pytest

from pantler.butler.repository import Repository
from pantler.config.settings import RepositorySettings
from pantler.datastores.staged import StagedFiles
from pantler.ingest.raws import ingest_raws
from pantler.ingest.registration import register_instrument


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
