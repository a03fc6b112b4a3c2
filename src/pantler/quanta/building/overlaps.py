"""Relations between dimensions by overlap on the sky."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from pantler.dimensions.sky.region_array import RegionArray, overlapping_pairs
from pantler.errors import InternalError
from pantler.quanta.building.sources import SkyRecords
from pantler.quanta.join.coding import deciding
from pantler.quanta.join.reduction import reduce_relations
from pantler.quanta.join.relations import Relation

if TYPE_CHECKING:
    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.universe import DimensionGroup
    from pantler.quanta.building.sources import Sources
    from pantler.quanta.join.coding import Coding
    from pantler.quanta.join.reduction import JoinTree


def spatial_pairs(
    group: DimensionGroup,
) -> list[tuple[DimensionElement, DimensionElement]]:
    """Return the pairs of elements that a group relates by overlap."""
    return list(itertools.combinations(group.spatial_elements(), 2))


def overlap_relations(
    sources: Sources, coding: Coding, group: DimensionGroup, others: list[Relation]
) -> list[Relation]:
    """Return a relation for each pair of spatial families in a group.

    Parameters
    ----------
    sources
        What is asked for the records of elements without keys.
    coding
        The numbers, with the regions of dimensions.
    group
        All dimensions of a pipeline.
    others
        All other relations: what they leave out is not compared.
    """
    pairs = spatial_pairs(group)
    if not pairs:
        return []
    held = {
        element.name: records_of(sources, coding, element)
        for element in {e.name: e for pair in pairs for e in pair}.values()
    }
    reduced = reduced_records(held, others)
    return [_overlaps(reduced[left.name], reduced[right.name]) for left, right in pairs]


def compared_records(
    sources: Sources, coding: Coding, group: DimensionGroup
) -> list[Relation]:
    """Return the records without key whose regions a group compares."""
    elements = {e.name: e for pair in spatial_pairs(group) for e in pair}
    return [
        sources.element_records(element, coding).relation
        for element in elements.values()
        if not element.is_dimension
    ]


def reduced_records(
    held: dict[str, SkyRecords], others: list[Relation]
) -> dict[str, SkyRecords]:
    """Return records without those that some relation leaves out."""
    records = [each.relation for each in held.values()]
    tree = reduce_relations([*others, *records])
    return {name: _reduce(each, tree) for name, each in held.items()}


def records_of(
    sources: Sources, coding: Coding, element: DimensionElement
) -> SkyRecords:
    """Return the records of an element that has regions."""
    if not element.is_dimension:
        return sources.element_records(element, coding)
    regions = coding.dimensions[element.name].regions
    if regions is None:
        raise InternalError(f"The regions of '{element.name}' were not read.")
    codes = np.arange(len(regions), dtype=np.int32)
    title = f"'{element.name}' records"
    relation = Relation(title, "records", coding, {element.name: codes}, len(codes))
    return SkyRecords(relation, regions)


def _reduce(records: SkyRecords, tree: JoinTree) -> SkyRecords:
    """Leave out the rows that no other relation has."""
    wanted = tree.project(records.relation.columns)
    kept = wanted.places_of(records.relation) >= 0
    return SkyRecords(records.relation.take(kept), records.regions.filter(kept))


def _overlaps(left: SkyRecords, right: SkyRecords) -> Relation:
    i, j = overlapping_pairs(
        RegionArray.from_encoded(left.regions), RegionArray.from_encoded(right.regions)
    )
    first, second = left.relation, right.relation
    names = deciding(first.coding.universe, {*first.columns, *second.columns})
    columns = {
        name: first.codes(name)[i] if name in first.names else second.codes(name)[j]
        for name in names
    }
    title = (
        f"overlaps on the sky of the {len(first)} {first.name} with the {len(second)} "
        f"{second.name} that inputs and conditions leave"
    )
    return Relation(title, "overlap", first.coding, columns, len(i))
