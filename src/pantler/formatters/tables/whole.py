"""Formats whose tables astropy writes and reads as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pantler.formatters.tables.conversion import (
    columns_of,
    kind_of,
    kind_of_class,
    table_as,
)
from pantler.formatters.tables.selection import TableSelection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.datasets.storage_class import StorageClass


def astropy_of(value: object) -> Any:
    """Return any table as one of astropy; one of astropy as it is."""
    if kind_of(value) == "astropy":
        return value
    return table_as(columns_of(value), "astropy")


def part_of_table(
    table: Any,
    storage_class: StorageClass,
    component: str | None,
    parameters: Mapping[str, Any] | None,
) -> Any:
    """Return what is asked of an astropy table that was read, as what is asked.

    Raises
    ------
    InvalidInputError
        If there are no such columns, or it cannot be converted.
    """
    if component == "columns":
        return list(table.colnames)
    selection = TableSelection.of(parameters)
    selection.check(table.colnames)
    if selection.rows:
        selection.check_row_names(table.colnames)
        names = dict.fromkeys(one.column for one in selection.rows)
        tested = columns_of(table[list(names)]).frame
        table = table[np.asarray(selection.mask(tested))]
    if selection.columns is not None:
        table = table[list(selection.columns)]
    kind = kind_of_class(storage_class) or "astropy"
    return table if kind == "astropy" else table_as(columns_of(table), kind)
