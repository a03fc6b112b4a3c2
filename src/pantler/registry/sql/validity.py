"""Ranges of validity as people see them: of one dataset, none touches another."""

from __future__ import annotations

from typing import Final

import polars as pl

from pantler.registry.sql.compile.find_first import RANK

_KEY: Final = ("uuid", RANK, "begin_ns")
"""What names a range: in one collection, no two of a dataset begin together."""


def united(frame: pl.DataFrame) -> pl.DataFrame:
    """Make one row of those whose ranges of one dataset touch or overlap.

    It has the place of the first of them. Rows without a range stay as they are.
    """
    placed = frame.with_row_index("place")
    is_certified = pl.col("begin_ns").is_not_null()
    certified = placed.filter(is_certified)
    if certified.is_empty():
        return frame
    whole = _with_unions(certified, ("uuid",)).unique(
        ("uuid", "begin_ns", "end_ns"), keep="first", maintain_order=True
    )
    others = placed.filter(~is_certified)
    return pl.concat([others, whole]).sort("place").select(frame.columns)


def with_whole_ranges(
    frame: pl.DataFrame, ranges: pl.DataFrame, *, find_first: bool
) -> pl.DataFrame:
    """Replace ranges, chosen by a time, by those of which they are parts.

    Parameters
    ----------
    frame
        Rows with dataset, rank of the collection, and range.
    ranges
        All ranges of the same datasets, with the same columns.
    find_first
        Whether only the collection counts in which a row was found.
    """
    whole = _with_unions(
        ranges.with_columns(pl.col("begin_ns").alias("begin")),
        ("uuid", RANK) if find_first else ("uuid",),
    ).select(
        "uuid",
        RANK,
        pl.col("begin").alias("begin_ns"),
        pl.col("begin_ns").alias("whole_begin"),
        pl.col("end_ns").alias("whole_end"),
    )
    return (
        frame.join(whole, on=_KEY, how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("whole_begin", "begin_ns").alias("begin_ns"),
            pl.coalesce("whole_end", "end_ns").alias("end_ns"),
        )
        .select(frame.columns)
    )


def _with_unions(frame: pl.DataFrame, of: tuple[str, ...]) -> pl.DataFrame:
    """Return the rows, each with the union of ranges that its own is part of.

    Parameters
    ----------
    frame
        Rows with ranges.
    of
        The columns in which rows are equal whose ranges are united.
    """
    ordered = frame.with_row_index("row").sort(*of, "begin_ns")
    # Where any ranges touch, two that follow one another do.
    are_of_one = pl.all_horizontal(pl.col(n) == pl.col(n).shift() for n in of)
    touch = pl.col("begin_ns") <= pl.col("end_ns").shift()
    if not ordered.select((are_of_one & touch).any()).item():
        return frame
    reach = pl.col("end_ns").cum_max().shift().over(of)
    is_next = (pl.col("begin_ns") <= reach).fill_null(value=False)
    numbered = ordered.with_columns((~is_next).cum_sum().alias("union"))
    return (
        numbered.with_columns(
            pl.col("begin_ns").min().over("union"),
            pl.col("end_ns").max().over("union"),
        )
        .sort("row")
        .drop("row", "union")
    )
