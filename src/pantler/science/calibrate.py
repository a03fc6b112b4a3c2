"""Calibration of visits: background, width of stars, sources, photometric scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from pantler.errors import InvalidInputError
from pantler.science.image import (
    check_shapes,
    header_number,
    make_image,
    mask_of,
    variance_of,
)
from pantler.science.sources import (
    SourceConfig,
    add_sky_positions,
    find_sources,
    measure_background,
    measure_fluxes,
    measure_fwhm,
)
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import Connections, Input, Output
from pantler.tasks.task import PipelineTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.nddata import CCDData
    from astropy.table import Table

AB_ZERO_POINT_NJY = 31.4
"""AB magnitude of one nanojansky [1]_: 2.5 log10(3631e9), rounded as surveys do.

.. [1] Oke and Gunn 1983, ApJ 266, 713.
"""

_COLUMNS = [
    *("id", "ra", "dec", "x", "y", "flux", "flux_err"),
    *("snr", "sharpness", "roundness", "flag_masked", "flag_edge"),
]


class CalibrateConfig(TaskConfig):
    """How visits are calibrated."""

    background_box: int = Field(
        128,
        ge=8,
        le=8192,
        description="Width of the squares in which the background is measured, above "
        "a slope across the image, pixels; smaller ones follow it more closely, and "
        "begin to follow sources. With fewer than four across the image, the slope and "
        "a constant are all that is subtracted.",
    )
    fwhm_guess: float = Field(
        3.5, gt=0.5, le=50, description="Width of a star before it is measured, pixels."
    )
    psf_stars: int = Field(
        30, ge=1, le=1000, description="How many stars its width is measured on."
    )
    zero_point: float = Field(
        25.0,
        ge=0,
        le=50,
        description="AB magnitude of a source of one electron per second, all its "
        "light counted. There is no reference catalogue: fluxes are as good as this "
        "value. Those of sources are what is in their apertures, uncorrected: 6 % low "
        "for a Gaussian star and a radius of 1 FWHM, more in real seeing. A zero point "
        "from stars in the same aperture makes up for it.",
    )
    sources: SourceConfig = Field(
        default_factory=SourceConfig, description="How sources are found."
    )


class CalibrateConnections(Connections, dimensions=("instrument", "visit", "detector")):
    """The exposures of a visit in; a calibrated image, sources and a summary out."""

    post_isr = Input(
        "post_isr",
        "CCDImage",
        "The exposures of the visit, electrons.",
        dimensions=("instrument", "exposure", "detector"),
        multiple=True,
    )
    calexp = Output(
        "calexp",
        "CCDImage",
        "The visit, background-subtracted, nanojansky.",
        dimensions=("instrument", "visit", "detector"),
    )
    src = Output(
        "src",
        "Table",
        "Sources of the visit; fluxes are what is in their apertures.",
        dimensions=("instrument", "visit", "detector"),
    )
    calexp_summary = Output(
        "calexp_summary",
        "StructuredDict",
        "Seeing, background, noise and place of the image.",
        dimensions=("instrument", "visit", "detector"),
    )


class CalibrateTask(PipelineTask[CalibrateConfig]):
    """Make a calibrated image of a visit and detector, and list its sources."""

    connections = CalibrateConnections

    def run(self, *, post_isr: Sequence[CCDData]) -> dict[str, Any]:
        """Return the calibrated image, its sources and a summary.

        Parameters
        ----------
        post_isr
            The exposures that make up the visit, electrons; they are added up as
            they are, pixel on pixel.

        Raises
        ------
        InvalidInputError
            If there is no exposure, one has no WCS, or there are no good pixels.
        HeaderError
            If a header lacks EXPTIME.
        """
        exposure, seconds = add_exposures(post_isr)
        missing = np.isnan(exposure.data)
        if mask_of(exposure).all():
            raise InvalidInputError("The image has no good pixels.")
        background = measure_background(
            exposure.data, mask_of(exposure), self.config.background_box
        )
        scale = 10 ** (0.4 * (AB_ZERO_POINT_NJY - self.config.zero_point)) / seconds
        calexp = make_image(
            (exposure.data - background.level) * np.float32(scale),
            variance_of(exposure) * np.float32(scale**2),
            mask_of(exposure),
            unit="nJy",
            wcs=exposure.wcs,
            header=exposure.header,
        )
        src, fwhm = self._measure(calexp)
        summary = {
            "exposure_time_s": seconds,
            "fwhm_px": fwhm,
            "seeing_arcsec": fwhm * pixel_scale_arcsec(calexp),
            "zero_point": self.config.zero_point,
            "sky_electrons": float(np.median(background.level[~missing])),
            "sky_noise_njy": scale * float(np.median(background.noise[~missing])),
            "sources": len(src),
            "masked_fraction": float(mask_of(calexp).mean()),
            **footprint(calexp),
        }
        calexp.header.update(
            {
                "EXPTIME": seconds,
                "FWHMPIX": fwhm,
                "SEEING": summary["seeing_arcsec"],
                "MAGZERO": AB_ZERO_POINT_NJY,
                "PHOTSCAL": scale,
                "SKYNOISE": summary["sky_noise_njy"],
            }
        )
        self.metadata.update(
            {k: v for k, v in summary.items() if not k.startswith("corner")}
        )
        self.log.info(
            "%d sources, seeing %.2f arcsec, sky %.1f electrons",
            len(src),
            summary["seeing_arcsec"],
            summary["sky_electrons"],
        )
        return {"calexp": calexp, "src": src, "calexp_summary": summary}

    def _measure(self, calexp: CCDData) -> tuple[Table, float]:
        """Find sources twice: with the guessed width, then with the measured one."""
        config = self.config.sources
        guess = self.config.fwhm_guess
        first = find_sources(calexp, fwhm_px=guess, config=config)
        measure_fluxes(first, calexp, radius_px=config.aperture_radius_fwhm * guess)
        fwhm = measure_fwhm(first, calexp, guess_px=guess, count=self.config.psf_stars)
        if fwhm is None:
            self.log.warning("No star to measure the width of: %.2f pixels", guess)
            fwhm = guess
        src = find_sources(calexp, fwhm_px=fwhm, config=config)
        measure_fluxes(src, calexp, radius_px=config.aperture_radius_fwhm * fwhm)
        add_sky_positions(src, calexp.wcs)
        src["id"] = np.arange(1, len(src) + 1)
        return src[_COLUMNS], fwhm


def add_exposures(exposures: Sequence[CCDData]) -> tuple[CCDData, float]:
    """Return the sum of the exposures of a visit, and their total time in seconds.

    Raises
    ------
    InvalidInputError
        If there is none, they differ in shape, or the first has no WCS.
    """
    if not exposures:
        raise InvalidInputError("A visit needs an exposure; there is none.")
    first, *others = exposures
    if first.wcs is None:
        raise InvalidInputError(
            "The exposure has no WCS: solve its astrometry before it is ingested."
        )
    seconds = sum(header_number(e.header, "EXPTIME") for e in exposures)
    if seconds <= 0:
        raise InvalidInputError(f"The exposure time is {seconds} s, not positive.")
    if not others:
        return first, seconds
    for other in others:
        check_shapes(first=first, other=other)
    return make_image(
        np.sum([e.data for e in exposures], axis=0),
        np.sum([variance_of(e) for e in exposures], axis=0),
        np.any([mask_of(e) for e in exposures], axis=0),
        unit=str(first.unit),
        wcs=first.wcs,
        header=first.header,
    ), seconds


def pixel_scale_arcsec(image: CCDData) -> float:
    """Return the width of a pixel, arcsec: the root of its area."""
    from astropy.wcs.utils import proj_plane_pixel_area

    return 3600 * math.sqrt(proj_plane_pixel_area(image.wcs.celestial))


def footprint(image: CCDData) -> dict[str, Any]:
    """Return centre and corners of an image, ICRS degrees, by name."""
    rows, columns = image.shape
    x = np.array([(columns - 1) / 2, -0.5, columns - 0.5, columns - 0.5, -0.5])
    y = np.array([(rows - 1) / 2, -0.5, -0.5, rows - 0.5, rows - 0.5])
    sky = image.wcs.pixel_to_world(x, y).icrs
    ra, dec = sky.ra.deg.tolist(), sky.dec.deg.tolist()
    return {"ra": ra[0], "dec": dec[0], "corner_ra": ra[1:], "corner_dec": dec[1:]}
