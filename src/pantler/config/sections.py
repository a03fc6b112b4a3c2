"""Sections of the settings: each belongs to a plugin, which says what it may hold."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, field_validator

from pantler.errors import PluginError
from pantler.plugins import load_plugin


@dataclass(frozen=True, slots=True)
class Shared:
    """Marks a field that is the same for all who use a repository.

    Where things are and how they are laid out: only the settings file of the
    repository may set it, neither a user's file nor the environment nor a call.
    """


SHARED: Final = Shared()
"""The mark, to be used as ``Annotated[str, SHARED]``."""


class SectionSettings(BaseModel):
    """What every section holds. The models of plugins are subclasses.

    Each field of a model has a docstring: ``pantler config show`` prints it.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    kind: Annotated[str, SHARED]
    """Name of the plugin."""

    @field_validator("*")
    @classmethod
    def _refuse_odd_text(cls, value: object) -> object:
        """Refuse what no path, file or database can hold."""
        for text in _texts(value):
            if "\0" in text:
                raise ValueError("Text must not have a NUL character")
        return value


def _texts(value: object) -> Iterator[str]:
    """Yield all text in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, BaseModel):
        yield from _texts(value.model_dump())
    elif isinstance(value, Mapping):
        yield from itertools.chain(*map(_texts, value), *map(_texts, value.values()))
    elif isinstance(value, list | tuple | set | frozenset):
        yield from itertools.chain(*map(_texts, value))


class RegistrySettings(SectionSettings):
    """What the settings of every registry hold."""

    location: Annotated[str, SHARED]
    """Where the registry is, in words that its plugin understands."""


class DatastoreSettings(SectionSettings):
    """What the settings of every datastore hold."""

    name: Annotated[str, SHARED]
    """A name of its own within the repository."""

    accept: Annotated[tuple[str, ...], SHARED] = ()
    """Dataset types and storage classes, also patterns of * and ?, that are taken; all
    if empty."""

    reject: Annotated[tuple[str, ...], SHARED] = ()
    """Dataset types and storage classes, also patterns, that are not taken, even if
    they are accepted."""

    read_only: Annotated[bool, SHARED] = False
    """Whether what is there is only read: nothing is added or removed."""

    may_fail: Annotated[bool, SHARED] = False
    """In a chain: whether a dataset that another member has stored is kept if this one
    cannot store it, with a warning in the log."""


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a repository's settings.

    Parameters
    ----------
    group
        The group of the plugins that may serve it.
    default_kind
        The plugin for repositories that do not name one.
    root_model
        What the models of all its plugins inherit.
    """

    group: str
    default_kind: str
    root_model: type[SectionSettings]


SECTIONS: Final = {
    "registry": Section("registries", "sqlite", RegistrySettings),
    "datastore": Section("datastores", "file", DatastoreSettings),
}
"""All sections, by name."""


@functools.cache
def section_model(section: str, kind: str) -> type[SectionSettings]:
    """Return the settings model of the plugin that serves a section.

    Parameters
    ----------
    section
        ``"registry"`` or ``"datastore"``.
    kind
        The name of the plugin.

    Raises
    ------
    PluginError
        If there is no such plugin, or its class has no ``settings_model`` that is
        frozen, forbids unknown keys and describes each of its fields.
    """
    group, root_model = SECTIONS[section].group, SECTIONS[section].root_model
    model = getattr(load_plugin(group, kind), "settings_model", None)
    if not (isinstance(model, type) and issubclass(model, root_model)):
        raise PluginError(
            f"The {section} '{kind}' cannot be used: its class needs a "
            f"'settings_model' that inherits {root_model.__name__}."
        )
    _check_model(model, f"The {section} '{kind}' cannot be used: ")
    return model


def section_from_json(section: str, text: str) -> SectionSettings:
    """Return a section from the text that its ``model_dump_json`` made.

    For workers, who need one section and should not load the plugins of others.
    """
    return section_model(section, json.loads(text)["kind"]).model_validate_json(text)


def _check_model(model: type[BaseModel], complaint: str) -> None:
    config = model.model_config
    if config.get("extra") != "forbid" or not config.get("frozen"):
        raise PluginError(
            f"{complaint}{model.__name__} must forbid extra keys and be frozen."
        )
    for name, field in model.model_fields.items():
        if not field.description:
            raise PluginError(f"{complaint}{model.__name__}.{name} has no description.")
        inner = inner_model(model, name)
        if inner is not None:
            _check_model(inner, complaint)


def inner_model(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """Return the model of a field that holds settings of its own, or None."""
    annotation = model.model_fields[name].annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None
