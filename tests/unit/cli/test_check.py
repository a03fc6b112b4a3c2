"""``pantler check`` says what a file is, and what --repair would do with it."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from pantler.cli.main import cli


@pytest.fixture
def repo(survey_repository, tmp_path):
    return shutil.copytree(survey_repository, tmp_path / "repo")


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["stray.txt"], "1 file is not recorded or unfinished: --repair removes it"),
        (["a", "b"], "2 files are not recorded or unfinished: --repair removes them"),
    ],
)
def test_a_file_of_somebody_is_called_not_recorded(repo, names, sentence):
    for name in names:
        (repo / "datasets" / name).write_text("mine")
    said = CliRunner().invoke(cli, ["check", str(repo)])
    assert f"{sentence}, whoever put" in said.stdout
    assert "of no use" not in said.stdout
    said = CliRunner().invoke(cli, ["check", str(repo), "--repair"])
    count = "1 file was" if len(names) == 1 else f"{len(names)} files were"
    assert f"{count} removed." in said.stdout


KILLED = """
import os, signal, sys
from pantler.storage.local import LocalStorage
local = LocalStorage(sys.argv[1])
if sys.argv[2] == "idle":
    local.discard([local.stage("run/a.fits", b"half")])
else:
    local.stage("run/a.fits", b"half")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("folder", ["datasets", "."])
def test_who_was_killed_at_no_file_has_left_nothing_to_repair(repo, folder):
    """A lease of the dead is no fault; a repair takes it away all the same."""
    place = repo / folder
    subprocess.run([sys.executable, "-c", KILLED, str(place), "idle"], check=False)
    (lease,) = (place / ".leases").iterdir()
    said = CliRunner().invoke(cli, ["check", str(repo)])
    assert said.stdout == "Every dataset has its file, and every file its dataset.\n"
    said = CliRunner().invoke(cli, ["check", str(repo), "--repair"])
    assert said.stdout == "Every dataset has its file, and every file its dataset.\n"
    assert not lease.exists()


def test_who_was_killed_at_a_file_has_left_just_that(repo):
    place = repo / "datasets"
    subprocess.run([sys.executable, "-c", KILLED, str(place), "busy"], check=False)
    said = CliRunner().invoke(cli, ["check", str(repo)])
    assert "1 file is not recorded or unfinished" in said.stdout
    assert ".leases" not in said.stdout
    said = CliRunner().invoke(cli, ["check", str(repo), "--repair"])
    assert "1 file was removed." in said.stdout
    assert not list((place / ".leases").iterdir())


def test_one_dataset_that_is_lost_is_one(repo):
    for path in list((repo / "datasets").rglob("*.json"))[:1]:
        path.unlink()
    said = CliRunner().invoke(cli, ["check", str(repo)])
    assert said.exit_code == 6
    assert "1 dataset cannot be read." in said.stdout
