"""The configuration of tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pantler.errors import SettingsError, close_match


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

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

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
            Values by dotted key, such as ``detection.threshold``.
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
            return cls.model_validate(nested)
        except ValidationError as error:
            problems = "; ".join(
                f"'{'.'.join(map(str, item['loc']))}': {item['msg']}"
                for item in error.errors()
            )
            raise SettingsError(f"{_prefix(where)}{problems}.") from None


def unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested mappings for dotted keys; later keys win."""
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        level = nested
        *parents, last = key.split(".")
        for parent in parents:
            inner = level.get(parent)
            if not isinstance(inner, dict):
                inner = level[parent] = {}
            level = inner
        old = level.get(last)
        if isinstance(value, Mapping) and isinstance(old, dict):
            old.update(unflatten(value))
        else:
            level[last] = unflatten(value) if isinstance(value, Mapping) else value
    return nested


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
        inner = field.annotation
        if (
            isinstance(value, Mapping)
            and isinstance(inner, type)
            and issubclass(inner, BaseModel)
        ):
            _check_keys(inner, value, where, f"{path}{key}.")


def _prefix(where: str) -> str:
    return f"{where}: " if where else ""
