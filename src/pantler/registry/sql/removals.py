"""What there is to be removed: counted in the database, for runs of any size."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import sqlalchemy as sa

from pantler.datasets.collection import CollectionType
from pantler.errors import InvalidInputError
from pantler.registry.removals import RemovalTally
from pantler.registry.sql.unused_data_ids import UnusedDataIds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pantler.registry.sql.core import Core
    from pantler.registry.sql.driver import Prepared

_COUNTS: Final = {
    "run_id": pl.Int64,
    "dataset_type_id": pl.Int64,
    "datasets": pl.Int64,
}
_STORED: Final = {
    "run_id": pl.Int64,
    "dataset_type_id": pl.Int64,
    "stored": pl.Int64,
    "size_bytes": pl.Int64,
}
_MEMBERS: Final = {
    "collection_id": pl.Int64,
    "dataset_type_id": pl.Int64,
    "datasets": pl.Int64,
}


class SqlRemovals:
    """Implements `pantler.registry.removals.RemovalFacet`."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._db = core.db
        self._schema = core.schema
        self._catalog = core.catalog

    def tally(self, dataset_ids: Sequence[bytes]) -> RemovalTally:
        """Count some datasets; those that do not exist are left out."""
        schema = self._schema
        dataset, place = schema.dataset, schema.dataset_uuid
        with self._db.reading():
            stage = self._core.stage_ids(dict.fromkeys(dataset_ids))
            placed = stage.join(place, stage.c.uuid == place.c.uuid)
            same = schema.is_same_dataset(place, dataset)
            return self._tally(placed.join(dataset, same), sa.true())

    def tally_runs(self, runs: Sequence[str]) -> RemovalTally:
        """Count all datasets of some runs; see `RemovalFacet.tally_runs`."""
        dataset = self._schema.dataset
        with self._db.reading():
            numbers = [self._run_id(run) for run in dict.fromkeys(runs)]
            if not numbers:
                return self.tally([])
            listed = self._db.driver.is_listed(dataset.c.run_id, numbers)
            return self._tally(dataset, listed)

    def left_over(self) -> list[bytes]:
        """Return UUIDs without a dataset; see `RemovalFacet.left_over`."""
        schema = self._schema
        dataset, place = schema.dataset, schema.dataset_uuid
        same = schema.is_same_dataset(place, dataset)
        with self._db.reading():
            rows = self._db.rows(
                sa.select(place.c.uuid)
                .select_from(place.outerjoin(dataset, same))
                .where(dataset.c.run_id.is_(None))
                .order_by(place.c.uuid)
            )
        return [uuid for (uuid,) in rows]

    def collect_data_ids(self) -> int:
        """Remove data IDs without datasets; see `RemovalFacet.collect_data_ids`."""
        return UnusedDataIds(self._core).collect()

    def parts_of_run(self, run: str, size: int) -> Iterator[list[bytes]]:
        """Yield IDs of the datasets of a run; see `RemovalFacet.parts_of_run`."""
        last: tuple[Any, ...] = (-1, -1)
        while rows := self._after(run, last, size):
            last = rows[-1][1:]
            yield [row[0] for row in rows]

    def _after(
        self, run: str, last: tuple[Any, ...], size: int
    ) -> list[tuple[Any, ...]]:
        """Return the next datasets of a run in the order of the primary key."""
        type_id, data_id = last
        with self._db.reading():
            given = {"run": self._run_id(run), "type": type_id, "after": data_id}
            return self._db.rows(self._following, {**given, "size": size})

    @cached_property
    def _following(self) -> Prepared:
        """Some datasets of a run after a place, in the order of the primary key."""
        dataset = self._schema.dataset
        place = dataset.c.dataset_type_id, dataset.c.data_id
        last = (sa.bindparam(name, type_=sa.BigInteger) for name in ("type", "after"))
        return self._db.prepare(
            sa.select(dataset.c.uuid, *place)
            .where(
                dataset.c.run_id == sa.bindparam("run", type_=sa.BigInteger),
                sa.tuple_(*place) > sa.tuple_(*last),
            )
            .order_by(*place)
            .limit(sa.bindparam("size", type_=sa.BigInteger))
        )

    def _run_id(self, run: str) -> int:
        number, collection = self._catalog.now.collection(run)
        if collection.type is not CollectionType.RUN:
            raise InvalidInputError(
                f"Collection '{run}' is {collection.type.name}, not RUN."
            )
        return number

    def _tally(
        self, source: sa.FromClause, condition: sa.ColumnElement[bool]
    ) -> RemovalTally:
        """Count the datasets of a join that meet a condition."""
        dataset = self._schema.dataset
        key = dataset.c.run_id, dataset.c.dataset_type_id
        counts = self._db.frame(
            sa.select(*key, sa.func.count())
            .select_from(source)
            .where(condition)
            .group_by(*key),
            _COUNTS,
        )
        names = self._catalog.now.record_tables
        tables = [self._schema.record_table(name) for name in names]
        parts = [self._stored(source, condition, table) for table in tables]
        stored = pl.concat([pl.DataFrame(schema=_STORED), *parts])
        stored = stored.group_by("run_id", "dataset_type_id").sum()
        on = ["run_id", "dataset_type_id"]
        datasets = counts.join(stored, on=on, how="left").with_columns(
            pl.col("stored", "size_bytes").fill_null(0)
        )
        members = [
            self._members(source, condition, kind)
            for kind in (CollectionType.TAGGED, CollectionType.CALIBRATION)
        ]
        return RemovalTally(
            self._named(datasets, "run_id", "run"),
            self._named(pl.concat(members), "collection_id", "collection"),
        )

    def _stored(
        self,
        source: sa.FromClause,
        condition: sa.ColumnElement[bool],
        records: sa.Table,
    ) -> pl.DataFrame:
        dataset = self._schema.dataset
        key = dataset.c.run_id, dataset.c.dataset_type_id
        joined = source.join(records, records.c.dataset_id == dataset.c.uuid)
        size = sa.cast(sa.func.sum(records.c.size_bytes), sa.BigInteger)
        count = sa.func.count(records.c.dataset_id.distinct())
        return self._db.frame(
            sa.select(*key, count, size)
            .select_from(joined)
            .where(condition)
            .group_by(*key),
            _STORED,
        )

    def _members(
        self,
        source: sa.FromClause,
        condition: sa.ColumnElement[bool],
        kind: CollectionType,
    ) -> pl.DataFrame:
        """Count the datasets in the collections of one kind, by their primary key."""
        schema = self._schema
        numbers = self._catalog.now.numbers(kind)
        if not numbers:
            return pl.DataFrame(schema=_MEMBERS)
        dataset, holds = schema.dataset, schema.collection_type
        table: Any = (
            schema.membership if kind is CollectionType.TAGGED else schema.calibration
        )
        joined = source.join(
            holds,
            sa.and_(
                holds.c.dataset_type_id == dataset.c.dataset_type_id,
                self._db.driver.is_listed(holds.c.collection_id, numbers),
            ),
        ).join(
            table,
            sa.and_(
                table.c.collection_id == holds.c.collection_id,
                table.c.dataset_type_id == holds.c.dataset_type_id,
                table.c.data_id == dataset.c.data_id,
                table.c.uuid == dataset.c.uuid,
            ),
        )
        key = table.c.collection_id, table.c.dataset_type_id
        return self._db.frame(
            sa.select(*key, sa.func.count(table.c.uuid.distinct()))
            .select_from(joined)
            .where(condition)
            .group_by(*key),
            _MEMBERS,
        )

    def _named(self, counts: pl.DataFrame, number: str, name: str) -> pl.DataFrame:
        """Return counts with names in place of numbers, in order of the names."""
        now = self._catalog.knowing(counts[number], counts["dataset_type_id"])
        collections = [now.collection_names[n] for n in counts[number]]
        types = [
            now.types_by_id[n].dataset_type.name for n in counts["dataset_type_id"]
        ]
        return counts.select(
            pl.Series(name, collections, dtype=pl.String),
            pl.Series("dataset_type", types, dtype=pl.String),
            pl.exclude(number, "dataset_type_id"),
        ).sort(name, "dataset_type")
