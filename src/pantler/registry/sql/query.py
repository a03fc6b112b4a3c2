"""Running queries: statement, rows, what only Python can decide, frame."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import sqlalchemy as sa

from pantler.errors import InvalidInputError
from pantler.registry.sql.bulk import frame_rows
from pantler.registry.sql.compile.find_first import DATA_ID, RANK, first_rows
from pantler.registry.sql.compile.refusals import refuse_unanswered
from pantler.registry.sql.compile.searches import matches, resolve
from pantler.registry.sql.compile.stages import (
    DropRepeats,
    TakeFirst,
    TakePart,
    TestOverlap,
    UniteRanges,
    WholeRanges,
    part_of,
)
from pantler.registry.sql.compile.statement import RUN_ID, Statement
from pantler.registry.sql.validity import united, with_whole_ranges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pantler.dimensions.element import DimensionElement
    from pantler.queries.query import DatasetSearch, Query
    from pantler.registry.sql.compile.overlaps import SkyOverlap
    from pantler.registry.sql.compile.searches import ResolvedSearch, Within
    from pantler.registry.sql.compile.stages import Compiled, Stage
    from pantler.registry.sql.core import Core

_SMALL: Final = 10_000
"""Rows up to which their data IDs are found first, when only a part is asked for."""

_NO_NUMBER: Final = -1
"""Of no data ID."""

_NAMES: Final = {
    "uuid": "dataset_id",
    "begin_ns": "timespan_begin",
    "end_ns": "timespan_end",
}


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

    def query(self, query: Query) -> pl.DataFrame:
        """Return the rows of a query, columns as `Query` says."""
        with self._db.reading():
            compiled = self._compile(query)
            if compiled.data_ids is not None and _is_small_part(query):
                return self._part(query, compiled.data_ids)
            return self._rows(compiled)

    def count(self, query: Query) -> int:
        """Return how many rows a query has."""
        query = replace(query, order_by=())
        with self._db.reading():
            compiled = self._compile(query)
            if not compiled.stages:
                rows = compiled.statement
            elif compiled.data_ids is not None:
                rows = part_of(compiled.data_ids, query.limit, query.offset)
            else:
                return self._rows(compiled).height
            counted = sa.select(sa.func.count()).select_from(rows.subquery())
            return int(self._db.rows(counted)[0][0])

    def _compile(self, query: Query, within: Within | None = None) -> Compiled:
        if query.element is not None and query.target is not None:
            raise InvalidInputError("A query gives records or datasets, not both.")
        if query.element is not None and self._schema.universe[query.element].is_pixel:
            raise InvalidInputError(
                f"'{query.element}' is computed and has no records."
            )
        refuse_unanswered(query)
        searches = [self._resolve(search) for search in query.datasets]
        target = None if query.target is None else self._resolve(query.target)
        statement = Statement(
            query, self._core, searches, target, ask=self.query, within=within
        )
        return statement.compile()

    def _resolve(self, search: DatasetSearch) -> ResolvedSearch:
        row = self._catalog.now.checked_type(search.dataset_type)
        return resolve(search, row, self._catalog)

    def _part(self, query: Query, data_ids: sa.Select[Any]) -> pl.DataFrame:
        """Return a few rows: first which data IDs they have, then their matches.

        The database stops at the last of these data IDs, so that no more matches than
        theirs are fetched and ranked.
        """
        chosen = part_of(data_ids, query.limit, query.offset)
        numbers = [row[0] for row in self._db.rows(chosen)]
        if not numbers:
            numbers = [_NO_NUMBER]
        is_listed = self._db.driver.is_listed
        whole = replace(query, limit=None, offset=0)
        return self._rows(
            self._compile(whole, lambda number: is_listed(number, numbers))
        )

    def _rows(self, compiled: Compiled) -> pl.DataFrame:
        """Fetch the rows of a statement and lead them through its stages."""
        frame = self._db.frame(compiled.statement, compiled.schema)
        for stage in compiled.stages:
            frame = self._done(stage, frame, compiled)
        if not compiled.output:
            return pl.DataFrame(height=min(frame.height, 1))
        frame = frame.select(compiled.output).with_columns(
            pl.lit(value, pl.Int64).alias(name)
            for name, value in compiled.constants.items()
        )
        return self._name_runs(frame).rename(_NAMES, strict=False)

    def _done(
        self, stage: Stage, frame: pl.DataFrame, compiled: Compiled
    ) -> pl.DataFrame:
        match stage:
            case TestOverlap(overlap):
                return frame.filter(self._overlap_mask(frame, overlap))
            case TakeFirst(equal, rank):
                return first_rows(frame, equal, rank)
            case DropRepeats(equal):
                columns = equal or compiled.output
                return frame.unique(columns, keep="first", maintain_order=True)
            case WholeRanges(search):
                return self._with_whole_ranges(frame, search)
            case UniteRanges():
                return united(frame)
            case TakePart(limit, offset):
                return frame.slice(offset, limit)

    def _with_whole_ranges(
        self, frame: pl.DataFrame, search: ResolvedSearch
    ) -> pl.DataFrame:
        """Fetch all ranges of the datasets that are certified, which are few."""
        certified = frame.filter(pl.col("begin_ns").is_not_null())
        numbers = certified[DATA_ID].unique().to_list()
        if not numbers:
            return frame
        is_listed = self._db.driver.is_listed
        found = matches(search, self._schema, lambda n: is_listed(n, numbers))
        columns = "uuid", RANK, "begin_ns", "end_ns"
        schema = {name: certified.schema[name] for name in columns}
        chosen = sa.select(*(found.c[name] for name in columns))
        ranges = self._db.frame(chosen.where(found.c.begin_ns.is_not(None)), schema)
        return with_whole_ranges(frame, ranges, find_first=search.find_first)

    def _name_runs(self, frame: pl.DataFrame) -> pl.DataFrame:
        if RUN_ID not in frame.columns:
            return frame
        names = self._catalog.now.collection_names
        numbers = frame.get_column(RUN_ID)
        used = numbers.unique().to_list()
        named = numbers.replace_strict(
            used, [names[number] for number in used], return_dtype=pl.String
        ).cast(pl.String)  # replacing by nothing keeps the type
        others = [n for n in frame.columns if n not in {RUN_ID, "begin_ns", "end_ns"}]
        return frame.select(*others, named.alias("run"), "begin_ns", "end_ns")

    def _overlap_mask(self, frame: pl.DataFrame, overlap: SkyOverlap) -> pl.Series:
        """Return which rows pass the exact test."""
        from pantler.dimensions.sky.region_array import RegionArray, overlap_mask

        left, left_row = self._regions(frame, overlap.left)
        if isinstance(overlap.right, bytes):
            given = pl.Series([overlap.right], dtype=pl.Binary)
            right, right_row = given, np.zeros(frame.height, dtype=np.int64)
        else:
            right, right_row = self._regions(frame, overlap.right)
        mask = overlap_mask(
            RegionArray.from_encoded(left),
            left_row,
            RegionArray.from_encoded(right),
            right_row,
        )
        return pl.Series(mask)

    def _regions(
        self, frame: pl.DataFrame, element: DimensionElement
    ) -> tuple[pl.Series, NDArray[np.int64]]:
        """Return the regions of the records that rows name, and which is whose."""
        names = element.required
        keys = frame.select(
            (name if name in frame.columns else f"key:{name}") for name in names
        )
        keys.columns = list(names)
        unique = keys.unique(maintain_order=True)
        table = self._schema.elements[element.name]
        stage = self._db.stage([table.c[name] for name in names], frame_rows(unique))
        same = (stage.c[name] == table.c[name] for name in names)
        chosen = sa.select(*(table.c[name] for name in names), table.c.region)
        schema = {**unique.schema, "region": pl.Binary()}
        found = self._db.frame(
            chosen.join_from(stage, table, sa.and_(*same)), schema
        ).with_row_index("row")
        rows = keys.join(found, on=list(names), how="left", maintain_order="left")
        return found.get_column("region"), rows.get_column("row").cast(
            pl.Int64
        ).to_numpy()


def _is_small_part(query: Query) -> bool:
    return query.limit is not None and query.limit + query.offset <= _SMALL
