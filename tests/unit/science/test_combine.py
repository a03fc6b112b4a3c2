"""Calibration frames are averaged without outliers, with an honest variance."""

from __future__ import annotations

import numpy as np
import pytest

from pantler.errors import InvalidInputError
from pantler.science.combine import (
    CombineBiasTask,
    CombineConfig,
    CombineDarkTask,
    CombineFlatTask,
)
from pantler.science.image import make_image

SHAPE = (60, 50)


def electrons(data, **header):
    return make_image(
        np.asarray(data),
        np.ones(np.shape(data)),
        np.zeros(np.shape(data), bool),
        unit="electron",
        header={"EXPTIME": 10.0, **header},
    )


def test_bias_is_the_mean_of_the_frames_and_tells_their_noise(make_raw, rng):
    frames = [make_raw(rng.normal(1000, 6, SHAPE).round()) for _ in range(9)]
    bias = CombineBiasTask().run(frames=frames)["bias"]
    assert bias.unit == "adu"
    assert bias.data.mean() == pytest.approx(1000, abs=0.2)
    assert bias.data.std() == pytest.approx(2, rel=0.1)
    np.testing.assert_allclose(np.sqrt(bias.uncertainty.array), 2, rtol=0.1)
    assert bias.header["FRNOISE"] == pytest.approx(6, rel=0.05)


def test_a_cosmic_ray_in_one_of_three_frames_leaves_nothing(make_raw, rng):
    frames = [make_raw(rng.normal(1000, 6, SHAPE)) for _ in range(3)]
    frames[1].data[7, 8] = 30000
    task = CombineBiasTask()
    bias = task.run(frames=frames)["bias"]
    assert bias.data[7, 8] == pytest.approx(1000, abs=20)
    assert bias.uncertainty.array[7, 8] > bias.uncertainty.array[0, 0]
    assert 0 < task.metadata["clipped_fraction"] < 0.01


def test_a_stack_on_disk_gives_the_same_as_one_in_memory(make_raw, rng):
    frames = [make_raw(rng.normal(1000, 6, SHAPE)) for _ in range(4)]
    here = CombineBiasTask().run(frames=frames)["bias"]
    small = CombineConfig(stack_memory_mb=0.005)
    there = CombineBiasTask(small).run(frames=frames)["bias"]
    np.testing.assert_array_equal(there.data, here.data)
    np.testing.assert_array_equal(there.uncertainty.array, here.uncertainty.array)


def test_one_frame_is_its_own_mean_and_its_noise_is_that_between_columns(make_raw, rng):
    frame = make_raw(rng.normal(1000, 6, SHAPE))
    bias = CombineBiasTask().run(frames=[frame])["bias"]
    np.testing.assert_allclose(bias.data, frame.data, rtol=1e-6)
    assert bias.header["FRNOISE"] == pytest.approx(6, rel=0.1)


def test_dark_is_a_rate_over_the_dark_time(rng):
    frames = [
        electrons(rng.normal(0.3 * seconds, 0.1, SHAPE), DARKTIME=seconds)
        for seconds in (50.0, 100.0, 200.0)
    ]
    dark = CombineDarkTask().run(frames=frames)["dark"]
    assert dark.unit == "electron / s"
    np.testing.assert_allclose(dark.data, 0.3, atol=0.01)


def test_a_dark_without_time_is_refused():
    with pytest.raises(InvalidInputError, match=r"dark time of 0\.0 s"):
        CombineDarkTask().run(frames=[electrons(np.ones(SHAPE), EXPTIME=0.0)])


def test_flat_is_the_response_whatever_the_level_of_each_frame(rng):
    response = 1 + 0.1 * np.linspace(-1, 1, SHAPE[1]) * np.ones(SHAPE)
    frames = [
        electrons(response * level * rng.normal(1, 0.001, SHAPE))
        for level in (10000, 20000, 15000)
    ]
    flat = CombineFlatTask().run(frames=frames)["flat"]
    assert np.median(flat.data) == pytest.approx(1)
    np.testing.assert_allclose(flat.data, response, atol=0.004)


def test_a_flat_without_light_is_refused(rng):
    with pytest.raises(InvalidInputError, match="no light"):
        CombineFlatTask().run(frames=[electrons(rng.normal(-5, 1, SHAPE))])


def test_frames_of_different_shapes_are_refused(make_raw):
    with pytest.raises(InvalidInputError, match="binned"):
        CombineBiasTask().run(
            frames=[make_raw(np.ones(SHAPE)), make_raw(np.ones((3, 3)))]
        )


def test_no_frame_is_refused():
    with pytest.raises(InvalidInputError, match="no frame"):
        CombineBiasTask().run(frames=[])
