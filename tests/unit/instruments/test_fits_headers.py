"""Raw FITS files give their headers, whole or with a clear error."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from pantler.errors import HeaderError
from pantler.instruments.fits_headers import read_frame_headers

COUNTS = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)


@pytest.fixture
def frame(tmp_path):
    path = tmp_path / "frame.fits"
    unit = fits.PrimaryHDU(COUNTS)
    unit.header["OBJECT"] = "M13"
    unit.header["HISTORY"] = "made up"
    unit.writeto(path)
    return path


def test_a_plain_frame_has_one_header(frame):
    (header,) = read_frame_headers(frame)
    assert header.values["OBJECT"] == "M13"
    assert header.file == str(frame)
    assert "HISTORY" not in header.values


def test_a_tile_compressed_frame_has_the_header_of_its_image(tmp_path):
    path = tmp_path / "frame.fits.fz"
    primary = fits.PrimaryHDU()
    primary.header["TELESCOP"] = "small"
    image = fits.CompImageHDU(COUNTS)
    image.header["OBJECT"] = "M13"
    fits.HDUList([primary, image]).writeto(path)
    (header,) = read_frame_headers(path)
    assert header.values["NAXIS1"] == 64
    assert header.text("OBJECT") == "M13"
    assert header.text("TELESCOP") == "small"


def test_each_image_extension_has_a_header(tmp_path):
    path = tmp_path / "mosaic.fits"
    images = [fits.ImageHDU(COUNTS, name=f"CCD{i}") for i in range(3)]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(path)
    names = [header.text("EXTNAME") for header in read_frame_headers(path)]
    assert names == ["CCD0", "CCD1", "CCD2"]


def test_a_frame_that_is_cut_off_is_refused(frame):
    data = frame.read_bytes()
    frame.write_bytes(data[:5000])
    with pytest.raises(HeaderError, match=r"is cut off: it has 5000 bytes and needs"):
        read_frame_headers(frame)


@pytest.mark.parametrize("content", [b"", b"not a FITS file at all\n", b"SIMPLE  = "])
def test_what_is_no_fits_file_is_refused(tmp_path, content):
    path = tmp_path / "notes.fits"
    path.write_bytes(content)
    with pytest.raises(HeaderError, match=r"notes\.fits cannot be read as FITS"):
        read_frame_headers(path)


def test_a_file_without_image_is_refused(tmp_path):
    path = tmp_path / "empty.fits"
    fits.PrimaryHDU().writeto(path)
    with pytest.raises(HeaderError, match="no two-dimensional image"):
        read_frame_headers(path)
