"""Sky pixels as dimensions: which ones overlap records, or pixels of another kind.

A pixelization is related to every spatial family of a query, and to every other
pixelization, by overlap, unless a dataset search or a table of the user's has both. At
the common level the tables of pixels hold the answer. At all others the pairs are
found here, before the statement is made: of the records that the other conditions
allow, and of the pixels that are known.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import polars as pl

from pantler.errors import InvalidInputError
from pantler.queries.query import JoinedTable, Query
from pantler.queries.tree import (
    And,
    Comparison,
    Constant,
    DatasetField,
    DatasetTimespan,
    DimensionKey,
    Membership,
    TableField,
)
from pantler.registry.sql.bulk import frame_rows
from pantler.registry.sql.compile.predicates import conjuncts, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import sqlalchemy as sa
    from numpy.typing import NDArray

    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.sky.region_array import RegionArray
    from pantler.dimensions.universe import DimensionGroup
    from pantler.queries.query import DatasetSearch
    from pantler.queries.tree import Predicate
    from pantler.registry.sql.core import Core
    from pantler.registry.sql.schema import Schema

    Integers = NDArray[np.int64]

Ask: TypeAlias = "Callable[[Query], pl.DataFrame]"
"""Answers a query."""

_MOST_STATED: Final = 100_000
"""Pixels that a condition may list to be taken as all that there are."""

_MOST_LOOKED_UP: Final = 10_000
"""Pixels by whose places on the sky records are chosen; more are not worth it."""


@dataclass(frozen=True, slots=True)
class PixelOverlap:
    """Pixels that overlap the records of an element, or other pixels.

    Parameters
    ----------
    pixels
        A pixelization.
    other
        An element with regions, or another pixelization.
    """

    pixels: DimensionElement
    other: DimensionElement

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The dimensions that a pair of them has."""
        return (self.pixels.name, *self.other.required)


def pixel_overlaps(
    group: DimensionGroup, related: Sequence[frozenset[str]]
) -> list[PixelOverlap]:
    """Return what pixels of a group must overlap.

    Parameters
    ----------
    group
        All dimensions that take part.
    related
        Dimensions of each search and table, which relate what they have.
    """
    pixels = [element for element in group.elements if element.is_pixel]
    spatial = group.spatial_elements()
    found = [PixelOverlap(p, element) for p in pixels for element in spatial]
    found += [PixelOverlap(a, b) for a, b in itertools.combinations(pixels, 2)]
    return [
        overlap
        for overlap in found
        if not any(part.issuperset(overlap.dimensions) for part in related)
    ]


def pixel_table(overlap: PixelOverlap, schema: Schema) -> sa.FromClause | None:
    """Return the table that has the pairs, with a column ``pixel``; None if none has.

    Only pixels of ``htm`` are known to overlap exactly there.
    """
    common = schema.universe.common_pixels
    if overlap.pixels is not common or common.pixel_scheme != "htm":
        return None
    table = schema.pixels.get(overlap.other.name)
    return None if table is None else table.alias()


def stated_values(where: Predicate | None, name: str) -> list[int] | None:
    """Return all values that a dimension of integers can have by a condition."""
    for part in conjuncts(where):
        match part:
            case Comparison("=", DimensionKey(key), Constant(int(value))) if (
                key == name
            ):
                return [value]
            case Membership(DimensionKey(key), constants, ranges) if key == name:
                values = [c.value for c in constants if isinstance(c.value, int)]
                spans = [range(first, last + 1, by) for first, last, by in ranges]
                if len(values) + sum(map(len, spans)) <= _MOST_STATED:
                    return sorted({*values, *itertools.chain(*spans)})
    return None


