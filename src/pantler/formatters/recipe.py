"""Recipes: how a formatter writes, as a repository's settings say it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Recipe(BaseModel):
    """What may be said of how a formatter writes. Formatters have subclasses."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    def to_text(self) -> str:
        """Return what differs from the defaults, as JSON."""
        values = self.model_dump(mode="json", exclude_defaults=True)
        return json.dumps(values, separators=(",", ":"), sort_keys=True)


_AnyRecipe = TypeVar("_AnyRecipe", bound=Recipe)


def checked_recipe(
    model: type[_AnyRecipe], values: Mapping[str, Any], formatter: str
) -> _AnyRecipe:
    """Return the recipe that some values are.

    Raises
    ------
    InvalidInputError
        If it has no such key, or a value is not allowed; says which.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'recipe'}: {one['msg']}"
            for one in error.errors()
        )
        known = ", ".join(model.model_fields)
        raise InvalidInputError(
            f"The recipe for {formatter} is not one: {problems}. It may have: {known}."
        ) from None
