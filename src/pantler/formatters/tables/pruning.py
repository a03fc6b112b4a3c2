"""Which groups of rows of a Parquet file need not be read."""

from __future__ import annotations

import datetime as dt
import math
import struct
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from pantler.formatters.tables.selection import Condition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.formatters.tables.parquet_structure import Chunk, RowGroup
    from pantler.formatters.tables.selection import TableSelection

_SIGNED: Final = (pl.Int8, pl.Int16, pl.Int32, pl.Int64)
_UNSIGNED: Final = (pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)


def may_hold_rows(
    group: RowGroup, selection: TableSelection, schema: Mapping[str, Any]
) -> bool:
    """Whether some row of a group may fulfil all conditions, as far as is known."""
    chunks = {chunk.column: chunk for chunk in group.chunks}
    return all(
        _may_hold(condition, chunks.get(condition.column), schema[condition.column])
        for condition in selection.rows
    )


def _may_hold(condition: Condition, chunk: Chunk | None, dtype: Any) -> bool:
    if chunk is None or chunk.least is None or chunk.greatest is None:
        return True
    least = _number(chunk.least, dtype)
    greatest = _number(chunk.greatest, dtype)
    if least is None or greatest is None:
        return True
    values = condition.value
    if isinstance(values, list):
        physical: Any = [_physical(value, dtype) for value in values]
        known = None not in physical
    else:
        physical = _physical(values, dtype)
        known = physical is not None
    if not known:
        return True
    return Condition(condition.column, condition.operator, physical).may_hold(
        least, greatest
    )


def _number(data: bytes, dtype: Any) -> Any:
    """Return a bound of the statistics; None where its meaning is not sure."""
    if dtype in _SIGNED or dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return int.from_bytes(data, "little", signed=True)
    if dtype in _UNSIGNED:
        return int.from_bytes(data, "little")
    if dtype in (pl.Float32, pl.Float64):
        if len(data) not in (4, 8):
            return None
        value = struct.unpack("<f" if len(data) == 4 else "<d", data)[0]
        return None if math.isnan(value) else value
    return data if dtype == pl.String else None


def _physical(value: Any, dtype: Any) -> Any:
    """Return a value as the statistics have it."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dt.date):  # a time of a day is one too
        if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
            return None
        return pl.Series([value], dtype=dtype).to_physical().item()
    return value
