"""Point-like sources: found with a matched filter and measured in apertures."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from pantler.science.image import mask_of, variance_of

if TYPE_CHECKING:
    from astropy.nddata import CCDData
    from astropy.table import Table
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Bools = NDArray[np.bool_]

_FIT_BOX_FWHM = 3.0  # width of the box in which a star's profile is fitted
_BLOCKS = 16  # on each side of an image, through whose medians a plane is laid
_FEWEST_BLOCKS = 6  # of which a plane can be told from noise
_BLOCK_CLIP = 4.5  # times the median deviation: 3 sigma


class SourceConfig(BaseModel):
    """How sources are found and measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold_sigma: float = Field(
        5.0,
        gt=0,
        le=1000,
        description="Least height in the filtered image, over its measured noise.",
    )
    box_size: int = Field(
        64,
        ge=8,
        le=8192,
        description="Width of the squares in which background and noise are "
        "measured, pixels; some ten times the largest source.",
    )
    roundness_limit: float = Field(
        1.0, gt=0, description="Sources of a larger absolute roundness are left out."
    )
    filter_radius_sigma: float = Field(
        3.0,
        ge=1.5,
        le=6,
        description="Radius of the filter, in units of a star's standard deviation: "
        "a larger one finds fainter stars, a smaller one separates closer ones.",
    )
    sharpness_range: tuple[float, float] = Field(
        (0.1, 1.5),
        description="Sources outside are left out: cosmic rays and hot pixels are "
        "sharper than stars, blends and defects less sharp.",
    )
    aperture_radius_fwhm: float = Field(
        1.0,
        gt=0,
        le=20,
        description="Radius of the aperture, in units of the FWHM. Fluxes are not "
        "corrected for the light outside: 6 % of a Gaussian star at 1, and more in "
        "real seeing.",
    )


@dataclass(frozen=True, slots=True)
class Background:
    """What lies under the sources.

    Parameters
    ----------
    level, noise
        Smooth images: the level, and the standard deviation around it.
    """

    level: Floats
    noise: Floats


def measure_background(data: Floats, missing: Bools, box_size: int) -> Background:
    """Return the level and noise between sources: a slope, and a mesh of boxes on it.

    A mesh alone does not follow a slope: its median over 3 by 3 boxes flattens it, all
    of it where there are no more than that.

    Parameters
    ----------
    data
        The image; sources are clipped.
    missing
        Pixels not to look at.
    box_size
        Width of the boxes, pixels.

    References
    ----------
    .. [1] Bertin and Arnouts 1996, A&AS 117, 393, section 3.
    """
    from photutils.background import Background2D, SExtractorBackground

    slope = _slope(data, missing)
    mesh = Background2D(
        np.where(missing, np.float32(0), data - slope),
        tuple(min(box_size, side) for side in data.shape),
        coverage_mask=missing,
        exclude_percentile=90.0,
        bkg_estimator=SExtractorBackground(),
    )
    return Background(
        mesh.background.astype(np.float32) + slope,
        mesh.background_rms.astype(np.float32),
    )


def _slope(data: Floats, missing: Bools) -> Floats:
    """Return the plane through the medians of blocks, outliers clipped.

    It has the shape of the image, and is zero in its middle.
    """
    down, across = (np.linspace(-1, 1, side, dtype=np.float32) for side in data.shape)
    # Every second pixel of a row and of a column gives the same medians, faster.
    thinned = np.where(missing, np.float32(np.nan), data)[::2, ::2]
    points = [
        (1.0, down[2 * y].mean(), across[2 * x].mean(), np.median(good))
        for y in _blocks(thinned.shape[0])
        for x in _blocks(thinned.shape[1])
        if (good := _finite(thinned[y[0] : y[-1] + 1, x[0] : x[-1] + 1])).size
        >= len(y) * len(x) / 4
    ]
    if len(points) < _FEWEST_BLOCKS:
        return np.zeros(data.shape, np.float32)
    places, levels = np.split(np.array(points), [3], axis=1)
    kept = np.ones(len(points), bool)
    for _ in range(10):
        plane = np.linalg.lstsq(places[kept], levels[kept, 0], rcond=None)[0]
        left = np.abs(levels[:, 0] - places @ plane)
        closer = left <= _BLOCK_CLIP * np.median(left[kept])
        if closer.sum() < _FEWEST_BLOCKS or np.array_equal(closer, kept):
            break
        kept = closer
    return np.float32(plane[1]) * down[:, None] + np.float32(plane[2]) * across


