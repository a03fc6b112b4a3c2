"""Settings: what may be set, where, and which value counts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from pantler.config import sections
from pantler.config.layers import Origin, call_layer, user_file
from pantler.config.merging import merge
from pantler.config.sections import SHARED, DatastoreSettings, section_from_json
from pantler.config.settings import RepositorySettings, layers_for_user
from pantler.datastores.settings import FileDatastoreSettings
from pantler.errors import AccessError, PluginError, SettingsError

FILE = "/repo/pantler.yaml"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Return the folder of a user's settings, which is empty."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "pantler"
    folder.mkdir()
    return folder


def for_user(text="", **more):
    return RepositorySettings.for_user(text, FILE, **more)


def origins(text="", **more):
    merged = merge(layers_for_user(text, FILE, **more))
    return {value.name: value.origin for value in merged.values}


def test_an_empty_file_gives_the_packaged_values():
    settings = RepositorySettings.from_yaml("")
    assert settings == RepositorySettings()
    assert settings.registry.kind == "sqlite"
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
    for name in ("journal: delete", "durability:", "checksum: true", "kind: file"):
        assert name in text


def test_a_section_alone_goes_to_a_worker_and_comes_back():
    settings = RepositorySettings.from_yaml("datastore: {root: s}").datastore
    assert section_from_json("datastore", settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("registri: {}", "Unknown setting 'registri'.*Did you mean 'registry'"),
        ("registry: {jurnal: wal}", "'registry.jurnal'.*Did you mean 'journal'"),
        ("registry: {journal: fast}", "'registry.journal'.*'fast'.*set by"),
        ("datastore: {name: 'a b'}", "'datastore.name'"),
        ("datastore: {templates: {a: 3}}", "'datastore.templates.a'.*set by"),
        ("datastore: 3", "'datastore' is 3, not a mapping"),
        ("[1, 2]", "mapping of sections"),
        ("registry: {location: 3}", "'registry.location'"),
        ("a: [", "YAML"),
        ("!!python/object:os.system {}", "column 1: There are no values of kind"),
        ("registry: {}\nregistry: {}", "line 2, column 1: Key 'registry'"),
        (b"registry: {kind: '\xff'}", "UTF-8"),
        ("registry: {kind: [1]}", "'registry.kind'"),
        ("7: {}", "Unknown setting '7'"),
        ("registry: {7: 1}", "Unknown setting 'registry.7'"),
    ],
)
def test_wrong_settings_are_refused_with_the_name_of_the_key(text, words):
    with pytest.raises(SettingsError, match=words):
        RepositorySettings.from_yaml(text)


def test_an_unknown_plugin_is_refused_with_the_closest():
    with pytest.raises(
        PluginError, match=r"No registry 'sqlit'.*Did you mean 'sqlite'"
    ):
        RepositorySettings.from_yaml("registry: {kind: sqlit}")


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        RepositorySettings().registry.journal = "wal"


def test_the_stronger_layer_wins_and_every_value_keeps_its_origin(home, monkeypatch):
    name = "datastore.durability"
    packaged = for_user().datastore.durability
    other = {"power": "process", "process": "power"}[packaged]
    assert origins()[name] == Origin("packaged")

    text = f"datastore: {{durability: {other}, root: s}}"
    assert for_user(text).datastore.durability == other
    assert origins(text)[name] == Origin("repository", FILE)

    (home / "settings.yaml").write_text(f"datastore: {{durability: {packaged}}}")
    assert for_user(text).datastore.durability == packaged
    assert origins(text)[name] == Origin("user", str(home / "settings.yaml"))

    variable = "PANTLER_DATASTORE__DURABILITY"
    monkeypatch.setenv(variable, other)
    assert for_user(text).datastore.durability == other
    assert origins(text)[name] == Origin("environment", variable)

    call = {name: packaged}
    assert for_user(text, call=call).datastore.durability == packaged
    assert origins(text, call=call)[name] == Origin("call")
    nested = {"datastore": {"durability": packaged}}
    assert call_layer(call) == call_layer(nested)

    # What nobody but the repository said keeps its own origin.
    assert origins(text, call=call)["datastore.root"] == Origin("repository", FILE)
    assert origins(text, call=call)["registry.kind"] == Origin("packaged")


def test_the_repository_alone_is_read_without_user_and_environment(home, monkeypatch):
    (home / "settings.yaml").write_text("datastore: {durability: process}")
    monkeypatch.setenv("PANTLER_DATASTORE__DURABILITY", "process")
    text = "datastore: {durability: power}"
    assert RepositorySettings.from_yaml(text).datastore.durability == "power"


@pytest.mark.parametrize(
    "name",
    [
        "registry.location",
        "registry.journal",
        "registry.durability",
        "datastore.root",
        "datastore.name",
        "datastore.templates",
    ],
)
def test_what_all_users_share_is_the_repositorys_alone_to_set(home, monkeypatch, name):
    section, key = name.split(".")
    words = f"'{name}' is the same for all"
    with pytest.raises(SettingsError, match=words):
        for_user(call={name: "x"})
    (home / "settings.yaml").write_text(f"{section}: {{{key}: x}}")
    with pytest.raises(SettingsError, match=f"{words}.*settings.yaml"):
        for_user()
    (home / "settings.yaml").unlink()
    monkeypatch.setenv(f"PANTLER_{section}__{key}".upper(), "x")
    with pytest.raises(SettingsError, match=f"{words}.*PANTLER_"):
        for_user()


def test_a_users_section_with_a_kind_is_for_repositories_of_that_kind(home):
    file = home / "settings.yaml"
    file.write_text("registry: {kind: postgresql, patience: 3}")
    assert for_user().registry.kind == "sqlite"
    file.write_text("datastore: {kind: file, durability: process}")
    assert for_user().datastore.durability == "process"
    assert origins()["datastore.kind"] == Origin("packaged")


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("PANTLER_DATASTORE__DURABILTY", "power", "Did you mean 'durability'"),
        ("PANTLER_DATASTOR__DURABILITY", "power", "Did you mean 'datastore'"),
        ("PANTLER_DATASTORE__DURABILITY", "much", "set by environment"),
        ("PANTLER_DATASTORE__DURABILITY", "[", "PANTLER_DATASTORE__DURABILITY"),
        ("PANTLER_DATASTORE__", "", "datastore"),
        (
            "PANTLER_DATASTORE_DURABILITY",
            "process",
            r"Did you mean PANTLER_DATASTORE__DURABILITY\?",
        ),
        (
            "PANTLER_DURABILITY",
            "process",
            r"Did you mean PANTLER_DATASTORE__DURABILITY\?",
        ),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch, variable, value, words):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=words):
        for_user()


def test_variables_without_a_section_are_of_other_programs(monkeypatch):
    monkeypatch.setenv("PANTLER_HOME", "/")
    assert for_user() == RepositorySettings()


def test_a_user_file_that_cannot_be_read_is_named(home):
    (home / "settings.yaml").mkdir()
    with pytest.raises(AccessError, match=r"settings\.yaml"):
        for_user()


def test_a_user_without_a_home_has_no_settings(monkeypatch):
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr("pathlib.Path.expanduser", _homeless)
    assert user_file() is None
    assert for_user() == RepositorySettings()


def _homeless(path):
    raise RuntimeError("Could not determine home directory.")


def test_a_mapping_with_a_dotted_name_and_a_section_must_not_contradict():
    with pytest.raises(SettingsError, match="given twice"):
        call_layer({"datastore": 3, "datastore.durability": "power"})


class Cache(BaseModel):
    """Settings within settings."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    size_mb: int = 100
    """How much it holds."""

    patterns: list[str] = []
    """What it keeps."""


