"""Dimension records in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from pantler.dimensions.records import (
    DimensionRecord,
    conform_records,
    record_columns,
)
from pantler.dimensions.times import format_time
from pantler.errors import (
    ConflictError,
    DataIdError,
    InternalError,
    InvalidInputError,
    PantlerError,
    counted,
)
from pantler.registry.sql.bulk import frame_rows
from pantler.registry.sql.dependents import Dependents
from pantler.registry.sql.diagnosis import EXAMPLES, show, show_all, unknown_value_error
from pantler.registry.sql.driver import ConstraintError
from pantler.registry.sql.expand import Expander
from pantler.registry.sql.pixel_index import PixelIndex
from pantler.registry.sql.repeating import repeated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from pantler.dimensions.coordinate import DataCoordinate
    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.records import Rows
    from pantler.dimensions.universe import DimensionGroup
    from pantler.registry.interface import OnConflict
    from pantler.registry.removals import Dependent
    from pantler.registry.sql.core import Core
    from pantler.registry.sql.driver import Prepared

_THERE: Final = " (there)"

_BULK_ROWS: Final = 500
"""Rows from which on it pays to sort them."""


class SqlDimensions:
    """Implements `pantler.registry.interface.DimensionFacet`."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._db = core.db
        self._schema = core.schema
        self._catalog = core.catalog
        self._expander = Expander(core)
        self._pixels = PixelIndex(core)
        self._dependents = Dependents(core)
        self._finds: dict[str, Prepared] = {}

    @repeated
    def insert(
        self, element: str, rows: Rows, *, on_conflict: OnConflict = "fail"
    ) -> int:
        """Add records and index their regions; see `DimensionFacet.insert`."""
        described = self._schema.universe[element]
        if described.is_pixel:
            raise InvalidInputError(f"'{element}' is computed and has no records.")
        frame = conform_records(described, self._schema.universe, rows)
        if not frame.height:
            return 0
        with self._db.writing():
            if described.is_governor:
                self._catalog.lock()
            self._insert_views(described, frame)
            try:
                # Most often nothing is there: try that first, undone if it fails.
                with self._db.writing():
                    self._insert_new(described, frame)
                changed = frame.height
            except ConstraintError as error:
                if error.failure != "unique":
                    raise self._unknown_value(described, frame) from error
                changed = self._merge(described, frame, on_conflict)
            if described.is_governor:
                self._catalog.changed("governor")
        return changed

    def find(
        self, element: str, data_id: Mapping[str, object]
    ) -> DimensionRecord | None:
        """Return the record that the required values in a data ID name."""
        described = self._schema.universe[element]
        missing = [name for name in described.required if data_id.get(name) is None]
        if missing or described.is_pixel:
            raise DataIdError(
                f"A record of '{element}' is named by {', '.join(described.required)}; "
                f"{', '.join(missing) or 'pixels'} cannot be looked up."
            )
        statement = self._finds.get(element)
        if statement is None:
            table = self._schema.elements[element]
            same = (table.c[name] == sa.bindparam(name) for name in described.required)
            statement = self._db.prepare(sa.select(table).where(*same))
            self._finds[element] = statement
        found = self._db.rows(
            statement, {name: data_id[name] for name in described.required}
        )
        if not found:
            return None
        columns = record_columns(described, self._schema.universe)
        values = {
            column.name: bool(value)
            if column.type == "bool" and value is not None
            else value
            for column, value in zip(columns, found[0], strict=True)
        }
        return DimensionRecord(described, values)

    def dependents(self, element: str, rows: Rows) -> list[Dependent]:
        """Return what refers to some records; see `DimensionFacet.dependents`."""
        described = self._schema.universe[element]
        with self._db.reading():
            keys = self._dependents.keys(described, rows)
            return self._dependents.find(described, keys) if keys.height else []

    def delete(self, element: str, rows: Rows) -> int:
        """Remove records that nothing depends on; see `DimensionFacet.delete`."""
        described = self._schema.universe[element]
        keys = self._dependents.keys(described, rows)
        if not keys.height:
            return 0
        with self._db.writing():
            if described.is_governor:
                self._catalog.lock()
            columns = record_columns(described, self._schema.universe)
            known = self._existing(
                described, keys, {column.name: column.dtype for column in columns}
            )
            try:
                with self._db.writing():
                    self._delete(described, known)
            except ConstraintError as error:
                # Somebody has just added what refers to them, where others write.
                raise self._in_use(described, known) from error
            if described.is_governor:
                self._catalog.changed("governor")
        return known.height

    def _delete(self, element: DimensionElement, known: pl.DataFrame) -> None:
        keys = known.select(element.required)
        if self._dependents.find(element, keys):
            raise self._in_use(element, keys)
        self._dependents.delete_data_ids(element, keys)
        self._pixels.remove(element, known)
        table = self._schema.elements[element.name]
        statement = self._db.prepare(
            sa.delete(table).where(
                *(table.c[name] == sa.bindparam(name) for name in element.required)
            )
        )
        self._db.run_many(statement, frame_rows(keys.select(statement.names)))

    def _in_use(self, element: DimensionElement, keys: pl.DataFrame) -> PantlerError:
        """Return the error for records that something refers to."""
        found = self._dependents.find(element, keys.select(element.required))
        parts = [
            counted(
                one.count,
                f"'{one.name}' {'record' if one.kind == 'records' else 'dataset'}",
            )
            for one in found
        ]
        return ConflictError(
            f"'{element.name}' records cannot be removed: {', '.join(parts)} "
            "depend on them. Remove these first."
        )

    def expand(
        self, data_id: Mapping[str, object], group: DimensionGroup
    ) -> DataCoordinate:
        """Return the full data ID of a group; see `DimensionFacet.expand`."""
        return self._expander.expand(data_id, group)

    def _insert_new(self, element: DimensionElement, frame: pl.DataFrame) -> None:
        if frame.height >= _BULK_ROWS:  # so that each page of the table changes once
            frame = frame.sort(element.required)
        self._db.insert_rows(self._schema.elements[element.name], frame_rows(frame))
        self._pixels.add(element, frame)

    def _insert_views(self, element: DimensionElement, frame: pl.DataFrame) -> None:
        """Add the values that these records fix for dimensions that are views."""
        for view in self._schema.universe.elements.values():
            if view.view_of == element.name:
                table = self._schema.elements[view.name]
                values = frame.get_column(view.name).drop_nulls().unique()
                statement = self._db.driver.insert(table).on_conflict_do_nothing()
                self._db.run_many(
                    self._db.prepare(statement), frame_rows(values.to_frame())
                )

    def _merge(
        self, element: DimensionElement, frame: pl.DataFrame, on_conflict: OnConflict
    ) -> int:
        """Add records of which some are there, or given twice."""
        keys = list(element.required)
        if on_conflict == "fail":
            frame = frame.unique(maintain_order=True)
        if frame.select(keys).is_duplicated().any():
            if on_conflict == "fail":
                twice = frame.filter(frame.select(keys).is_duplicated()).select(keys)
                raise ConflictError(
                    f"'{element.name}' records are given twice, and differ: "
                    f"{show_all(keys, twice.unique().head(EXAMPLES).rows())}."
                )
            frame = frame.unique(
                keys,
                keep="last" if on_conflict == "replace" else "first",
                maintain_order=True,
            )
        known = self._existing(element, frame, frame.schema)
        new = frame.join(known, on=keys, how="anti", maintain_order="left")
        changed = frame.join(known, on=keys, how="semi", maintain_order="left").join(
            known, on=frame.columns, how="anti", nulls_equal=True
        )
        if changed.height and on_conflict == "fail":
            raise ConflictError(
                f"Other '{element.name}' records exist: "
                f"{_differences(keys, changed, known)}. "
                "Correct the values, or insert with on_conflict='skip' or 'replace'."
            )
        try:
            with self._db.writing():
                self._insert_new(element, new)
                if on_conflict == "replace" and changed.height:
                    self._replace(element, known, changed)
        except ConstraintError as error:
            if error.failure == "unique":
                raise self._alternate_conflict(element, frame) from error
            raise self._unknown_value(element, frame) from error
        return new.height + (changed.height if on_conflict == "replace" else 0)

    def _replace(
        self, element: DimensionElement, known: pl.DataFrame, changed: pl.DataFrame
    ) -> None:
        table = self._schema.elements[element.name]
        keys = list(element.required)
        others = [name for name in changed.columns if name not in keys]
        statement = self._db.prepare(
            sa.update(table)
            .where(*(table.c[name] == sa.bindparam(f"key_{name}") for name in keys))
            .values({name: sa.bindparam(name) for name in others})
        )
        order = [name.removeprefix("key_") for name in statement.names]
        self._db.run_many(statement, frame_rows(changed.select(order)))
        self._pixels.remove(element, known.join(changed, on=keys, how="semi"))
        self._pixels.add(element, changed)

    def _existing(
        self,
        element: DimensionElement,
        frame: pl.DataFrame,
        schema: Mapping[str, type[pl.DataType] | pl.DataType],
    ) -> pl.DataFrame:
        """Return the records that are there with the keys of these."""
        table = self._schema.elements[element.name]
        keys = [table.c[name] for name in element.required]
        stage = self._db.stage(keys, frame_rows(frame.select(element.required)))
        same = (stage.c[name] == table.c[name] for name in element.required)
        return self._db.frame(
            sa.select(table).join_from(stage, table, sa.and_(*same)),
            dict(schema),
        )

    def _unknown_value(
        self, element: DimensionElement, frame: pl.DataFrame
    ) -> PantlerError:
        table = self._schema.elements[element.name]
        names = [*element.required, *element.implied]
        stage = self._db.stage(
            [table.c[name] for name in names], frame_rows(frame.select(names))
        )
        return unknown_value_error(
            self._core,
            stage,
            element.required,
            implied=element.implied,
            own=element.name,
        )

    def _alternate_conflict(
        self, element: DimensionElement, frame: pl.DataFrame
    ) -> PantlerError:
        """Return the error for records whose alternate key another record has."""
        table = self._schema.elements[element.name]
        others = list(element.required[:-1])
        for key in element.alternate_keys:
            columns: list[Any] = [table.c[name] for name in (*others, key.name)]
            columns.append(table.c[element.name])
            names = [column.name for column in columns]
            stage = self._db.stage(columns, frame_rows(frame.select(names)))
            same = (stage.c[name] == table.c[name] for name in names[:-1])
            taken = self._db.rows(
                sa.select(*(stage.c[name] for name in names))
                .join_from(stage, table, sa.and_(*same))
                .where(stage.c[element.name] != table.c[element.name])
                .limit(EXAMPLES)
            )
            pairs = frame.select(names[:-1]).drop_nulls()
            twice = pairs.filter(pairs.is_duplicated()).unique().head(EXAMPLES).rows()
            if taken or twice:
                return ConflictError(
                    f"'{key.name}' must be unique among '{element.name}' records: "
                    f"{show_all(names, taken) or show_all(names[:-1], twice)}."
                )
        return InternalError(f"A unique key of '{element.name}' failed for no reason.")


def _differences(
    keys: Sequence[str], changed: pl.DataFrame, known: pl.DataFrame
) -> str:
    """Return how the first records differ from those that are there."""
    some = changed.head(EXAMPLES)
    pairs = some.join(known, on=keys, suffix=_THERE, maintain_order="left")
    parts = []
    for row in pairs.rows(named=True):
        fields = [
            f"'{name}' is {_value(name, row[name + _THERE])} there and "
            f"{_value(name, row[name])} here"
            for name in changed.columns
            if name not in keys and row[name] != row[name + _THERE]
        ]
        parts.append(f"for {show(keys, [row[k] for k in keys])} {', '.join(fields)}")
    more = changed.height - some.height
    return "; ".join(parts) + (f"; and {more} more" if more else "")


def _value(name: str, value: object) -> str:
    if isinstance(value, int) and name in {"timespan_begin", "timespan_end"}:
        return f"{format_time(value)} TAI"
    return "another region" if isinstance(value, bytes) else repr(value)
