"""Many rows at once: frames into rows, cursors into frames."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_BATCH = 2_000
"""Rows that are fetched together: more were slower, as they leave the cache."""


@dataclass(frozen=True, slots=True, eq=False)
class UuidRows:
    """Rows of integers and UUIDs, for drivers that take columns; others iterate.

    Parameters
    ----------
    columns
        At least one, all of one length and without nulls: integers of 64 bits, or
        values of 16 bytes.
    """

    columns: Sequence[pl.Series]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(series_rows(self.columns))


def series_rows(columns: Iterable[pl.Series]) -> Iterable[tuple[Any, ...]]:
    """Return the rows of some columns as tuples."""
    return zip(*(series.to_list() for series in columns), strict=True)


def frame_rows(frame: pl.DataFrame) -> Iterable[tuple[Any, ...]]:
    """Return the rows of a frame as tuples, column by column underneath."""
    return series_rows(frame.get_columns())


def fetch_frame(
    cursor: Any,
    schema: Mapping[str, type[pl.DataType] | pl.DataType | None],
    most: int | None = None,
) -> pl.DataFrame:
    """Return what a cursor has left as a frame.

    Parameters
    ----------
    cursor
        A driver's cursor with as many columns as the schema.
    schema
        Names and types of the columns; those of type None are left out.
    most
        How many rows to fetch at most; None for all.
    """
    wanted = [(name, dtype) for name, dtype in schema.items() if dtype is not None]
    kept = [at for at, dtype in enumerate(schema.values()) if dtype is not None]
    parts = []
    left = sys.maxsize if most is None else most
    while rows := cursor.fetchmany(min(_BATCH, left)) if left else ():
        left -= len(rows)
        columns = list(zip(*rows, strict=True))
        parts.append(
            pl.DataFrame(
                [
                    # SQLite has no truth values: 0 and 1 are converted.
                    pl.Series(name, values, dtype=dtype, strict=dtype != pl.Boolean)
                    for (name, dtype), values in zip(
                        wanted, (columns[at] for at in kept), strict=True
                    )
                ]
            )
        )
    return pl.concat(parts) if parts else pl.DataFrame(schema=dict(wanted))


def cut_bytes(joined: bytes, sizes: pl.Series) -> pl.Series:
    """Return values that are joined without anything in between.

    Parameters
    ----------
    joined
        All of them; those that are null have no bytes.
    sizes
        Of each, in bytes; at least one. Their sum is the size of all.
    """
    width = sizes[0]
    if width and not sizes.null_count() and (sizes == width).all():
        whole = np.frombuffer(joined, dtype=np.uint8).reshape(-1, width)
        return pl.Series(whole).cast(pl.List(pl.UInt8)).cast(pl.Binary)
    size = pl.col("size")
    part = pl.lit(joined).bin.slice(size.cum_sum() - size, size)
    found = pl.DataFrame({"size": sizes.fill_null(0)}).select(part).to_series()
    return found.set(sizes.is_null(), None)
