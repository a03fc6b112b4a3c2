"""Coadds are less noisy than their inputs, and free of what is in one of them."""

from __future__ import annotations

import numpy as np
import pytest

from pantler.errors import InvalidInputError
from pantler.science.coadd import CoaddConfig, CoaddTask
from pantler.tasks.task import NoWork


def test_noise_falls_with_the_root_of_the_number(make_sky, wcs):
    warps = [make_sky(wcs, noise=4.0, SEEING=1.0) for _ in range(8)]
    coadd = CoaddTask().run(warps=warps)["coadd"]
    assert coadd.data.std() == pytest.approx(4 / 8**0.5, rel=0.03)
    np.testing.assert_allclose(np.sqrt(coadd.uncertainty.array), 4 / 8**0.5, rtol=0.1)
    assert coadd.header["EXPTIME"] == 80


def test_a_noisier_warp_counts_less(make_sky, wcs):
    warps = [make_sky(wcs, noise=1.0), make_sky(wcs, noise=3.0)]
    coadd = CoaddTask().run(warps=warps)["coadd"]
    assert coadd.data.std() == pytest.approx(0.9**0.5, rel=0.03)


def test_a_trail_in_one_of_three_leaves_nothing(make_sky, wcs):
    warps = [make_sky(wcs) for _ in range(3)]
    warps[1].data[100, :] += 500
    task = CoaddTask()
    coadd = task.run(warps=warps)["coadd"]
    assert np.abs(coadd.data[100]).max() < 5
    assert task.metadata["clipped_fraction"] == pytest.approx(200 / 120_000, rel=0.05)


def test_stars_keep_their_flux_when_the_seeing_varies(make_sky, wcs):
    warps = [
        make_sky(wcs, [60, 140], [70, 120], [1e6, 2e4], fwhm=fwhm)
        for fwhm in (3.2, 3.5, 4.0)
    ]
    task = CoaddTask()
    coadd = task.run(warps=warps)["coadd"]
    assert coadd.data[55:86, 45:76].sum() == pytest.approx(1e6, rel=0.01)
    assert task.metadata["clipped_fraction"] < 1e-4


def test_a_pixel_masked_in_one_warp_comes_from_the_others(make_sky, wcs):
    warps = [make_sky(wcs, level=10.0) for _ in range(2)]
    warps[0].data[5, 5], warps[0].mask[5, 5] = 9999, True
    coadd = CoaddTask().run(warps=warps)["coadd"]
    assert coadd.data[5, 5] == warps[1].data[5, 5]
    assert not coadd.mask[5, 5]


def test_a_pixel_masked_in_all_keeps_a_value_and_its_mask(make_sky, wcs):
    warps = [make_sky(wcs, level=10.0) for _ in range(3)]
    for warp in warps:
        warp.data[5, 5], warp.mask[5, 5] = 300, True
    coadd = CoaddTask().run(warps=warps)["coadd"]
    assert coadd.data[5, 5] == pytest.approx(300)
    assert coadd.mask[5, 5]
    assert coadd.mask.sum() == 1


def test_where_no_warp_reaches_there_is_no_data(make_sky, wcs):
    warps = [make_sky(wcs) for _ in range(3)]
    for warp, end in zip(warps, (50, 60, 40), strict=True):
        warp.data[:, :end] = np.nan
    coadd = CoaddTask().run(warps=warps)["coadd"]
    assert np.isnan(coadd.data[:, :40]).all()
    assert np.isfinite(coadd.data[:, 40:]).all()
    assert np.isfinite(coadd.uncertainty.array[:, 40:]).all()
    np.testing.assert_array_equal(coadd.mask, np.isnan(coadd.data))


def test_little_memory_gives_the_same_coadd(make_sky, wcs):
    warps = [make_sky(wcs, [60], [70], [1e4]) for _ in range(4)]
    here = CoaddTask().run(warps=warps)["coadd"]
    there = CoaddTask(CoaddConfig(stack_memory_mb=0.1)).run(warps=warps)["coadd"]
    np.testing.assert_array_equal(there.data, here.data)


def test_warps_of_different_shapes_are_refused(make_sky, wcs):
    with pytest.raises(InvalidInputError, match="not of one patch"):
        CoaddTask().run(warps=[make_sky(wcs), make_sky(wcs, shape=(10, 10))])


def test_no_warp_with_data_is_no_work(make_sky, wcs):
    empty = make_sky(wcs)
    empty.data[:] = np.nan
    for warps in ([], [empty]):
        with pytest.raises(NoWork):
            CoaddTask().run(warps=warps)
