"""Synthetic images for the tests of the science tasks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from astropy.nddata import CCDData
from astropy.wcs import WCS

from pantler.science.image import make_image


def make_wcs(*, crpix=(100.0, 100.0), scale_arcsec=0.5, turn_deg=0.0, dec=20.0):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [150.0, dec]
    wcs.wcs.crpix = crpix
    turn, step = np.radians(turn_deg), scale_arcsec / 3600
    wcs.wcs.cd = step * np.array(
        [[-np.cos(turn), np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    )
    return wcs


def add_stars(shape, x, y, flux, fwhm):
    """Return an image of Gaussian stars, each summing to its flux."""
    sigma = fwhm / 2.3548
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])[:, None]
    in_y = np.exp(-0.5 * ((rows - y) / sigma) ** 2)
    in_x = np.exp(-0.5 * ((columns - x) / sigma) ** 2)
    return (in_y * (flux / (2 * np.pi * sigma**2))) @ in_x.T


@dataclass(frozen=True)
class Box:
    x0: int
    y0: int
    nx: int
    ny: int


@dataclass(frozen=True)
class Patch:
    """A patch without border, unless one is given."""

    wcs: object
    shape: tuple[int, int]
    inner: Box
    outer: Box


@pytest.fixture
def rng():
    return np.random.default_rng(20190503)


@pytest.fixture
def wcs():
    return make_wcs()


@pytest.fixture
def make_patch():
    def make(wcs, shape, border=0):
        outer = Box(0, 0, shape[1], shape[0])
        inner = Box(border, border, shape[1] - 2 * border, shape[0] - 2 * border)
        return Patch(wcs, shape, inner, outer)

    return make


@pytest.fixture
def make_raw():
    def make(data, **header):
        return CCDData(np.asarray(data), unit="adu", meta={"EXPTIME": 10.0, **header})

    return make


@pytest.fixture
def make_sky(rng):
    """Return a function for images with stars and noise."""

    def make(
        wcs, x=(), y=(), flux=(), *, shape=(200, 200), fwhm=3.5, noise=1.0, **more
    ):
        stars = add_stars(shape, np.array(x), np.array(y), np.array(flux), fwhm)
        data = stars + rng.normal(0, noise, shape) + more.pop("level", 0)
        mask = more.pop("mask", np.zeros(shape, bool))
        return make_image(
            data,
            np.full(shape, noise**2),
            mask,
            unit=more.pop("unit", "nJy"),
            wcs=wcs,
            header={"EXPTIME": 10.0, **more},
        )

    return make
