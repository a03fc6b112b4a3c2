"""Which value of a data ID contradicts the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pantler.dimensions.universe import DimensionGroup

Key = tuple[str, str]
"""An element and one of its columns; for a dimension's own value, its name twice."""


def contradiction(
    given: Mapping[Key, object],
    group: DimensionGroup,
    values_of: Callable[[Key, dict[Key, object]], Sequence[Any]],
) -> str | None:
    """Return a sentence about the value that does not belong to the others.

    What a data ID need not say is doubted first: the day of an exposure rather than the
    exposure. The others decide what it would have to be.

    Parameters
    ----------
    given
        Values that no record has together.
    group
        The dimensions that are wanted.
    values_of
        Returns the values, two at most, that a column has where some others are given.
    """
    for key in sorted(given, key=lambda key: _is_needed(key, group)):
        rest = {other: value for other, value in given.items() if other != key}
        values = values_of(key, rest)
        if len(values) != 1:
            continue
        name, column = key
        what = name if column == name else f"{name}.{column}"
        others = ", ".join(
            f"{n if c == n else f'{n}.{c}'} {value!r}" for (n, c), value in rest.items()
        )
        return (
            f"{what} {given[key]!r} contradicts the rest: with {others}, it would have "
            f"to be {values[0]!r}."
        )
    return None


def _is_needed(key: Key, group: DimensionGroup) -> bool:
    name, column = key
    return name == column and name in group.required
