"""What refers to dimension records: other records, data IDs, datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import sqlalchemy as sa

from pantler.errors import DataIdError, InvalidInputError
from pantler.registry.removals import Dependent
from pantler.registry.sql.bulk import frame_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.records import Rows
    from pantler.registry.sql.core import Core


class Dependents:
    """Finds what refers to records.

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

    def keys(self, element: DimensionElement, rows: Rows) -> pl.DataFrame:
        """Return the keys of records, as the tables have them.

        Raises
        ------
        DataIdError
            If one is missing or of another type.
        InvalidInputError
            If the element has no records.
        """
        if element.is_pixel:
            raise InvalidInputError(f"'{element.name}' is computed and has no records.")
        frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(list(rows))
        universe = self._schema.universe
        if not frame.height:
            columns = {
                name: universe[name].primary_key.dtype for name in element.required
            }
            return pl.DataFrame(schema=columns)
        found = []
        for name in element.required:
            if name not in frame.columns or frame[name].null_count():
                raise DataIdError(
                    f"Records of '{element.name}' are named by "
                    f"{', '.join(element.required)}; '{name}' is missing."
                )
            key = universe[name].primary_key
            if not key.accepts(frame[name].dtype):
                raise DataIdError(
                    f"'{name}' cannot be {frame[name][0]!r}: it is of another type."
                )
            found.append(frame[name].cast(key.dtype))
        return pl.DataFrame(found).unique()

    def find(self, element: DimensionElement, keys: pl.DataFrame) -> list[Dependent]:
        """Return all that refers to some records; see `DimensionFacet.dependents`."""
        frames = {element.name: keys}
        for table in self._schema.fixed:  # each after those that it refers to
            other = self._schema.universe.elements.get(table.name)
            if other is None or table.name == element.name:
                continue
            parts = [
                self._matching(table, other, frame)
                for name, frame in frames.items()
                if name in other.required or name in other.implied
            ]
            rows = pl.concat(parts).unique() if parts else pl.DataFrame()
            if rows.height:
                frames[table.name] = rows
        records = [
            Dependent("records", name, frame)
            for name, frame in frames.items()
            if name != element.name
        ]
        return [*records, *self._datasets(frames)]

    def delete_data_ids(self, element: DimensionElement, keys: pl.DataFrame) -> None:
        """Remove data IDs that name some records, which no dataset has."""
        for data_ids in self._core.data_id_tables().values():
            if element.name in data_ids.c:
                chosen = self._chosen(data_ids, element, keys)
                self._db.run(sa.delete(data_ids).where(data_ids.c.id.in_(chosen)))

    def _stage(self, element: DimensionElement, keys: pl.DataFrame) -> sa.Table:
        table = self._schema.elements[element.name]
        columns = [table.c[name] for name in element.required]
        return self._db.stage(columns, frame_rows(keys.select(element.required)))

    def _chosen(
        self, data_ids: sa.Table, element: DimensionElement, keys: pl.DataFrame
    ) -> sa.Select[Any]:
        stage = self._stage(element, keys)
        same = (stage.c[name] == data_ids.c[name] for name in element.required)
        return sa.select(data_ids.c.id).join_from(stage, data_ids, sa.and_(*same))

    def _matching(
        self, table: sa.Table, other: DimensionElement, keys: pl.DataFrame
    ) -> pl.DataFrame:
        """Return the keys of the records of a table that have some values."""
        universe = self._schema.universe
        named = [table.c[name] for name in keys.columns]
        stage = self._db.stage(named, frame_rows(keys))
        same = (stage.c[name] == table.c[name] for name in keys.columns)
        return self._db.frame(
            sa.select(*(table.c[name] for name in other.required))
            .distinct()
            .join_from(stage, table, sa.and_(*same)),
            {name: universe[name].primary_key.dtype for name in other.required},
        )

    def _datasets(self, frames: dict[str, pl.DataFrame]) -> list[Dependent]:
        """Return the datasets whose data IDs name some records."""
        found: dict[int, list[pl.DataFrame]] = {}
        for number, data_ids in self._core.data_id_tables().items():
            for name in data_ids.c.keys():  # noqa: SIM118 - columns are no mapping
                if name in frames:
                    element = self._schema.universe[name]
                    chosen = self._chosen(data_ids, element, frames[name])
                    for type_id, frame in self._of_group(number, chosen):
                        found.setdefault(type_id, []).append(frame)
        types = self._catalog.now.types_by_id
        return sorted(
            (
                Dependent(
                    "datasets",
                    types[number].dataset_type.name,
                    pl.concat(parts).unique(),
                )
                for number, parts in found.items()
            ),
            key=lambda one: one.name,
        )

    def _of_group(
        self, number: int, chosen: sa.Select[Any]
    ) -> Iterator[tuple[int, pl.DataFrame]]:
        """Yield the datasets with some data IDs of a group, by type."""
        dataset = self._schema.dataset
        for row in self._catalog.now.types_by_id.values():
            holders = self._catalog.holders(row.id) if row.group_id == number else []
            if not holders:
                continue
            frame = self._db.frame(
                # By run: the data ID is the last part of that key.
                sa.select(dataset.c.uuid).where(
                    self._db.driver.is_listed(dataset.c.run_id, sorted(holders)),
                    dataset.c.dataset_type_id == row.id,
                    dataset.c.data_id.in_(chosen),
                ),
                {"dataset_id": pl.Binary},
            )
            if frame.height:
                yield row.id, frame
