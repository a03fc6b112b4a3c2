"""Layers of settings become one: the strongest value wins, and its origin is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ValidationError

from pantler.config.layers import Origin
from pantler.config.sections import SECTIONS, Shared, inner_model, section_model
from pantler.errors import SettingsError, close_match

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic.fields import FieldInfo

    from pantler.config.layers import Layer
    from pantler.config.sections import SectionSettings

_PACKAGED: Final = Origin("packaged")


@dataclass(frozen=True, slots=True)
class SettingValue:
    """One setting: what it is, what it means and why it is so.

    Parameters
    ----------
    name
        With its section: ``registry.journal``.
    value
        As in YAML.
    origin
        Where the value came from.
    is_shared
        Whether only the repository's own file may set it.
    description
        What it means.
    """

    name: str
    value: Any
    origin: Origin
    is_shared: bool
    description: str


@dataclass(frozen=True, slots=True)
class Merged:
    """The result of a merge.

    Parameters
    ----------
    sections
        The settings of each section, an object of its plugin's model.
    values
        All values in order, each with its origin.
    """

    sections: Mapping[str, SectionSettings]
    values: tuple[SettingValue, ...]


def merge(layers: Sequence[Layer]) -> Merged:
    """Merge layers upon the packaged defaults, the weakest first.

    Raises
    ------
    SettingsError
        If a key is unknown (with a close match), a value is not allowed, or one
        that all users share is set for one user.
    PluginError
        If a plugin that is named cannot be used.
    """
    sections = {}
    values: list[SettingValue] = []
    for name in SECTIONS:
        made, found = _merge_section(name, layers)
        sections[name] = made
        values.extend(found)
    return Merged(sections, tuple(values))


def _merge_section(
    section: str, layers: Sequence[Layer]
) -> tuple[SectionSettings, Iterator[SettingValue]]:
    kind: object = SECTIONS[section].default_kind
    for layer in layers:
        if not layer.origin.is_personal:
            kind = layer.sections.get(section, {}).get("kind", kind)
    if not isinstance(kind, str):
        raise SettingsError(f"'{section}.kind' is not the name of a plugin: {kind!r}.")
    model = section_model(section, kind)
    data: dict[str, Any] = {"kind": kind}
    origins: dict[str, Origin] = {}
    for layer in layers:
        given = dict(layer.sections.get(section, {}))
        if layer.origin.level == "user" and given.pop("kind", kind) != kind:
            # A user of several kinds has settings for each: these are for another.
            continue
        _overlay(
            model,
            given,
            data,
            prefix=f"{section}.",
            origin=layer.origin,
            origins=origins,
        )
    try:
        made = model.model_validate(data)
    except ValidationError as error:
        raise SettingsError(_problems(error, section, origins)) from None
    return made, _values(made, f"{section}.", origins)


def _overlay(
    model: type[BaseModel],
    given: Mapping[Any, Any],
    data: dict[str, Any],
    *,
    prefix: str,
    origin: Origin,
    origins: dict[str, Origin],
) -> None:
    """Put the values of one layer over those of weaker ones, and note their origin."""
    where = f" in {origin.place}" if origin.place else ""
    for key, value in given.items():
        name, field = f"{prefix}{key}", model.model_fields.get(str(key))
        if field is None:
            raise SettingsError(
                f"Unknown setting '{name}'{where} "
                f"(known: {', '.join(model.model_fields)})."
                f"{close_match(str(key), model.model_fields)}"
            )
        if origin.is_personal and _is_shared(field):
            raise SettingsError(
                f"'{name}' is the same for all who use a repository: only the "
                f"repository's own settings may set it, not {origin}."
            )
        inner = inner_model(model, key)
        if inner is not None and isinstance(value, dict):
            _overlay(
                inner,
                value,
                data.setdefault(key, {}),
                prefix=f"{name}.",
                origin=origin,
                origins=origins,
            )
        else:
            data[key] = value
            origins[name] = origin


def _is_shared(field: FieldInfo) -> bool:
    return any(isinstance(mark, Shared) for mark in field.metadata)


def _values(
    made: BaseModel, prefix: str, origins: Mapping[str, Origin]
) -> Iterator[SettingValue]:
    plain = made.model_dump(mode="json")
    for key, field in type(made).model_fields.items():
        value = getattr(made, key)
        name = f"{prefix}{key}"
        if isinstance(value, BaseModel):
            yield from _values(value, f"{name}.", origins)
            continue
        yield SettingValue(
            name,
            plain[key],
            origins.get(name, _PACKAGED),
            is_shared=_is_shared(field),
            description=" ".join((field.description or "").split()),
        )


def _problems(
    error: ValidationError, section: str, origins: Mapping[str, Origin]
) -> str:
    problems = []
    for item in error.errors():
        name = ".".join([section, *map(str, item["loc"])])
        is_shown = item["type"] not in {"missing", "secret"}
        given = f", not {item['input']!r}" if is_shown else ""
        origin = _origin_of(name, origins)
        where = f" (set by {origin})" if origin is not None else ""
        problems.append(f"'{name}': {item['msg']}{given}{where}")
    return f"The settings are not valid: {'; '.join(problems)}."


def _origin_of(name: str, origins: Mapping[str, Origin]) -> Origin | None:
    """Return the origin of a setting, or of the one that it is a part of."""
    while name not in origins:
        name, dot, _ = name.rpartition(".")
        if not dot:
            return None
    return origins[name]
