"""The background follows a slope, however large the boxes, and leaves objects in."""

from __future__ import annotations

import numpy as np
import pytest

from pantler.science.sources import measure_background

SIDE = 1024
SLOPE = 44.0  # from one edge of the frame to the other
NOISE = 18.0


@pytest.fixture
def ramp():
    return 300 + np.linspace(-0.5, 0.5, SIDE)[None, :] * np.full((SIDE, 1), SLOPE)


@pytest.fixture
def frame(rng, ramp):
    """Return a frame of a sloping sky with noise and bright stars."""
    data = ramp + rng.normal(0, NOISE, ramp.shape)
    for x, y in rng.integers(0, SIDE - 9, (400, 2)):
        data[y : y + 9, x : x + 9] += rng.uniform(50, 5000)
    return data.astype(np.float32)


def _strips(image):
    """Return the medians of strips across the slope."""
    return np.array([np.median(image[:, x : x + 64]) for x in range(0, SIDE, 64)])


@pytest.mark.parametrize("box", [128, 512, 8192])
def test_a_slope_is_followed_to_the_edges(frame, ramp, box):
    nothing = np.zeros(frame.shape, bool)
    background = measure_background(frame, nothing, box)
    left = _strips(background.level - ramp)
    # The stars cover a few per cent of the frame, and lift the level by a little.
    assert np.ptp(left) < 0.1 * NOISE
    assert abs(left).max() < 0.2 * NOISE
    assert np.median(background.noise) == pytest.approx(NOISE, rel=0.05)


def test_a_slope_is_followed_where_a_part_has_no_data(frame, ramp):
    missing = np.zeros(frame.shape, bool)
    missing[:600, 300:] = True
    level = measure_background(frame, missing, 512).level
    assert np.abs((level - ramp)[~missing]).max() < 0.3 * NOISE


def test_a_large_object_stays_in_where_boxes_are_larger(frame, ramp):
    rows, columns = np.mgrid[:SIDE, :SIDE]
    distance = np.hypot(rows - 300, columns - 700)
    halo = 200 * np.exp(-0.5 * (distance / 60) ** 2)
    data = (frame + halo).astype(np.float32)
    nothing = np.zeros(frame.shape, bool)
    level = measure_background(data, nothing, 512).level
    assert (level - ramp)[300, 700] < 0.05 * 200


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (16, 16)])
def test_a_small_image_has_a_background_too(shape):
    data = np.full(shape, 7, np.float32)
    background = measure_background(data, np.zeros(shape, bool), 64)
    np.testing.assert_allclose(background.level, 7, rtol=1e-5)
