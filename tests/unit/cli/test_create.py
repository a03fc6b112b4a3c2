"""``pantler create``."""

from __future__ import annotations

import re
import sys

import pytest

from pantler import Butler
from pantler.cli.main import main

UNIVERSE = """\
namespace: fibres
version: 3
skypix: {common: htm7, systems: {htm: {max_level: 7}}}
elements:
  plate: {doc: A plate., keys: [{name: id, type: int}]}
  fibre: {doc: A fibre., requires: [plate], keys: [{name: id, type: int}]}
"""


@pytest.fixture
def pantler(tmp_path, monkeypatch, capfd):
    """A function that runs a command in an empty folder, as a user would."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["pantler", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capfd.readouterr().err

    return run


def test_a_repository_has_the_universe_of_a_file(pantler, tmp_path):
    (tmp_path / "fibres.yaml").write_text(UNIVERSE)
    assert pantler("create", "repo", "--universe", "fibres.yaml") == (0, "")
    with Butler.open("repo") as butler:
        assert butler.universe.namespace == "fibres"
        assert butler.universe.group(["fibre"]).required == ("plate", "fibre")
        assert "exposure" not in butler.universe


def test_every_problem_of_a_universe_is_told_and_nothing_is_made(pantler, tmp_path):
    text = UNIVERSE.replace("plate]", "plat]").replace("version", "verzion")
    (tmp_path / "bad.yaml").write_text(text)
    code, told = pantler("create", "repo", "--universe", "bad.yaml")
    assert code == 2
    assert "'bad.yaml' has 3 problems" in told
    assert re.search(r"line 2: 'verzion' .* Did you mean 'version'\?", told)
    assert re.search(r"line 6: 'fibre' requires 'plat', .* Did you mean 'plate'", told)
    assert "Traceback" not in told
    assert not (tmp_path / "repo").exists()


def test_a_repository_in_a_database(pantler, postgresql, capfd):
    with postgresql.database() as name:
        place = postgresql.uri(name, schema="dr1")
        assert pantler("create", "repo", "--registry", place) == (0, "")
        with Butler.open("repo") as butler:
            assert list(butler.collections.query()) == []
        assert postgresql.run("SELECT count(*) FROM dr1.collection", name) == [(0,)]
        code, told = pantler("create", "again", "--registry", place)
        assert code == 4
        assert "has a registry already" in told


def test_a_path_for_the_registry(pantler, tmp_path):
    assert pantler("create", "repo", "--registry", str(tmp_path / "r.db")) == (0, "")
    assert (tmp_path / "r.db").exists()
    with Butler.open("repo") as butler:
        assert list(butler.collections.query()) == []


def test_a_password_in_a_uri_is_refused_and_not_shown(pantler, tmp_path):
    place = "postgresql://me:hunter2@localhost/survey"
    code, told = pantler("create", "repo", "--registry", place)
    assert code == 2
    assert "PGPASSFILE" in told
    assert "hunter2" not in told
    assert not (tmp_path / "repo").exists()
    (tmp_path / "repo").mkdir()
    text = f"registry: {{kind: postgresql, location: '{place}'}}\n"
    (tmp_path / "repo" / "pantler.yaml").write_text(text)
    code, told = pantler("config", "show", "repo")
    assert code == 2
    assert "PGPASSFILE" in told
    assert "hunter2" not in told


def test_an_unknown_database_system_is_named(pantler):
    code, told = pantler("create", "repo", "--registry", "postgres://host/survey")
    assert code == 8
    assert "Did you mean 'postgresql'?" in told
