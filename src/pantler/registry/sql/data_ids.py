"""Data IDs as integers: interned once for each group of dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import sqlalchemy as sa

from pantler.datasets.collection import CollectionType
from pantler.errors import DataIdError
from pantler.registry.sql.diagnosis import unknown_value_error
from pantler.registry.sql.driver import ConstraintError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pantler.dimensions.column import Column
    from pantler.dimensions.coordinate import DataCoordinate
    from pantler.registry.sql.core import Core
    from pantler.registry.sql.driver import Prepared
    from pantler.registry.sql.snapshot import TypeRow


class DataIds:
    """The tables of data IDs.

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
        self._finds: dict[sa.Table, Prepared] = {}
        self._reads: dict[sa.Table, Prepared] = {}
        self._interns: dict[sa.Table, Prepared] = {}
        self._declaration: Prepared | None = None

    def columns(self, row: TypeRow) -> list[sa.Column[Any]]:
        """Return the columns of the values of a type's data IDs."""
        return [row.data_ids.c[name] for name in row.dataset_type.dimensions.required]

    def conform(self, row: TypeRow, frame: pl.DataFrame) -> list[pl.Series]:
        """Return the required columns of a frame, in order and with right types.

        Raises
        ------
        DataIdError
            If a column is missing, has nulls or another type.
        """
        what = f"Data IDs of '{row.dataset_type.name}'"
        required = row.dataset_type.dimensions.required
        found = []
        for name in required:
            if name not in frame.columns:
                raise DataIdError(
                    f"{what} lack '{name}'; they need {', '.join(required)} and have "
                    f"{', '.join(frame.columns)}."
                )
            series = frame.get_column(name)
            key = self._schema.universe[name].primary_key
            if series.dtype != key.dtype:
                series = _converted(series, key, what)
            if series.null_count():
                raise DataIdError(f"{what} have nulls in '{name}'.")
            found.append(series)
        return found

    def join(self, row: TypeRow, stage: sa.Table) -> sa.Join:
        """Return staged values joined with their integers."""
        names = row.dataset_type.dimensions.required
        same = (stage.c[name] == row.data_ids.c[name] for name in names)
        return stage.join(row.data_ids, sa.and_(sa.true(), *same))

    def intern(self, row: TypeRow, stage: sa.Table) -> None:
        """Add those of the staged data IDs that are new.

        Raises
        ------
        DataIdError
            If a dimension has no such value.
        """
        names = row.dataset_type.dimensions.required
        if not names:
            return
        statement = self._interns.get(row.data_ids)
        if statement is None:
            new = sa.select(*(stage.c[name] for name in names)).where(sa.true())
            insert = self._db.driver.insert(row.data_ids).from_select(list(names), new)
            statement = self._db.prepare(insert.on_conflict_do_nothing())
            self._interns[row.data_ids] = statement
        try:
            with self._db.writing():
                self._db.run(statement)
        except ConstraintError as error:
            raise unknown_value_error(self._core, stage, names) from error

    def find(self, row: TypeRow, data_id: DataCoordinate) -> int | None:
        """Return the integer of a data ID, or None if no dataset ever had it."""
        names = row.dataset_type.dimensions.required
        statement = self._finds.get(row.data_ids)
        if statement is None:
            table = row.data_ids
            statement = self._db.prepare(
                sa.select(table.c.id).where(
                    *(table.c[name] == sa.bindparam(name) for name in names)
                )
            )
            self._finds[row.data_ids] = statement
        rows = self._db.rows(
            statement, dict(zip(names, data_id.required_values, strict=True))
        )
        return rows[0][0] if rows else None

    def values(self, row: TypeRow, number: int) -> tuple[Any, ...]:
        """Return the required values of a data ID."""
        statement = self._reads.get(row.data_ids)
        if statement is None:
            table = row.data_ids
            # The number too, so that a data ID without dimensions has a column.
            statement = self._db.prepare(
                sa.select(*self.columns(row), table.c.id).where(
                    table.c.id == sa.bindparam("number")
                )
            )
            self._reads[row.data_ids] = statement
        return self._db.rows(statement, {"number": number})[0][:-1]

    def announce(self, dataset_type: str, run: str) -> None:
        """Declare what a run is about to hold, in a transaction of its own.

        So the catalog is locked for that only, and not until the datasets are there.
        Where it has no lock, within a transaction of others, and if it is known that
        the run may hold the type, nothing is done.
        """
        if self._db.epoch or not self._db.driver.phrases.lock_catalog:
            return
        if self._catalog.is_seen_to_hold(run, dataset_type):
            return
        with self._db.writing():
            now = self._catalog.now
            collection, row = now.collections.get(run), now.types.get(dataset_type)
            if (
                row is not None
                and collection is not None
                and collection[1].type is CollectionType.RUN
            ):
                self._catalog.keep(collection[0], [row.id])
                self.declare(collection[0], [row.id])

    def declare(self, collection_id: int, type_ids: Iterable[int]) -> None:
        """Record that a collection may hold datasets of some types."""
        new = [
            type_id
            for type_id in type_ids
            if not self._catalog.holds(collection_id, type_id)
        ]
        if not new:
            return
        if self._declaration is None:  # made before others have to wait
            table = self._schema.collection_type
            given = {
                column.name: sa.bindparam(column.name, type_=sa.BigInteger)
                for column in table.c
            }
            adding = self._db.driver.insert(table).values(given)
            self._declaration = self._db.prepare(adding.on_conflict_do_nothing())
        self._catalog.lock()
        for type_id in new:
            self._db.run(
                self._declaration,
                {"collection_id": collection_id, "dataset_type_id": type_id},
            )
            self._catalog.changed("holder", collection_id, type_id)


def _converted(series: pl.Series, key: Column, what: str) -> pl.Series:
    """Return the values of a dimension with their proper type.

    Raises
    ------
    DataIdError
        If that would change a value.
    """
    if series.dtype != pl.Null and not key.accepts(series.dtype):
        words = {"int": "integers", "string": "text"}
        raise DataIdError(
            f"{what}: '{series.name}' takes {words.get(key.type, key.type)}, not "
            f"{series.dtype} such as {series.head(1).to_list()}."
        )
    try:
        return series.cast(key.dtype)
    except pl.exceptions.InvalidOperationError as error:
        raise DataIdError(
            f"{what}: '{series.name}' has values that do not fit. {error}"
        ) from error
