"""What users do with the records of dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.dimensions.coordinate import DataCoordinate
    from pantler.dimensions.records import DimensionRecord, Rows
    from pantler.dimensions.universe import DimensionGroup
    from pantler.registry.interface import DimensionFacet, OnConflict


class Dimensions:
    """The records of a repository's dimensions: ``butler.dimensions``.

    Parameters
    ----------
    facet
        The registry's side of them.
    """

    def __init__(self, facet: DimensionFacet) -> None:
        self._facet = facet

    def insert(
        self, element: str, rows: Rows, *, on_conflict: OnConflict = "fail"
    ) -> int:
        """Add records of an element; return how many were added or replaced.

        Parameters
        ----------
        element
            The element's name.
        rows
            A frame, or a mapping for each record, from column to value.
        on_conflict
            What to do where a record with the same key exists: ``fail`` unless it
            is equal, ``skip`` it, or ``replace`` the old one.

        Raises
        ------
        ConflictError
            If a record with the same key and other values exists, under ``fail``.
        DataIdError
            If a dimension that a record refers to has no such value.
        """
        return self._facet.insert(element, rows, on_conflict=on_conflict)

    def find(
        self, element: str, data_id: Mapping[str, object]
    ) -> DimensionRecord | None:
        """Return the record of an element that a data ID names, or None."""
        return self._facet.find(element, data_id)

    def expand(
        self, data_id: Mapping[str, object], group: DimensionGroup
    ) -> DataCoordinate:
        """Return the full data ID of a group, completed from the records.

        Raises
        ------
        DataIdError
            If values are missing, unknown or inconsistent.
        """
        return self._facet.expand(data_id, group)
