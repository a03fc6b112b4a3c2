"""Where settings come from: files, the environment and calls."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pantler.config.sections import SECTIONS, SHARED, section_model
from pantler.config.yaml_text import load_yaml
from pantler.errors import AccessError, SettingsError, close_match

if TYPE_CHECKING:
    from collections.abc import Mapping

Level = Literal["packaged", "repository", "user", "environment", "call"]
"""The layers, from the weakest to the strongest."""

_VARIABLE: Final = "PANTLER_"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from.

    Parameters
    ----------
    level
        The layer.
    place
        The file or the variable; empty where there is neither.
    """

    level: Level
    place: str = ""

    @property
    def is_personal(self) -> bool:
        """Whether it concerns one user, rather than all of a repository."""
        return self.level in {"user", "environment", "call"}

    def __str__(self) -> str:
        return f"{self.level} ({self.place})" if self.place else self.level


@dataclass(frozen=True, slots=True)
class Layer:
    """Some settings that have one origin.

    Parameters
    ----------
    origin
        Where they came from.
    sections
        Nested mappings, not checked beyond that: section, then keys.
    """

    origin: Origin
    sections: Mapping[str, Mapping[str, Any]]


def yaml_layer(text: str | bytes, origin: Origin, *, what: str) -> Layer:
    """Return the settings of a YAML text.

    Raises
    ------
    SettingsError
        If the text is not YAML, or holds anything but sections.
    """
    data = load_yaml(text, what, error=SettingsError)
    return _layer({} if data is None else data, origin, what)


def call_layer(settings: Mapping[str, Any]) -> Layer:
    """Return the settings of a call: nested mappings, or dotted names.

    Examples
    --------
    >>> call_layer({"datastore.durability": "process"}).sections
    {'datastore': {'durability': 'process'}}
    """
    nested: dict[str, Any] = {}
    for name, value in settings.items():
        _insert(nested, str(name).split("."), value)
    return _layer(nested, Origin("call"), "The settings of the call")


def user_file() -> Path | None:
    """Return where the user's own settings would be; None for one without a home."""
    home = os.environ.get("XDG_CONFIG_HOME")
    try:
        folder = Path(home) if home else Path("~/.config").expanduser()
    except RuntimeError:
        return None
    return folder / "pantler" / "settings.yaml"


def personal_layers() -> list[Layer]:
    """Return the settings of the user's file and of the environment.

    Raises
    ------
    SettingsError
        If the file is not YAML or holds anything but sections; if a variable names
        no section, or a setting without one.
    AccessError
        If the file is there but cannot be read.
    """
    layers = _user_layers(user_file())
    for variable in sorted(os.environ):
        if not variable.startswith(_VARIABLE):
            continue
        if "__" in variable:
            layers.append(_variable_layer(variable, os.environ[variable]))
        else:
            _refuse_lost_section(variable)
    return layers


def _user_layers(file: Path | None) -> list[Layer]:
    if file is None:
        return []
    try:
        text = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise AccessError(f"Cannot read '{file}': {error.strerror}.") from error
    return [yaml_layer(text, Origin("user", str(file)), what=str(file))]


def _refuse_lost_section(variable: str) -> None:
    """Refuse a variable that names a setting, but not after a section and ``__``.

    Any other name without a section, such as PANTLER_HOME, is some other program's.

    Raises
    ------
    SettingsError
        If it is one, with the variable that was meant.
    """
    given = variable.removeprefix(_VARIABLE).lower()
    for section, about in SECTIONS.items():
        key = given.removeprefix(f"{section}_")
        fields = section_model(section, about.default_kind).model_fields
        field = fields.get(key)
        # What only a repository can set is no reason to take a bare word for ours.
        if key != given or (field is not None and SHARED not in field.metadata):
            meant = f"{_VARIABLE}{section}__{key}".upper()
            raise SettingsError(
                f"{variable}: two underscores divide a section from its setting. "
                f"Did you mean {meant}?"
            )


def _variable_layer(variable: str, text: str) -> Layer:
    path = variable.removeprefix(_VARIABLE).lower().split("__")
    nested: dict[str, Any] = {}
    # Only lists and mappings need YAML; the model reads numbers from text.
    value = (
        load_yaml(text, variable, error=SettingsError)
        if text.lstrip().startswith(("[", "{"))
        else text
    )
    _insert(nested, path, value)
    return _layer(nested, Origin("environment", variable), variable)


def _insert(nested: dict[str, Any], path: list[str], value: Any) -> None:
    for step in path[:-1]:
        inner = nested.setdefault(step, {})
        if not isinstance(inner, dict):
            raise SettingsError(f"'{'.'.join(path)}' is given twice.")
        nested = inner
    nested[path[-1]] = value


def _layer(data: object, origin: Origin, what: str) -> Layer:
    if not isinstance(data, dict):
        raise SettingsError(f"{what}: this is not a mapping of sections.")
    for name, values in data.items():
        if name not in SECTIONS:
            raise SettingsError(
                f"{what}: Unknown setting '{name}' (known: {', '.join(SECTIONS)})."
                f"{close_match(str(name), SECTIONS)}"
            )
        if not isinstance(values, dict | None):
            raise SettingsError(
                f"{what}: '{name}' is {values!r}, not a mapping of settings."
            )
    return Layer(origin, {name: values or {} for name, values in data.items()})
