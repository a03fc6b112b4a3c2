"""Who opens a repository may set what concerns only them."""

from __future__ import annotations

import pytest

from pantler import Butler
from pantler.butler.repository import Repository
from pantler.errors import SettingsError


@pytest.fixture
def root(tmp_path):
    Butler.create(tmp_path / "repo").close()
    return tmp_path / "repo"


def test_a_call_overrides_the_environment_which_overrides_the_file(root, monkeypatch):
    monkeypatch.setenv("PANTLER_DATASTORE__DURABILITY", "process")
    with Repository.open(root) as repository:
        assert repository.settings.datastore.durability == "process"
    with Repository.open(
        root, settings={"datastore.durability": "power"}
    ) as repository:
        assert repository.settings.datastore.durability == "power"
    assert "process" not in (root / "pantler.yaml").read_text()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"datastore.rot": "x"}, "Did you mean 'root'"),
        ({"datastore": {"root": "x"}}, "the same for all"),
        ({"datastore.durability": "much"}, "'much'.*set by call"),
    ],
)
def test_a_wrong_setting_of_a_call_is_refused(root, settings, words):
    with pytest.raises(SettingsError, match=words):
        Butler.open(root, settings=settings)
