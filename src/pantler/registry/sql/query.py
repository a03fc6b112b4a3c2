"""Running queries: statement, rows, what only Python can tell, frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import sqlalchemy as sa

from pantler.errors import InvalidInputError
from pantler.registry.sql.bulk import frame_rows
from pantler.registry.sql.compile.searches import resolve
from pantler.registry.sql.compile.statement import RUN_ID, Compiled, Statement

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pantler.dimensions.element import DimensionElement
    from pantler.queries.query import DatasetSearch, Query
    from pantler.registry.sql.compile.overlaps import SkyOverlap
    from pantler.registry.sql.compile.searches import ResolvedSearch
    from pantler.registry.sql.core import Core

_NAMES = {"uuid": "dataset_id", "begin_ns": "timespan_begin", "end_ns": "timespan_end"}


class QueryRunner:
    """Answers queries.

    A search of CALIBRATION collections gives their certified datasets, a row for each
    validity range, whether or not only first matches are asked for: which one is
    first depends on a time, and a query of datasets has none.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._db = core.db
        self._schema = core.schema
        self._catalog = core.catalog

    def fetch(self, query: Query) -> pl.DataFrame:
        """Return the rows of a query, columns as `Query` says."""
        with self._db.reading():
            return self._finish(self._compile(query))

    def count(self, query: Query) -> int:
        """Return how many rows a query has."""
        with self._db.reading():
            compiled = self._compile(query)
            if not compiled.is_finished:
                return self._finish(compiled).height
            rows = compiled.statement.subquery()
            counted = sa.select(sa.func.count()).select_from(rows)
            return int(self._db.rows(counted)[0][0])

    def _compile(self, query: Query) -> Compiled:
        if query.element is not None and query.target is not None:
            raise InvalidInputError("A query gives records or datasets, not both.")
        if query.element is not None and self._schema.universe[query.element].is_pixel:
            raise InvalidInputError(
                f"'{query.element}' is computed and has no records."
            )
        searches = [self._resolve(search) for search in query.datasets]
        target = None if query.target is None else self._resolve(query.target)
        return Statement(query, self._core, searches, target).compile()

    def _resolve(self, search: DatasetSearch) -> ResolvedSearch:
        row = self._catalog.now.checked_type(search.dataset_type)
        return resolve(search, row, self._catalog)

    def _finish(self, compiled: Compiled) -> pl.DataFrame:
        frame = self._db.frame(compiled.statement, compiled.schema)
        for overlap in compiled.overlaps:
            frame = frame.filter(self._overlap_mask(frame, overlap))
        if compiled.first_by:
            least = pl.col("rank").min().over(compiled.first_by)
            frame = frame.filter(pl.col("rank") == least)
            frame = frame.unique(compiled.first_by, keep="first", maintain_order=True)
        height = frame.height
        frame = frame.select(compiled.output)
        if compiled.distinct:
            frame = frame.unique(maintain_order=True)
        if compiled.limit is not None or compiled.offset:
            frame = frame.slice(compiled.offset, compiled.limit)
        if not compiled.output:
            return pl.DataFrame(height=min(height, 1))
        frame = frame.with_columns(
            pl.lit(value, pl.Int64).alias(name)
            for name, value in compiled.constants.items()
        )
        return self._name_runs(frame).rename(_NAMES, strict=False)

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
