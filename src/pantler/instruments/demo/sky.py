"""The sky that the demo camera looks at: stars, and how they fall on pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pantler.instruments.demo.settings import DemoSettings

    Floats = NDArray[np.float64]

ZERO_POINTS: Final = {"g": 25.0, "r": 25.2}
"""AB magnitude of a source of one electron a second, by band."""

SKY_RATES: Final = {"g": 3.0, "r": 6.0}
"""Sky background, electrons a second and pixel, by band."""

_BETA: Final = 3.5  # wings of a Moffat profile, as good seeing has them
_STAMP_RADIUS: Final = 20  # pixels; beyond it are 2e-4 of the light


@dataclass(frozen=True, slots=True)
class Pointing:
    """Where a detector is on the sky: a gnomonic projection without rotation.

    Parameters
    ----------
    ra_deg, dec_deg
        ICRS position of the tangent point, degrees.
    x0, y0
        Where the tangent point falls, pixels, counted from 0 at the centre of the
        first pixel.
    scale_deg
        Degrees a pixel at the tangent point. Right ascension grows to the left.
    """

    ra_deg: float
    dec_deg: float
    x0: float
    y0: float
    scale_deg: float

    def pixels(self, ra_deg: Floats, dec_deg: Floats) -> tuple[Floats, Floats]:
        """Return the pixels, from 0, on which positions within 90 degrees fall.

        References
        ----------
        .. [1] Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3 (TAN).
        """
        delta = np.radians(ra_deg - self.ra_deg)
        dec, dec0 = np.radians(dec_deg), np.radians(self.dec_deg)
        down = np.sin(dec0) * np.sin(dec) + np.cos(dec0) * np.cos(dec) * np.cos(delta)
        xi = np.cos(dec) * np.sin(delta) / down
        eta = np.cos(dec0) * np.sin(dec) - np.sin(dec0) * np.cos(dec) * np.cos(delta)
        return (
            self.x0 - np.degrees(xi) / self.scale_deg,
            self.y0 + np.degrees(eta / down) / self.scale_deg,
        )

    def wcs_cards(self) -> dict[str, tuple[object, str]]:
        """Return the FITS header cards, value and comment by key, of the projection."""
        return {
            "RADESYS": ("ICRS", "celestial reference system"),
            "CTYPE1": ("RA---TAN", "gnomonic projection"),
            "CTYPE2": ("DEC--TAN", "gnomonic projection"),
            "CUNIT1": ("deg", ""),
            "CUNIT2": ("deg", ""),
            "CRVAL1": (self.ra_deg, "[deg] right ascension of the tangent point"),
            "CRVAL2": (self.dec_deg, "[deg] declination of the tangent point"),
            "CRPIX1": (self.x0 + 1, "[pixel] tangent point, from 1"),
            "CRPIX2": (self.y0 + 1, "[pixel] tangent point, from 1"),
            "CD1_1": (-self.scale_deg, "[deg/pixel]"),
            "CD1_2": (0.0, "[deg/pixel]"),
            "CD2_1": (0.0, "[deg/pixel]"),
            "CD2_2": (self.scale_deg, "[deg/pixel]"),
        }


def star_catalog(settings: DemoSettings) -> pl.DataFrame:
    """Return the stars that are simulated: the truth to compare with.

    Returns
    -------
    polars.DataFrame
        ``ra``, ``dec`` (ICRS degrees), ``g``, ``r`` (AB magnitudes).
    """
    rng = np.random.default_rng([settings.seed, 1])
    count = settings.star_count
    side = 2 * settings.detector_size + settings.detector_gap
    half_deg = (side / 2 * settings.pixel_scale_arcsec + settings.dither_arcsec) / 3600
    east, north = rng.uniform(-half_deg, half_deg, (2, count))
    dec = settings.dec_deg + north
    ra = (settings.ra_deg + east / np.cos(np.radians(dec))) % 360
    # Numbers grow by 10 ** (0.3 m), as star counts at high galactic latitude do.
    brightest, faintest, slope = 15.5, 22.5, 0.3
    low, high = 10 ** (slope * brightest), 10 ** (slope * faintest)
    red = np.log10(rng.uniform(low, high, count)) / slope
    colour = np.clip(rng.normal(0.7, 0.35, count), -0.3, 1.6)
    return pl.DataFrame({"ra": ra, "dec": dec, "g": red + colour, "r": red})


def expose_stars(
    size: int, xy: tuple[Floats, Floats], electrons: Floats, fwhm_px: float
) -> Floats:
    """Return the light of stars on a detector, before it is counted.

    Parameters
    ----------
    size
        Pixels along each side.
    xy : (n,), (n,)
        Where the stars fall, pixels from 0; those off the detector may shed light
        on it.
    electrons : (n,)
        Light of each.
    fwhm_px
        Full width at half maximum of the Moffat profile, pixels.

    Returns
    -------
    numpy.ndarray, shape (size, size)
        Expected electrons.
    """
    reach = _STAMP_RADIUS
    x, y = xy
    near = (np.abs(x - size / 2) < size / 2 + reach) & (
        np.abs(y - size / 2) < size / 2 + reach
    )
    x, y, electrons = x[near], y[near], electrons[near]
    left, bottom = np.rint(x).astype(np.int64), np.rint(y).astype(np.int64)
    offsets = np.arange(-reach, reach + 1)
    alpha2 = (fwhm_px / 2) ** 2 / (2 ** (1 / _BETA) - 1)
    dx2 = (offsets[None, :] + (left - x)[:, None]) ** 2
    dy2 = (offsets[None, :] + (bottom - y)[:, None]) ** 2
    peak = electrons * (_BETA - 1) / (np.pi * alpha2)
    r2 = dx2[:, None, :] + dy2[:, :, None]
    stamps = peak[:, None, None] * (1 + r2 / alpha2) ** -_BETA
    # A frame as wide as a stamp lets every stamp be added whole.
    margin = 2 * reach + 1
    padded = np.zeros((size + 2 * margin, size + 2 * margin))
    rows = (bottom[:, None] + offsets + margin)[:, :, None]
    columns = (left[:, None] + offsets + margin)[:, None, :]
    np.add.at(padded, (rows, columns), stamps)
    return padded[margin : margin + size, margin : margin + size]
