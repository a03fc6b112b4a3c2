"""Detection of sources on coadds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from pantler.science.calibrate import pixel_scale_arcsec
from pantler.science.image import make_image, mask_of, variance_of
from pantler.science.patch_geometry import PatchGeometry, patch_of
from pantler.science.sources import (
    SourceConfig,
    add_sky_positions,
    aperture_scatter,
    find_sources,
    measure_background,
    measure_fluxes,
)
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import Connections, Input, Output, PrerequisiteInput
from pantler.tasks.task import NoWork, PipelineTask

if TYPE_CHECKING:
    from astropy.nddata import CCDData
    from astropy.table import Table

    from pantler.tasks.context import QuantumContext

_COLUMNS = [
    *("id", "ra", "dec", "x", "y", "flux", "flux_err", "snr", "in_inner"),
    *("sharpness", "roundness", "flag_masked", "flag_edge"),
]


class DetectConfig(TaskConfig):
    """How sources are found on coadds."""

    fwhm_px: float = Field(
        3.5,
        gt=0.5,
        le=50,
        description="Width of a star where the coadd's header does not say, pixels.",
    )
    sources: SourceConfig = Field(
        default_factory=SourceConfig, description="How sources are found."
    )


class DetectConnections(Connections, dimensions=("skymap", "tract", "patch", "band")):
    """A coadd in, its sources out."""

    coadd = Input(
        "coadd",
        "CCDImage",
        "The coadd, nanojansky.",
        dimensions=("skymap", "tract", "patch", "band"),
    )
    sky_map = PrerequisiteInput(
        "skyMap", "SkyMap", "Where the patch is.", dimensions=("skymap",)
    )
    coadd_src = Output(
        "coadd_src",
        "Table",
        "Sources of the coadd.",
        dimensions=("skymap", "tract", "patch", "band"),
    )


class DetectTask(PipelineTask[DetectConfig]):
    """Find and measure the sources of a coadd."""

    connections = DetectConnections

    def run_quantum(self, quantum: QuantumContext) -> None:
        """Hand ``run`` the patch of the quantum in place of the sky map."""
        patch = patch_of(quantum.get("sky_map"), quantum.data_id)
        self.put_outputs(quantum, self.run(coadd=quantum.get("coadd"), patch=patch))

    def run(
        self, *, coadd: CCDData, patch: PatchGeometry | None = None
    ) -> dict[str, Table]:
        """Return the sources, brightest first.

        Parameters
        ----------
        coadd
            Image with a WCS.
        patch
            Its patch: sources within the part that it shares with no other are
            marked ``in_inner``. None marks all.

        Raises
        ------
        NoWork
            If the coadd has no data.
        """
        missing = np.isnan(coadd.data)
        if missing.all():
            raise NoWork("The coadd has no data.")
        config = self.config.sources
        fwhm = self.config.fwhm_px
        if "SEEING" in coadd.header:
            fwhm = float(coadd.header["SEEING"]) / pixel_scale_arcsec(coadd)
        level = measure_background(coadd.data, missing, config.box_size).level
        flat = make_image(
            coadd.data - level,
            variance_of(coadd),
            mask_of(coadd),
            unit=str(coadd.unit),
            wcs=coadd.wcs,
        )
        table = find_sources(flat, fwhm_px=fwhm, config=config)
        radius = config.aperture_radius_fwhm * fwhm
        scatter = aperture_scatter(flat, radius_px=radius, box_size=config.box_size)
        measure_fluxes(table, flat, radius_px=radius, scatter=scatter)
        add_sky_positions(table, coadd.wcs)
        table["id"] = np.arange(1, len(table) + 1)
        table["in_inner"] = in_inner(table, patch)
        inner = int(table["in_inner"].sum())
        self.metadata.update(
            {
                "sources": len(table),
                "sources_inner": inner,
                "fwhm_px": fwhm,
                "aperture_scatter_njy": float(np.median(scatter[~missing])),
            }
        )
        self.log.info(
            "%d sources, %d of them in the patch's own part", len(table), inner
        )
        return {"coadd_src": table[_COLUMNS]}


def in_inner(table: Table, patch: PatchGeometry | None) -> np.ndarray:
    """Return which sources lie in the part of a patch that no other shares."""
    if patch is None:
        return np.ones(len(table), bool)
    inner, outer = patch.inner, patch.outer
    # Pixels of the tract; a pixel reaches half a pixel to each side of its centre.
    x = np.asarray(table["x"]) + outer.x0 + 0.5 - inner.x0
    y = np.asarray(table["y"]) + outer.y0 + 0.5 - inner.y0
    return (x >= 0) & (x < inner.nx) & (y >= 0) & (y < inner.ny)
