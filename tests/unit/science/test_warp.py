"""Warps keep flux, variance and masks, and hold what images there are."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.wcs import WCS, Sip
from astropy.wcs.utils import pixel_to_pixel

from pantler.science.warp import WarpConfig, WarpTask, area_ratio
from pantler.tasks.task import NoWork


def tan(crpix, scale_arcsec, turn_deg=0.0):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [150.0, 20.0]
    wcs.wcs.crpix = crpix
    turn, step = np.radians(turn_deg), scale_arcsec / 3600
    wcs.wcs.cd = step * np.array(
        [[-np.cos(turn), np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    )
    return wcs


@pytest.mark.parametrize(("scale", "turn"), [(0.5, 0), (0.4, 30), (0.65, 200)])
def test_the_flux_of_a_star_is_kept_within_one_percent(
    make_sky, make_patch, scale, turn
):
    wcs = tan((100.3, 99.6), 0.5)
    image = make_sky(wcs, [101.7], [95.2], [1e5], noise=0.001)
    size = int(110 / scale)
    patch = make_patch(tan((size / 2, size / 2), scale, turn), (size, size))
    warp = WarpTask().run(calexp=[image], patch=patch)["warp"]
    assert np.nansum(warp.data) == pytest.approx(1e5, rel=0.01)
    at = wcs.pixel_to_world(101.7, 95.2)
    x, y = patch.wcs.world_to_pixel(at)
    columns, rows = np.arange(size), np.arange(size)[:, None]
    total = np.nansum(warp.data)
    assert np.nansum(warp.data * columns) / total == pytest.approx(float(x), abs=0.1)
    assert np.nansum(warp.data * rows) / total == pytest.approx(float(y), abs=0.1)


def test_area_ratio_is_that_of_the_pixel_scales_everywhere():
    ratio = area_ratio(tan((50, 50), 0.5), tan((70, 40), 0.4, 20), (90, 80))
    assert ratio.shape == (90, 80)
    np.testing.assert_allclose(ratio, 0.64, rtol=1e-5)


def bent(square=6e-4, fourth=0.0):
    """Return coordinates whose sides bulge by pixels, and whose areas vary.

    A row is shifted by the column's distance from the middle, in powers, and a column
    by that of the row.
    """
    wcs = tan((100, 100), 0.5)
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    along_x, along_y = np.zeros((5, 5)), np.zeros((5, 5))
    along_x[0, 2] = along_y[2, 0] = square
    along_x[0, 4] = along_y[4, 0] = fourth
    along_x[2, 0] = 2e-4
    wcs.sip = Sip(along_x, along_y, None, None, wcs.wcs.crpix)
    return wcs


def test_area_ratio_follows_a_distortion():
    source, target, shape = bent(), tan((60, 70), 0.5), (120, 140)
    rows, columns = np.indices(shape)

    def step(dx, dy):
        x, y = pixel_to_pixel(target, source, columns + dx, rows + dy)
        return np.stack([x, y])

    along_x, along_y = step(0.5, 0) - step(-0.5, 0), step(0, 0.5) - step(0, -0.5)
    expected = np.abs(along_x[0] * along_y[1] - along_x[1] * along_y[0])
    assert np.ptp(expected) > 0.05
    found = area_ratio(source, target, shape)
    np.testing.assert_allclose(found, expected, atol=0.003 * np.ptp(expected) + 1e-3)


@pytest.mark.parametrize(
    "bulge", [(6e-4, 0.0), (-6e-4, 0.0), (12e-4, -12e-8), (-12e-4, 12e-8)]
)
def test_a_distorted_image_covers_all_that_it_saw(make_sky, make_patch, bulge):
    image = make_sky(bent(*bulge), level=5.0, noise=0.01)
    patch = make_patch(tan((112, 112), 0.5), (224, 224))
    warp = WarpTask().run(calexp=[image], patch=patch)["warp"]
    rows, columns = np.indices(patch.shape)
    x, y = pixel_to_pixel(patch.wcs, image.wcs, columns, rows)
    seen = (x > -0.4) & (x < 199.4) & (y > -0.4) & (y < 199.4)
    assert seen.sum() > 20_000
    assert np.isfinite(warp.data[seen]).all()
    beyond = (x < -0.5) | (x > 199.5) | (y < -0.5) | (y > 199.5)
    assert np.isnan(warp.data[beyond]).all()


def test_variance_goes_with_the_square_of_the_area(make_sky, make_patch):
    image = make_sky(tan((100, 100), 0.5), noise=3.0)
    patch = make_patch(tan((100, 100), 0.4), (200, 200))
    warp = WarpTask().run(calexp=[image], patch=patch)["warp"]
    inside = np.isfinite(warp.data)
    np.testing.assert_allclose(warp.uncertainty.array[inside], 9 * 0.64**2, rtol=1e-3)


def test_a_warp_onto_its_own_pixels_changes_nothing(make_sky, make_patch):
    wcs = tan((100, 100), 0.5)
    image = make_sky(wcs, [50], [60], [1000])
    warp = WarpTask().run(calexp=[image], patch=make_patch(wcs, (200, 200)))["warp"]
    np.testing.assert_allclose(warp.data, image.data, atol=1e-3)
    assert not warp.mask.any()


def test_masked_and_missing_pixels_stay_so_and_spread_no_further(make_sky, make_patch):
    wcs = tan((100, 100), 0.5)
    image = make_sky(wcs, level=7.0, noise=0.01)
    image.mask[50, 60] = True
    image.data[100:110, 20:30] = np.nan
    warp = WarpTask().run(calexp=[image], patch=make_patch(wcs, (200, 200)))["warp"]
    assert warp.mask[50, 60]
    assert np.isfinite(warp.data[50, 60])
    assert np.isnan(warp.data[100:110, 20:30]).all()
    assert np.isfinite(warp.data).sum() == 200 * 200 - 100
    assert warp.mask.sum() == 101


def test_detectors_of_a_visit_lie_side_by_side(make_sky, make_patch):
    left, right = tan((201, 100), 0.5), tan((-9, 100), 0.5)  # a gap of ten columns
    images = [
        make_sky(w, level=level, SEEING=1.5) for w, level in ((left, 5), (right, 9))
    ]
    patch = make_patch(tan((201, 100), 0.5), (200, 410))
    task = WarpTask()
    warp = task.run(calexp=images, patch=patch)["warp"]
    assert np.median(warp.data[:, :200]) == pytest.approx(5, abs=0.1)
    assert np.isnan(warp.data[:, 200:210]).all()
    assert np.median(warp.data[:, 210:]) == pytest.approx(9, abs=0.1)
    assert task.metadata["images"] == 2
    assert warp.header["SEEING"] == 1.5


def test_pixels_outside_have_no_data_and_are_masked(make_sky, make_patch):
    image = make_sky(tan((100, 100), 0.5))
    patch = make_patch(tan((150, 150), 0.5), (300, 300))
    warp = WarpTask().run(calexp=[image], patch=patch)["warp"]
    assert np.isfinite(warp.data).sum() == 200 * 200
    np.testing.assert_array_equal(warp.mask, np.isnan(warp.data))


@pytest.mark.parametrize("shift", [5000, 600_000])
def test_an_image_elsewhere_is_no_work(make_sky, make_patch, shift):
    image = make_sky(tan((100, 100), 0.5))
    patch = make_patch(tan((100 + shift, 100), 0.5), (200, 200))
    with pytest.raises(NoWork):
        WarpTask().run(calexp=[image], patch=patch)


def test_too_little_coverage_is_no_work(make_sky, make_patch):
    image = make_sky(tan((100, 100), 0.5))
    patch = make_patch(tan((290, 100), 0.5), (200, 200))
    task = WarpTask(WarpConfig(minimum_coverage=0.5))
    with pytest.raises(NoWork):
        task.run(calexp=[image], patch=patch)
