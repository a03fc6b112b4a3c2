"""Membership in TAGGED and CALIBRATION collections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from pantler.datasets.collection import CollectionType
from pantler.errors import (
    ConflictError,
    DatasetNotFoundError,
    InternalError,
    InvalidInputError,
)
from pantler.registry.sql.bulk import series_rows
from pantler.registry.sql.diagnosis import EXAMPLES, show_all
from pantler.registry.sql.driver import ConstraintError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from pantler.dimensions.timespan import Timespan
    from pantler.registry.sql.core import Core
    from pantler.registry.sql.data_ids import DataIds


class Associations:
    """Puts datasets into collections and takes them out."""

    def __init__(self, core: Core, data_ids: DataIds) -> None:
        self._core = core
        self._db = core.db
        self._schema = core.schema
        self._catalog = core.catalog
        self._data_ids = data_ids

    def associate(self, name: str, dataset_ids: Sequence[bytes]) -> None:
        """Put datasets into a TAGGED collection, replacing those of equal data ID."""
        with self._db.writing():
            number = self._collection_id(name, CollectionType.TAGGED)
            stage, type_ids = self._stage(dataset_ids)
            self._catalog.keep(number, type_ids)
            dataset, tag = self._schema.dataset_uuid, self._schema.membership
            insert = self._db.driver.insert(tag).from_select(
                list(tag.c.keys()),
                sa.select(
                    sa.literal(number),
                    dataset.c.dataset_type_id,
                    dataset.c.data_id,
                    dataset.c.uuid,
                    dataset.c.run_id,
                )
                .join_from(stage, dataset, stage.c.uuid == dataset.c.uuid)
                .where(sa.true()),
            )
            self._db.run(
                insert.on_conflict_do_update(
                    index_elements=list(tag.primary_key.columns),
                    set_={
                        "uuid": insert.excluded.uuid,
                        "run_id": insert.excluded.run_id,
                    },
                )
            )
            self._data_ids.declare(number, type_ids)

    def disassociate(self, name: str, dataset_ids: Sequence[bytes]) -> None:
        """Take datasets out of a TAGGED collection."""
        with self._db.writing():
            number = self._collection_id(name, CollectionType.TAGGED)
            stage = self._core.stage_ids(dataset_ids)
            dataset, tag = self._schema.dataset_uuid, self._schema.membership
            key = sa.tuple_(tag.c.collection_id, tag.c.dataset_type_id, tag.c.data_id)
            members = sa.select(
                sa.literal(number), dataset.c.dataset_type_id, dataset.c.data_id
            ).join_from(stage, dataset, stage.c.uuid == dataset.c.uuid)
            self._db.run(
                sa.delete(tag).where(
                    key.in_(members), tag.c.uuid.in_(sa.select(stage.c.uuid))
                )
            )

    def certify(
        self,
        name: str,
        dataset_ids: Sequence[bytes],
        timespan: Timespan,
        *,
        replace: bool = False,
    ) -> None:
        """Declare calibrations valid for a time; see `CollectionFacet.certify`."""
        with self._db.writing():
            number = self._collection_id(name, CollectionType.CALIBRATION)
            stage, type_ids = self._stage(dataset_ids)
            self._catalog.keep(number, type_ids)
            self._check_calibrations(type_ids)
            if replace:
                self._cut_out(number, timespan, self._same_key(stage))
            else:
                self._check_validity(name, stage, timespan)
            try:
                with self._db.writing():
                    self._insert_validity(number, stage, timespan)
            except ConstraintError as error:
                # Another was faster, where the database itself keeps ranges apart.
                self._check_validity(name, stage, timespan)
                raise InternalError(f"'{name}' refused calibrations.") from error
            self._data_ids.declare(number, type_ids)

    def decertify(
        self,
        name: str,
        dataset_type: str,
        timespan: Timespan,
        data_ids: pl.DataFrame | None = None,
    ) -> int:
        """Take a time out of validity ranges; see `CollectionFacet.decertify`."""
        valid = self._schema.calibration
        with self._db.writing():
            number = self._collection_id(name, CollectionType.CALIBRATION)
            row = self._catalog.now.type_row(dataset_type)
            self._check_calibrations([row.id])
            condition = valid.c.dataset_type_id == row.id
            if data_ids is not None:
                values = self._data_ids.conform(row, data_ids)
                stage = self._db.stage(self._data_ids.columns(row), series_rows(values))
                chosen = sa.select(row.data_ids.c.id).select_from(
                    self._data_ids.join(row, stage)
                )
                condition &= valid.c.data_id.in_(chosen)
            return self._cut_out(number, timespan, condition)

    def _same_key(self, stage: sa.Table) -> sa.ColumnElement[bool]:
        """Whether a validity range is of the type and data ID of a staged dataset."""
        dataset, valid = self._schema.dataset_uuid, self._schema.calibration
        keys = sa.select(dataset.c.dataset_type_id, dataset.c.data_id).join_from(
            stage, dataset, stage.c.uuid == dataset.c.uuid
        )
        return sa.tuple_(valid.c.dataset_type_id, valid.c.data_id).in_(keys)

    def _cut_out(
        self, number: int, timespan: Timespan, condition: sa.ColumnElement[bool]
    ) -> int:
        """Take a time out of some ranges of a collection; return how many had it."""
        valid = self._schema.calibration
        mine = (
            valid.c.collection_id == number,
            condition,
            valid.c.begin_ns < timespan.end,
            valid.c.end_ns > timespan.begin,
        )
        # Others may be cutting the same ranges, where the database lets them.
        of = (valid.c.collection_id, valid.c.dataset_type_id, valid.c.data_id)
        times = valid.c.begin_ns, valid.c.end_ns
        found = self._db.rows(
            sa.select(*of, valid.c.uuid, valid.c.run_id, *times)
            .where(*mine)
            .with_for_update()
        )
        self._db.run(sa.delete(valid).where(*mine))
        left = [
            (*key, begin, timespan.begin, uuid, run)
            for *key, uuid, run, begin, _ in found
            if begin < timespan.begin
        ]
        right = [
            (*key, timespan.end, end, uuid, run)
            for *key, uuid, run, _, end in found
            if end > timespan.end
        ]
        self._db.insert_rows(valid, [*left, *right])
        return len(found)

    def _insert_validity(
        self, number: int, stage: sa.Table, timespan: Timespan
    ) -> None:
        dataset, calibration = self._schema.dataset_uuid, self._schema.calibration
        self._db.run(
            sa.insert(calibration).from_select(
                list(calibration.c.keys()),
                sa.select(
                    sa.literal(number),
                    dataset.c.dataset_type_id,
                    dataset.c.data_id,
                    sa.literal(timespan.begin),
                    sa.literal(timespan.end),
                    dataset.c.uuid,
                    dataset.c.run_id,
                ).join_from(stage, dataset, stage.c.uuid == dataset.c.uuid),
            )
        )

    def _collection_id(self, name: str, kind: CollectionType) -> int:
        number, collection = self._catalog.now.collection(name)
        if collection.type is not kind:
            raise InvalidInputError(
                f"Collection '{name}' is {collection.type.name}, not {kind.name}."
            )
        return number

    def _stage(self, dataset_ids: Sequence[bytes]) -> tuple[sa.Table, list[int]]:
        """Stage IDs; return the table and the numbers of their dataset types.

        Raises
        ------
        DatasetNotFoundError
            If some ID is unknown.
        ConflictError
            If two of the datasets have the same type and data ID.
        """
        db, dataset = self._db, self._schema.dataset_uuid
        stage = self._core.stage_ids(dict.fromkeys(dataset_ids))
        self._core.hold(stage, is_shared=True)
        unknown = db.rows(
            sa.select(stage.c.uuid)
            .select_from(stage.outerjoin(dataset, stage.c.uuid == dataset.c.uuid))
            .where(dataset.c.uuid.is_(None))
            .limit(EXAMPLES)
        )
        if unknown:
            ids = ", ".join(str(UUID(bytes=one)) for (one,) in unknown)
            raise DatasetNotFoundError(f"No datasets of these IDs: {ids}.")
        key = dataset.c.dataset_type_id, dataset.c.data_id
        counted = (
            sa.select(*key, sa.func.count().label("n"))
            .join_from(stage, dataset, stage.c.uuid == dataset.c.uuid)
            .group_by(*key)
        )
        twice = db.rows(counted.having(sa.func.count() > 1).limit(EXAMPLES))
        if twice:
            raise ConflictError(
                "A collection holds one dataset of a type and data ID; several were "
                f"given for {self._describe(twice)}."
            )
        types = counted.subquery()
        rows = db.rows(sa.select(types.c.dataset_type_id).distinct())
        return stage, [row[0] for row in rows]

    def _check_calibrations(self, type_ids: list[int]) -> None:
        for type_id in type_ids:
            dataset_type = self._catalog.now.types_by_id[type_id].dataset_type
            if not dataset_type.is_calibration:
                raise InvalidInputError(
                    f"Datasets of type '{dataset_type.name}' cannot be certified: "
                    "it was not registered as a calibration."
                )

    def _check_validity(self, name: str, stage: sa.Table, timespan: Timespan) -> None:
        dataset, valid = self._schema.dataset_uuid, self._schema.calibration
        number, _ = self._catalog.now.collection(name)
        taken = self._db.rows(
            sa.select(valid.c.dataset_type_id, valid.c.data_id)
            .join_from(stage, dataset, stage.c.uuid == dataset.c.uuid)
            .join(
                valid,
                sa.and_(
                    valid.c.collection_id == number,
                    valid.c.dataset_type_id == dataset.c.dataset_type_id,
                    valid.c.data_id == dataset.c.data_id,
                ),
            )
            .where(valid.c.begin_ns < timespan.end, valid.c.end_ns > timespan.begin)
            .limit(EXAMPLES)
        )
        if taken:
            raise ConflictError(
                f"'{name}' has calibrations valid within {timespan} already: "
                f"{self._describe(taken)}. Put these in their place (--replace, or "
                "replace=True), or certify for another time or collection."
            )

    def _describe(self, rows: list[tuple[Any, ...]]) -> str:
        parts = []
        for type_id, number, *_ in rows:
            row = self._catalog.now.types_by_id[type_id]
            values = self._data_ids.values(row, number)
            names = row.dataset_type.dimensions.required
            parts.append(f"{row.dataset_type.name}@{show_all(names, [values])}")
        return ", ".join(parts)
