"""Columns as PostgreSQL's COPY takes them in binary, without an object for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_PART: Final = 1 << 20
"""Bytes that are sent at once, or a little fewer."""


def encoded(columns: Sequence[pl.Series]) -> Iterator[bytes]:
    """Yield rows as `COPY ... FROM STDIN (FORMAT BINARY)` reads them.

    Parameters
    ----------
    columns
        At least one; all of one length and without nulls: integers of 64 bits, or
        values of 16 bytes each.
    """
    # A row is the number of its fields; a field is the number of its bytes, and these.
    fields = [("fields", ">i2")]
    for number, column in enumerate(columns):
        kind = ">i8" if column.dtype == pl.Int64 else "V16"
        fields += [(f"size_{number}", ">i4"), (f"value_{number}", kind)]
    rows = np.empty(len(columns[0]), dtype=fields)
    rows["fields"] = len(columns)
    for number, column in enumerate(columns):
        values = _values(column)
        rows[f"size_{number}"] = values.dtype.itemsize
        rows[f"value_{number}"] = values
    step = max(1, _PART // rows.itemsize)
    yield _HEADER
    for start in range(0, len(rows), step):
        yield rows[start : start + step].tobytes()
    yield _TRAILER


def _values(column: pl.Series) -> NDArray[np.generic]:
    if column.dtype == pl.Int64:
        return column.to_numpy()
    return np.frombuffer(b"".join(column.to_list()), dtype="V16")
