"""Sky pixels among the dimensions of tasks: which there are, and what lies in them.

No record lists the pixels of a level. Those of a graph are the ones that regions of
its other dimensions touch; where no other dimension has a region, the ones that
datasets are in.
"""

from __future__ import annotations

import operator
from functools import reduce
from typing import TYPE_CHECKING, Final

import polars as pl

from pantler.dimensions.sky.pixels import overlapping_pixels
from pantler.dimensions.sky.region_array import RegionArray
from pantler.errors import InvalidInputError
from pantler.quanta.building.overlaps import records_of, reduced_records
from pantler.quanta.join.relations import Relation
from pantler.queries.query import DatasetSearch, Query
from pantler.queries.rendering import to_text
from pantler.queries.tree import (
    And,
    Comparison,
    Constant,
    DimensionKey,
    Membership,
    Not,
    Or,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pantler.datasets.dataset_type import DatasetType
    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.universe import DimensionGroup
    from pantler.quanta.building.sources import SkyRecords, Sources
    from pantler.quanta.join.coding import Coding
    from pantler.queries.tree import Predicate

_COMPARE: Final = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TURNED: Final = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def pixels_of(group: DimensionGroup) -> tuple[DimensionElement, ...]:
    """Return the sky pixels of a group."""
    return tuple(e for e in group.elements if e.is_pixel)


def touching(group: DimensionGroup, pixel: str) -> list[DimensionElement]:
    """Return the elements of a group whose regions say which pixels belong to it."""
    return [e for e in group.spatial_elements() if pixel not in e.required]


def pixel_values(
    sources: Sources,
    coding: Coding,
    pixel: str,
    *,
    groups: Iterable[DimensionGroup],
    dataset_types: Sequence[DatasetType],
) -> pl.Series:
    """Return the pixels of one level that a graph can have.

    Parameters
    ----------
    sources
        What is asked.
    coding
        The numbers of all dimensions that no pixel fixes, with their regions.
    pixel
        The dimension.
    groups
        The dimensions of tasks that share datasets.
    dataset_types
        Of the inputs and prerequisites.

    Raises
    ------
    InvalidInputError
        If nothing says which they are, or a condition on them is none of numbers.
    """
    element = sources.universe[pixel]
    with_pixel = [group for group in groups if pixel in group]
    spatial = {e.name: e for group in with_pixel for e in touching(group, pixel)}
    records = [records_of(sources, coding, other) for other in spatial.values()]
    found = [_touched(each.regions, element)[1] for each in records]
    if not with_pixel or not all(touching(group, pixel) for group in with_pixel):
        found += _recorded(sources, pixel, with_pixel)
        found += _held(sources, pixel, dataset_types)
    if not found:
        raise InvalidInputError(
            f"Nothing says which of the sky pixels '{pixel}' to process: no input has "
            f"the dimension '{pixel}', and no other dimension of the tasks has "
            "regions. Add an input that has one."
        )
    values = pl.concat([each.cast(pl.Int64) for each in found]).unique().sort()
    return _allowed(sources, values.alias(pixel))


def pixel_relations(
    sources: Sources, coding: Coding, group: DimensionGroup, others: list[Relation]
) -> list[Relation]:
    """Return which pixels the regions of a group touch.

    Parameters
    ----------
    sources, coding, group, others
        As for `overlap_relations`.
    """
    pairs = [(p, e) for p in pixels_of(group) for e in touching(group, p.name)]
    if not pairs:
        return []
    held = {e.name: records_of(sources, coding, e) for _, e in pairs}
    reduced = reduced_records(held, others)
    return [_relation(reduced[e.name], p) for p, e in pairs]


def _touched(
    regions: pl.Series, element: DimensionElement
) -> tuple[pl.Series, pl.Series]:
    """Return rows of regions, and a pixel that each touches."""
    rows, pixels = overlapping_pixels(RegionArray.from_encoded(regions), element)
    return pl.Series(rows), pl.Series(pixels)


def _relation(records: SkyRecords, element: DimensionElement) -> Relation:
    rows, pixels = _touched(records.regions, element)
    codes = records.relation.coding.encode(
        pl.DataFrame({"row": rows, element.name: pixels}), (element.name,)
    )
    relation = records.relation.take(codes.frame["row"].to_numpy())
    title = (
        f"sky pixels '{element.name}' that the {len(records.relation)} "
        f"{records.relation.name} that inputs and conditions leave touch"
    )
    return Relation(
        title,
        "overlap",
        relation.coding,
        {**relation.columns, **codes.columns},
        len(relation),
    )


def _recorded(
    sources: Sources, pixel: str, groups: Iterable[DimensionGroup]
) -> list[pl.Series]:
    """Return the pixels that records of other dimensions name."""
    names = {
        name
        for group in groups
        for name in group.names
        if name != pixel and pixel in sources.universe[name].required
    }
    return [
        sources.ask(
            f"'{name}' records",
            Query(
                sources.universe.group([name]),
                where=sources.pushed(sources.universe.group([name]).names),
                element=name,
            ),
        )[pixel]
        for name in sorted(names)
    ]


def _held(
    sources: Sources, pixel: str, dataset_types: Iterable[DatasetType]
) -> list[pl.Series]:
    """Return the pixels that datasets are in."""
    found = []
    for dataset_type in dataset_types:
        if pixel not in dataset_type.dimensions:
            continue
        known = sources.registry.dataset_types.find(dataset_type.name)
        if known is not None and sources.inputs:
            search = DatasetSearch(known, sources.inputs, find_first=False)
            group = known.dimensions
            query = Query(group, where=sources.pushed(group.names), target=search)
            found.append(sources.registry.query(query)[pixel])
    return found


def _allowed(sources: Sources, values: pl.Series) -> pl.Series:
    """Return the pixels that the user's conditions leave."""
    for condition, names in sources.conditions().items():
        if names == {values.name}:
            values = values.filter(_mask(condition, values))
    return values


def _compared(sign: str, values: pl.Series, number: float) -> pl.Series:
    found: pl.Series = _COMPARE[sign](values, number)
    return found


def _mask(condition: Predicate, values: pl.Series) -> pl.Series:
    """Return which pixels fulfil a condition on nothing but their numbers."""
    match condition:
        case And(parts):
            return reduce(operator.and_, [_mask(part, values) for part in parts])
        case Or(parts):
            return reduce(operator.or_, [_mask(part, values) for part in parts])
        case Not(part):
            return ~_mask(part, values)
        case Comparison(sign, DimensionKey(), Constant(int() | float() as number)):
            return _compared(sign, values, number)
        case Comparison(sign, Constant(int() | float() as number), DimensionKey()):
            return _compared(_TURNED[sign], values, number)
        case Membership(DimensionKey(), listed, ranges):
            numbers = [each.value for each in listed if isinstance(each.value, int)]
            mask = values.is_in(numbers)
            for first, last, stride in ranges:
                inside = (values >= first) & (values <= last)
                mask |= inside & ((values - first) % stride == 0)
            return mask
    raise InvalidInputError(
        f"In a graph, a condition on the sky pixels '{values.name}' compares them with "
        f"numbers, lists and ranges; this one does not: {to_text(condition)}."
    )