class RemoteSettings(DatastoreSettings):
    """Settings of some plugin."""

    kind: Annotated[str, SHARED] = "remote"
    """Its name."""

    name: Annotated[str, SHARED] = "remote"
    """A name of its own."""

    cache: Cache = Cache()
    """What is kept at hand."""


@pytest.fixture
def plugin(monkeypatch):
    """Return a function that installs a datastore 'remote' with some model."""

    def install(**members):
        sections.section_model.cache_clear()
        real = sections.load_plugin
        made = SimpleNamespace(**members)
        monkeypatch.setattr(
            sections,
            "load_plugin",
            lambda group, name: made if name == "remote" else real(group, name),
        )

    yield install
    sections.section_model.cache_clear()


REMOTE = "datastore: {kind: remote, cache: {size_mb: 5}}"


def test_the_settings_of_a_plugin_are_its_own_also_within_settings(plugin, monkeypatch):
    plugin(settings_model=RemoteSettings)
    monkeypatch.setenv("PANTLER_DATASTORE__CACHE__PATTERNS", "[raw, '*.fits']")
    settings = for_user(REMOTE)
    assert settings.datastore.cache == Cache(size_mb=5, patterns=["raw", "*.fits"])
    assert RepositorySettings.from_yaml(settings.to_yaml()) == settings
    found = origins(REMOTE)
    assert found["datastore.cache.size_mb"] == Origin("repository", FILE)
    assert found["datastore.cache.patterns"].level == "environment"
    monkeypatch.setenv("PANTLER_DATASTORE__CACHE__SIZE_MB", "250")
    assert for_user(REMOTE).datastore.cache.size_mb == 250
    with pytest.raises(SettingsError, match=r"'datastore\.cache\.size'.*'size_mb'"):
        for_user(REMOTE, call={"datastore.cache.size": 3})
    with pytest.raises(SettingsError, match=r"'datastore\.root'"):
        for_user("datastore: {kind: remote, root: x}")


def test_a_plugin_without_a_model_of_its_section_is_refused(plugin):
    plugin()
    with pytest.raises(PluginError, match=r"'remote'.*'settings_model'.*Datastore"):
        for_user(REMOTE)
    plugin(settings_model=Cache)
    with pytest.raises(PluginError, match="inherits DatastoreSettings"):
        for_user(REMOTE)


def test_a_plugin_whose_settings_are_not_described_is_refused(plugin):
    class Silent(RemoteSettings):
        secret: int = 3

    plugin(settings_model=Silent)
    with pytest.raises(PluginError, match=r"Silent\.secret has no description"):
        for_user(REMOTE)


def test_a_plugin_that_takes_any_key_is_refused(plugin):
    class Loose(RemoteSettings):
        model_config = ConfigDict(extra="allow")

    plugin(settings_model=Loose)
    with pytest.raises(PluginError, match="must forbid extra keys"):
        for_user(REMOTE)


def test_every_setting_of_ours_is_described():
    for value in merge([]).values:
        assert value.description


@pytest.mark.parametrize(
    "text",
    [
        r'datastore: {root: "é\0"}',
        r'registry: {location: "a\0b"}',
        r'datastore: {templates: {default: "a\0"}}',
        r'datastore: {templates: {"a\0": "{run}"}}',
        r'datastore: {take_apart: ["a\0"]}',
    ],
)
def test_text_that_no_path_can_hold_is_refused(text):
    with pytest.raises(SettingsError, match="NUL"):
        for_user(text)


def test_text_that_no_path_can_hold_is_refused_in_code_too():
    with pytest.raises(ValidationError, match="NUL"):
        FileDatastoreSettings(root="a\0")
