"""Ordinary frames of cameras, read as images."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from pantler.datasets.storage_class import get_storage_class
from pantler.errors import IntegrityError
from pantler.formatters.fits import FitsFormatter

IMAGE = get_storage_class("CCDImage")
FITS = FitsFormatter()
SHARED = Path(
    os.environ.get(
        "PANTLER_SHARED_DATA", Path(__file__).parents[3].parent / "shared" / "data"
    )
)


@pytest.fixture
def shared():
    if not SHARED.is_dir():
        if "CI" in os.environ:
            pytest.fail(f"no shared data at {SHARED}")
        pytest.skip(f"no shared data at {SHARED}; set PANTLER_SHARED_DATA")
    return SHARED


@pytest.mark.parametrize(
    "name",
    [
        "arcsat_m13/M13_sdss_g_20190503_090311.fits",
        "arcsat_lpseb35/LPSEB35_g_20250530_034359.fits.fz",
    ],
)
def test_a_real_frame_is_read_and_comes_back_from_our_own_file(shared, tmp_path, name):
    image = FITS.read_file(shared / name, IMAGE)
    with fits.open(shared / name) as hdus:
        pixels = hdus[-1].data
        header = hdus[-1].header
    assert image.data.dtype == np.uint16
    assert np.array_equal(image.data, pixels)
    assert image.unit == "adu"
    assert image.wcs.has_celestial
    assert image.header["EXPTIME"] == header["EXPTIME"]
    assert not {"BITPIX", "NAXIS1", "BZERO", "CRVAL1", "CD1_1"} & set(image.header)

    own = tmp_path / "own.fits"
    FITS.write_file(image, own, IMAGE)
    again = FITS.read_file(own, IMAGE)
    assert again.data.dtype == np.uint16
    assert np.array_equal(again.data, pixels)
    assert repr(again.header) == repr(image.header)
    corners = [[0, 0], [1023, 500]]
    assert np.array_equal(
        again.wcs.all_pix2world(corners, 0), image.wcs.all_pix2world(corners, 0)
    )


def test_a_frame_without_coordinates_has_none(shared):
    frame = shared / "arcsat_m13" / "Bias_BIN1_20190503_073730.fits"
    assert FITS.read_file(frame, IMAGE, component="wcs") is None
    assert FITS.read_file(frame, IMAGE, component="mask") is None
    assert FITS.read_file(frame, IMAGE, component="uncertainty") is None
    assert FITS.read_file(frame, IMAGE, component="header")["EXPTIME"] == 0


def test_the_first_image_extension_counts_and_headers_are_merged(tmp_path):
    path = tmp_path / "frame.fits"
    primary = fits.PrimaryHDU()
    primary.header["TELESCOP"] = "Demo"
    primary.header["OBJECT"] = "of the primary"
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1])])
    first = fits.ImageHDU(np.arange(6, dtype=np.int16).reshape(2, 3))
    first.header["OBJECT"] = "of the image"
    first.header["BUNIT"] = "ADU"
    second = fits.ImageHDU(np.zeros((9, 9)))
    fits.HDUList([primary, table, first, second]).writeto(path, checksum=True)
    image = FITS.read_file(path, IMAGE)
    assert image.data.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert image.data.dtype == np.int16
    assert dict(image.header) == {"TELESCOP": "Demo", "OBJECT": "of the image"}
    assert image.unit == "adu"
    part = FITS.read_file(path, IMAGE, parameters={"cutout": (1, 2, 0, 2)})
    assert part.data.tolist() == [[3, 4]]


def test_a_compressed_frame_can_be_cut(tmp_path):
    path = tmp_path / "frame.fits.fz"
    pixels = np.arange(40_000, dtype=np.uint16).reshape(200, 200)
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(pixels)])
    hdus.writeto(path)
    part = FITS.read_file(path, IMAGE, parameters={"cutout": (50, 60, 100, 120)})
    assert np.array_equal(part.data, pixels[50:60, 100:120])


def test_an_odd_unit_or_header_is_not_an_obstacle(tmp_path):
    path = tmp_path / "frame.fits"
    hdu = fits.PrimaryHDU(np.zeros((2, 2), np.float32))
    hdu.header["BUNIT"] = "furlongs"
    hdu.header["RADECSYS"] = "FK5"
    hdu.header["CTYPE1"], hdu.header["CTYPE2"] = "RA---XYZ", "DEC--XYZ"
    hdu.writeto(path)
    content = path.read_bytes()
    bad = b"BADCARD =  unquoted text, which is not a value".ljust(80)
    path.write_bytes(
        content.replace(b"END".ljust(80), bad + b"END".ljust(80), 1)[:2880]
        + content[2880:]
    )
    image = FITS.read_file(path, IMAGE)
    assert str(image.unit) == "furlongs"
    assert image.wcs is None
    FITS.write_file(image, tmp_path / "own.fits", IMAGE)
    assert "BADCARD" in FITS.read_file(tmp_path / "own.fits", IMAGE).header


def test_a_file_without_image_is_named(tmp_path):
    path = tmp_path / "table.fits"
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1])])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)
    with pytest.raises(IntegrityError, match="holds no image"):
        FITS.read_file(path, IMAGE)
