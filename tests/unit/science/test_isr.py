"""The instrument's signature is removed, and what is not known is masked."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.nddata import CCDData

from pantler.errors import HeaderError, InvalidInputError
from pantler.science.image import make_image
from pantler.science.isr import IsrConfig, IsrConnections, IsrTask

SHAPE = (30, 40)


def calibration(value, unit, variance=0.0, **header):
    data = np.full(SHAPE, value) if np.isscalar(value) else value
    return make_image(
        data,
        np.full(SHAPE, variance),
        np.zeros(SHAPE, bool),
        unit=unit,
        header=header,
    )


@pytest.fixture
def bias():
    return calibration(300.0, "adu", 4.0, FRNOISE=3.0)


@pytest.fixture
def dark():
    return calibration(0.5, "electron / s", 0.01)


@pytest.fixture
def flat():
    return calibration(np.full(SHAPE, 0.8), "", 0.0001)


def test_signal_is_counts_without_bias_times_gain_without_dark_over_flat(
    make_raw, bias, dark, flat
):
    raw = make_raw(np.full(SHAPE, 1300, np.uint16), DARKTIME=20.0)
    image = IsrTask(IsrConfig(gain=2.0)).run(raw=raw, bias=bias, dark=dark, flat=flat)
    image = image["post_isr"]
    assert image.unit == "electron"
    assert image.data.dtype == np.float32
    np.testing.assert_allclose(image.data, (1000 * 2 - 0.5 * 20) / 0.8, rtol=1e-6)
    assert not image.mask.any()


def test_variance_adds_read_noise_light_dark_and_calibrations(
    make_raw, bias, dark, flat
):
    raw = make_raw(np.full(SHAPE, 1300, np.uint16), DARKTIME=20.0)
    image = IsrTask(IsrConfig(gain=2.0)).run(raw=raw, bias=bias, dark=dark, flat=flat)
    read, poisson, of_bias, of_dark = (3.0 * 2) ** 2, 2000, 4 * 2**2, 0.01 * 20**2
    signal = 1990 / 0.8
    expected = (read + poisson + of_bias + of_dark + signal**2 * 1e-4) / 0.8**2
    found = image["post_isr"].uncertainty.array
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_variance_is_the_scatter_of_simulated_frames(make_raw, rng):
    shape = (200, 200)
    counts = rng.poisson(400, shape) / 2.0 + rng.normal(0, 5 / 2.0, shape)
    config = IsrConfig(gain=2.0, read_noise=5.0, do_bias=False)
    image = IsrTask(config).run(raw=make_raw(counts))["post_isr"]
    assert np.var(image.data) == pytest.approx(image.uncertainty.array.mean(), rel=0.03)


def test_configured_read_noise_wins_over_that_of_the_bias(make_raw, bias):
    raw = make_raw(np.full(SHAPE, 300.0))
    task = IsrTask(IsrConfig(gain=1.0, read_noise=7.0))
    image = task.run(raw=raw, bias=bias)["post_isr"]
    np.testing.assert_allclose(image.uncertainty.array, 49 + 4)


def test_hot_and_unresponsive_pixels_are_masked_and_filled(make_raw, bias, dark, flat):
    counts = np.full(SHAPE, 1300.0)
    counts[5, 5], counts[20, 30] = 60000, 300
    dark.data[5, 5] = 1000
    flat.data[20, 30] = 0.01
    task = IsrTask(IsrConfig(gain=1.0))
    image = task.run(raw=make_raw(counts), bias=bias, dark=dark, flat=flat)["post_isr"]
    assert set(zip(*np.nonzero(image.mask), strict=True)) == {(5, 5), (20, 30)}
    np.testing.assert_allclose(image.data, image.data[0, 0], rtol=1e-5)
    assert task.metadata["bad_pixels"] == 2


@pytest.mark.parametrize("which", ["raw", "bias", "dark", "flat"])
@pytest.mark.parametrize("value", [None, np.nan])
def test_what_is_masked_or_missing_in_any_input_is_masked_and_filled(
    make_raw, bias, dark, flat, which, value
):
    raw = make_raw(np.full(SHAPE, 1300.0, np.float32))
    inputs = {"raw": raw, "bias": bias, "dark": dark, "flat": flat}
    if value is None:
        inputs[which].mask = np.zeros(SHAPE, bool)
        inputs[which].mask[5, 5] = True
        inputs[which].data[5, 5] *= 1.5
    else:
        inputs[which].data[5, 5] = value
    task = IsrTask(IsrConfig(gain=1.0))
    image = task.run(**inputs)["post_isr"]
    assert list(zip(*np.nonzero(image.mask), strict=True)) == [(5, 5)]
    np.testing.assert_allclose(image.data, image.data[0, 0], rtol=1e-5)
    assert np.isfinite(image.uncertainty.array).all()


def test_what_a_saturated_hot_pixel_spills_over_is_bad_too(make_raw, bias, dark):
    counts = np.full(SHAPE, 1300.0)
    counts[5, 5], counts[5, 6] = 60000, 20000
    dark.data[5, 5] = 1000
    task = IsrTask(IsrConfig(gain=1.0, saturation=50000))
    image = task.run(raw=make_raw(counts), bias=bias, dark=dark)["post_isr"]
    assert image.mask[5, 6]
    assert image.data[5, 6] == pytest.approx(image.data[0, 0], rel=1e-4)


def test_saturated_pixels_are_masked_with_their_neighbours_and_keep_their_value(
    make_raw, bias
):
    counts = np.full(SHAPE, 1300.0)
    counts[10, 10] = 60000
    task = IsrTask(IsrConfig(gain=1.0, saturation=50000, saturation_grow=1))
    image = task.run(raw=make_raw(counts), bias=bias)["post_isr"]
    assert image.mask.sum() == 5
    assert image.data[10, 10] == 59700


def test_gain_comes_from_the_header_unless_configured(make_raw, bias):
    raw = make_raw(np.full(SHAPE, 400.0), GAIN=1.5)
    assert IsrTask().run(raw=raw, bias=bias)["post_isr"].data[0, 0] == 150
    assert (
        IsrTask(IsrConfig(gain=3)).run(raw=raw, bias=bias)["post_isr"].data[0, 0] == 300
    )


def test_a_missing_gain_is_an_error_that_names_the_key(make_raw, bias):
    with pytest.raises(HeaderError, match=r"'GAIN'.*Did you mean 'GAINS'.*'gain_key'"):
        IsrTask().run(raw=make_raw(np.ones(SHAPE), GAINS=1), bias=bias)


def test_an_unknown_read_noise_is_an_error_that_says_what_to_set(make_raw):
    with pytest.raises(InvalidInputError, match="'read_noise'"):
        IsrTask(IsrConfig(gain=1.0)).run(raw=make_raw(np.ones(SHAPE)))


def test_calibrations_of_another_shape_are_refused(make_raw, bias):
    with pytest.raises(InvalidInputError, match=r"'bias' has shape \(30, 40\)"):
        IsrTask(IsrConfig(gain=1.0)).run(raw=make_raw(np.ones((10, 10))), bias=bias)


def test_a_processed_frame_is_refused_as_raw():
    frame = CCDData(np.ones(SHAPE), unit="electron", meta={"EXPTIME": 1.0})
    with pytest.raises(InvalidInputError, match="'electron'"):
        IsrTask(IsrConfig(gain=1.0)).run(raw=frame)


def test_connections_of_calibrations_that_are_switched_off_are_dropped():
    connections = IsrConnections.resolve(IsrConfig(do_dark=False, do_flat=False))
    assert set(connections) == {"raw", "bias", "post_isr"}
