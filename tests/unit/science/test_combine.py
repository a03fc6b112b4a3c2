"""Calibration frames are averaged without outliers, with an honest variance."""

from __future__ import annotations

import numpy as np
import pytest

from pantler.errors import InvalidInputError
from pantler.science.combine import (
    CombineBiasConfig,
    CombineBiasTask,
    CombineDarkTask,
    CombineFlatConfig,
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
    small = CombineBiasConfig(stack_memory_mb=0.005)
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


def masked(frame, *pixels):
    for pixel in pixels:
        frame.mask[pixel] = True
    return frame


def test_a_pixel_masked_in_some_frames_is_the_mean_of_the_others(rng):
    frames = [electrons(rng.normal(10000, 50, SHAPE)) for _ in range(4)]
    for frame in frames[:2]:
        frame.data[5, 6] = 42000
        masked(frame, (5, 6))
    flat = CombineFlatTask().run(frames=frames)["flat"]
    assert flat.data[5, 6] == pytest.approx(1, abs=0.02)
    assert not flat.mask.any()
    ratio = flat.uncertainty.array[5, 6] / flat.uncertainty.array[0, 0]
    assert ratio == pytest.approx(2)


def test_a_pixel_masked_in_all_frames_is_masked_in_flat_dark_and_bias(rng, make_raw):
    frames = [electrons(rng.normal(10000, 50, SHAPE)) for _ in range(3)]
    for frame in frames:
        frame.data[5, 6] = 42000
        masked(frame, (5, 6))
    task = CombineFlatTask()
    flat = task.run(frames=frames)["flat"]
    dark = CombineDarkTask().run(frames=frames)["dark"]
    raws = [make_raw(frame.data) for frame in frames]
    for raw in raws:
        raw.mask = np.zeros(SHAPE, bool)
        masked(raw, (5, 6))
    bias = CombineBiasTask().run(frames=raws)["bias"]
    for image in (flat, dark, bias):
        assert image.mask[5, 6]
        assert image.mask.sum() == 1
        assert np.isfinite(image.data[5, 6])
        assert image.uncertainty.array[5, 6] == pytest.approx(
            image.uncertainty.array[0, 0], rel=1e-5
        )
    assert task.metadata["masked_pixels"] == 1


def test_masked_pixels_count_neither_in_the_level_nor_in_the_noise(rng):
    frames = [electrons(rng.normal(10000, 50, SHAPE)) for _ in range(3)]
    for number, frame in enumerate(frames):
        frame.data[:40] = 60000 + 9000 * number
        frame.mask[:40] = True
    flat = CombineFlatTask().run(frames=frames)["flat"]
    assert np.median(flat.data[40:]) == pytest.approx(1, abs=1e-3)
    assert flat.header["FRNOISE"] == pytest.approx(50 / 10000, rel=0.1)


def test_a_flat_frame_without_a_good_pixel_is_refused():
    frame = electrons(np.full(SHAPE, 60000.0))
    frame.mask[:] = True
    with pytest.raises(InvalidInputError, match="saturated"):
        CombineFlatTask().run(frames=[frame])


def test_the_variance_of_a_flat_is_relative_to_its_median_as_the_flat_is(rng):
    # Each frame has a median of 1, and their mean one of 1.5.
    left, right = np.ones(SHAPE), np.ones(SHAPE)
    left[:, :20] = right[:, -20:] = 2
    frames = [
        electrons(10000 * pattern * rng.normal(1, 0.002, SHAPE))
        for pattern in (left, right, left, right)
    ]
    task = CombineFlatTask(CombineFlatConfig(clip_sigma=100))
    flat = task.run(frames=frames)["flat"]
    assert np.median(flat.data) == pytest.approx(1)
    assert flat.data[0, 25] == pytest.approx(1 / 1.5, rel=0.01)
    noise = task.metadata["frame_noise"] / 1.5
    assert flat.header["FRNOISE"] == pytest.approx(noise, rel=0.01)
    np.testing.assert_allclose(flat.uncertainty.array, noise**2 / 4, rtol=0.02)


def test_the_variance_of_a_flat_is_the_scatter_of_its_pixels(rng):
    frames = [electrons(rng.normal(10000, 50, (200, 200))) for _ in range(5)]
    flat = CombineFlatTask().run(frames=frames)["flat"]
    found = float(np.mean(flat.uncertainty.array))
    assert found == pytest.approx(float(np.var(flat.data)), rel=0.05)


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
