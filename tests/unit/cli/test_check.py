"""``pantler check`` says what a file is, and what --repair would do with it."""

from __future__ import annotations

import shutil

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


def test_one_dataset_that_is_lost_is_one(repo):
    for path in list((repo / "datasets").rglob("*.json"))[:1]:
        path.unlink()
    said = CliRunner().invoke(cli, ["check", str(repo)])
    assert said.exit_code == 6
    assert "1 dataset cannot be read." in said.stdout
