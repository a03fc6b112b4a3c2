"""The configuration of tasks."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from types import UnionType
from typing import Any, Final, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pantler.errors import SettingsError, close_match

_MOST_DOTS: Final = 100


class TaskConfig(BaseModel):
    """What can be configured of a task: subclass it and declare typed fields.

    Every field needs a default, so that a task runs as it comes, and a description.

    Examples
    --------
    >>> class BlurConfig(TaskConfig):
    ...     sigma: float = Field(2.0, gt=0, description="Width, pixels.")
    >>> BlurConfig.from_overrides({"sigma": 3}).sigma
    3.0
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        ser_json_inf_nan="constants",
    )

    connections: dict[str, str] = Field(
        default_factory=dict,
        description="Dataset type names, by connection, in place of the declared ones.",
    )

    @classmethod
    def from_overrides(cls, overrides: Mapping[str, Any], where: str = "") -> Self:
        """Return the defaults with some values replaced.

        Parameters
        ----------
        overrides
            Values by dotted key, such as ``detection.threshold``. Mappings are
            merged into the defaults; anything else replaces them.
        where
            What is being configured, for messages.

        Raises
        ------
        SettingsError
            If a key is unknown (with a close match) or a value is not allowed.
        """
        nested = unflatten(overrides)
        _check_keys(cls, nested, where, "")
        try:
            return cls.model_validate(_over_defaults(cls, nested))
        except ValidationError as error:
            problems = "; ".join(
                f"'{'.'.join(map(str, item['loc']))}': {item['msg']}, "
                f"not {reprlib.repr(item['input'])}"
                for item in error.errors()
            )
            raise SettingsError(f"{_prefix(where)}{problems}.") from None


def unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested mappings for dotted keys; later keys win.

    Raises
    ------
    SettingsError
        If a key has too many dots for any configuration.
    """
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        if key.count(".") > _MOST_DOTS:
            raise SettingsError(
                f"The configuration key '{key[:60]}...' has more than {_MOST_DOTS} "
                "dots."
            )
        level = nested
        *parents, last = key.split(".")
        for parent in parents:
            inner = level.get(parent)
            if not isinstance(inner, dict):
                inner = level[parent] = {}
            level = inner
        old = level.get(last)
        if isinstance(value, Mapping) and isinstance(old, dict):
            level[last] = _merged(old, unflatten(value))
        else:
            level[last] = unflatten(value) if isinstance(value, Mapping) else value
    return nested


def overlay(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by dotted key with others laid over them.

    Mappings are merged; anything else replaces what is below it, so that ``a: null``
    also hides ``a.b``.
    """
    return flatten(_merged(unflatten(flatten(below)), unflatten(flatten(above))))


def flatten(nested: Mapping[str, Any]) -> dict[str, Any]:
    """Return dotted keys for nested mappings; empty mappings stay as values."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping) and value:
            inner = {f"{key}.{k}": v for k, v in flatten(value).items()}
        else:
            inner = {str(key): value}
        for path, item in inner.items():
            flat.pop(path, None)  # a later key also comes later
            flat[path] = item
    return flat


def _over_defaults(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Complete partial mappings with the declared defaults of their fields.

    Else ``detect.sigma`` would reset the rest of ``detect`` to the defaults of its
    class, which the field's own default may differ from.
    """
    complete = dict(values)
    for key, value in values.items():
        default = model.model_fields[key].get_default(call_default_factory=True)
        if isinstance(value, Mapping):
            if isinstance(default, BaseModel):
                complete[key] = _merged(default.model_dump(), value)
            elif isinstance(default, Mapping):
                complete[key] = _merged(default, value)
    return complete


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(old, Mapping)
        merged[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return merged


def _check_keys(
    model: type[BaseModel], values: Mapping[str, Any], where: str, path: str
) -> None:
    for key, value in values.items():
        field = model.model_fields.get(key)
        if field is None:
            known = ", ".join(sorted(model.model_fields))
            raise SettingsError(
                f"{_prefix(where)}there is no configuration key '{path}{key}'."
                f"{close_match(key, model.model_fields)} Keys: {known}."
            )
        inner = _model_of(field.annotation)
        if inner is not None and isinstance(value, Mapping):
            _check_keys(inner, value, where, f"{path}{key}.")


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """Return the one model that an annotation, such as ``Detect | None``, allows."""
    union = get_origin(annotation) in {Union, UnionType}
    choices = get_args(annotation) if union else (annotation,)
    models = [c for c in choices if isinstance(c, type) and issubclass(c, BaseModel)]
    return models[0] if len(models) == 1 else None


def _prefix(where: str) -> str:
    return f"{where}: " if where else ""
