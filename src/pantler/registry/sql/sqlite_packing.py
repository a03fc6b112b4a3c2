"""Rows that SQLite packs by columns: one row, of a text for each column.

Python's driver makes an object of each value of a row, which takes longer than all that
SQLite does. A text of all values of a column is one object; numpy and polars take it
apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from pantler.registry.sql.bulk import cut_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
MOST_BYTES: Final = 1 << 28
"""Of a packed column: more is fetched row by row, in as much memory as its frame."""

_FEW_BYTES: Final = 4_000
"""Of a packed column, up to which Python takes it apart faster than polars."""

_NO_TEXT: Final = b"\xff"
"""Stands for a null among texts; it is in no UTF-8."""


def packed(
    text: str, kinds: list[type[pl.DataType] | pl.DataType | None]
) -> str | None:
    """Return the statement that packs the rows of another into one.

    Parameters
    ----------
    text
        The other.
    kinds
        The types of its columns; None for those that are not wanted.

    Returns
    -------
    str or None
        None if it has numbers with a fraction, which SQLite does not write exactly.
    """
    if pl.Float64 in kinds:
        return None
    names = [f"c{place}" for place in range(len(kinds))]
    chosen = ["count(*)"]
    for name, kind in zip(names, kinds, strict=True):
        if kind is not None:
            chosen += _of_column(name, kind)
    columns = ", ".join(f"CAST({one} AS BLOB)" for one in chosen[1:])
    given = f"WITH q({', '.join(names)}) AS ({text})"
    return f"{given} SELECT {chosen[0]}, {columns} FROM q"  # noqa: S608 - no values


def _of_column(name: str, kind: type[pl.DataType] | pl.DataType) -> Iterator[str]:
    """Yield what is selected for a column: its values, and the sizes of bytes."""
    if kind == pl.String:
        yield f"group_concat(ifnull({name}, x'ff'), char(0))"
    elif kind == pl.Binary:
        yield f"group_concat({name}, '')"
        yield f"group_concat(ifnull(length({name}), ''))"
    else:
        yield f"group_concat(ifnull({name}, ''))"


def unpacked(
    row: Sequence[Any], wanted: Mapping[str, type[pl.DataType] | pl.DataType]
) -> pl.DataFrame | None:
    """Return the rows of a packed statement.

    Parameters
    ----------
    row
        What it gave.
    wanted
        Names and types of the wanted columns.

    Returns
    -------
    polars.DataFrame or None
        None if it cannot be told where values end or what they are: a text contains
        NUL, or SQLite keeps a value of another type than its column's.
    """
    height, *values = row
    if not height:
        return pl.DataFrame(schema=dict(wanted))
    columns = []
    left = iter(values)
    for name, kind in wanted.items():
        if kind == pl.String:
            column = _texts(next(left))
        elif kind == pl.Binary:
            column = _blobs(next(left) or b"", next(left))
        else:
            column = _integers(next(left))
        if column is None or len(column) != height:
            return None
        columns.append(column.cast(kind).alias(name))
    return pl.DataFrame(columns)


def _integers(joined: bytes) -> pl.Series | None:
    """Return integers that are joined by commas; one that is empty is null."""
    if len(joined) <= _FEW_BYTES:
        try:
            few = [int(each) if each else None for each in joined.split(b",")]
            return pl.Series(few, dtype=pl.Int64)
        except ValueError:
            return None
    written = _split(joined.decode("latin-1"), ",")
    found = written.cast(pl.Int64, strict=False)
    is_exact = found.null_count() == (written == "").sum()
    return found if is_exact else None


def _texts(joined: bytes) -> pl.Series | None:
    """Return texts that are joined by NUL."""
    nulls = joined.count(_NO_TEXT)
    if not nulls:
        return _split(joined.decode(), "\0")
    found = _split(joined.replace(_NO_TEXT, b"").decode(), "\0")
    is_null = _split(joined.decode("latin-1"), "\0") == _NO_TEXT.decode("latin-1")
    if is_null.sum() != nulls:  # damaged text
        return None
    return found.set(is_null, None)


def _blobs(joined: bytes, written_sizes: bytes) -> pl.Series | None:
    """Return bytes that are joined without anything in between."""
    sizes = _integers(written_sizes)
    if sizes is None or sizes.sum() != len(joined):
        return None
    return cut_bytes(joined, sizes)


def _split(joined: str, separator: str) -> pl.Series:
    if len(joined) <= _FEW_BYTES:
        return pl.Series(joined.split(separator), dtype=pl.String)
    return pl.Series([joined], dtype=pl.String).str.split(separator).explode()
