"""Datasets in the database."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import polars as pl
import sqlalchemy as sa

from pantler.datasets.collection import CollectionType
from pantler.datasets.ref import DatasetRef
from pantler.dimensions.coordinate import DataCoordinate
from pantler.errors import (
    ConflictError,
    InvalidInputError,
    PantlerError,
)
from pantler.registry.sql.bulk import UuidRows, series_rows
from pantler.registry.sql.diagnosis import EXAMPLES, show_all
from pantler.registry.sql.driver import ConstraintError
from pantler.registry.sql.first_match import FEW_RUNS, FirstMatch
from pantler.registry.sql.repeating import repeated
from pantler.registry.sql.trash import discard_records

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantler.datasets.dataset_type import DatasetType
    from pantler.dimensions.timespan import Timespan
    from pantler.registry.sql.core import Core
    from pantler.registry.sql.data_ids import DataIds
    from pantler.registry.sql.driver import Prepared
    from pantler.registry.sql.snapshot import TypeRow

_TAI_MINUS_UTC_NS: Final = 37_000_000_000  # since 2017; ingest times only

_BULK_ROWS: Final = 500
"""Rows from which on it pays to send them by columns, where that is fast."""

_LOOKED_UP_ROWS: Final = 30_000
"""Rows up to which looking them up was faster than reading tables of 3 million."""

_LISTED_ROWS: Final = 250
"""Rows that are deleted by one statement where tables are divided: so few that the
planner looks them up."""


class SqlDatasets:
    """Implements `pantler.registry.interface.DatasetFacet`."""

    def __init__(self, core: Core, data_ids: DataIds) -> None:
        self._core = core
        self._db = core.db
        self._schema = core.schema
        self._catalog = core.catalog
        self._data_ids = data_ids
        self._inserts: dict[sa.Table, tuple[Prepared, Prepared]] = {}
        self._finder = FirstMatch(core)
        dataset, place = self._schema.dataset, self._schema.dataset_uuid
        self._get = self._db.prepare(
            sa.select(place.c.run_id, place.c.dataset_type_id, place.c.data_id)
            .join_from(place, dataset, self._schema.is_same_dataset(place, dataset))
            .where(place.c.uuid == sa.bindparam("uuid"))
        )

    @repeated
    def insert(
        self,
        dataset_type: DatasetType,
        run: str,
        data_ids: pl.DataFrame,
        dataset_ids: pl.Series,
    ) -> None:
        """Record datasets; see `DatasetFacet.insert`."""
        self._data_ids.announce(dataset_type.name, run)
        with self._db.writing():
            row = self._catalog.now.checked_type(dataset_type)
            run_id = self._run_id(run)
            values = self._data_ids.conform(row, data_ids)
            _check_ids(dataset_ids, data_ids.height)
            if not data_ids.height:
                return
            self._catalog.keep(run_id, [row.id])
            stage = self._db.stage(
                [*self._data_ids.columns(row), self._schema.dataset_uuid.c.uuid],
                series_rows([*values, dataset_ids]),
            )
            # First, as it may lock the catalog: who has that may wait for a data ID.
            self._data_ids.declare(run_id, [row.id])
            given = {
                "run": run_id,
                "type": row.id,
                "now": time.time_ns() + _TAI_MINUS_UTC_NS,
            }
            is_bulk = data_ids.height >= _BULK_ROWS
            if is_bulk and self._db.driver.phrases.fills_by_columns:
                fill = self._columns_filler(row, stage, given, data_ids.height)
            else:
                self._data_ids.intern(row, stage)
                fill = self._rows_filler(row, stage, given)
            try:
                with self._db.writing():
                    fill()
            except ConstraintError as error:
                raise self._conflict(row, run_id, stage) from error

    def find(
        self,
        dataset_type: DatasetType,
        data_id: DataCoordinate,
        collections: Sequence[str],
        timespan: Timespan | None = None,
    ) -> DatasetRef | None:
        """Return the first match, or None; see `DatasetFacet.find`."""
        if self._db.epoch:
            return self._find(dataset_type, data_id, collections, timespan)
        with self._db.reading():
            return self._find(dataset_type, data_id, collections, timespan)

    def _find(
        self,
        dataset_type: DatasetType,
        data_id: DataCoordinate,
        collections: Sequence[str],
        timespan: Timespan | None,
    ) -> DatasetRef | None:
        now = self._catalog.now
        row = now.checked_type(dataset_type)
        searched = self._catalog.searched(now, row.id, collections)
        if data_id.group is not dataset_type.dimensions:
            data_id = data_id.subset(dataset_type.dimensions)
        if 0 < len(searched.runs) <= FEW_RUNS:
            found = self._finder.find_in_runs(row, data_id, searched.runs)
        else:
            number = self._data_ids.find(row, data_id) if searched.found else None
            if number is None:
                return None
            found = self._finder.find(row.id, number, searched.found, timespan)
        if found is None:
            return None
        uuid, run_id = found
        try:
            run = now.collection_names[run_id]
        except KeyError:
            run = self._catalog.knowing([run_id]).collection_names[run_id]
        return DatasetRef(row.dataset_type, data_id, run, UUID(bytes=uuid))

    def get(self, dataset_id: bytes) -> DatasetRef | None:
        """Return the ref of a UUID, or None."""
        with self._db.reading():
            return self._by_id(bytes(dataset_id))

    def _by_id(self, dataset_id: bytes) -> DatasetRef | None:
        rows = self._db.rows(self._get, {"uuid": dataset_id})
        if not rows:
            return None
        run_id, type_id, number = rows[0]
        now = self._catalog.knowing([run_id], [type_id])
        row = now.types_by_id[type_id]
        values = self._data_ids.values(row, number)
        data_id = DataCoordinate(row.dataset_type.dimensions, values)
        return DatasetRef(
            row.dataset_type,
            data_id,
            now.collection_names[run_id],
            UUID(bytes=dataset_id),
        )

    @repeated
    def delete(self, dataset_ids: Sequence[bytes]) -> None:
        """Remove datasets from every collection, and their records."""
        schema, db = self._schema, self._db
        with db.writing():
            stage = self._core.stage_ids(dataset_ids)
            self._core.hold(stage, is_shared=False)
            doomed = sa.select(stage.c.uuid).scalar_subquery()
            for name in self._catalog.now.record_tables:
                discard_records(self._core, name, stage)
            kinds = set(self._catalog.now.members.values())
            if CollectionType.TAGGED in kinds:
                self._forget_members(schema.membership, stage, CollectionType.TAGGED)
            if CollectionType.CALIBRATION in kinds:
                self._forget_members(
                    schema.calibration, stage, CollectionType.CALIBRATION
                )
            is_few = len(dataset_ids) <= _LOOKED_UP_ROWS
            if is_few and db.driver.phrases.is_divided:
                self._delete_looked_up(stage)
                return
            dataset, place = schema.dataset, schema.dataset_uuid
            columns = dataset.primary_key.columns
            key = sa.tuple_(*columns)
            found = sa.select(*(place.c[column.name] for column in columns))
            db.run(
                sa.delete(dataset).where(
                    key.in_(
                        found.join_from(stage, place, stage.c.uuid == place.c.uuid)
                    ),
                    dataset.c.uuid.in_(doomed),
                )
            )
            db.run(sa.delete(place).where(place.c.uuid.in_(doomed)))

    def _delete_looked_up(self, stage: sa.Table) -> None:
        """Delete staged datasets from both tables, a few at a time by their keys."""
        dataset, place = self._schema.dataset, self._schema.dataset_uuid
        is_listed = self._db.driver.is_listed
        names = [column.name for column in dataset.primary_key.columns]
        given = sa.select(stage.c.uuid).order_by(stage.c.uuid).subquery()
        one = sa.select(place).where(place.c.uuid == given.c.uuid).limit(1).lateral()
        kinds = dict.fromkeys(names, pl.Int64)
        found = self._db.frame(
            sa.select(one.c.uuid, *(one.c[name] for name in names)).select_from(
                given.join(one, sa.true())
            ),
            {"uuid": pl.Binary, **kinds},
        )
        *whole, number = names
        for values, group in found.sort(names).group_by(whole, maintain_order=True):
            same = [dataset.c[n] == v for n, v in zip(whole, values, strict=True)]
            for part in group.iter_slices(_LISTED_ROWS):
                listed = is_listed(dataset.c[number], part[number].to_list())
                is_given = is_listed(dataset.c.uuid, part["uuid"].to_list())
                self._db.run(sa.delete(dataset).where(*same, listed, is_given))
        for part in found.iter_slices(_LISTED_ROWS):
            listed = is_listed(place.c.uuid, part["uuid"].to_list())
            self._db.run(sa.delete(place).where(listed))

    def _forget_members(
        self, table: sa.Table, stage: sa.Table, kind: CollectionType
    ) -> None:
        """Delete the memberships of doomed datasets, found by their primary key."""
        schema = self._schema
        dataset, holds, collection = (
            schema.dataset_uuid,
            schema.collection_type,
            schema.collection,
        )
        places = (
            sa.select(
                holds.c.collection_id, dataset.c.dataset_type_id, dataset.c.data_id
            )
            .join_from(stage, dataset, stage.c.uuid == dataset.c.uuid)
            .join(holds, holds.c.dataset_type_id == dataset.c.dataset_type_id)
            .join(collection, collection.c.id == holds.c.collection_id)
            .where(collection.c.type == kind.value)
        )
        key = sa.tuple_(table.c.collection_id, table.c.dataset_type_id, table.c.data_id)
        self._db.run(
            sa.delete(table).where(
                key.in_(places), table.c.uuid.in_(sa.select(stage.c.uuid))
            )
        )

    def _run_id(self, run: str) -> int:
        number, collection = self._catalog.now.collection(run)
        if collection.type is not CollectionType.RUN:
            raise InvalidInputError(
                f"Datasets are inserted into RUN collections; '{run}' is "
                f"{collection.type.name}."
            )
        return number

    def _rows_filler(
        self, row: TypeRow, stage: sa.Table, given: dict[str, int]
    ) -> Callable[[], None]:
        """Return what fills both tables within the database."""

        def fill() -> None:
            for statement in self._insert_statements(row, stage):
                self._db.run(statement, given)

        return fill

    def _columns_filler(
        self, row: TypeRow, stage: sa.Table, given: dict[str, int], count: int
    ) -> Callable[[], None]:
        """Return what fills both tables by columns; new data IDs are added before.

        The data IDs are joined once, and each table is sent in the order of its key.
        """
        schema = {"data_id": pl.Int64, "uuid": pl.Binary}
        joined = self._data_ids.join(row, stage)
        chosen = sa.select(row.data_ids.c.id, stage.c.uuid).select_from(joined)
        placed = self._db.frame(chosen, schema)
        if placed.height < count:
            self._data_ids.intern(row, stage)
            placed = self._db.frame(chosen, schema)
        placed = placed.with_columns(
            pl.lit(given["run"], pl.Int64).alias("run_id"),
            pl.lit(given["type"], pl.Int64).alias("dataset_type_id"),
            pl.lit(given["now"], pl.Int64).alias("ingest_time"),
        )

        def fill() -> None:
            tables = self._schema.dataset, self._schema.dataset_uuid
            for table, order in zip(tables, ("data_id", "uuid"), strict=True):
                rows = placed.sort(order).select(table.c.keys())
                self._db.insert_rows(table, UuidRows(rows.get_columns()))

        return fill

    def _insert_statements(
        self, row: TypeRow, stage: sa.Table
    ) -> tuple[Prepared, Prepared]:
        """Return the statements that fill both tables, each in its own order.

        So every page of a table is changed once, also by UUIDs in no order.
        """
        known = self._inserts.get(row.data_ids)
        if known is None:
            joined = self._data_ids.join(row, stage)
            columns = {
                "run_id": sa.bindparam("run", type_=sa.BigInteger),
                "dataset_type_id": sa.bindparam("type", type_=sa.BigInteger),
                "data_id": row.data_ids.c.id,
                "uuid": stage.c.uuid,
                "ingest_time": sa.bindparam("now", type_=sa.BigInteger),
            }

            def prepare(table: sa.Table, order: sa.Column[Any]) -> Prepared:
                names = list(table.c.keys())
                chosen = sa.select(*(columns[name] for name in names))
                ordered = chosen.select_from(joined).order_by(order)
                return self._db.prepare(sa.insert(table).from_select(names, ordered))

            known = self._inserts[row.data_ids] = (
                prepare(self._schema.dataset, row.data_ids.c.id),
                prepare(self._schema.dataset_uuid, stage.c.uuid),
            )
        return known

    def _conflict(self, row: TypeRow, run_id: int, stage: sa.Table) -> PantlerError:
        """Return the error for staged datasets of which some are there already."""
        dataset, names = self._schema.dataset, row.dataset_type.dimensions.required
        run = self._catalog.now.collection_names[run_id]
        columns = [stage.c[name] for name in names]
        joined = self._data_ids.join(row, stage)
        taken = self._db.rows(
            sa.select(*columns, sa.literal(1))
            .select_from(joined.join(dataset, dataset.c.data_id == row.data_ids.c.id))
            .where(dataset.c.run_id == run_id, dataset.c.dataset_type_id == row.id)
            .limit(EXAMPLES)
        )
        what = f"of type '{row.dataset_type.name}'"
        if taken:
            return ConflictError(
                f"Run '{run}' has datasets {what} for {show_all(names, taken)} already."
                " Use another run, or remove these first."
            )
        twice = self._db.rows(
            sa.select(*columns, sa.func.count())
            .group_by(*columns)
            .having(sa.func.count() > 1)
            .limit(EXAMPLES)
        )
        if twice:
            return ConflictError(
                f"Data IDs {show_all(names, twice)} are given twice, for datasets "
                f"{what}."
            )
        place = self._schema.dataset_uuid
        known = self._db.rows(
            sa.select(stage.c.uuid)
            .join_from(stage, place, stage.c.uuid == place.c.uuid)
            .limit(EXAMPLES)
        )
        ids = ", ".join(str(UUID(bytes=one)) for (one,) in known)
        return ConflictError(f"Dataset IDs are in use already: {ids or 'given twice'}.")


def _check_ids(dataset_ids: pl.Series, count: int) -> None:
    if len(dataset_ids) != count:
        raise InvalidInputError(
            f"{count} data IDs were given with {len(dataset_ids)} dataset IDs."
        )
    if dataset_ids.dtype != pl.Binary or not (dataset_ids.bin.size() == 16).all():
        raise InvalidInputError(
            f"Dataset IDs must be UUIDs of 16 bytes, not {dataset_ids.dtype}."
        )
    if dataset_ids.null_count():
        raise InvalidInputError("Some dataset IDs are missing.")
