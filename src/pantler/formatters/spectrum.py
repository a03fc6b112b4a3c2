"""Spectra of specutils, as FITS tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy.nddata import (
    InverseVariance,
    StdDevUncertainty,
    VarianceUncertainty,
)
from astropy.table import QTable

from pantler.datasets.storage_class import StorageClass
from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.interface import Formatter
from pantler.formatters.tables.columns import json_text
from pantler.formatters.tables.fits_table import FitsTableFormatter
from pantler.plugins import import_extra

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_UNCERTAINTIES: Final = {
    "std": StdDevUncertainty,
    "var": VarianceUncertainty,
    "ivar": InverseVariance,
}
_TABLE: Final = StorageClass("Table", "astropy.table.Table", "fits_table")


class SpectrumFormatter(Formatter):
    """Flux by wavelength, frequency or energy, with uncertainty, mask and metadata.

    Each is a column, one row for each point of the spectral axis. A solution of world
    coordinates is kept as the values of the axis.
    """

    extension = ".fits"

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:  # noqa: ARG002 - interface
        """Write a spectrum to a new file.

        Raises
        ------
        InvalidInputError
            If its metadata are not plain, or its uncertainty is of an unknown kind.
        """
        json_text(dict(value.meta), "The metadata of the spectrum")
        axis = value.spectral_axis_index or 0
        table = QTable(meta={"meta": dict(value.meta), "axis": int(axis)})
        table["spectral_axis"] = value.spectral_axis.value * value.spectral_axis.unit
        table["flux"] = np.moveaxis(value.flux.value, axis, 0) * value.flux.unit
        if value.uncertainty is not None:
            kind = value.uncertainty.uncertainty_type
            if type(value.uncertainty) is not _UNCERTAINTIES.get(kind):
                raise InvalidInputError(
                    f"An uncertainty of type {type(value.uncertainty).__qualname__} "
                    "cannot be written."
                )
            table.meta["uncertainty"] = [kind, str(value.uncertainty.unit)]
            table["uncertainty"] = np.moveaxis(value.uncertainty.array, axis, 0)
        if value.mask is not None:
            table["mask"] = np.moveaxis(np.asarray(value.mask), axis, 0)
        FitsTableFormatter().write_file(table, path, _TABLE)

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002 - interface
    ) -> Any:
        """Return the spectrum of a file."""
        table = FitsTableFormatter().read_file(path, _TABLE)
        import_extra("specutils", "spectra")
        try:
            uncertainty = None
            axis = table.meta["axis"]
            if "uncertainty" in table.colnames:
                kind, unit = table.meta["uncertainty"]
                array = np.moveaxis(np.asarray(table["uncertainty"]), 0, axis)
                uncertainty = _UNCERTAINTIES[kind](array, unit=unit)
            mask = table["mask"] if "mask" in table.colnames else None
            value = storage_class.load_type()(
                flux=np.moveaxis(table["flux"], 0, axis),
                spectral_axis=table["spectral_axis"],
                spectral_axis_index=axis,
                uncertainty=uncertainty,
                mask=None if mask is None else np.moveaxis(np.asarray(mask), 0, axis),
                meta=dict(table.meta["meta"]),
            )
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            raise IntegrityError(f"Not a spectrum: {error}.") from error
        return value if component is None else getattr(value, component)
