"""Tables as text for people: Enhanced Character-Separated Values."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import yaml

from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.tables.formatter import TableFormatter
from pantler.formatters.tables.whole import astropy_of, part_of_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pantler.datasets.storage_class import StorageClass

_NO_ECSV: Final = (
    yaml.YAMLError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    Warning,
)


class EcsvFormatter(TableFormatter):
    """Tables as Enhanced Character-Separated Values: text for people.

    Times are written with the digits that their own format shows.

    References
    ----------
    .. [1] Aldcroft, T., Astropy Proposal for Enhancement 6 (APE 6).
    """

    extension = ".ecsv"

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:  # noqa: ARG002 - interface
        """Write a table to a new ECSV file.

        Raises
        ------
        InvalidInputError
            If a column has a type that ECSV cannot hold.
        """
        try:
            table = _with_empty_text(astropy_of(value))
            table.write(path, format="ascii.ecsv", overwrite=True)
        except (yaml.YAMLError, ValueError, TypeError) as error:
            raise InvalidInputError(f"Cannot be written as ECSV: {error}.") from error

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the table, or its column names, from an ECSV file."""
        from astropy.io.ascii.ecsv import InvalidEcsvDatatypeWarning
        from astropy.table import Table

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", InvalidEcsvDatatypeWarning)
                table = Table.read(path, format="ascii.ecsv")
        except _NO_ECSV as error:
            raise IntegrityError(f"Not a valid ECSV file: {error}.") from error
        return part_of_table(
            _without_idle_masks(table), storage_class, component, parameters
        )


def _with_empty_text(table: Any) -> Any:
    """Return a table whose empty text stays apart from what is missing.

    In ECSV an empty field is a missing one: such columns get one that says which are.
    """
    from astropy.table import MaskedColumn

    columns = {}
    for name in table.colnames:
        column = table[name]
        if _is_text(column) and np.any(np.ma.getdata(column) == ""):
            told = MaskedColumn(column)
            told.mask = np.ma.getmaskarray(column)
            told.info.serialize_method["ecsv"] = "data_mask"
            columns[name] = told
    if not columns:
        return table
    changed = table.copy(copy_data=False)
    for name, column in columns.items():
        changed.replace_column(name, column)
    return changed


def _without_idle_masks(table: Any) -> Any:
    """Return a table of which text that is all there has no mask."""
    from astropy.table import Column, MaskedColumn

    for name in table.colnames:
        column = table[name]
        if (
            _is_text(column)
            and isinstance(column, MaskedColumn)
            and not np.any(column.mask)
        ):
            table.replace_column(name, Column(column))
    return table


def _is_text(column: Any) -> bool:
    return getattr(getattr(column, "dtype", None), "kind", "") == "U"
