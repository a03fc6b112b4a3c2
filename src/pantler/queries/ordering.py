"""Names by which rows are ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.errors import InvalidInputError, QuerySyntaxError
from pantler.queries.names import Names
from pantler.queries.query import OrderTerm
from pantler.queries.syntax import Place
from pantler.queries.tree import DatasetTimespan, TimespanField

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pantler.datasets.dataset_type import DatasetType
    from pantler.dimensions.universe import DimensionGroup, Universe


def parse_order(
    terms: Sequence[str],
    universe: Universe,
    *,
    dimensions: DimensionGroup | None = None,
    dataset_types: Mapping[str, DatasetType] | None = None,
) -> tuple[OrderTerm, ...]:
    """Return what rows are ordered by.

    Parameters
    ----------
    terms
        Names as in an expression, with ``-`` before those that descend:
        ``"-visit.exposure_time"``, ``"detector"``, ``"visit.timespan.begin"``.
    universe
        The dimensions.
    dimensions
        Dimensions of the rows: a field without an element is looked for there first.
    dataset_types
        Dataset types whose fields can be named.

    Raises
    ------
    InvalidInputError
        If a name is unknown or has no order.

    Examples
    --------
    >>> from pantler.dimensions.universe import Universe
    >>> parse_order(["-visit"], Universe.default())
    (OrderTerm(column=DimensionKey(dimension='visit', type='int'), descending=True),)
    """
    names = Names(universe, dataset_types or {}, dimensions)
    return tuple(_parse_term(term, names) for term in terms)


def _parse_term(term: str, names: Names) -> OrderTerm:
    text = term.strip()
    descending = text.startswith("-")
    name = text.lstrip("+-") if text[1:2] not in {"+", "-"} else text
    try:
        column = names.resolve(name.strip(), Place())
    except QuerySyntaxError as error:
        raise InvalidInputError(f"Cannot order by '{term}': {error.message}") from None
    if isinstance(column, TimespanField | DatasetTimespan):
        raise InvalidInputError(
            f"A time span has no order: order by '{name}.begin' or '{name}.end'."
        )
    if column.type in {"region", "hash"}:
        raise InvalidInputError(f"'{name}' has no order: it is a {column.type}.")
    return OrderTerm(column, descending)
