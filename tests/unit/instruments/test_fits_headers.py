"""Raw FITS files give their headers, whole or with a clear error."""

from __future__ import annotations

import gzip
import time

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
def test_what_is_not_a_fits_file_is_refused(tmp_path, content):
    path = tmp_path / "notes.fits"
    path.write_bytes(content)
    with pytest.raises(HeaderError, match=r"notes\.fits cannot be read as FITS"):
        read_frame_headers(path)


def test_a_file_without_image_is_refused(tmp_path):
    path = tmp_path / "empty.fits"
    fits.PrimaryHDU().writeto(path)
    with pytest.raises(HeaderError, match="does not have a two-dimensional image"):
        read_frame_headers(path)


def test_a_frame_compressed_as_a_whole_is_read_and_its_checksum_compared(frame):
    packed = frame.with_suffix(".fits.gz")
    packed.write_bytes(gzip.compress(frame.read_bytes()))
    (header,) = read_frame_headers(packed)
    assert header.text("OBJECT") == "M13"
    whole = packed.read_bytes()
    for spoiled in (whole[:-6], whole[:200], whole[:100] + b"\0" + whole[101:]):
        packed.write_bytes(spoiled)
        with pytest.raises(HeaderError, match=r"frame\.fits\.gz cannot be read"):
            read_frame_headers(packed)


@pytest.mark.parametrize(
    ("key", "card", "reason"),
    [
        ("NAXIS", "NAXIS   = 999999999", "its NAXIS is 999999999"),
        ("NAXIS1", "COMMENT", "its NAXIS1 is missing"),
        ("NAXIS1", "NAXIS1  = 1000000000000", "is cut off"),
        ("NAXIS1", "NAXIS1  = 'wide'", "its NAXIS1 is not a whole number"),
        ("BITPIX", "BITPIX  = 17", "its BITPIX is 17"),
        ("SIMPLE", "SIMPLE  =                    F", "SIMPLE = T"),
        ("END", "ENDE", "END of a header is missing"),
    ],
)
def test_a_header_that_lies_is_refused_at_once(frame, key, card, reason):
    data = frame.read_bytes()
    at = data.index(f"{key:8}".encode())
    frame.write_bytes(data[:at] + card.ljust(80).encode() + data[at + 80 :])
    begin = time.monotonic()
    with pytest.raises(HeaderError, match=reason):
        read_frame_headers(frame)
    assert time.monotonic() - begin < 1


def test_a_card_that_cannot_be_understood_has_no_value_and_harms_no_other(frame):
    data = frame.read_bytes()
    at = data.index(b"OBJECT  =")
    card = "OBJECT  = M 13, Hercules \u00b5".ljust(80).encode("latin-1")
    frame.write_bytes(data[:at] + card + data[at + 80 :])
    (header,) = read_frame_headers(frame)
    assert header.find("OBJECT") is None
    assert header.integer("NAXIS1") == 64


def test_text_that_is_not_ascii_is_read_with_question_marks(frame):
    data = frame.read_bytes()
    frame.write_bytes(data.replace(b"'M13", b"'M\xfc\xdf", 1))
    (header,) = read_frame_headers(frame)
    assert header.text("OBJECT") == "M??"
