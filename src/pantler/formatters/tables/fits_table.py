"""Tables in FITS: a binary table that every program reads, and what it cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy.io import fits

from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.fits import fits_writing, opened_fits
from pantler.formatters.tables.conversion import columns_of, table_as
from pantler.formatters.tables.formatter import TableFormatter
from pantler.formatters.tables.plain_table import columns_of_plain, plain_table
from pantler.formatters.tables.whole import part_of_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pantler.datasets.storage_class import StorageClass

_MANIFEST: Final = "PNTLTABLE"


class FitsTableFormatter(TableFormatter):
    """Any table as a binary table; of other files, the first that they hold.

    Units are in the table itself; masks are columns of their own, and all else, such
    as metadata, is in an extension that others may pass over.
    """

    extension = ".fits"

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:  # noqa: ARG002 - interface
        """Write a table to a new FITS file.

        Raises
        ------
        InvalidInputError
            If a column has a type that FITS cannot hold.
        """
        plain = plain_table(columns_of(value))
        with fits_writing():
            try:
                hdu = fits.table_to_hdu(plain.table)
            except (ValueError, TypeError) as error:
                raise InvalidInputError(
                    f"Cannot be written as a FITS table: {error}"
                ) from error
            hdu.name = "TABLE"
            said = np.frombuffer(plain.manifest.encode(), dtype=np.uint8)
            parts = [fits.PrimaryHDU(), hdu, fits.ImageHDU(said, name=_MANIFEST)]
            fits.HDUList(parts).writeto(path, overwrite=True, checksum=True)

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the table, or its column names, from a FITS file."""
        with opened_fits(path) as hdus:
            table = _table(hdus)
        return part_of_table(table, storage_class, component, parameters)


def _table(hdus: fits.HDUList) -> Any:
    from astropy.table import Table

    found = next((hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU)), None)
    if found is None:
        found = next((hdu for hdu in hdus if isinstance(hdu, fits.TableHDU)), None)
    if found is None:
        raise IntegrityError("The FITS file holds no table.")
    for hdu in hdus:
        if not (hdu.verify_datasum() and hdu.verify_checksum()):
            raise IntegrityError(f"The checksum of extension '{hdu.name}' is another.")
    manifest = next((hdu for hdu in hdus if hdu.name == _MANIFEST), None)
    if manifest is None:
        return Table.read(found)
    text = np.asarray(manifest.data, np.uint8).tobytes().decode()
    return table_as(columns_of_plain(Table.read(found), text), "astropy")
