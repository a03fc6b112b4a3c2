"""The implied values of data IDs that name only what they require."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pantler.queries.query import Query
from pantler.queries.tree import Constant, DimensionKey, Membership

if TYPE_CHECKING:
    import polars as pl

    from pantler.dimensions.universe import DimensionGroup
    from pantler.queries.runner import QueryRunner
    from pantler.queries.tree import Predicate


def with_implied(
    runner: QueryRunner, frame: pl.DataFrame, group: DimensionGroup
) -> pl.DataFrame:
    """Return data IDs with their implied values; null where the records have none.

    Each dimension that implies others is asked for its values once, for all rows.

    Parameters
    ----------
    runner
        Knows the records.
    frame
        Has the columns ``group.required``.
    group
        The dimensions.

    Returns
    -------
    polars.DataFrame
        The columns ``group.names``, rows in the same order.
    """
    required = frame.select(group.required)
    if not group.implied:
        return required
    full = required
    for name in group.required:
        implying = group.universe.group([name])
        keys = list(implying.required)
        if not set(implying.implied).difference(full.columns):
            continue
        records = runner.query(Query(implying, one_of(required, name)))
        wanted = [*keys, *(n for n in implying.implied if n not in full.columns)]
        found = records.select(wanted).unique(keys)
        full = full.join(found, on=keys, how="left", maintain_order="left")
    return full.select(group.names)


def one_of(frame: pl.DataFrame, name: str) -> Predicate:
    """Return the condition that a dimension has one of the values in a frame."""
    column = frame[name]
    kind: Literal["int", "string"] = "int" if column.dtype.is_integer() else "string"
    return Membership(
        DimensionKey(name, kind),
        tuple(Constant(value, kind) for value in column.unique().to_list()),
    )