def _blocks(side: int) -> list[NDArray[np.int64]]:
    """Return the pixels of a side in blocks."""
    return np.array_split(np.arange(side), min(_BLOCKS, max(side // 8, 1)))


def _finite(values: Floats) -> Floats:
    return values[np.isfinite(values)]


def find_sources(image: CCDData, *, fwhm_px: float, config: SourceConfig) -> Table:
    """Return the point-like sources of a background-subtracted image.

    Parameters
    ----------
    image
        Where; masked pixels that have a value are looked at, NaNs are not.
    fwhm_px
        Width of a star, pixels.
    config
        Threshold and limits.

    Returns
    -------
    astropy.table.Table
        Columns ``x`` and ``y`` (pixels, the first being 0), ``snr``, ``sharpness``
        and ``roundness``, brightest first.

    References
    ----------
    .. [1] Stetson 1987, PASP 99, 191.
    """
    from astropy.convolution import convolve
    from astropy.table import Table
    from photutils.detection import DAOStarFinder
    from photutils.utils.exceptions import NoDetectionsWarning

    missing = np.isnan(image.data)
    data = np.where(missing, np.float32(0), image.data)
    radius = config.filter_radius_sigma
    kernel = DAOStarFinder(1.0, fwhm_px, sigma_radius=radius).kernel
    # The filter's sum is zero: what it leaves of a smooth background is nothing.
    filtered = convolve(data, kernel.data, normalize_kernel=False)
    noise = measure_background(filtered, missing, config.box_size).noise
    finder = DAOStarFinder(
        np.maximum(config.threshold_sigma * noise, np.finfo(np.float32).tiny),
        fwhm_px,
        sigma_radius=radius,
        scale_threshold=False,  # it is that of the filtered image already
        sharpness_range=config.sharpness_range,
        roundness_range=(-config.roundness_limit, config.roundness_limit),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoDetectionsWarning)
        found = finder(data, mask=missing)
    table = Table()
    if found is None:
        for name in ("x", "y", "snr", "sharpness", "roundness"):
            table[name] = np.zeros(0)
    else:
        table["x"] = np.asarray(found["x_centroid"], float)
        table["y"] = np.asarray(found["y_centroid"], float)
        table["snr"] = config.threshold_sigma * 10 ** (-0.4 * found["daofind_mag"])
        table["sharpness"] = np.asarray(found["sharpness"], float)
        table["roundness"] = np.asarray(found["roundness1"], float)
        table.sort("snr", reverse=True)
    return table


def aperture_scatter(image: CCDData, *, radius_px: float, box_size: int) -> Floats:
    """Return the standard deviation of the flux in empty apertures, by position.

    It holds what the variance does not: that resampled pixels are correlated, and that
    faint sources are everywhere.

    Parameters
    ----------
    image
        Background-subtracted.
    radius_px
        Of the apertures, pixels.
    box_size
        Width of the squares in which it is measured, pixels.
    """
    from astropy.convolution import Tophat2DKernel, convolve

    missing = np.isnan(image.data)
    disc = Tophat2DKernel(radius_px).array
    sums = convolve(
        np.where(missing, np.float32(0), image.data),
        disc * (np.pi * radius_px**2 / disc.sum()),
        normalize_kernel=False,
    )
    return measure_background(sums, missing, box_size).noise


def measure_fluxes(
    table: Table,
    image: CCDData,
    *,
    radius_px: float,
    scatter: Floats | None = None,
) -> None:
    """Add ``flux``, ``flux_err`` and flags to a table of sources.

    The flux is the sum in the aperture, without a correction for the light outside.

    Parameters
    ----------
    table
        With columns ``x`` and ``y``, pixels. It also gets ``flag_masked`` and
        ``flag_edge``: whether the aperture touches masked pixels, or leaves the image
        or what it has data of.
    image
        Background-subtracted; fluxes are in its unit.
    radius_px
        Of the aperture, pixels.
    scatter
        That of empty apertures. Errors are then at least this, and not only what
        follows from the variance.
    """
    from photutils.aperture import CircularAperture, aperture_photometry

    missing = np.isnan(image.data)
    if len(table):
        apertures = CircularAperture(
            np.column_stack([table["x"], table["y"]]), radius_px
        )
        sums, errors = aperture_photometry(
            np.where(missing, 0, image.data),
            apertures,
            error=np.sqrt(np.where(missing, 0, variance_of(image))),
        )[["aperture_sum", "aperture_sum_err"]].columns.values()
        masked, absent = (
            aperture_photometry(which.astype(float), apertures)["aperture_sum"]
            for which in (mask_of(image), missing)
        )
        if scatter is not None:
            typical = np.median(variance_of(image)[~missing]) * np.pi * radius_px**2
            rows_of, columns_of = np.rint([table["y"], table["x"]]).astype(int)
            excess = scatter[rows_of, columns_of] ** 2 - typical
            errors = np.sqrt(np.asarray(errors) ** 2 + np.maximum(excess, 0))
    else:
        sums = errors = masked = absent = np.zeros(0)
    table["flux"] = np.asarray(sums)
    table["flux_err"] = np.asarray(errors)
    for column in ("flux", "flux_err"):
        table[column].unit = image.unit
    rows, columns = image.shape
    table["flag_masked"] = np.asarray(masked) > 0
    table["flag_edge"] = (
        (table["x"] < radius_px)
        | (table["y"] < radius_px)
        | (table["x"] > columns - 1 - radius_px)
        | (table["y"] > rows - 1 - radius_px)
        | (np.asarray(absent) > 0)
    )


def measure_fwhm(
    table: Table, image: CCDData, *, guess_px: float, count: int
) -> float | None:
    """Return the median width of isolated stars, pixels; None if there are none.

    Parameters
    ----------
    table
        Sources with ``x``, ``y``, ``flag_masked`` and ``flag_edge``, brightest first.
    image
        Background-subtracted.
    guess_px
        Where the fits begin, pixels.
    count
        How many stars to fit, the brightest first.
    """
    from photutils.psf import fit_fwhm
    from scipy.spatial import cKDTree

    box = 2 * int(_FIT_BOX_FWHM * guess_px / 2) + 1
    places = np.column_stack([table["x"], table["y"]])
    usable = ~(np.asarray(table["flag_masked"]) | np.asarray(table["flag_edge"]))
    if len(places) > 1:
        nearest = cKDTree(places).query(places, k=2)[0][:, 1]
        usable &= nearest > box
    chosen = places[usable][:count]
    if not len(chosen):
        return None
    with warnings.catch_warnings():
        # Fits that do not converge are outvoted by the median.
        warnings.simplefilter("ignore")
        widths = fit_fwhm(
            np.nan_to_num(image.data), xypos=chosen, fwhm=guess_px, fit_shape=box
        )
    widths = widths[np.isfinite(widths) & (widths > 0.5) & (widths < box)]
    return float(np.median(widths)) if len(widths) else None


def add_sky_positions(table: Table, wcs: Any) -> None:
    """Add ``ra`` and ``dec`` (ICRS, degrees) to a table with ``x`` and ``y``."""
    from astropy import units as u

    sky = wcs.pixel_to_world(np.asarray(table["x"]), np.asarray(table["y"])).icrs
    table["ra"] = sky.ra.deg * u.deg
    table["dec"] = sky.dec.deg * u.deg