class PixelPairs:
    """Finds which pixels overlap what, for one query.

    Parameters
    ----------
    query
        What is asked.
    core
        The tables.
    ask
        Answers other queries, in the same state of the registry.
    group
        All dimensions that take part.
    """

    def __init__(
        self,
        query: Query,
        core: Core,
        ask: Ask,
        group: DimensionGroup,
    ) -> None:
        self._query = query
        self._schema = core.schema
        self._universe = core.universe
        self._ask = ask
        self._group = group
        self._known: dict[str, pl.Series | None] = {}
        self._frames: dict[PixelOverlap, pl.DataFrame] = {}

    def frames(self, overlaps: Iterable[PixelOverlap]) -> dict[PixelOverlap, Any]:
        """Return the pairs of those overlaps that no table has."""
        asked = [o for o in overlaps if pixel_table(o, self._schema) is None]
        asked.sort(key=lambda overlap: overlap.other.is_pixel)
        for overlap in asked:
            if overlap.other.is_pixel:
                self._frames[overlap] = self._between(overlap)
            else:
                self._frames[overlap] = self._with_records(overlap)
        return self._frames

    def values(self, pixels: DimensionElement) -> pl.Series | None:
        """Return the pixels that the query can have; None if nothing bounds them."""
        if pixels.name not in self._known:
            self._known[pixels.name] = self._values(pixels)
        return self._known[pixels.name]

    def _values(self, pixels: DimensionElement) -> pl.Series | None:
        name = pixels.name
        stated = stated_values(self._query.where, name)
        if stated is not None:
            return pl.Series(name, stated, dtype=pl.Int64)
        for table in self._query.tables:
            if name in table.dimensions:
                return table.frame.get_column(name).unique()
        for search in self._searches():
            if name in search.dataset_type.dimensions.required:
                group = self._universe.group([name])
                return self._ask(Query(group, datasets=(search,))).get_column(name)
        return None

    def _searches(self) -> list[DatasetSearch]:
        query = self._query
        return [*query.datasets, *([query.target] if query.target else [])]

    def _records(self, pixels: DimensionElement, element: str) -> pl.DataFrame:
        """Return the records of an element that pixels may overlap."""
        query = without_pixels(self._query)
        group = self._universe.group(self._universe[element].required)
        query = replace(query, dimensions=group, element=element)
        common = self._universe.common_pixels
        known = self.values(pixels)
        if (
            known is not None
            and len(known) <= _MOST_LOOKED_UP
            and common.pixel_scheme == "htm"
        ):
            places = {common.name: self._envelope(self._regions(pixels, known), common)}
            near = pl.DataFrame(places).unique()
            table = JoinedTable("pixels of the sky", near, (common.name,))
            query = replace(query, tables=(*query.tables, table))
        return self._ask(query)

    def _with_records(self, overlap: PixelOverlap) -> pl.DataFrame:
        """Return the pairs of pixels and records, exactly those that overlap."""
        from pantler.dimensions.sky.region_array import RegionArray

        records = self._records(overlap.pixels, overlap.other.name)
        records = records.drop_nulls("region")
        array = RegionArray.from_encoded(records.get_column("region"))
        return self._pairs(records.select(overlap.other.required), array, overlap)

    def _between(self, overlap: PixelOverlap) -> pl.DataFrame:
        """Return the pairs of pixels of two kinds, exactly those that overlap."""
        for first, second in (
            (overlap.other, overlap.pixels),
            (overlap.pixels, overlap.other),
        ):
            known = self.values(first)
            if known is None:
                known = self._of_records(first)
            if known is not None:
                valid, array = self._valid(first, known)
                pairs = self._pairs(valid, array, PixelOverlap(second, first))
                return pairs.select(overlap.dimensions)
        raise InvalidInputError(unbounded(overlap.pixels.name))

    def _of_records(self, pixels: DimensionElement) -> pl.Series | None:
        """Return the pixels that records of the query overlap, if it has any."""
        for element in self._group.spatial_elements():
            frame = self._frames.get(PixelOverlap(pixels, element))
            if frame is not None:
                return frame.get_column(pixels.name).unique()
            query = without_pixels(self._query)
            group = self._universe.group([pixels.name, *element.required])
            found = self._ask(replace(query, dimensions=group))
            return found.get_column(pixels.name).unique()
        return None

    def _pairs(
        self, keys: pl.DataFrame, regions: RegionArray, overlap: PixelOverlap
    ) -> pl.DataFrame:
        """Return keys of regions, each with the pixels that the region overlaps."""
        from pantler.dimensions.sky.pixels import pixel_envelope
        from pantler.dimensions.sky.region_array import overlap_mask

        pixels = overlap.pixels
        scheme, level = _scheme(pixels)
        row, pixel = pixel_envelope(regions, scheme, level)
        known = self.values(pixels)
        if known is not None:
            keep = np.isin(pixel, known.to_numpy())
            row, pixel = row[keep], pixel[keep]
        if scheme != "htm" and len(row):
            unique, place = np.unique(pixel, return_inverse=True)
            others = self._regions(pixels, pl.Series(unique))
            keep = overlap_mask(regions, row, others, place.astype(np.int64))
            row, pixel = row[keep], pixel[keep]
        return keys[row].select(pl.Series(pixels.name, pixel, dtype=pl.Int64), pl.all())

    def _valid(
        self, pixels: DimensionElement, known: pl.Series
    ) -> tuple[pl.DataFrame, RegionArray]:
        """Return those pixels that there are, and their regions."""
        from pantler.dimensions.sky.pixels import pixel_numbers

        numbers = pixel_numbers(pixels)
        there = known.filter((known >= numbers[0]) & (known <= numbers[-1]))
        return there.to_frame(pixels.name), self._regions(pixels, there)

    def _regions(self, pixels: DimensionElement, numbers: pl.Series) -> RegionArray:
        from pantler.dimensions.sky.pixels import pixel_numbers, pixel_region
        from pantler.dimensions.sky.region_array import RegionArray

        there = pixel_numbers(pixels)
        return RegionArray.from_regions(
            [pixel_region(pixels, n) for n in numbers.to_list() if n in there]
        )

    def _envelope(self, regions: RegionArray, pixels: DimensionElement) -> Integers:
        from pantler.dimensions.sky.pixels import pixel_envelope

        return pixel_envelope(regions, *_scheme(pixels))[1]


