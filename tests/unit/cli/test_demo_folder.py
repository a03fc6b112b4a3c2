"""The demo removes what it made and marked, and nothing else."""

from __future__ import annotations

import json
import os

import pytest

from pantler.cli.demo_folder import MARKER, DemoFolder
from pantler.cli.demo_job import DemoJob
from pantler.errors import ConflictError


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "demo"


@pytest.fixture
def made(folder):
    """A folder with what a demo makes, in little."""
    demo = DemoFolder(folder)
    demo.claim(force=False)
    for name in (
        "frames/demo_1_0.fits",
        "repo/pantler.yaml",
        "repo/registry.sqlite3",
        "repo/datasets/DemoCam/raw/1.fits",
        "coadd.png",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (folder / "repo" / "running").mkdir()
    demo.note()
    return folder


def contents(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_folders_that_only_have_the_names_of_a_demo_are_left_alone(folder):
    for name in ("frames/2024/m31.fits", "repo/.git/HEAD", "repo/thesis.tex"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("the work of years")
    before = contents(folder)
    with pytest.raises(ConflictError, match="other files"):
        DemoJob(folder, processes=1, seed=1).run(force=True)
    assert contents(folder) == before


def test_an_empty_folder_is_marked_before_anything_is_made(folder):
    folder.mkdir()
    DemoFolder(folder).claim(force=False)
    assert contents(folder) == [MARKER]
    assert json.loads((folder / MARKER).read_text())["id"]


def test_a_demo_is_removed_when_that_is_asked_for_only(made):
    before = contents(made)
    with pytest.raises(ConflictError, match="--force"):
        DemoFolder(made).claim(force=False)
    assert contents(made) == before
    old = json.loads((made / MARKER).read_text())["id"]
    DemoFolder(made).claim(force=True)
    assert contents(made) == [MARKER]
    assert json.loads((made / MARKER).read_text())["id"] != old


def test_what_the_repository_keeps_of_its_readers_is_not_an_obstacle(made):
    (made / "repo" / "registry.sqlite3").write_text("a reader has been here")
    (made / "repo" / "registry.sqlite3-wal").write_text("")
    (made / "repo" / ".leases").mkdir()
    (made / "repo" / ".leases" / "1234").write_text("{}")
    DemoFolder(made).claim(force=True)
    assert contents(made) == [MARKER]


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "frames/m31.fits",
        "repo/datasets/u/me/src.parquet",
        "repo/deep/er/empty",
    ],
)
def test_what_the_user_added_is_refused_and_named(made, name):
    path = made / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    before = contents(made)
    with pytest.raises(ConflictError, match="other files") as refused:
        DemoFolder(made).claim(force=True)
    assert f"1, such as '{name}'" in str(refused.value)
    assert contents(made) == before


def test_a_frame_that_was_changed_is_not_the_demos_any_more(made):
    path = made / "frames" / "demo_1_0.fits"
    path.write_text("frames/demo_1_1.fits"[: path.stat().st_size])
    os.utime(path, ns=(1, 1))
    with pytest.raises(ConflictError, match=r"demo_1_0\.fits"):
        DemoFolder(made).claim(force=True)
    assert path.exists()


def test_links_are_never_followed(made, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "demo_1_0.fits").write_text("frames/demo_1_0.fits")
    (made / "frames" / "demo_1_0.fits").unlink()
    (made / "frames").rmdir()
    (made / "frames").symlink_to(elsewhere)
    with pytest.raises(ConflictError, match="frames"):
        DemoFolder(made).claim(force=True)
    assert (elsewhere / "demo_1_0.fits").exists()
    link = tmp_path / "link"
    link.symlink_to(made)
    with pytest.raises(ConflictError, match="symbolic link"):
        DemoFolder(link).claim(force=True)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"id": 3}', '{"files": "all"}'])
def test_a_damaged_marker_removes_nothing(made, text):
    (made / MARKER).write_text(text)
    before = contents(made)
    with pytest.raises(ConflictError):
        DemoFolder(made).claim(force=True)
    assert contents(made) == before


def test_a_demo_that_was_stopped_can_be_replaced(folder, monkeypatch):
    def stop(self):
        (folder / "frames").mkdir()
        (folder / "frames" / "demo_1_0.fits").write_text("half a night")
        raise KeyboardInterrupt

    monkeypatch.setattr(DemoJob, "_simulate", stop)
    with pytest.raises(KeyboardInterrupt):
        DemoJob(folder, processes=1, seed=1).run(force=False)
    DemoFolder(folder).claim(force=True)
    assert contents(folder) == [MARKER]


def test_a_folder_that_is_a_file_is_refused(folder):
    folder.write_text("x")
    with pytest.raises(ConflictError, match="is a file"):
        DemoFolder(folder).claim(force=True)
