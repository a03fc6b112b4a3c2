"""Data IDs that hold the records of their dimensions."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - of a field
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pantler.dimensions.coordinate import DataCoordinate

if TYPE_CHECKING:
    from pantler.dimensions.records import DimensionRecord


@dataclass(frozen=True, slots=True, eq=False)
class DescribedCoordinate(DataCoordinate):
    """A data ID with records: ``data_id.records["visit"]["exposure_time"]``.

    It equals the data ID without them.

    Parameters
    ----------
    records
        By name of the element: those of its dimensions, and of relations between them.
        Elements without a record for this data ID are left out.
    """

    records: Mapping[str, DimensionRecord]
