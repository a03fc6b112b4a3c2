"""What is wrong with a place is said in our words."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.butler.settings_file import make_new_folder
from pantler.config.settings import RepositorySettings
from pantler.errors import (
    AccessError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    SettingsError,
    StorageError,
)

KILLED = """
import os, sys
from pathlib import Path
from pantler.butler.repository import Repository
from pantler.registry.sql import sqlite
def die(*_, **__):
    os._exit(9)
if sys.argv[2] == "at the end":
    Path.replace = die
elif sys.argv[2] == "after the registry":
    Repository._join = die
elif sys.argv[2] == "before the registry":
    sqlite.SqliteRegistry.create = die
else:
    sqlite.create_schema = die
Repository.create(sys.argv[1])
"""


def _failing(number: int):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    return fail


def test_a_name_with_a_colon_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Butler.create("night:1/repo").close()
    assert Path("night:1", "repo", "pantler.yaml").exists()
    with Butler.open("night:1/repo", run="u", writeable=True) as butler:
        assert butler.collections.query() == []
    with Repository.open(Path("night:1") / "repo") as repository:
        assert not repository.check().remains


def test_a_file_is_not_a_place_for_a_repository(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConflictError, match="a file"):
        Butler.create(file)
    with pytest.raises(StorageError, match="Not a directory"):
        Butler.create(file / "repo")
    with pytest.raises(NotFoundError):
        Butler.open(file)
    with pytest.raises(NotFoundError):
        Butler.open(file / "repo")


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, StorageError), (errno.EACCES, AccessError)]
)
@pytest.mark.parametrize("where", ["mkdir", "iterdir", "replace"])
def test_what_the_system_refuses_at_creation_is_said(
    tmp_path, monkeypatch, number, kind, where
):
    root = tmp_path / "repo"
    if where == "iterdir":
        root.mkdir()
    monkeypatch.setattr(Path, where, _failing(number))
    with pytest.raises(kind, match=os.strerror(number)):
        Butler.create(root)
    monkeypatch.undo()
    assert not (root / "pantler.yaml").exists()


def test_what_the_system_refuses_at_opening_is_said(root, monkeypatch):
    monkeypatch.setattr(Path, "read_bytes", _failing(errno.EACCES))
    with pytest.raises(AccessError, match="Permission denied"):
        Butler.open(root)
    monkeypatch.setattr(Path, "read_bytes", _failing(errno.EIO))
    with pytest.raises(StorageError, match="Input/output error"):
        Butler.open(root)
    monkeypatch.setattr(Path, "read_bytes", _failing(errno.ENOENT))
    monkeypatch.setattr(Path, "iterdir", _failing(errno.EACCES))
    with pytest.raises(NotFoundError, match="No repository"):
        Butler.open(root)


def test_a_folder_around_a_repository_names_it_and_advises_no_removal(tmp_path):
    (tmp_path / "demo" / "frames").mkdir(parents=True)
    Butler.create(tmp_path / "demo" / "repo").close()
    with pytest.raises(NotFoundError) as caught:
        Butler.open(tmp_path / "demo")
    assert f"There is one in '{tmp_path}/demo/repo'" in str(caught.value)
    assert "remove" not in str(caught.value)
    with pytest.raises(NotFoundError) as caught:
        Butler.open(tmp_path / "demo" / "repo" / "datasets")
    assert f"There is one in '{tmp_path}/demo/repo'" in str(caught.value)


def test_a_folder_of_other_things_is_not_called_half_made(tmp_path):
    (tmp_path / "thesis.tex").write_text("All of it.")
    with pytest.raises(NotFoundError, match="other things: is the path right") as told:
        Butler.open(tmp_path)
    assert "remove" not in str(told.value)


def test_a_repository_without_its_settings_may_hold_data_and_is_kept(tmp_path):
    Butler.create(tmp_path / "repo").close()
    (tmp_path / "repo" / "pantler.yaml").unlink()
    with pytest.raises(NotFoundError, match="put the file back") as told:
        Butler.open(tmp_path / "repo")
    assert "remove" not in str(told.value)


@pytest.mark.parametrize("open_it", [Butler.create, Butler.open])
def test_an_empty_path_is_not_the_current_folder(tmp_path, monkeypatch, open_it):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInputError, match="empty"):
        open_it("")
    assert not list(tmp_path.iterdir())


@pytest.fixture(
    params=[
        "before the registry",
        "in the registry",
        "after the registry",
        "at the end",
    ]
)
def half_made(request, tmp_path):
    """The folder of a creation that was killed."""
    root = tmp_path / "half"
    subprocess.run(
        [sys.executable, "-c", KILLED, str(root), request.param], check=False
    )
    return root


def test_what_a_killed_creation_left_is_known_for_that(half_made):
    with pytest.raises(ConflictError, match=r"earlier attempt.*remove the folder"):
        Butler.create(half_made)
    shutil.rmtree(half_made)
    Butler.create(half_made).close()


@pytest.mark.parametrize("foreign", ["notes.txt", "datasets/frame.fits", "other/x"])
def test_a_folder_that_holds_anything_else_is_not_called_half_made(half_made, foreign):
    place = half_made / foreign
    place.parent.mkdir(exist_ok=True)
    place.touch()
    with pytest.raises(ConflictError, match=r"not empty\. Choose a new folder"):
        Butler.create(half_made)


def test_a_repository_that_has_lost_its_settings_is_not_called_half_made(root):
    (root / "pantler.yaml").unlink()
    shutil.rmtree(root / "datasets")
    with pytest.raises(ConflictError, match=r"not empty\. Choose a new folder"):
        Butler.create(root)


def test_a_creation_that_fails_can_be_done_again_with_better_settings(tmp_path):
    wrong = RepositorySettings.from_yaml("registry: {location: 'x://y'}")
    with pytest.raises(SettingsError, match="x://y"):
        Butler.create(tmp_path / "r", settings=wrong)
    assert not (tmp_path / "r").exists()
    Butler.create(tmp_path / "r").close()


def test_of_two_creations_at_once_one_is_refused_and_harms_nothing(
    tmp_path, monkeypatch
):
    def faster(root):
        make_new_folder(root)
        monkeypatch.undo()
        Butler.create(root).close()

    monkeypatch.setattr("pantler.butler.repository.make_new_folder", faster)
    with pytest.raises(ConflictError, match="Another process has just created"):
        Butler.create(tmp_path / "r")
    Butler.open(tmp_path / "r").close()
