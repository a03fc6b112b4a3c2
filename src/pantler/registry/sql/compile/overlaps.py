"""Overlap on the sky: candidates by common pixels in SQL, the exact test later."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import sqlalchemy as sa

from pantler.errors import InvalidInputError
from pantler.queries.tree import Overlaps, RecordField, RegionConstant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.universe import DimensionGroup, Universe
    from pantler.queries.tree import Predicate
    from pantler.registry.sql.schema import Schema

_MOST_RANGES: Final = 200
"""Ranges of pixels in a statement; close ones are merged beyond that."""


@dataclass(frozen=True, slots=True)
class SkyOverlap:
    """Records of an element overlap those of another, or a given region.

    Parameters
    ----------
    left
        An element.
    right
        Another, or an encoded region.
    """

    left: DimensionElement
    right: DimensionElement | bytes

    @property
    def elements(self) -> tuple[DimensionElement, ...]:
        """The elements whose regions are compared."""
        return (
            (self.left,) if isinstance(self.right, bytes) else (self.left, self.right)
        )

    @property
    def dimensions(self) -> frozenset[str]:
        """The dimensions that identify the records."""
        return frozenset(name for e in self.elements for name in e.required)


def is_sky_overlap(predicate: Predicate) -> bool:
    """Whether a condition is an overlap of regions."""
    return isinstance(predicate, Overlaps) and predicate.topology == "spatial"


def stated_overlaps(
    predicates: Iterable[Predicate], universe: Universe
) -> list[SkyOverlap]:
    """Return the overlaps of regions that conditions state."""
    found = []
    for node in predicates:
        if not (isinstance(node, Overlaps) and node.topology == "spatial"):
            continue
        match node.left, node.right:
            case RecordField(left), RegionConstant(region):
                found.append(SkyOverlap(universe[left], region))
            case RegionConstant(region), RecordField(right):
                found.append(SkyOverlap(universe[right], region))
            case RecordField(left), RecordField(right):
                found.append(SkyOverlap(universe[left], universe[right]))
            case _:
                raise InvalidInputError(
                    f"Regions that overlap must be columns or constants: {node}."
                )
    return found


def implied_overlaps(
    group: DimensionGroup,
    stated: Sequence[SkyOverlap],
    related: Sequence[frozenset[str]],
) -> list[SkyOverlap]:
    """Return the overlaps by which the spatial families of a group are related.

    Parameters
    ----------
    group
        All dimensions.
    stated
        What is compared anyway: families that are need nothing more.
    related
        Dimensions of each dataset search: its datasets relate what they have.
    """
    done = {frozenset(e.spatial_family for e in overlap.elements) for overlap in stated}
    found = []
    for left, right in itertools.combinations(group.spatial_elements(), 2):
        overlap = SkyOverlap(left, right)
        if any(overlap.dimensions <= part for part in related):
            continue
        if frozenset((left.spatial_family, right.spatial_family)) not in done:
            found.append(overlap)
    return found


def candidate_pairs(
    overlap: SkyOverlap, schema: Schema
) -> tuple[sa.Subquery, dict[str, sa.ColumnElement[Any]]]:
    """Return the pairs of records that share a pixel, and their dimensions."""
    left = schema.pixels[overlap.left.name]
    right = schema.pixels[overlap.elements[1].name].alias()
    shared = [n for n in overlap.left.required if n in overlap.elements[1].required]
    same = [left.c[name] == right.c[name] for name in ("pixel", *shared)]
    columns = {name: left.c[name] for name in overlap.left.required}
    for name in overlap.elements[1].required:
        columns.setdefault(name, right.c[name])
    pairs = (
        sa.select(*(column.label(name) for name, column in columns.items()))
        .distinct()
        .join_from(left, right, sa.and_(*same))
        .subquery()
    )
    return pairs, {name: pairs.c[name] for name in columns}


def near_region(
    overlap: SkyOverlap, schema: Schema, columns: Sequence[sa.ColumnElement[Any]]
) -> sa.ColumnElement[bool]:
    """Return the condition that a record shares a pixel with a given region.

    Parameters
    ----------
    overlap
        Of an element and a region.
    schema
        Has the tables of pixels.
    columns
        Where the required dimensions of the element are.
    """
    table = schema.pixels[overlap.left.name]
    ranges = [
        table.c.pixel.between(first, last)
        for first, last in _pixel_ranges(overlap.right, schema.universe)
    ]
    near = sa.select(*(table.c[name] for name in overlap.left.required)).where(
        sa.or_(*ranges)
    )
    key = columns[0] if len(columns) == 1 else sa.tuple_(*columns)
    return key.in_(near)


def _pixel_ranges(
    encoded: bytes | DimensionElement, universe: Universe
) -> list[tuple[int, int]]:
    """Return the common pixels of a region as ranges, both ends inclusive."""
    from pantler.dimensions.sky.pixels import pixel_envelope
    from pantler.dimensions.sky.region_array import RegionArray

    regions = RegionArray.from_encoded(pl.Series([encoded], dtype=pl.Binary))
    common = universe.common_pixels
    assert common.pixel_scheme is not None  # noqa: S101 - it is a pixel element
    _, pixels = pixel_envelope(regions, common.pixel_scheme, common.pixel_level)
    pixels = np.unique(pixels)
    gaps = np.diff(pixels)
    breaks = np.flatnonzero(gaps > 1)
    if len(breaks) >= _MOST_RANGES:
        widest = np.argsort(gaps[breaks])[-(_MOST_RANGES - 1) :]
        breaks = np.sort(breaks[widest])
    firsts = pixels[np.concatenate(([0], breaks + 1))]
    lasts = pixels[np.concatenate((breaks, [len(pixels) - 1]))]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
