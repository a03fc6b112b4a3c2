"""The small survey in a repository."""

from __future__ import annotations

import shutil

import pytest

from pantler.butler.interface import Butler
from pantler.butler.repository import Repository


@pytest.fixture
def root(survey_repository, tmp_path):
    return shutil.copytree(survey_repository, tmp_path / "repo")


@pytest.fixture
def repository(root):
    with Repository.open(root, writeable=True) as opened:
        yield opened


@pytest.fixture
def butler(repository):
    """Writes to the run ``mine``, and searches it and the raws."""
    made = Butler.of(repository, collections=["mine", "Cam/raw"], run="mine")
    made.collections.register("mine", "run")
    return made
