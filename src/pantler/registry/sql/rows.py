"""From the rows of a statement to the answer: its stages, done on frames."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import sqlalchemy as sa

from pantler.queries.plan import PlanStep, QueryPlan
from pantler.registry.sql.bulk import frame_rows
from pantler.registry.sql.compile.find_first import (
    DATA_ID,
    FOUND_IN,
    RANK,
    first_rows,
    with_rank,
)
from pantler.registry.sql.compile.searches import matches
from pantler.registry.sql.compile.stages import (
    DropRepeats,
    RankMatches,
    SortRows,
    TakeFirst,
    TakePart,
    TestOverlap,
    UniteRanges,
    WholeRanges,
)
from pantler.registry.sql.compile.statement import RUN_ID
from pantler.registry.sql.validity import united, with_whole_ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from pantler.dimensions.element import DimensionElement
    from pantler.registry.sql.compile.overlaps import SkyOverlap
    from pantler.registry.sql.compile.searches import ResolvedSearch
    from pantler.registry.sql.compile.stages import Compiled, Stage
    from pantler.registry.sql.core import Core
    from pantler.registry.sql.driver import Prepared

_NAMES: Final = {
    "uuid": "dataset_id",
    "begin_ns": "timespan_begin",
    "end_ns": "timespan_end",
}


def _said(stage: Stage) -> str:
    """Return what a stage does, in words."""
    match stage:
        case TestOverlap(overlap):
            names = " and ".join(f"'{e.name}'" for e in overlap.elements)
            return f"test exactly whether regions overlap, of {names}"
        case RankMatches(search):
            return f"rank the matches of '{search.name}' by collection"
        case TakeFirst():
            return "take the first matches"
        case DropRepeats():
            return "drop repeated rows"
        case WholeRanges():
            return "fetch the whole ranges of validity"
        case UniteRanges():
            return "unite ranges of validity that touch"
        case SortRows():
            return "put the rows in the order of their data IDs"
        case TakePart():
            return "take the part that is asked for"


class Rows:
    """Fetches rows, and does what only Python can decide or does faster.

    Parameters
    ----------
    core
        Where.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._db = core.db
        self._schema = core.schema
        self._catalog = core.catalog

    def fetch(
        self,
        compiled: Compiled,
        statement: Prepared | None = None,
        parameters: Mapping[str, Any] | None = None,
        *,
        many: bool = True,
    ) -> pl.DataFrame:
        """Return the answer that a statement and its stages give.

        Parameters
        ----------
        compiled
            Both.
        statement, parameters
            The statement made ready before, and what it takes.
        many
            Whether there may be many rows.
        """
        frame = self._db.frame(
            statement or compiled.statement, compiled.schema, parameters, many=many
        )
        return self.finish(frame, compiled, compiled.stages)

    def explain(
        self, compiled: Compiled, statement: Prepared, seconds: float
    ) -> QueryPlan:
        """Do what `fetch` does, and return how.

        Parameters
        ----------
        compiled, statement
            As for `fetch`.
        seconds
            How long it took to make the statement.
        """
        said = self._db.driver.phrases.explain
        values = statement.bind({})
        plan = self._db.rows(replace(statement, text=f"{said} {statement.text}"))
        steps = [PlanStep("make the statement", False, 0, seconds)]
        begun = time.perf_counter()
        frame = self._db.frame(statement, compiled.schema, many=True)
        took = time.perf_counter() - begun
        steps.append(PlanStep("run it and fetch the rows", True, frame.height, took))
        for stage in compiled.stages:
            begun = time.perf_counter()
            frame = self._done(stage, frame, compiled)
            took = time.perf_counter() - begun
            steps.append(PlanStep(_said(stage), False, frame.height, took))
        return QueryPlan(
            compiled.relations,
            statement.text,
            values,
            tuple(str(row[-1]) for row in plan),
            tuple(steps),
        )

    def finish(
        self, frame: pl.DataFrame, compiled: Compiled, stages: Iterable[Stage]
    ) -> pl.DataFrame:
        """Lead fetched rows through stages, and give columns their names and values."""
        for stage in stages:
            frame = self._done(stage, frame, compiled)
        if not compiled.output:
            return pl.DataFrame(height=min(frame.height, 1))
        frame = frame.select(compiled.output).with_columns(
            pl.lit(value, pl.Int64).alias(name)
            for name, value in compiled.constants.items()
        )
        frame = self._name_collections(frame, compiled.collections)
        if RUN_ID not in frame.columns:
            return frame
        last = (RUN_ID, "begin_ns", "end_ns")
        others = [name for name in frame.columns if name not in last]
        return frame.select(*others, *last).rename({**_NAMES, RUN_ID: "run"})

    def _done(
        self, stage: Stage, frame: pl.DataFrame, compiled: Compiled
    ) -> pl.DataFrame:
        match stage:
            case TestOverlap(overlap):
                return frame.filter(self._overlap_mask(frame, overlap))
            case RankMatches(search, found_in, rank):
                return with_rank(frame, search, found_in, rank)
            case TakeFirst(equal, rank):
                return first_rows(frame, equal, rank)
            case DropRepeats(equal):
                columns = equal or compiled.output
                return frame.unique(columns, keep="first", maintain_order=True)
            case WholeRanges(search):
                return self._with_whole_ranges(frame, search)
            case UniteRanges():
                return united(frame)
            case SortRows(columns):
                return frame.sort(columns, nulls_last=True)
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
        found = matches(search, self._core, lambda n: is_listed(n, numbers))
        columns = "uuid", FOUND_IN, "begin_ns", "end_ns"
        schema = {name: certified.schema[name] for name in columns}
        chosen = sa.select(*(found.c[name] for name in columns))
        ranges = self._db.frame(chosen.where(found.c.begin_ns.is_not(None)), schema)
        ranges = with_rank(ranges, search, FOUND_IN, RANK)
        return with_whole_ranges(frame, ranges, find_first=search.find_first)

    def _name_collections(
        self, frame: pl.DataFrame, columns: Iterable[str]
    ) -> pl.DataFrame:
        names = self._catalog.now.collection_names
        for column in columns:
            numbers = frame.get_column(column)
            used = numbers.unique().to_list()
            named = numbers.replace_strict(
                used, [names.get(number) for number in used], return_dtype=pl.String
            ).cast(pl.String)  # replacing by nothing keeps the type
            frame = frame.with_columns(named.alias(column))
        return frame

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
