"""Settings of a repository: what ``pantler.yaml`` in its root says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pantler.config.yaml_text import load_yaml
from pantler.errors import SettingsError, close_match

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS_FILE: Final = "pantler.yaml"
"""Name of the settings file in the root of a repository."""


class _Settings(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True
    )


class RegistrySettings(_Settings):
    """Where a repository records what exists."""

    kind: str = "sqlite"
    """Name of the registry plugin."""

    location: str = "registry.sqlite3"
    """For SQLite, a path relative to the repository's root."""

    journal: Literal["delete", "wal"] = "delete"
    """Journal of an SQLite database: ``wal`` lets readers and a writer work at once,
    but fails on network file systems and shuts out readers who may not write."""

    durability: Literal["process", "power"] = "process"
    """What a finished write survives: the death of the process, or a power cut."""


class DatastoreSettings(_Settings):
    """Where a repository keeps its datasets."""

    kind: str = "file"
    """Name of the datastore plugin."""

    name: str = Field("file", pattern=r"^[a-z][a-z0-9_]*$")
    """A name of its own within the repository."""

    root: str = Field("datasets", min_length=1)
    """A path relative to the repository's root, an absolute path, or a URI."""

    checksum: bool = True
    """Whether to compute a checksum of each artifact that is written."""

    durability: Literal["process", "power"] = "process"
    """What a finished write survives: the death of the process, or a power cut."""

    templates: dict[str, str] = Field(default_factory=dict)
    """Path templates by dataset type or storage class; ``default`` for the rest."""

    formatters: dict[str, str] = Field(default_factory=dict)
    """Formatter names by dataset type or storage class."""


class RepositorySettings(_Settings):
    """All settings of one repository.

    Examples
    --------
    >>> settings = RepositorySettings.from_yaml("registry: {journal: wal}")
    >>> settings.registry.journal, settings.datastore.root
    ('wal', 'datasets')
    """

    registry: RegistrySettings = RegistrySettings()
    """Where it records what exists."""

    datastore: DatastoreSettings = DatastoreSettings()
    """Where it keeps its datasets."""

    @classmethod
    def from_yaml(cls, text: str | bytes) -> Self:
        """Read settings from YAML text; what it leaves out has its default.

        Raises
        ------
        SettingsError
            If the text is not YAML, a key is unknown (with a close match) or a
            value is not allowed.
        """
        data = load_yaml(text, "The settings", error=SettingsError)
        if data is None:
            return cls()
        if not isinstance(data, dict):
            raise SettingsError(
                f"The settings must be a mapping of sections, not {data!r}."
            )
        _check_keys(cls, data, "")
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            problems = "; ".join(
                f"'{'.'.join(map(str, item['loc']))}': {item['msg']}, "
                f"not {item['input']!r}"
                for item in error.errors()
            )
            raise SettingsError(f"The settings are not valid: {problems}.") from None

    def to_yaml(self) -> str:
        """Return YAML text from which `from_yaml` makes equal settings.

        Every value is written, defaults too, so that a repository keeps its settings
        when the defaults of a later version differ.
        """
        text: str = yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)
        return text


def _check_keys(
    model: type[BaseModel], data: Mapping[object, Any], prefix: str
) -> None:
    """Refuse unknown keys with a hint, which pydantic alone does not give."""
    for key, value in data.items():
        field = model.model_fields.get(str(key))
        if field is None:
            known = ", ".join(model.model_fields)
            raise SettingsError(
                f"Unknown setting '{prefix}{key}' (known: {known})."
                f"{close_match(str(key), model.model_fields)}"
            )
        inner = field.annotation
        if (
            isinstance(inner, type)
            and issubclass(inner, BaseModel)
            and isinstance(value, dict)
        ):
            _check_keys(inner, value, f"{prefix}{key}.")
