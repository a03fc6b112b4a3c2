"""FITS images of our own: what is read alone, and what is kept to the last digit."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData, StdDevUncertainty
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

from pantler.datasets.storage_class import get_storage_class
from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.fits import FitsFormatter
from pantler.formatters.fits_header import make_header

IMAGE = get_storage_class("CCDImage")
FITS = FitsFormatter()


@pytest.fixture
def image():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [10.0, 20.0]
    wcs.wcs.crpix = [3.0, 4.0]
    wcs.wcs.cdelt = [-1e-4, 1e-4]
    shape = (40, 60)
    return CCDData(
        np.arange(2400, dtype=np.float32).reshape(shape),
        unit="adu",
        mask=np.indices(shape).sum(axis=0) % 7 == 0,
        uncertainty=StdDevUncertainty(np.full(shape, 2, np.float32)),
        wcs=wcs,
        header={"OBJECT": "M13"},
    )


@pytest.fixture
def path(image, tmp_path):
    path = tmp_path / "image.fits"
    FITS.write_file(image, path, IMAGE)
    return path


def test_other_programs_find_the_image_first(path):
    with fits.open(path) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "DATA", "MASK", "UNCERT"]
        assert hdus[0].header["OBJECT"] == "M13"
        assert hdus[1].header["BUNIT"] == "adu"
        assert WCS(hdus[1].header).has_celestial
    assert fits.getdata(path).shape == (40, 60)


@pytest.mark.parametrize(
    ("component", "kept"),
    [("header", 0), ("wcs", 1), ("data", 1), ("mask", 2), ("uncertainty", 3)],
)
def test_a_component_is_read_without_the_extensions_behind_it(
    image, path, component, kept
):
    with fits.open(path) as hdus:
        last = hdus[kept]._data_offset + hdus[kept].size
    content = path.read_bytes()
    path.write_bytes(content[: (last + 2879) // 2880 * 2880])
    found = FITS.read_file(path, IMAGE, component=component)
    if component in {"data", "mask"}:
        assert np.array_equal(found, getattr(image, component))
    elif component == "uncertainty":
        assert np.array_equal(found.array, image.uncertainty.array)
    else:
        assert (found["OBJECT"] if component == "header" else found.wcs.crval[0]) in {
            "M13",
            10.0,
        }


def test_a_component_is_read_past_damaged_pixels_of_others(image, path):
    with fits.open(path) as hdus:
        start = hdus[1]._data_offset
    content = bytearray(path.read_bytes())
    content[start : start + 2880] = b"\xff" * 2880
    path.write_bytes(content)
    assert np.array_equal(FITS.read_file(path, IMAGE, component="mask"), image.mask)


def test_a_cutout_is_the_same_part_of_all(image, path):
    part = FITS.read_file(path, IMAGE, parameters={"cutout": (10, 20, 30, 45)})
    assert np.array_equal(part.data, image.data[10:20, 30:45])
    assert np.array_equal(part.mask, image.mask[10:20, 30:45])
    assert part.uncertainty.array.shape == (10, 15)
    assert np.allclose(
        part.wcs.all_pix2world([[0, 0]], 0), image.wcs.all_pix2world([[30, 10]], 0)
    )


@pytest.mark.parametrize(
    "bounds", [(0, 41, 0, 1), (5, 5, 0, 1), (-1, 2, 0, 1), "abcd", 3]
)
def test_a_cutout_outside_is_refused(path, bounds):
    with pytest.raises(InvalidInputError, match="cutout"):
        FITS.read_file(path, IMAGE, parameters={"cutout": bounds})


@pytest.mark.parametrize("share", [0.02, 0.2, 0.5, 0.6, 0.9])
def test_a_file_that_is_cut_off_is_named(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(
        IntegrityError, match=r"whole and valid FITS|lost its extension"
    ):
        FITS.read_file(path, IMAGE)


def test_writing_does_not_change_the_image(image, tmp_path):
    before = image.data.copy()
    header = dict(image.header)
    FITS.write_file(image, tmp_path / "again.fits", IMAGE)
    assert np.array_equal(image.data, before)
    assert dict(image.header) == header


def test_units_that_fits_does_not_know_come_back(tmp_path):
    for unit in (u.nmgy, u.Unit("electron / s"), u.Unit("1e-9 Jy"), u.ABmag):
        image = CCDData(np.ones((2, 2)), unit=unit)
        FITS.write_file(image, tmp_path / "a.fits", IMAGE)
        assert FITS.read_file(tmp_path / "a.fits", IMAGE).unit == unit


def test_a_table_is_not_a_fits_image(tmp_path):
    from astropy.table import Table

    with pytest.raises(InvalidInputError, match=r"cannot hold a Table.*'Table'"):
        FITS.write_file(Table(), tmp_path / "a.fits", get_storage_class("Table"))


def test_a_file_with_another_content_is_named(tmp_path):
    path = tmp_path / "a.fits"
    FITS.write_file(fits.Header(), path, get_storage_class("Header"))
    with pytest.raises(IntegrityError, match=r"holds a Header, where.*'CCDImage'"):
        FITS.read_file(path, IMAGE)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_in_headers_keep_all_digits(number):
    header = make_header({"KEY": number, "a longer key": number})
    text = header.tostring()
    again = fits.Header.fromstring(text)
    assert again["KEY"] == number
    assert again["a longer key"] == number


def test_keywords_of_arrays_are_not_copied():
    header = make_header({"BITPIX": 16, "NAXIS": 2, "BZERO": 32768, "OBJECT": "M13"})
    assert dict(header) == {"OBJECT": "M13"}
