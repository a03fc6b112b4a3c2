"""Rows of one statement, fetched a few at a time."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from pantler.registry.sql.bulk import fetch_frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import polars as pl

    from pantler.registry.sql.driver import Prepared
    from pantler.registry.sql.session import Session

_NUMBERS: Final = itertools.count()
"""Of cursors on a server, whose names must differ within a transaction."""


def stream(
    session: Session,
    prepared: Prepared,
    schema: Mapping[str, type[pl.DataType] | pl.DataType | None],
    rows: int,
) -> Iterator[pl.DataFrame]:
    """Yield the rows of a statement in frames of so many, one frame at least.

    Only within a transaction, in which other statements may come between.

    Parameters
    ----------
    session
        The connection.
    prepared, schema
        The statement, and its columns; see `bulk.fetch_frame`.
    rows
        Of a frame; the last one has fewer, or none.
    """
    driver, values = session.driver, prepared.bind({})
    cursor = driver.cursor(session.raw)
    declare, name = driver.phrases.declare, f"rows_{next(_NUMBERS)}"
    try:
        if declare:
            cursor.execute(f"{declare} {name} CURSOR FOR {prepared.text}", values)
            cursor.execute(f"FETCH {rows} FROM {name}")
        else:
            cursor.execute(prepared.text, values)
        frame = fetch_frame(cursor, schema, rows)
        while frame.height == rows:
            yield frame
            if declare:
                cursor.execute(f"FETCH {rows} FROM {name}")
            frame = fetch_frame(cursor, schema, rows)
        yield frame
        if declare:
            cursor.execute(f"CLOSE {name}")
    finally:
        cursor.close()
