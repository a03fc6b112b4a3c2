"""What users do with the records of dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.butler.arguments import checked
from pantler.butler.record_removal import plan_records
from pantler.butler.selection import Framed
from pantler.dimensions.records import DimensionRecord
from pantler.queries.foreign import is_table, read_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pantler.butler.record_removal import RecordRemovalPlan
    from pantler.butler.repository import Repository
    from pantler.dimensions.coordinate import DataCoordinate
    from pantler.dimensions.records import Rows
    from pantler.dimensions.universe import DimensionGroup
    from pantler.registry.interface import OnConflict


@checked
class Dimensions:
    """The records of a repository's dimensions: ``butler.dimensions``.

    Parameters
    ----------
    repository
        Where they are.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._facet = repository.registry.dimensions

    def insert(
        self, element: str, rows: Rows, *, on_conflict: OnConflict = "fail"
    ) -> int:
        """Add records of an element; return how many were added or replaced.

        Parameters
        ----------
        element
            The element's name.
        rows
            A frame or table (polars, Arrow, pandas, astropy), or a mapping for each
            record, from column to value.
        on_conflict
            What to do where a record with the same key exists: ``fail`` unless it
            is equal, ``skip`` it, or ``replace`` the old one.

        Raises
        ------
        ConflictError
            If a record with the same key and other values exists, under ``fail``.
        DataIdError
            If a dimension that a record refers to has no such value.
        InvalidInputError
            If the rows cannot be read, or a column has a unit.
        """
        return self._facet.insert(element, _known(rows), on_conflict=on_conflict)

    def plan_removal(
        self,
        element: str,
        rows: Rows | Framed | Iterable[Mapping[str, object] | DimensionRecord],
    ) -> RecordRemovalPlan:
        """Return what would be removed with some records; nothing is removed yet.

        Parameters
        ----------
        element
            The element's name.
        rows
            The records: results of a query, a frame, records or mappings, with the
            dimensions that the element requires.

        Raises
        ------
        DimensionNotFoundError
            If there is no such element.
        DataIdError
            If a dimension that the element requires is missing.

        Examples
        --------
        Remove an exposure that was a mistake, with its frames::

            wrong = butler.query_dimension_records("exposure", where="exposure = 13")
            plan = butler.dimensions.plan_removal("exposure", wrong)
            print(plan)
            plan.apply(cascade=True)
        """
        import polars as pl

        found = rows.to_polars() if isinstance(rows, Framed) else rows
        if not isinstance(found, pl.DataFrame):
            universe = self._repository.universe
            required = universe[element].required
            keys = [self._key(one, universe.group(required)) for one in found]
            types = {name: universe[name].primary_key.dtype for name in required}
            found = pl.DataFrame(keys, schema=types)
        return plan_records(self._repository, element, found)

    def _key(
        self, record: Mapping[str, object] | DimensionRecord, group: DimensionGroup
    ) -> Mapping[str, object]:
        """Return the values that name a record, completed and checked."""
        values = record.values if isinstance(record, DimensionRecord) else record
        named = {name: values[name] for name in group.required if name in values}
        return self._facet.expand(named, group).required

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


def _known(rows: Rows) -> Rows:
    """Return rows of any library as the registry takes them."""
    import polars as pl

    if isinstance(rows, pl.DataFrame | list | tuple):
        return rows
    return read_table(rows) if is_table(rows) else list(rows)
