"""Settings: what a repository's file may say."""

from __future__ import annotations

import pytest

from pantler.config.settings import RepositorySettings
from pantler.errors import SettingsError


def test_an_empty_file_gives_the_defaults():
    settings = RepositorySettings.from_yaml("")
    assert settings == RepositorySettings()
    assert settings.registry.journal == "delete"
    assert settings.datastore.checksum


def test_settings_come_back_from_their_own_yaml():
    text = (
        "registry: {journal: wal, durability: power}\n"
        "datastore: {root: s, templates: {calexp: '{run}/{visit}'}}\n"
    )
    settings = RepositorySettings.from_yaml(text)
    assert settings.datastore.templates == {"calexp": "{run}/{visit}"}
    assert RepositorySettings.from_yaml(settings.to_yaml()) == settings


def test_all_values_are_written_so_that_later_defaults_do_not_change_them():
    text = RepositorySettings().to_yaml()
    for name in ("journal: delete", "durability: process", "checksum: true"):
        assert name in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("registri: {}", "Unknown setting 'registri'.*Did you mean 'registry'"),
        ("registry: {jurnal: wal}", "'registry.jurnal'.*Did you mean 'journal'"),
        ("registry: {journal: fast}", "'registry.journal'.*'fast'"),
        ("datastore: {name: 'a b'}", "'datastore.name'"),
        ("datastore: 3", "'datastore'"),
        ("[1, 2]", "mapping of sections"),
        ("a: [", "not valid YAML"),
        ("!!python/object:os.system {}", "column 1: There are no values of kind"),
        (b"registry: \xff", "line 1, column 11: The text is not UTF-8"),
        ("registry: {}\nregistry: {}", "line 2, column 1: Key 'registry'"),
    ],
)
def test_wrong_settings_are_refused_with_the_name_of_the_key(text, words):
    with pytest.raises(SettingsError, match=words):
        RepositorySettings.from_yaml(text)


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        RepositorySettings().registry.journal = "wal"
