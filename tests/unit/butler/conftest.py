"""The small survey in a repository."""

from __future__ import annotations

import shutil

import pytest

from pantler.butler.interface import Butler


@pytest.fixture
def root(survey_repository, tmp_path):
    return shutil.copytree(survey_repository, tmp_path / "repo")


@pytest.fixture
def butler(root):
    """Open for writing to the run ``mine``, searching it and the raws."""
    with Butler.open(
        root, collections=["mine", "Cam/raw"], run="mine", writeable=True
    ) as opened:
        opened.collections.register("mine", "run")
        yield opened
