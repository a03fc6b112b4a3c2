"""Sources are found at the significance that is asked for, and once."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from pantler.science.detect import DetectConfig, DetectTask, in_inner
from pantler.tasks.task import NoWork

SHAPE = (400, 400)


@pytest.fixture
def grid(rng):
    """Return x and y of stars on a jittered grid."""
    places = np.arange(20.0, 390, 20)
    return [g.ravel() + rng.uniform(-3, 3, g.size) for g in np.meshgrid(places, places)]


def test_stars_of_ten_sigma_are_nearly_all_found(make_sky, wcs, grid):
    x, y = grid
    fwhm = 3.5
    ten_sigma = 10 * 2 * np.sqrt(np.pi) * fwhm / 2.3548  # best filter, unit noise
    flux = np.full(len(x), ten_sigma)
    coadd = make_sky(wcs, x, y, flux, shape=SHAPE, fwhm=fwhm, SEEING=fwhm / 2)
    table = DetectTask().run(coadd=coadd)["coadd_src"]
    found = np.column_stack([table["x"], table["y"]])
    distance, place = cKDTree(found).query(np.column_stack([x, y]))
    assert (distance < 1).mean() > 0.93
    assert np.median(table["snr"][place]) == pytest.approx(7.5, rel=0.15)


def test_noise_alone_has_hardly_any_source(make_sky, wcs):
    table = DetectTask().run(coadd=make_sky(wcs, shape=SHAPE))["coadd_src"]
    assert len(table) <= 1


def test_correlated_noise_is_measured_rather_than_believed(make_sky, wcs, grid, rng):
    x, y = grid
    coadd = make_sky(wcs, shape=SHAPE)
    coadd.data[:] = gaussian_filter(rng.normal(0, 1, SHAPE), 1.2)
    coadd.uncertainty.array[:] = coadd.data.var()
    assert len(DetectTask().run(coadd=coadd)["coadd_src"]) <= 2
    coadd.data[:] += make_sky(wcs, x, y, [50.0] * len(x), shape=SHAPE, noise=0).data
    table = DetectTask().run(coadd=coadd)["coadd_src"]
    table = table[~table["flag_edge"]]
    assert len(table) > 200
    ratio = np.std(table["flux"]) / np.median(table["flux_err"])
    assert ratio == pytest.approx(1, abs=0.25)


def test_a_larger_threshold_finds_fewer(make_sky, wcs, grid, rng):
    x, y = grid
    coadd = make_sky(wcs, x, y, rng.uniform(20, 200, len(x)), shape=SHAPE)
    counts = []
    for threshold in (5, 10):
        config = DetectConfig.from_overrides({"sources.threshold_sigma": threshold})
        table = DetectTask(config).run(coadd=coadd)["coadd_src"]
        assert table["snr"].min() > threshold
        counts.append(len(table))
    assert 0 < counts[1] < counts[0]


def test_a_source_in_the_border_is_not_the_patchs_own(make_sky, wcs, make_patch):
    x, y = [10.0, 100.0, 60.0], [100.0, 10.0, 60.0]
    coadd = make_sky(wcs, x, y, [3000] * 3)
    patch = make_patch(wcs, (200, 200), border=20)
    table = DetectTask().run(coadd=coadd, patch=patch)["coadd_src"]
    own = table[table["in_inner"]]
    assert len(table) == 3
    assert own["x"] == pytest.approx([60], abs=0.2)


def test_patches_share_their_sources_at_the_edges_of_pixels(wcs, make_patch):
    patch = make_patch(wcs, (200, 200), border=20)
    inside = [(19.51, 60), (179.49, 60), (60, 19.51), (60, 179.49)]
    outside = [(19.49, 60), (179.51, 60), (60, 19.49), (60, 179.51)]
    x, y = np.transpose([*inside, *outside])
    found = in_inner({"x": x, "y": y}, patch)
    assert found.tolist() == [True] * 4 + [False] * 4


def test_a_masked_star_is_found_and_flagged(make_sky, wcs):
    coadd = make_sky(wcs, [60.0, 120.0], [60.0, 120.0], [3000.0, 3000.0])
    coadd.mask[60, 60] = True
    table = DetectTask().run(coadd=coadd)["coadd_src"]
    table.sort("x")
    assert list(table["flag_masked"]) == [True, False]


def test_a_coadd_without_data_is_no_work(make_sky, wcs):
    coadd = make_sky(wcs)
    coadd.data[:] = np.nan
    with pytest.raises(NoWork):
        DetectTask().run(coadd=coadd)


def test_half_a_coadd_without_data_makes_no_false_sources_at_the_edge(make_sky, wcs):
    coadd = make_sky(wcs, [150.0], [100.0], [3000.0])
    coadd.data[:, :100] = np.nan
    table = DetectTask().run(coadd=coadd)["coadd_src"]
    assert len(table) == 1