def stage_pairs(overlap: PixelOverlap, frame: pl.DataFrame, core: Core) -> sa.Table:
    """Return a temporary table of pairs."""
    columns = core.schema.dimension_columns(overlap.dimensions)
    return core.db.stage(columns, frame_rows(frame.select(overlap.dimensions)))


def without_pixels(query: Query) -> Query:
    """Return what a query asks without its pixels: at least its rows, for records."""
    universe = query.dimensions.universe
    is_plain = _is_plain_group(universe.elements)
    searches = [*query.datasets, *([query.target] if query.target else [])]
    kept = tuple(s for s in searches if is_plain(s.dataset_type.dimensions.names))
    tables = tuple(t for t in query.tables if is_plain(t.dimensions))
    names = {search.dataset_type.name for search in kept}
    names.update(table.name for table in tables)
    parts = tuple(
        part for part in conjuncts(query.where) if _is_plain(part, names, is_plain)
    )
    return Query(
        query.dimensions,
        And(parts) if parts else None,
        datasets=kept,
        tables=tables,
    )


def unbounded(name: str) -> str:
    """Say that nothing bounds the pixels of a query."""
    return (
        f"Nothing fixes the values of '{name}', whose pixels are too many to list: "
        f"add a dataset type that has '{name}', something with a region (a visit, a "
        f"patch), or a condition such as {name} IN (…)."
    )


def _is_plain_group(elements: Any) -> Callable[[Iterable[str]], bool]:
    return lambda names: not any(elements[name].is_pixel for name in names)


def _is_plain(
    part: Predicate, names: set[str], is_plain: Callable[[Iterable[str]], bool]
) -> bool:
    """Whether a condition names neither pixels nor what is left out with them."""
    for node in walk(part):
        match node:
            case DimensionKey(name):
                if not is_plain([name]):
                    return False
            case DatasetField(owner) | DatasetTimespan(owner) | TableField(owner):
                if owner not in names:
                    return False
    return True


def _scheme(pixels: DimensionElement) -> tuple[Any, int]:
    return pixels.pixel_scheme, pixels.pixel_level
