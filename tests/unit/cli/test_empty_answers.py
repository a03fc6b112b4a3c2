"""Commands that find nothing say what left nothing."""

from __future__ import annotations

import sys

import pytest

from pantler.butler.repository import Repository
from pantler.cli.main import main
from pantler.ingest.registration import register_instrument
from pantler.instruments.instrument import get_instrument


@pytest.fixture
def run(capfd, monkeypatch):
    """Return a function that runs a command and returns what it says as an error."""

    def run_command(*words):
        monkeypatch.setattr(sys, "argv", ["pantler", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        said = capfd.readouterr()
        return said.out + said.err

    return run_command


def test_datasets(run, survey_repository):
    said = run("query-datasets", survey_repository, "raw", "-d", "exposure = 999999")
    assert "No datasets match." in said
    assert "No row satisfies `exposure = 999999`." in said


def test_dimension_records(run, survey_repository):
    said = run(
        "query-dimension-records", survey_repository, "visit", "-d", "visit = 999999"
    )
    assert "No row satisfies `visit = 999999`." in said


def test_limit_of_nothing(run, survey_repository):
    said = run("query-data-ids", survey_repository, "visit", "--limit", "0")
    assert "There are rows, but the limit is 0." in said


def test_collections(run, survey_repository):
    said = run("query-collections", survey_repository, "Cm/raw")
    assert "No collection matches 'Cm/raw'. Did you mean 'Cam/raw'?" in said
    said = run(
        "query-collections", survey_repository, "Cam/raw", "--collection-type", "TAGGED"
    )
    assert "No collection that matches 'Cam/raw' is of that type." in said


def test_a_repository_without_collections(run, tmp_path):
    Repository.create(tmp_path / "repo").close()
    said = run("query-collections", tmp_path / "repo")
    assert "The repository has no collections." in said


def test_a_folder_without_frames(run, tmp_path):
    with Repository.create(tmp_path / "repo") as repository:
        register_instrument(repository, get_instrument("demo"))
    (tmp_path / "night").mkdir()
    (tmp_path / "night" / "log.txt").write_text("Clear.")
    said = run("ingest-raws", tmp_path / "repo", tmp_path / "night")
    assert f"There are no FITS files in '{tmp_path}/night'" in said
