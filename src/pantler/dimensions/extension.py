"""What a newer version of a universe adds to an older one, if it only adds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pantler.errors import ConflictError, counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantler.dimensions.column import Column
    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.universe import Universe

_KEPT: Final = {
    "required": "requires",
    "implied": "implies",
    "is_governor": "governor",
    "spatial_family": "its spatial family",
    "temporal_family": "its temporal family",
    "always_join": "always_join",
    "populated_by": "populated_by",
    "view_of": "view_of",
}


@dataclass(frozen=True, slots=True)
class NewColumn:
    """A column that records of an element get.

    Parameters
    ----------
    element
        The element.
    column
        The column, which may be null.
    """

    element: str
    column: Column

    def __str__(self) -> str:
        return f"{self.element}.{self.column.name}"


@dataclass(frozen=True, slots=True)
class Extension:
    """What one universe has more than another.

    Parameters
    ----------
    elements
        New elements whose records are stored.
    columns
        New columns of records of the others.
    pixels
        New levels of sky pixels, by name.
    """

    elements: tuple[DimensionElement, ...]
    columns: tuple[NewColumn, ...]
    pixels: tuple[str, ...]


def extension_of(old: Universe, new: Universe) -> Extension:
    """Return what a newer version of a universe adds.

    It may add dimensions, relations that involve a new one, metadata that may be
    null, and levels of sky pixels, and say docs in other words. So all that is
    recorded keeps its meaning, and every query of before its answer.

    Parameters
    ----------
    old, new
        Two versions of one universe.

    Raises
    ------
    ConflictError
        If it changes anything else; the message says all of it.
    """
    problems = [*_header_problems(old, new)]
    for name, element in old.elements.items():
        if name not in new:
            problems.append(f"'{name}' is gone.")
        elif not element.is_pixel:
            problems += _element_problems(element, new[name])
    problems += _order_problems(old, new)
    problems += _new_problems(old, new)
    if problems:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        raise ConflictError(
            f"Version {new.version} of the universe '{new.namespace}' does more than "
            f"add to version {old.version} of '{old.namespace}' "
            f"({counted(len(problems), 'problem')}), so a repository cannot go over "
            f"to it. Make a new one and transfer the datasets.{lines}"
        )
    added = [e for name, e in new.elements.items() if name not in old]
    return Extension(
        tuple(e for e in added if not e.is_pixel),
        tuple(_new_columns(old, new)),
        tuple(e.name for e in added if e.is_pixel),
    )


def _header_problems(old: Universe, new: Universe) -> Iterator[str]:
    if new.namespace != old.namespace:
        yield f"the namespace is '{new.namespace}', no longer '{old.namespace}'."
    if new.version <= old.version:
        yield f"version {new.version} is not after version {old.version}."
    if new.common_pixels.name != old.common_pixels.name:
        yield (
            f"the common sky pixels are '{new.common_pixels}', no longer "
            f"'{old.common_pixels}'."
        )


def _element_problems(old: DimensionElement, new: DimensionElement) -> Iterator[str]:
    if not _same_columns(old.keys, new.keys):
        yield f"'{old.name}' has other keys."
    for attribute, word in _KEPT.items():
        before, after = getattr(old, attribute), getattr(new, attribute)
        if before != after:
            yield f"'{old.name}': {word} was {before!r}, and is {after!r}."
    columns = {column.name: column for column in new.metadata}
    for column in old.metadata:
        found = columns.pop(column.name, None)
        if found is None:
            yield f"'{old.name}' has lost its column '{column.name}'."
        elif not _same_columns((column,), (found,)):
            yield f"'{old.name}': the column '{column.name}' is another one."
    for column in columns.values():
        if not column.nullable:
            yield (
                f"'{old.name}': the new column '{column.name}' cannot be null, and "
                "records that exist have no value."
            )


def _order_problems(old: Universe, new: Universe) -> Iterator[str]:
    """Yield what would put the values of data IDs in another order."""
    kept = [name for name in new.elements if name in old]
    if kept != [name for name in old.elements if name in new]:
        yield (
            "the elements that exist are in another order, and so would be the values "
            "of data IDs."
        )
    for families, others in (
        (old.spatial_families, new.spatial_families),
        (old.temporal_families, new.temporal_families),
    ):
        for family, members in families.items():
            now = [name for name in others.get(family, ()) if name in members]
            if now != list(members):
                yield f"the members of the family '{family}' are in another order."


def _new_problems(old: Universe, new: Universe) -> Iterator[str]:
    """Yield new relations that would change the answers to queries of before."""
    for name, element in new.elements.items():
        if name in old or any(other not in old for other in element.required):
            continue
        if element.always_join or element.is_spatial or element.is_temporal:
            yield (
                f"the new '{name}' relates only dimensions that exist, and would leave "
                "out what has no records in it."
            )


def _same_columns(old: tuple[Column, ...], new: tuple[Column, ...]) -> bool:
    return [replace(c, doc="") for c in old] == [replace(c, doc="") for c in new]


def _new_columns(old: Universe, new: Universe) -> Iterator[NewColumn]:
    for name, element in old.elements.items():
        for column in new[name].metadata:
            if not element.has_column(column.name):
                yield NewColumn(name, column)
