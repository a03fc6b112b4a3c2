"""Running queries: statement, rows, what only Python can decide, frame."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from pantler.errors import InvalidInputError
from pantler.registry.sql import pieces
from pantler.registry.sql.aggregates import Totals
from pantler.registry.sql.compile.searches import resolve
from pantler.registry.sql.compile.stages import TestOverlap, part_of
from pantler.registry.sql.compile.statement import Statement
from pantler.registry.sql.rows import Rows
from pantler.registry.sql.session import FORKED, NoCursor
from pantler.registry.sql.spool import Spool, in_batches
from pantler.registry.sql.streaming import stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from pantler.queries.plan import QueryPlan
    from pantler.queries.query import DatasetSearch, Query
    from pantler.registry.sql.compile.searches import ResolvedSearch, Within
    from pantler.registry.sql.compile.stages import Compiled
    from pantler.registry.sql.core import Core

_SMALL: Final = 10_000
"""Rows up to which their data IDs are found first, when only a part is asked for."""

_FEW: Final = 500
"""Rows up to which they are fetched one by one."""

_COUNTED_AT_ONCE: Final = 100_000
"""Data IDs that the database may count in one statement; it keeps them in memory."""

_PIECE_ROWS: Final = 100_000
"""Matches that a piece of a query has at most to begin with."""

_NO_NUMBER: Final = -1
"""Of no data ID."""


class SqlQueries:
    """Implements `pantler.queries.runner.QueryRunner`.

    A search of CALIBRATION collections gives certified datasets. Where the rows of the
    query have a time (an exposure among their dimensions or conditions), they are those
    that are valid then, as `get` would find them. Without a time all of them count, a
    row for each range of validity; where only first matches are asked for, all those
    of the first collection that has any for the data ID.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._db = core.db
        self._schema = core.schema
        self._catalog = core.catalog
        self._rows = Rows(core)

    def query(self, query: Query) -> pl.DataFrame:
        """Return the rows of a query, columns as `Query` says."""
        with self._db.reading():
            if query.aggregates:
                return self._totals(query)
            if _is_small_part(query) and query.target is not None:
                return self._small_part(query)
            return self._rows.fetch(self._compile(query))

    def count(self, query: Query) -> int:
        """Return how many rows a query has."""
        if query.aggregates:
            return self.query(query).height
        most = None if query.limit is None else query.limit + query.offset
        whole = replace(query, order_by=(), limit=None, offset=0)
        with self._db.reading():
            found = self._count(whole, most) if most != 0 else 0
        if most is not None:
            found = min(found, most)
        return max(found - query.offset, 0)

    def batches(self, query: Query, rows: int) -> Iterator[pl.DataFrame]:
        """Yield the rows of a query in frames; see `Registry.query_batches`."""
        if rows < 1:
            raise InvalidInputError(f"A batch has one row at least, not {rows}.")
        owner = os.getpid()
        for frame in self._batches(query, rows):
            yield frame
            if os.getpid() != owner:  # what makes the next frame would hang there
                NoCursor(self._db.driver.where, FORKED).execute()

    def _batches(self, query: Query, rows: int) -> Iterator[pl.DataFrame]:
        if query.target is not None and not (query.order_by or query.aggregates):
            whole = replace(query, limit=None, offset=0)
            with self._db.reading():
                compiled = self._compile(whole, pieces.of_a_piece)
            if not compiled.is_staged:
                yield from self._pieces_in_batches(query, compiled, rows)
                return
        with Spool() as spool:
            with self._db.reading():
                for frame in self._streamed(query, rows):
                    spool.add(frame)
            yield from in_batches(spool, rows, limit=None)

    def _pieces_in_batches(
        self, query: Query, compiled: Compiled, rows: int
    ) -> Iterator[pl.DataFrame]:
        """Yield rows piece by piece, so that nothing is locked in between."""
        most = None if query.limit is None else query.limit + query.offset
        with self._db.reading():
            ranges = self._pieces(query, most)
        if most is not None:
            compiled = compiled.in_order()
        frames = pieces.frames(self._rows, compiled, ranges)
        yield from in_batches(frames, rows, offset=query.offset, limit=query.limit)

    def _streamed(self, query: Query, rows: int) -> Iterator[pl.DataFrame]:
        """Yield the rows of a query, as few at a time as its stages allow."""
        if query.aggregates:
            yield self.query(query)
            return
        compiled = self._compile(query)
        if all(isinstance(stage, TestOverlap) for stage in compiled.stages):
            self._db.data_version()
            statement = self._db.prepare(compiled.statement)
            with self._db.using() as session:
                for chunk in stream(session, statement, compiled.schema, rows):
                    yield self._rows.finish(chunk, compiled, compiled.stages)
        else:
            yield self.query(query)

    def explain(self, query: Query) -> QueryPlan:
        """Return how a query is answered; see `Registry.explain`."""
        plain = replace(query, aggregates=(), group_by=(), order_by=())
        query = plain if query.aggregates else query
        with self._db.reading():
            begun = time.perf_counter()
            compiled = self._compile(query)
            prepared = self._db.prepare(compiled.statement)
            made = time.perf_counter() - begun
            return self._rows.explain(compiled, prepared, made)

    def _count(self, query: Query, most: int | None) -> int:
        """Return how many rows there are, or at least ``most`` if there are more."""
        compiled = self._compile(query)
        is_decided_here = any(isinstance(s, TestOverlap) for s in compiled.stages)
        if most == 1 and not is_decided_here:  # no other stage takes the last row
            return self._count_of(part_of(compiled.statement, 1, 0))
        if not compiled.stages:
            return self._count_of(part_of(compiled.statement, most, 0))
        if compiled.data_ids is not None:
            at_once = min(most or _COUNTED_AT_ONCE, _COUNTED_AT_ONCE)
            found = self._count_of(part_of(compiled.data_ids, at_once, 0))
            if found < at_once or found == most:
                return found
            numbers = self._compile(query, pieces.of_a_piece).data_ids
            assert numbers is not None  # noqa: S101 - it is there whatever the piece
            return pieces.count(numbers, self._pieces(query), most)
        found = 0
        for frame in self._frames(query):
            found += frame.height
            if most is not None and found >= most:
                break
        return found

    def _count_of(self, statement: sa.Select[Any]) -> int:
        return int(self._db.rows(pieces.counted(statement))[0][0])

    def _compile(self, query: Query, within: Within | None = None) -> Compiled:
        if query.element is not None and query.target is not None:
            raise InvalidInputError("A query gives records or datasets, not both.")
        if query.columns and (query.element or query.target):
            raise InvalidInputError("Columns are shown beside data IDs only.")
        if query.element is not None and self._schema.universe[query.element].is_pixel:
            raise InvalidInputError(
                f"'{query.element}' is computed and has no records."
            )
        # Fields of a type are those of the answer's datasets, or of the first search.
        named: set[str] = set()
        target = None
        if query.target is not None:
            target = self._resolve(query.target, query, named)
        searches = [self._resolve(each, query, named) for each in query.datasets]
        statement = Statement(
            query, self._core, searches, target, ask=self.query, within=within
        )
        return statement.compile()

    def _resolve(
        self, search: DatasetSearch, query: Query, named: set[str]
    ) -> ResolvedSearch:
        row = self._catalog.now.checked_type(search.dataset_type)
        name = search.dataset_type.name
        where = None if name in named else query.where
        named.add(name)
        return resolve(search, row, self._core, where)

    # Parts

    def _pieces(self, query: Query, ids: int | None = None) -> pieces.Pieces:
        """Return the pieces in which a query of datasets can be answered.

        Parameters
        ----------
        query
            It has a target.
        ids
            How many data IDs are likely to be enough.
        """
        assert query.target is not None  # noqa: S101 - that is what pieces are of
        row = self._catalog.now.checked_type(query.target.dataset_type)
        members = len(self._resolve(query.target, query, set()).members)
        length = max(_PIECE_ROWS // max(members, 1), 16)
        length = length if ids is None else min(length, max(ids, 8))
        return pieces.Pieces(self._core, row.data_ids, length)

    def _frames(self, query: Query, ids: int | None = None) -> Iterator[pl.DataFrame]:
        """Yield the rows of a query without order and part, in pieces if it can be."""
        if query.target is None:
            yield self._rows.fetch(self._compile(query))
            return
        compiled = self._compile(query, pieces.of_a_piece)
        if ids is not None:
            compiled = compiled.in_order()
        yield from pieces.frames(self._rows, compiled, self._pieces(query, ids))

    def _small_part(self, query: Query) -> pl.DataFrame:
        """Return a few rows, in the order of data IDs if no other is asked for."""
        most = (query.limit or 0) + query.offset
        whole = replace(query, limit=None, offset=0)
        if query.order_by:
            compiled = self._compile(query)
            if compiled.data_ids is None:
                return self._rows.fetch(compiled)
            chosen = part_of(compiled.data_ids, query.limit, query.offset)
            numbers = [row[0] for row in self._db.rows(chosen)]
            return self._of_numbers(whole, numbers)
        compiled = self._compile(whole, pieces.of_a_piece)
        if not compiled.stages:
            return self._rows.fetch(self._compile(query), many=most > _FEW)
        if compiled.data_ids is not None:
            there = self._pieces(query, most)
            numbers = pieces.first_numbers(compiled.data_ids, there, most)
            return self._of_numbers(whole, numbers[query.offset :])
        found = [self._no_rows(whole)]
        height = 0
        for frame in self._frames(whole, most):
            found.append(frame)
            height += frame.height
            if height >= most:
                break
        return pl.concat(found).slice(query.offset, query.limit)

    def _no_rows(self, query: Query) -> pl.DataFrame:
        """Return the frame of a query without its rows, which are not looked for."""
        compiled = self._compile(query)
        none = replace(compiled, statement=compiled.statement.limit(0))
        return self._rows.fetch(none, many=False)

    def _of_numbers(self, query: Query, numbers: list[int]) -> pl.DataFrame:
        """Return the rows of the data IDs with these numbers."""
        listed = numbers or [_NO_NUMBER]
        is_listed = self._db.driver.is_listed
        compiled = self._compile(query, lambda number: is_listed(number, listed))
        if not query.order_by:
            compiled = compiled.in_order()
        return self._rows.fetch(compiled, many=len(numbers) > _FEW)

    def _totals(self, query: Query) -> pl.DataFrame:
        """Return the aggregates of a query."""
        plain = replace(query, order_by=(), limit=None, offset=0)
        base = replace(plain, aggregates=(), group_by=())
        totals: Totals | None = None
        shown = self._no_rows(base).columns
        for frame in self._frames(plain):
            totals = totals or Totals(query, shown)
            totals.add(frame)
        if totals is None:
            totals = Totals(query, shown)
            totals.add(self._no_rows(plain))
        return totals.answer()


def _is_small_part(query: Query) -> bool:
    return query.limit is not None and query.limit + query.offset <= _SMALL
