"""Rows that PostgreSQL packs by columns: one row, of a value for each column.

Sent one by one, each value becomes an object of Python. A string of all values of a
column is one object, which numpy and polars take apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from pantler.registry.sql.bulk import cut_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Kind = type[pl.DataType] | pl.DataType

_MOST_ROWS: Final = 1 << 20
_MOST_BYTES: Final = 1 << 29
"""Of a packed row, whatever its values are: the server can send twice as much."""

_LONG: Final = 128
"""Bytes of the longest text, or other bytes, that are packed."""

_NO_NUMBER: Final = -0x5A3C_96E1_0FD2_B487
_NO_TEXT: Final = "\x02"
"""Stand for nulls. How many nulls there are is counted, so that a value which happens
to be one of these is noticed."""

_AFTER_TEXT: Final = "\x01"
_WIDTHS: Final[dict[Kind, int]] = {
    pl.Int64: 8,
    pl.Float64: 8,
    pl.Boolean: 4,
    pl.String: _LONG + 1,
    pl.Binary: _LONG + 4,
}
"""The most bytes that a value can need, by type."""


@dataclass(frozen=True, slots=True)
class PackedStatement:
    """A statement that packs the rows of another into one.

    Parameters
    ----------
    text
        With the other's parameters.
    most
        How many rows it packs.
    """

    text: str
    most: int


def packed(text: str, kinds: Sequence[Kind | None]) -> PackedStatement | None:
    """Return the statement that packs the rows of another.

    Parameters
    ----------
    text
        The other.
    kinds
        The types of its columns; None for those that are not wanted.

    Returns
    -------
    PackedStatement or None
        None if there is a column of another type than can be packed.
    """
    wanted = [kind for kind in kinds if kind is not None]
    if not wanted or not all(kind in _WIDTHS for kind in wanted):
        return None
    most = min(_MOST_ROWS, _MOST_BYTES // sum(_WIDTHS[kind] for kind in wanted))
    names = [f"c{place}" for place in range(len(kinds))]
    chosen = ", ".join(
        _of_column(name, kind)
        for name, kind in zip(names, kinds, strict=True)
        if kind is not None
    )
    # The limit bounds the server's memory. It also keeps the rows in their order: no
    # part of them is aggregated by a worker of its own.
    rows = f"SELECT * FROM ({text}) AS q({', '.join(names)}) LIMIT {most + 1}"  # noqa: S608 - no values
    return PackedStatement(f"SELECT count(*), {chosen} FROM ({rows}) AS p", most)  # noqa: S608


def _of_column(name: str, kind: Kind) -> str:
    """Return what is selected for a column: how many values it has, and all of them."""
    short = f"CASE WHEN octet_length({name}) <= {_LONG} THEN {name} END"
    if kind == pl.String:
        null, after = (f"chr({ord(each)})" for each in (_NO_TEXT, _AFTER_TEXT))
        return f"count({name}), string_agg(coalesce({short}, {null}), {after})"
    if kind == pl.Binary:
        size = f"int4send(coalesce(octet_length({short}), -1))"
        return f"count({name}), string_agg({short}, ''), string_agg({size}, '')"
    if kind == pl.Float64:
        value = f"float8send(coalesce({name}, 'NaN'))"
    elif kind == pl.Boolean:
        value = f"int4send(coalesce({name}::int, 2))"
    else:
        value = f"int8send(coalesce({name}, {_NO_NUMBER}))"
    return f"count({name}), string_agg({value}, '')"


def unpacked(
    row: Sequence[Any], wanted: Mapping[str, Kind], most: int
) -> pl.DataFrame | None:
    """Return the rows of a packed statement.

    Parameters
    ----------
    row
        What it gave.
    wanted
        Names and types of the wanted columns.
    most
        How many rows it packs.

    Returns
    -------
    polars.DataFrame or None
        None if there are more rows, a value is too long, or one is what stands for
        a null or between texts.
    """
    height, *values = row
    if not height:
        return pl.DataFrame(schema=dict(wanted))
    if height > most:
        return None
    columns = []
    left = iter(values)
    for name, kind in wanted.items():
        nulls = height - next(left)
        if kind == pl.String:
            column = _texts(next(left), nulls)
        elif kind == pl.Binary:
            column = _bytes(next(left) or b"", next(left), nulls)
        else:
            column = _numbers(next(left), kind, nulls)
        if column is None or len(column) != height:
            return None
        columns.append(column.cast(kind).alias(name))
    return pl.DataFrame(columns)


def _numbers(joined: bytes, kind: Kind, nulls: int) -> pl.Series | None:
    if kind == pl.Float64:
        numbers = np.frombuffer(joined, dtype=">f8").astype(np.float64)
        is_null = np.isnan(numbers)
    elif kind == pl.Boolean:
        numbers = np.frombuffer(joined, dtype=">i4").astype(np.int32)
        is_null = numbers == 2
    else:
        numbers = np.frombuffer(joined, dtype=">i8").astype(np.int64)
        is_null = numbers == _NO_NUMBER
    return _with_nulls(pl.Series(numbers), pl.Series(is_null), nulls)


def _texts(joined: str, nulls: int) -> pl.Series | None:
    found = pl.Series([joined]).str.split(_AFTER_TEXT).explode()
    return _with_nulls(found, found == _NO_TEXT, nulls)


def _bytes(joined: bytes, written_sizes: bytes, nulls: int) -> pl.Series | None:
    sizes = pl.Series(np.frombuffer(written_sizes, dtype=">i4").astype(np.int64))
    known = _with_nulls(sizes, sizes < 0, nulls)
    return None if known is None else cut_bytes(joined, known)


def _with_nulls(found: pl.Series, is_null: pl.Series, nulls: int) -> pl.Series | None:
    """Return values with their nulls, or None if that many are not found."""
    if is_null.sum() != nulls:
        return None
    return found.set(is_null, None) if nulls else found
