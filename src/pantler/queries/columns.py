"""Names of columns, by which rows are ordered and counted, or which are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.errors import InvalidInputError, QuerySyntaxError
from pantler.queries.names import Names
from pantler.queries.query import OrderTerm
from pantler.queries.syntax import Place
from pantler.queries.tree import (
    DatasetField,
    DatasetTimespan,
    RecordField,
    TimespanField,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pantler.queries.names import Named
    from pantler.queries.query import Query
    from pantler.queries.tree import Column


def parse_order(terms: Sequence[str], query: Query) -> tuple[OrderTerm, ...]:
    """Return what the rows of a query are ordered by.

    Parameters
    ----------
    terms
        Names as in an expression, with ``-`` before those that descend:
        ``"-visit.exposure_time"``, ``"detector"``, ``"visit.timespan.begin"``.
    query
        What names mean: a field without an element is looked for among its dimensions
        first.

    Raises
    ------
    InvalidInputError
        If a name is unknown or has no order.

    Examples
    --------
    >>> from pantler.dimensions.universe import Universe
    >>> from pantler.queries.query import Query
    >>> parse_order(["-visit"], Query(Universe.default().group(["visit"])))
    (OrderTerm(column=DimensionKey(dimension='visit', type='int'), descending=True),)
    """
    names = Names.of(query)
    return tuple(_parse_term(term, names) for term in checked_names(terms))


def parse_columns(terms: Sequence[str] | str, query: Query) -> tuple[Column, ...]:
    """Return the columns of some names; a time span stands for its two bounds.

    Parameters
    ----------
    terms
        Names as in an expression, listed or separated by commas.
    query
        What names mean.

    Raises
    ------
    InvalidInputError
        If a name is unknown.
    """
    names = Names.of(query)
    listed = terms.split(",") if isinstance(terms, str) else checked_names(terms)
    found: list[Column] = []
    for term in listed:
        column = _named(term.strip(), names, f"Cannot show '{term}'")
        match column:
            case TimespanField(element):
                found += [
                    RecordField(element, "timespan_begin", "time"),
                    RecordField(element, "timespan_end", "time"),
                ]
            case DatasetTimespan(name):
                found += [
                    DatasetField(name, "timespan_begin", "time"),
                    DatasetField(name, "timespan_end", "time"),
                ]
            case _:
                found.append(column)
    return tuple(dict.fromkeys(found))


def checked_names(terms: Iterable[object]) -> list[str]:
    """Return names of columns, each of which is text.

    Raises
    ------
    InvalidInputError
        If they are no list of texts.
    """
    try:
        listed = list(terms)
    except TypeError:
        listed = [terms]
    names = [term for term in listed if isinstance(term, str)]
    if len(names) < len(listed):
        wrong = next(term for term in listed if not isinstance(term, str))
        raise InvalidInputError(
            f"A column is named by text, such as 'visit.exposure_time', not {wrong!r} "
            f"of type {type(wrong).__name__}."
        )
    return names


def _named(name: str, names: Names, failure: str) -> Named:
    try:
        return names.resolve(name, Place())
    except QuerySyntaxError as error:
        raise InvalidInputError(f"{failure}: {error.message}") from None


def _parse_term(term: str, names: Names) -> OrderTerm:
    text = term.strip()
    descending = text.startswith("-")
    name = text.lstrip("+-") if text[1:2] not in {"+", "-"} else text
    column = _named(name.strip(), names, f"Cannot order by '{term}'")
    if isinstance(column, TimespanField | DatasetTimespan):
        raise InvalidInputError(
            f"A time span has no order: order by '{name}.begin' or '{name}.end'."
        )
    if column.type in {"region", "hash"}:
        raise InvalidInputError(f"'{name}' has no order: it is a {column.type}.")
    return OrderTerm(column, descending)
