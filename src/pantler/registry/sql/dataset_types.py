"""Dataset types in the database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from pantler.errors import (
    ConflictError,
    DatasetTypeNotFoundError,
    InvalidInputError,
    close_match,
)

if TYPE_CHECKING:
    from pantler.datasets.dataset_type import DatasetType
    from pantler.dimensions.universe import DimensionGroup
    from pantler.registry.sql.catalog import Catalog, TypeRow
    from pantler.registry.sql.connection import Connection
    from pantler.registry.sql.schema import Schema


class SqlDatasetTypes:
    """Implements `pantler.registry.interface.DatasetTypeFacet`."""

    def __init__(
        self, connection: Connection, schema: Schema, catalog: Catalog
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._catalog = catalog

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
            with self._connection.writing():
                known = self.find(dataset_type.name)  # another may have been faster
                if known is None:
                    self._add(dataset_type)
                    return True
        if known != dataset_type:
            raise ConflictError(
                f"Dataset type '{dataset_type.name}' is registered already and "
                f"differs: {_differences(known, dataset_type)}."
            )
        return False

    def get(self, name: str) -> DatasetType:
        """Return a type; DatasetTypeNotFoundError with a close match if none."""
        return self.row(name).dataset_type

    def find(self, name: str) -> DatasetType | None:
        """Return a type, or None."""
        row = self._catalog.now.types.get(name)
        return None if row is None else row.dataset_type

    def all(self) -> list[DatasetType]:
        """Return all, by name."""
        return [row.dataset_type for row in self._catalog.now.types.values()]

    def row(self, name: str) -> TypeRow:
        """Return a type with its numbers and data ID table.

        Raises
        ------
        DatasetTypeNotFoundError
            If there is none of this name.
        """
        types = self._catalog.now.types
        try:
            return types[name]
        except KeyError:
            raise DatasetTypeNotFoundError(
                f"No dataset type '{name}' is registered.{close_match(name, types)}"
            ) from None

    def checked_row(self, dataset_type: DatasetType) -> TypeRow:
        """Return the row of a type that must have the dimensions it is given with.

        Raises
        ------
        DatasetTypeNotFoundError
            If there is none of this name.
        ConflictError
            If the registered one has other dimensions.
        """
        row = self.row(dataset_type.name)
        if row.dataset_type.dimensions != dataset_type.dimensions:
            raise ConflictError(
                f"Dataset type '{dataset_type.name}' is registered with other "
                f"dimensions: {_differences(row.dataset_type, dataset_type)}."
            )
        return row

    def _add(self, dataset_type: DatasetType) -> None:
        self._connection.execute(
            sa.insert(self._schema.dataset_type).values(
                name=dataset_type.name,
                group_id=self._group_id(dataset_type.dimensions),
                storage_class=dataset_type.storage_class,
                is_calibration=dataset_type.is_calibration,
            )
        )
        self._catalog.changed()

    def _group_id(self, group: DimensionGroup) -> int:
        known = self._catalog.now.group_ids.get(group.required)
        if known is not None:
            return known
        connection = self._connection
        table = self._schema.dimension_group
        ((number,),) = connection.rows(
            sa.insert(table)
            .values(dimensions=json.dumps(list(group.required)))
            .returning(table.c.id)
        )
        data_ids = self._schema.data_id_table(number, group)
        connection.execute(CreateTable(data_ids))
        if not group.required:  # there is just one empty data ID
            connection.execute(sa.insert(data_ids).values(id=1))
        return int(number)


def _differences(known: DatasetType, asked: DatasetType) -> str:
    parts = [
        f"{word} is {getattr(known, name)!r} there and {getattr(asked, name)!r} here"
        for name, word in (
            ("dimensions", "dimensions"),
            ("storage_class", "storage class"),
            ("is_calibration", "calibration"),
        )
        if getattr(known, name) != getattr(asked, name)
    ]
    return "; ".join(parts)
