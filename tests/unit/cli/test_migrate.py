"""``pantler migrate``: it shows what it would do, asks, copies, and does it."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.cli.main import main
from pantler.errors import AccessError

OLD = Path(__file__).parents[1] / "registry" / "schema_2.sql"


@pytest.fixture
def repo(tmp_path):
    """A repository whose registry has version 2."""
    folder = tmp_path / "repo"
    with Repository.create(folder) as repository:
        number = repository.registry.id
    file = folder / "registry.sqlite3"
    file.unlink()
    with closing(sqlite3.connect(file)) as raw:
        raw.executescript(OLD.read_text("utf-8"))
        raw.execute("UPDATE attribute SET value = ? WHERE name = 'id'", (number,))
        raw.commit()
    return folder


@pytest.fixture
def migrate(repo, capfd, monkeypatch):
    """A function that runs the command; returns its code, and what it said."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["pantler", "migrate", str(repo), *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


def test_a_dry_run_shows_the_plan_and_changes_nothing(repo, migrate):
    before = (repo / "registry.sqlite3").read_bytes()
    code, out, _ = migrate("--dry-run", "--sql")
    assert code == 0
    assert "From version 2 to 3" in out
    assert "INSERT INTO dataset_uuid" in out
    assert "nothing was changed" in out
    assert (repo / "registry.sqlite3").read_bytes() == before
    assert len(list(repo.glob("registry*"))) == 1


def test_a_dry_run_is_for_all_who_may_read(repo, migrate, monkeypatch):
    def refuse(path, mode, **_):
        return not mode & os.W_OK

    monkeypatch.setattr(os, "access", refuse)  # root may write whatever the mode says
    code, out, err = migrate("--dry-run")
    assert code == 0, err
    assert "From version 2 to 3" in out
    code, _, err = migrate("--yes")
    assert code == AccessError.exit_code
    assert "cannot be written by this user" in err


def test_without_anybody_to_ask_nothing_is_done(repo, migrate):
    code, _, err = migrate()
    assert code == 2
    assert "--yes" in err
    assert len(list(repo.glob("registry*"))) == 1


def test_it_copies_the_registry_and_migrates_it(repo, migrate):
    code, out, err = migrate("--yes")
    assert code == 0, err
    copy = repo / "registry.sqlite3.version-2"
    assert str(copy) in out
    assert copy.is_file()
    assert "Version 3: done" in out
    (line,) = err.splitlines()  # in a log file, not one for each statement
    title, _, numbers = line.rpartition(": ")
    assert title.strip().startswith("a table of UUIDs")
    assert len(set(numbers.split(" of "))) == 1
    with Butler.open(repo) as butler:
        assert butler.query_datasets("raw", collections="best").count() == 3
    assert migrate("--yes")[:2] == (0, "Version 3: up to date.\n")
