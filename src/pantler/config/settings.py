"""Settings of a repository: its ``pantler.yaml``, and what overrides it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, InstanceOf, SerializeAsAny

from pantler.config.layers import Layer, Origin, call_layer, personal_layers, yaml_layer
from pantler.config.merging import merge
from pantler.config.sections import (
    SECTIONS,
    DatastoreSettings,
    RegistrySettings,
    section_model,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS_FILE: Final = "pantler.yaml"
"""Name of the settings file in the root of a repository."""


def _packaged(section: str) -> Any:
    return section_model(section, SECTIONS[section].default_kind).model_validate({})


class RepositorySettings(BaseModel):
    """All settings of one repository.

    The models of the sections are those of the plugins that the repository uses.

    Examples
    --------
    >>> settings = RepositorySettings.from_yaml("datastore: {root: files}")
    >>> settings.registry.kind, settings.datastore.root
    ('sqlite', 'files')
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    registry: SerializeAsAny[InstanceOf[RegistrySettings]] = Field(
        default_factory=lambda: _packaged("registry")
    )
    """Where it records what exists."""

    datastore: SerializeAsAny[InstanceOf[DatastoreSettings]] = Field(
        default_factory=lambda: _packaged("datastore")
    )
    """Where it keeps its datasets."""

    @classmethod
    def from_yaml(cls, text: str | bytes, what: str = "The settings") -> Self:
        """Return what YAML text says, and the packaged defaults for the rest.

        Parameters
        ----------
        text
            Sections with their settings.
        what
            What to call the text in messages, such as the path of its file.

        Raises
        ------
        SettingsError
            If the text is not YAML, a key is unknown (with a close match) or a
            value is not allowed.
        PluginError
            If a plugin that is named cannot be used.
        """
        return cls(**merge([repository_layer(text, what)]).sections)

    @classmethod
    def for_user(
        cls,
        text: str | bytes,
        what: str,
        *,
        call: Mapping[str, Any] | None = None,
    ) -> Self:
        """Return the settings with which this user opens a repository.

        Parameters
        ----------
        text
            The settings file of the repository.
        what
            Its path.
        call
            Settings of the call, as nested mappings or with dotted names.

        Raises
        ------
        SettingsError
            As for `from_yaml`, for each layer; also if a user's file, the environment
            or the call sets what all users of the repository share.
        """
        return cls(**merge(layers_for_user(text, what, call=call)).sections)

    def with_registry(self, location: str) -> Self:
        """Return the same settings, but for another place of the registry.

        Parameters
        ----------
        location
            A URI, whose scheme is the name of the plugin (``postgresql://…``), or
            what the packaged plugin takes (a path).

        Raises
        ------
        SettingsError
            If the plugin does not allow that location.
        PluginError
            If there is no plugin of that name.

        Examples
        --------
        >>> settings = RepositorySettings().with_registry("night.sqlite3")
        >>> settings.registry.kind, settings.registry.location
        ('sqlite', 'night.sqlite3')
        """
        scheme, is_uri, _ = location.partition("://")
        kind = scheme if is_uri else SECTIONS["registry"].default_kind
        values = self.model_dump(mode="json")
        if kind != self.registry.kind:
            values["registry"] = {"kind": kind}
        values["registry"]["location"] = location
        return self.from_yaml(yaml.safe_dump(values))

    def with_datastore_root(self, root: str) -> Self:
        """Return the same settings, but for another root of the datastore.

        Parameters
        ----------
        root
            A URI, such as ``s3://bucket/folder``, or a path.

        Raises
        ------
        SettingsError
            If the datastore has no root, or does not allow that one.
        """
        values = self.model_dump(mode="json")
        values["datastore"]["root"] = root
        return self.from_yaml(yaml.safe_dump(values))

    def to_yaml(self) -> str:
        """Return YAML text from which `from_yaml` makes equal settings.

        Every value is written, defaults too, so that a repository keeps its settings
        when the defaults of a later version differ.
        """
        text: str = yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)
        return text


def repository_layer(text: str | bytes, what: str) -> Layer:
    """Return what the settings file of a repository says."""
    return yaml_layer(text, Origin("repository", what), what=what)


def layers_for_user(
    text: str | bytes, what: str, *, call: Mapping[str, Any] | None = None
) -> list[Layer]:
    """Return all layers with which this user opens a repository, the weakest first."""
    layers = [repository_layer(text, what), *personal_layers()]
    return [*layers, call_layer(call)] if call else layers
