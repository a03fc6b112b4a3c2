"""Why a query of calibrations has no rows: none is valid at the time of the rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pantler.dimensions.timespan import Timespan
from pantler.errors import counted
from pantler.queries.analysis import columns, dimension_names, element_of
from pantler.queries.binding import combine
from pantler.queries.query import Query

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from pantler.queries.query import DatasetSearch
    from pantler.queries.runner import QueryRunner
    from pantler.queries.tree import Predicate

_MOST_RANGES: Final = 5


def not_valid_then(
    runner: QueryRunner, plain: Query, parts: Sequence[Predicate]
) -> list[str]:
    """Return sentences that name calibrations valid only at other times, and those.

    Parameters
    ----------
    runner
        What answers.
    plain
        The query, without conditions.
    parts
        Conditions that together leave no row.

    Returns
    -------
    list
        Empty if time is not the reason.
    """
    searches = (*plain.datasets, *((plain.target,) if plain.target else ()))
    of_records = [part for part in parts if None not in map(element_of, columns(part))]
    universe = plain.dimensions.universe
    names = {*plain.dimensions.names, *dimension_names(combine(*parts), universe)}
    group = universe.group(names)
    sentences = []
    for search in searches:
        own = search.dataset_type.dimensions
        has_time = any(
            not set(element.required) <= set(own.names)
            for element in group.temporal_elements()
        )
        if not (search.dataset_type.is_calibration and has_time):
            continue
        where = combine(*of_records)
        if runner.count(Query(group, where, tables=plain.tables, limit=1)) == 0:
            return []  # such data IDs there are not, with or without calibrations
        ranges = _ranges(runner, search, of_records)
        if ranges.height:
            sentences.append(_sentence(search, ranges))
    return sentences


def _ranges(
    runner: QueryRunner, search: DatasetSearch, parts: Sequence[Predicate]
) -> pl.DataFrame:
    """Return when datasets are valid that satisfy what is said of their data IDs."""
    own = search.dataset_type.dimensions
    mine = [
        part for part in parts if dimension_names(part, own.universe) <= set(own.names)
    ]
    every = replace(search, find_first=False)
    found = runner.query(Query(own, combine(*mine), target=every))
    spans = found.select("timespan_begin", "timespan_end")
    return spans.drop_nulls().unique().sort(spans.columns)


def _sentence(search: DatasetSearch, ranges: pl.DataFrame) -> str:
    shown = [str(Timespan(*row)) for row in ranges.head(_MOST_RANGES).rows()]
    more = ranges.height - len(shown)
    if more > 0:
        shown.append(f"{counted(more, 'other time')}")
    where = ", ".join(f"'{name}'" for name in search.collections)
    return (
        f"No '{search.dataset_type.name}' in {where} is valid then. There are some "
        f"that are valid in {', '.join(shown)}."
    )
