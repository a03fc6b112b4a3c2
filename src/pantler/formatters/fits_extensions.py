"""FITS files as they are: all their extensions, or some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from astropy.io import fits
from astropy.io.fits.verify import VerifyError

from pantler.errors import InvalidInputError
from pantler.formatters.fits import fits_writing, opened_fits
from pantler.formatters.interface import Formatter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pantler.datasets.storage_class import StorageClass
    from pantler.storage.ranges import RangeFile


class FitsExtensionsFormatter(Formatter):
    """Lists of header and data units of astropy.

    The parameter ``extensions`` has the names or numbers of those that are read; the
    primary unit always is.
    """

    extension = ".fits"
    reads_ranges = True

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:  # noqa: ARG002 - interface
        """Write all units to a new file.

        Raises
        ------
        InvalidInputError
            If one breaks the rules of FITS.
        """
        with fits_writing():
            try:
                value.writeto(path, overwrite=True, output_verify="exception")
            except (VerifyError, ValueError, TypeError, KeyError) as error:
                raise InvalidInputError(
                    f"Cannot be written as FITS: {' '.join(str(error).split())}"
                ) from error

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,  # noqa: ARG002 - interface
        *,
        component: str | None = None,  # noqa: ARG002 - interface
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the units of a file, fully read."""
        return _read(path, parameters)

    def read_ranges(
        self,
        file: RangeFile,
        storage_class: StorageClass,  # noqa: ARG002 - interface
        *,
        component: str | None = None,  # noqa: ARG002 - interface
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return some units; of the others, only headers are fetched."""
        return _read(file, parameters)


def _read(source: Path | RangeFile, parameters: Mapping[str, Any] | None) -> Any:
    with opened_fits(source) as hdus:
        wanted = (parameters or {}).get("extensions")
        numbers = range(len(hdus)) if wanted is None else _numbers(hdus, wanted)
        found = [hdus[number] for number in numbers]
        for hdu in found:
            hdu.data  # noqa: B018 - it is read now, while the file is open
        return fits.HDUList([hdu.copy() for hdu in found])


def _numbers(hdus: fits.HDUList, wanted: Any) -> list[int]:
    chosen = {0}
    for one in [wanted] if isinstance(wanted, str | int) else wanted:
        try:
            number = hdus.index_of(one)
            chosen.add(range(len(hdus))[number])
        except (KeyError, IndexError, TypeError):
            names = ", ".join(hdu.name or str(n) for n, hdu in enumerate(hdus))
            raise InvalidInputError(
                f"There is no extension {one!r}; the file has: {names}."
            ) from None
    return sorted(chosen)
