"""Queries of datasets in pieces, each of some numbers of data IDs.

All that is decided between matches is decided between those of one data ID, so that
pieces can be answered one by one: in bounded memory, and no further than is asked. The
numbers of one run, type and range lie together.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from pantler.registry.sql.schema import ROW_NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from pantler.registry.sql.compile.stages import Compiled
    from pantler.registry.sql.core import Core
    from pantler.registry.sql.rows import Rows

_SHORT_S: Final = 0.05
_LONG_S: Final = 0.5
"""A piece that took less is followed by a longer one, one that took more by a shorter
one."""

_MOST_NUMBERS: Final = 1 << 20
"""The longest piece: that many numbers fit into memory in any case."""


def of_a_piece(number: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Return the condition that a data ID is of a piece, whose bounds are bound."""
    first = sa.bindparam("piece_first", type_=ROW_NUMBER)
    last = sa.bindparam("piece_last", type_=ROW_NUMBER)
    return number.between(first, last)


class Pieces:
    """Ranges of numbers, whose length follows the work that they were.

    Parameters
    ----------
    core
        Where.
    data_ids
        The table of data IDs.
    length
        Of the first one.
    """

    def __init__(self, core: Core, data_ids: sa.Table, length: int) -> None:
        self.core = core
        self.data_ids = data_ids
        self.length = length

    def __iter__(self) -> Iterator[dict[str, int]]:
        """Yield the bounds of each as parameters."""
        number = self.data_ids.c.id
        # Each by itself: no database scans for one of them, but some do for both.
        ends = [sa.select(sa.func.min(number)), sa.select(sa.func.max(number))]
        bounds = sa.select(*(each.scalar_subquery() for each in ends))
        ((first, end),) = self.core.db.rows(bounds)
        while first is not None and first <= end:
            last = min(first + self.length - 1, end)
            yield {"piece_first": first, "piece_last": last}
            first = last + 1

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Fit the length of the next piece to how long this one takes."""
        begun = time.monotonic()
        yield
        took_s = time.monotonic() - begun
        if took_s < _SHORT_S:
            self.length = min(4 * self.length, _MOST_NUMBERS)
        elif took_s > _LONG_S:
            self.length = max(self.length // 2, 1)


def frames(rows: Rows, compiled: Compiled, pieces: Pieces) -> Iterator[pl.DataFrame]:
    """Yield the answer in pieces, each of one state; see `Rows.fetch`.

    Parameters
    ----------
    rows
        Fetches them.
    compiled
        A statement within `of_a_piece`.
    pieces
        All of them.
    """
    db = pieces.core.db
    statement = db.prepare(compiled.statement)
    for bounds in pieces:
        with pieces.measured(), db.reading():
            frame = rows.fetch(compiled, statement, bounds)
        yield frame


def count(numbers: sa.Select[Any], pieces: Pieces, most: int | None) -> int:
    """Return how many data IDs a statement selects, or ``most`` if there are more."""
    db = pieces.core.db
    statement = db.prepare(counted(numbers))
    found = 0
    for bounds in pieces:
        with pieces.measured():
            found += int(db.rows(statement, bounds)[0][0])
        if most is not None and found >= most:
            return most
    return found


def first_numbers(numbers: sa.Select[Any], pieces: Pieces, most: int) -> list[int]:
    """Return the least numbers of data IDs that a statement selects."""
    db = pieces.core.db
    statement = db.prepare(numbers)
    found: list[int] = []
    for bounds in pieces:
        with pieces.measured():
            found += sorted(row[0] for row in db.rows(statement, bounds))
        if len(found) >= most:
            return found[:most]
    return found


def counted(statement: sa.Select[Any]) -> sa.Select[Any]:
    """Return the statement that counts the rows of another."""
    return sa.select(sa.func.count()).select_from(statement.subquery())
