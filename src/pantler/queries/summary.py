"""Queries in a few words, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pantler.queries.rendering import to_text
from pantler.queries.tree import column_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantler.queries.query import DatasetSearch, Query

_MOST_NAMES: Final = 4
_MOST_CHARACTERS: Final = 200
"""Of names that are listed, and of a condition."""


def summary(query: Query) -> str:
    """Return what a query asks for, in one line of bounded length.

    Parameters
    ----------
    query
        Any query.

    Examples
    --------
    >>> from pantler.dimensions.universe import Universe
    >>> from pantler.queries.query import Query
    >>> universe = Universe.default()
    >>> summary(Query(universe.group(["skymap"]), element="skymap", limit=5))
    "'skymap' records, limit 5"
    """
    parts = [_asked(query)]
    parts += [f"with {_datasets(search)}" for search in query.datasets]
    parts += [f"joined with '{table.name}'" for table in query.tables]
    if query.where is not None:
        parts.append(f"where {_cut(to_text(query.where))}")
    if query.limit is not None:
        parts.append(f"limit {query.limit}")
    if query.offset:
        parts.append(f"offset {query.offset}")
    return ", ".join(parts)


def _asked(query: Query) -> str:
    if query.target is not None:
        return _datasets(query.target)
    if query.element is not None:
        return f"'{query.element}' records"
    if query.columns:
        return f"columns {_names(column_name(column) for column in query.columns)}"
    return f"dimensions {_names(query.dimensions.required)}"


def _datasets(search: DatasetSearch) -> str:
    where = _names(search.collections) or "no collection"
    return f"'{search.dataset_type.name}' in {where}"


def _names(names: Iterable[str]) -> str:
    listed = list(names)
    more = len(listed) - _MOST_NAMES
    end = f" and {more} more" if more > 0 else ""
    return _cut(", ".join(listed[:_MOST_NAMES])) + end


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"
