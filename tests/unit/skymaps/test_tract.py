"""Tracts and patches tile the sky in one projection."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pantler.dimensions.sky.sphere import lonlat_to_vectors
from pantler.errors import NotFoundError
from pantler.skymaps.tract import PixelBox, Tract

TRACTS = st.builds(
    Tract,
    id=st.just(0),
    ra_deg=st.floats(0, 359.99),
    dec_deg=st.floats(-89, 89),
    pixel_scale_arcsec=st.floats(0.05, 5),
    patches_x=st.integers(1, 5),
    patches_y=st.integers(1, 5),
    patch_size=st.integers(10, 500),
    patch_border=st.integers(0, 60),
)
TRACT = Tract(3, 250.4, 36.46, 0.6675, 3, 2, 400, 30)


@given(TRACTS)
@settings(max_examples=40, deadline=None)
def test_inner_boxes_cover_each_pixel_once(tract):
    covered = np.zeros(tract.shape, dtype=int)
    for patch in tract.patches():
        box = patch.inner
        covered[box.y0 : box.y0 + box.ny, box.x0 : box.x0 + box.nx] += 1
    assert (covered == 1).all()


@given(TRACTS)
@settings(max_examples=40, deadline=None)
def test_outer_boxes_reach_into_neighbours_and_never_beyond_the_tract(tract):
    ny, nx = tract.shape
    for patch in tract.patches():
        inner, outer = patch.inner, patch.outer
        assert outer.x0 == max(0, inner.x0 - tract.patch_border)
        assert outer.x0 + outer.nx == min(nx, inner.x0 + inner.nx + tract.patch_border)
        assert outer.y0 == max(0, inner.y0 - tract.patch_border)
        assert outer.y0 + outer.ny == min(ny, inner.y0 + inner.ny + tract.patch_border)


@given(TRACTS)
@settings(max_examples=40, deadline=None)
def test_regions_have_the_corners_of_the_projection(tract):
    for piece in (tract, tract.patch(tract.patch_count - 1)):
        corners = piece.wcs.calc_footprint(undistort=False)
        box = getattr(piece, "outer", None) or tract.box
        x, y = box.corners()
        x, y = x - box.x0, y - box.y0
        ra, dec = piece.wcs.all_pix2world(x, y, 0)
        expected = lonlat_to_vectors(ra, dec)
        found = tract.vectors(*box.corners())
        np.testing.assert_allclose(found, expected, atol=1e-12)
        assert corners.shape == (4, 2)
        inside = lonlat_to_vectors(*corners.T)
        assert piece.region.contains(inside).all()
        # Pixels reach half a pixel beyond their centres, and regions no further.
        edges = piece.wcs.calc_footprint(undistort=False, center=False)
        edges = lonlat_to_vectors(*edges.T)
        pixel = np.radians(tract.pixel_scale_arcsec / 3600)
        apart = np.linalg.norm(piece.region.vertices[:, None] - edges, axis=2)
        assert apart.min(axis=1).max() < 1e-4 * pixel


def test_a_patch_has_the_projection_of_its_tract():
    for patch in TRACT.patches():
        box = patch.outer
        whole = TRACT.wcs.all_pix2world(box.x0 + 7.0, box.y0 + 11.0, 0)
        part = patch.wcs.all_pix2world(7.0, 11.0, 0)
        np.testing.assert_allclose(part, whole, atol=1e-12)
        assert patch.wcs.array_shape == patch.shape == (box.ny, box.nx)


def test_neighbouring_patches_without_border_share_a_side_and_nothing_else():
    tract = Tract(0, 10.0, 20.0, 1.0, 2, 1, 100, 0)
    left, right = (patch.region for patch in tract.patches())
    y = np.linspace(5, 95, 7)
    for x, in_left, in_right in ((99.4, True, False), (99.6, False, True)):
        places = tract.vectors(np.full(7, x), y)
        assert (left.contains(places) == in_left).all()
        assert (right.contains(places) == in_right).all()


def test_north_is_up_and_east_to_the_left():
    x, y = TRACT.wcs.all_world2pix([250.4, 250.41], [36.47, 36.46], 0)
    ny, nx = TRACT.shape
    assert y[0] > (ny - 1) / 2
    assert x[1] < (nx - 1) / 2


def test_patches_are_numbered_along_rows():
    cells = [(patch.cell_x, patch.cell_y) for patch in TRACT.patches()]
    assert cells == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]


@pytest.mark.parametrize("number", [-1, 6])
def test_a_patch_that_is_not_there_is_refused(number):
    with pytest.raises(NotFoundError, match="it has 0 to 5"):
        TRACT.patch(number)


def test_a_box_grows_within_another():
    box = PixelBox(10, 0, 5, 5).grown(3, PixelBox(0, 0, 16, 20))
    assert box == PixelBox(7, 0, 9, 8)
