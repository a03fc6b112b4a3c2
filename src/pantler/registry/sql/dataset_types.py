"""Dataset types in the database."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from pantler.datasets.dataset_type import differences
from pantler.errors import ConflictError, InvalidInputError
from pantler.registry.sql.diagnosis import EXAMPLES
from pantler.registry.sql.driver import ConstraintError

if TYPE_CHECKING:
    from pantler.datasets.dataset_type import DatasetType
    from pantler.dimensions.universe import DimensionGroup
    from pantler.registry.sql.core import Core


class SqlDatasetTypes:
    """Implements `pantler.registry.interface.DatasetTypeFacet`."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._db = core.db
        self._schema = core.schema
        self._catalog = core.catalog

    def register(self, dataset_type: DatasetType) -> bool:
        """Add a dataset type; return False if an equal one was there."""
        if dataset_type.dimensions.universe != self._schema.universe:
            raise InvalidInputError(
                f"Dataset type '{dataset_type.name}' has dimensions of "
                f"{dataset_type.dimensions.universe}, "
                f"but the repository has {self._schema.universe}."
            )
        known = self.find(dataset_type.name)
        if known is None:
            with self._db.writing():
                self._catalog.lock()
                known = self.find(dataset_type.name)  # another may have been faster
                if known is None:
                    self._add(dataset_type)
                    return True
        if known != dataset_type:
            raise ConflictError(
                f"Dataset type '{dataset_type.name}' is registered already and "
                f"differs: {differences(known, dataset_type)}."
            )
        return False

    def get(self, name: str) -> DatasetType:
        """Return a type; DatasetTypeNotFoundError with a close match if none."""
        return self._catalog.now.type_row(name).dataset_type

    def find(self, name: str) -> DatasetType | None:
        """Return a type, or None."""
        row = self._catalog.now.types.get(name)
        return None if row is None else row.dataset_type

    def all(self) -> list[DatasetType]:
        """Return all, by name."""
        types = self._catalog.now.types
        return [types[name].dataset_type for name in sorted(types)]

    def rename(self, name: str, new: str) -> None:
        """Give a dataset type another name; see `DatasetTypeFacet.rename`."""
        with self._db.writing():
            self._catalog.lock()
            now = self._catalog.now
            row = now.type_row(name)
            replace(row.dataset_type, name=new)  # refuses what cannot be a name
            if new == name:
                return
            if new in now.types:
                raise ConflictError(
                    f"Dataset type '{name}' cannot be called '{new}': there is one of "
                    "that name. Choose another."
                )
            table = self._schema.dataset_type
            self._db.run(sa.update(table).where(table.c.id == row.id).values(name=new))
            self._catalog.changed("type", row.id)

    def remove(self, name: str) -> None:
        """Remove a dataset type that has no datasets; see `DatasetTypeFacet.remove`."""
        with self._db.writing():
            self._catalog.lock()
            row = self._catalog.now.type_row(name)
            self._catalog.take(self._schema.dataset_type, row.id)
            if runs := self._runs(row.id):
                raise _in_use(name, runs)
            types, holds = self._schema.dataset_type, self._schema.collection_type
            try:
                with self._db.writing():
                    self._db.run(
                        sa.delete(holds).where(holds.c.dataset_type_id == row.id)
                    )
                    self._db.run(sa.delete(types).where(types.c.id == row.id))
            except ConstraintError as error:
                # Somebody has just put one, where others write meanwhile.
                raise _in_use(name, self._runs(row.id)) from error
            self._catalog.changed("type", row.id)

    def _runs(self, number: int) -> list[str]:
        """Return the first few runs that have datasets of a type."""
        dataset, holds = self._schema.dataset, self._schema.collection_type
        table = self._schema.collection
        is_held = sa.exists().where(
            dataset.c.run_id == holds.c.collection_id,
            dataset.c.dataset_type_id == number,
        )
        rows = self._db.rows(
            sa.select(table.c.name)
            .join_from(holds, table, table.c.id == holds.c.collection_id)
            .where(holds.c.dataset_type_id == number, is_held)
            .order_by(table.c.name)
            .limit(EXAMPLES + 1)
        )
        return [name for (name,) in rows]

    def _add(self, dataset_type: DatasetType) -> None:
        table = self._schema.dataset_type
        ((number,),) = self._db.rows(
            sa.insert(table)
            .values(
                name=dataset_type.name,
                group_id=self._group_id(dataset_type.dimensions),
                storage_class=dataset_type.storage_class,
                is_calibration=dataset_type.is_calibration,
            )
            .returning(table.c.id)
        )
        self._catalog.changed("type", number)

    def _group_id(self, group: DimensionGroup) -> int:
        known = self._catalog.now.group_ids.get(group.required)
        if known is not None:
            return known
        table = self._schema.dimension_group
        text = json.dumps(list(group.required))
        # That of a type which was removed stays, and is not in the catalog.
        left = self._db.rows(sa.select(table.c.id).where(table.c.dimensions == text))
        if left:
            return int(left[0][0])
        ((number,),) = self._db.rows(
            sa.insert(table).values(dimensions=text).returning(table.c.id)
        )
        data_ids = self._schema.data_id_table(number, group)
        self._db.run(CreateTable(data_ids))
        if not group.required:  # there is just one empty data ID
            self._db.run(sa.insert(data_ids).values(id=1))
        return int(number)


def _in_use(name: str, runs: list[str]) -> ConflictError:
    more = " and others" if len(runs) > EXAMPLES else ""
    where = ", ".join(f"'{run}'" for run in runs[:EXAMPLES]) or "some run"
    return ConflictError(
        f"Dataset type '{name}' has datasets in {where}{more}. Remove these first."
    )
