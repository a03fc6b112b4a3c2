"""The sky pixels that the regions of records touch, kept for spatial joins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import sqlalchemy as sa

from pantler.registry.sql.bulk import frame_rows

if TYPE_CHECKING:
    from pantler.dimensions.element import DimensionElement
    from pantler.registry.sql.core import Core


class PixelIndex:
    """The tables ``<element>_pixel``.

    Parameters
    ----------
    core
        Where.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._db = core.db
        self._schema = core.schema

    def add(self, element: DimensionElement, frame: pl.DataFrame) -> None:
        """Index new records."""
        rows = self._rows(element, frame)
        if rows.height:
            table = self._schema.pixels[element.name]
            self._db.insert_rows(table, frame_rows(rows))

    def remove(self, element: DimensionElement, frame: pl.DataFrame) -> None:
        """Take records out; they must have the regions that they were added with."""
        rows = self._rows(element, frame)
        if rows.height:
            table = self._schema.pixels[element.name]
            statement = self._db.prepare(
                sa.delete(table).where(
                    *(column == sa.bindparam(column.name) for column in table.c)
                )
            )
            self._db.run_many(statement, frame_rows(rows.select(statement.names)))

    def _rows(self, element: DimensionElement, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of the pixel table, roughly in its order."""
        if not element.is_spatial:
            return pl.DataFrame()
        frame = frame.drop_nulls("region")
        if not frame.height:
            return pl.DataFrame()
        from pantler.dimensions.sky.pixels import pixel_envelope
        from pantler.dimensions.sky.region_array import RegionArray

        pixels = self._schema.universe.common_pixels
        assert pixels.pixel_scheme is not None  # noqa: S101 - it is a pixel element
        regions = RegionArray.from_encoded(frame.get_column("region"))
        index, pixel = pixel_envelope(regions, pixels.pixel_scheme, pixels.pixel_level)
        # As the table is ordered by pixels, and each has few rows.
        order = np.argsort(pixel, kind="stable")
        keys = frame.select(element.required)[index[order]]
        return keys.select(pl.Series("pixel", pixel[order], dtype=pl.Int64), pl.all())
