"""Colour pictures show colours, and black where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest

from pantler.errors import InvalidInputError
from pantler.science.picture import colour_picture


def test_a_star_of_one_band_has_its_colour_and_north_is_up(make_sky, wcs):
    images = {
        "g": make_sky(wcs, [50], [20], [5000], shape=(100, 120)),
        "r": make_sky(wcs, shape=(100, 120)),
        "i": make_sky(wcs, [90], [60], [5000], shape=(100, 120)),
    }
    pixels = np.asarray(colour_picture(images)).astype(int)
    assert pixels.shape == (100, 120, 3)
    blue, red = pixels[99 - 20, 50], pixels[99 - 60, 90]
    assert blue[2] > 2 * blue[0]
    assert red[0] > 2 * red[2]


def test_pixels_without_data_are_black(make_sky, wcs):
    images = {band: make_sky(wcs, level=5.0) for band in "gr"}
    for image in images.values():
        image.data[:50] = np.nan
    pixels = np.asarray(colour_picture(images))
    assert not pixels[150:].any()
    assert pixels[:150].any()


def test_one_band_makes_a_grey_picture(make_sky, wcs):
    pixels = np.asarray(colour_picture({"r": make_sky(wcs, [50], [50], [5000])}))
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])


def test_too_many_bands_or_different_shapes_are_refused(make_sky, wcs):
    with pytest.raises(InvalidInputError, match="not 4"):
        colour_picture(dict.fromkeys("griz", make_sky(wcs)))
    with pytest.raises(InvalidInputError, match="one shape"):
        colour_picture({"g": make_sky(wcs), "r": make_sky(wcs, shape=(9, 9))})
