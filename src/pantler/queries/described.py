"""The records of data IDs, which are asked for once for many of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.dimensions.described import DescribedCoordinate
from pantler.dimensions.records import DimensionRecord
from pantler.queries.implied import one_of
from pantler.queries.query import Query

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import polars as pl

    from pantler.dimensions.column import DataIdValue
    from pantler.dimensions.coordinate import DataCoordinate
    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.universe import DimensionGroup, Universe
    from pantler.queries.runner import QueryRunner


def described(
    runner: QueryRunner,
    full: pl.DataFrame,
    group: DimensionGroup,
    data_ids: Iterable[DataCoordinate],
) -> Iterator[DescribedCoordinate]:
    """Yield data IDs with the records of their dimensions.

    Parameters
    ----------
    runner
        Knows the records; each element is asked once.
    full
        The values of the data IDs, in the columns ``group.names``.
    group
        Their dimensions.
    data_ids
        One for each row.
    """
    stored = [element for element in group.elements if not element.is_pixel]
    found = {e.name: _records(runner, full, e, group.universe) for e in stored}
    keys = {e.name: full.select(e.required).rows() for e in stored}
    for number, data_id in enumerate(data_ids):
        records = {
            name: known[key]
            for name, known in found.items()
            if (key := keys[name][number]) in known
        }
        yield DescribedCoordinate(group, data_id.values_, records)


def _records(
    runner: QueryRunner,
    full: pl.DataFrame,
    element: DimensionElement,
    universe: Universe,
) -> dict[tuple[DataIdValue, ...], DimensionRecord]:
    """Return the records of an element that rows need, by the values of its key."""
    wanted = full.select(element.required).drop_nulls().unique()
    if wanted.is_empty():
        return {}
    group = universe.group(element.required)
    most_varied = max(element.required, key=lambda name: wanted[name].n_unique())
    query = Query(group, one_of(wanted, most_varied), element=element.name)
    frame = runner.query(query)
    keys = frame.select(element.required).rows()
    return {
        key: DimensionRecord(element, row)
        for key, row in zip(keys, frame.iter_rows(named=True), strict=True)
    }
