"""The records of one datastore, in a table of the registry."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

from pantler.datasets.records import RECORD_SCHEMA, DatastoreRecord
from pantler.errors import ConflictError, DatasetNotFoundError, InvalidInputError
from pantler.registry.sql.bulk import series_rows
from pantler.registry.sql.driver import ConstraintError
from pantler.registry.sql.trash import Trash, discard_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from pantler.datasets.records import Discarded
    from pantler.registry.sql.core import Core

_NAME = re.compile(r"[A-Za-z0-9_.-]+")


class SqlRecordTable:
    """Implements `pantler.datasets.records.RecordTable`.

    Parameters
    ----------
    core
        Where.
    table
        The table, which exists.
    """

    def __init__(self, core: Core, table: sa.Table) -> None:
        self._core = core
        self._db = core.db
        self._table = table
        self._name = table.name.removeprefix("datastore_")
        self._trash = Trash(core, self._name)
        self._fetch_one = core.db.prepare(
            sa.select(table).where(table.c.dataset_id == sa.bindparam("id"))
        )

    def insert(self, records: pl.DataFrame) -> None:
        """Add records, columns as `RECORD_SCHEMA`.

        Raises
        ------
        ConflictError
            If a dataset has a record of that component already.
        DatasetNotFoundError
            If a dataset is not registered.
        """
        with self._db.writing():
            rows = series_rows(map(records.get_column, RECORD_SCHEMA.names()))
            try:
                with self._db.writing():
                    self._db.insert_rows(self._table, rows)
            except ConstraintError as error:
                if error.failure == "foreign":
                    raise DatasetNotFoundError(
                        "Records can be kept of registered datasets only; some of "
                        f"these {records.height} are not."
                    ) from error
                raise ConflictError(
                    "Some of these datasets have records of the same component already."
                ) from error
            # Not before: who deletes the same datasets has ended by now.
            self._trash.withdraw(records.get_column("path"))

    def fetch(self, dataset_ids: Sequence[bytes]) -> pl.DataFrame:
        """Return the records of the datasets that have any."""
        if len(dataset_ids) == 1:
            return self._db.frame(
                self._fetch_one, RECORD_SCHEMA, {"id": dataset_ids[0]}
            )
        with self._db.reading():
            stage = self._core.stage_ids(dataset_ids)
            chosen = self._table.c.dataset_id.in_(sa.select(stage.c.uuid))
            return self._db.frame(sa.select(self._table).where(chosen), RECORD_SCHEMA)

    def find(self, dataset_id: bytes) -> list[DatastoreRecord]:
        """Return the records of one dataset; empty if it has none."""
        rows = self._db.fetch(self._fetch_one, (dataset_id,))
        return [DatastoreRecord(*row) for row in rows]

    def delete(self, dataset_ids: Sequence[bytes]) -> None:
        """Remove the records of the datasets."""
        with self._db.writing():
            stage = self._core.stage_ids(dataset_ids)
            discard_records(self._core, self._name, stage)

    def discarded(
        self, limit: int, *, after: int = 0, wait: bool = False
    ) -> list[Discarded]:
        """Return notes of what may have to be removed; see `RecordTable`."""
        return self._trash.oldest(limit, after, wait=wait)

    def forget_discarded(self, ids: Sequence[int]) -> None:
        """Remove notes, as what they name has been removed, or is in use."""
        with self._db.writing():
            self._trash.forget(ids)

    def paths_in_use(self, paths: Sequence[str]) -> set[str]:
        """Return those of the paths that some record names."""
        with self._db.reading():
            column = self._table.c.path
            stage = self._db.stage([column], ((path,) for path in paths))
            found = self._db.rows(
                sa.select(stage.c.path).where(sa.exists().where(column == stage.c.path))
            )
        return {path for (path,) in found}

    def find_same(
        self, records: Sequence[DatastoreRecord], paths: Sequence[str]
    ) -> list[DatastoreRecord]:
        """Return all records that may be of the same bytes, or name one of the paths.

        See `pantler.datasets.records.RecordTable.find_same`.
        """
        is_listed, column = self._db.driver.is_listed, self._table.c
        sums = list({record.checksum for record in records if record.checksum})
        sizes = list({record.size_bytes for record in records})
        bare = list({each.size_bytes for each in records if each.checksum is None})
        conditions = []
        if paths:
            conditions.append(is_listed(column.path, paths))
        if sums:
            conditions.append(is_listed(column.checksum, sums))
        if sizes:
            unknown = column.checksum.is_(None)
            conditions.append(unknown & is_listed(column.size_bytes, sizes))
        if bare:
            conditions.append(is_listed(column.size_bytes, bare))
        if not conditions:
            return []
        lock = self._db.driver.phrases.lock_rows
        if lock and self._db.is_changing:
            quoted = self._db.driver.dialect.identifier_preparer.format_table(
                self._table
            )
            self._db.run(sa.text(lock.format(quoted)))
        rows = self._db.rows(sa.select(self._table).where(sa.or_(*conditions)))
        return [DatastoreRecord(*row) for row in rows]


def open_record_table(name: str, core: Core) -> SqlRecordTable:
    """Return the table of a datastore's records, made if need be.

    Raises
    ------
    InvalidInputError
        If the name has other characters than letters, digits, ``_``, ``-`` and ``.``.
    ReadOnlyError
        If the table does not exist and the registry is read-only.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            f"'{name}' cannot name a datastore: use letters, digits."
        )
    db, catalog = core.db, core.catalog
    table = core.schema.record_table(name)
    if name not in catalog.now.record_tables:
        with db.writing():
            catalog.lock()
            known = catalog.now.record_tables
            if name not in known:
                db.run(CreateTable(table))
                for index in table.indexes:
                    db.run(CreateIndex(index))
                attribute = core.schema.attribute
                db.run(sa.delete(attribute).where(attribute.c.name == "record_tables"))
                db.run(
                    sa.insert(attribute).values(
                        name="record_tables", value=json.dumps([*known, name])
                    )
                )
                catalog.changed("record_table")
    return SqlRecordTable(core, table)
