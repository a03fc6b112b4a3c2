"""Tracts and patches: areas of the sky with one projection, and their rectangles."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pantler.dimensions.sky.regions import ConvexPolygon
from pantler.dimensions.sky.sphere import lonlat_to_vectors, normalize
from pantler.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PixelBox:
    """A rectangle of pixels.

    Parameters
    ----------
    x0, y0
        Its first column and row.
    nx, ny
        How many columns and rows it has.
    """

    x0: int
    y0: int
    nx: int
    ny: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, as arrays have them."""
        return self.ny, self.nx

    def grown(self, border: int, within: PixelBox) -> PixelBox:
        """Return the box with a border on each side, cut at the edge of another."""
        x0 = max(self.x0 - border, within.x0)
        y0 = max(self.y0 - border, within.y0)
        x1 = min(self.x0 + self.nx + border, within.x0 + within.nx)
        y1 = min(self.y0 + self.ny + border, within.y0 + within.ny)
        return PixelBox(x0, y0, x1 - x0, y1 - y0)

    def corners(self) -> tuple[Floats, Floats]:
        """Return columns and rows of its four corners, at the edges of pixels."""
        left, bottom = self.x0 - 0.5, self.y0 - 0.5
        x = np.array([left, left + self.nx, left + self.nx, left])
        y = np.array([bottom, bottom, bottom + self.ny, bottom + self.ny])
        return x, y


@dataclass(frozen=True)
class Tract:
    """An area of the sky with one gnomonic projection, divided into patches.

    North is up and east to the left at its centre.

    Parameters
    ----------
    id
        Its number in the sky map.
    ra_deg, dec_deg
        Its centre, ICRS degrees.
    pixel_scale_arcsec
        Size of a pixel at the centre, arcseconds.
    patches_x, patches_y
        How many columns and rows of patches it has.
    patch_size
        Pixels along each side of a patch, without border.
    patch_border
        Pixels by which a patch reaches into its neighbours.
    """

    id: int
    ra_deg: float
    dec_deg: float
    pixel_scale_arcsec: float
    patches_x: int
    patches_y: int
    patch_size: int
    patch_border: int

    @property
    def box(self) -> PixelBox:
        """All its pixels."""
        return PixelBox(
            0, 0, self.patches_x * self.patch_size, self.patches_y * self.patch_size
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of pixels."""
        return self.box.shape

    @property
    def wcs(self) -> Any:
        """The projection, an `astropy.wcs.WCS` of the whole tract."""
        return self.box_wcs(self.box)

    @property
    def region(self) -> ConvexPolygon:
        """The part of the sky that its pixels cover."""
        return self.box_region(self.box)

    @property
    def patch_count(self) -> int:
        """How many patches it has."""
        return self.patches_x * self.patches_y

    def patch(self, number: int) -> Patch:
        """Return a patch, numbered along rows from the corner of the first pixel.

        Raises
        ------
        NotFoundError
            If there is no patch of that number.
        """
        if not 0 <= number < self.patch_count:
            raise NotFoundError(
                f"Tract {self.id} has no patch {number}; "
                f"it has 0 to {self.patch_count - 1}."
            )
        return Patch(self, number)

    def patches(self) -> Iterator[Patch]:
        """Yield all patches."""
        return map(self.patch, range(self.patch_count))

    def box_wcs(self, box: PixelBox) -> Any:
        """Return the projection of a box of pixels, which begins at its corner.

        References
        ----------
        .. [1] Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3 (TAN).
        """
        from astropy.wcs import WCS

        wcs = WCS(naxis=2)
        x, y = self._tangent_point
        scale = self.pixel_scale_arcsec / 3600
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        wcs.wcs.cunit = ["deg", "deg"]
        wcs.wcs.radesys = "ICRS"
        wcs.wcs.crval = [self.ra_deg, self.dec_deg]
        wcs.wcs.crpix = [x - box.x0 + 1, y - box.y0 + 1]
        wcs.wcs.cd = [[-scale, 0.0], [0.0, scale]]
        wcs.wcs.set()
        wcs.array_shape = box.shape
        return wcs

    def box_region(self, box: PixelBox) -> ConvexPolygon:
        """Return the part of the sky that a box of pixels covers, exactly."""
        return ConvexPolygon(self.vectors(*box.corners()))

    def vectors(self, x: Floats, y: Floats) -> Floats:
        """Return the unit vectors, ICRS, of pixel positions counted from 0.

        Parameters
        ----------
        x, y : (n,)
            Columns and rows.

        Returns
        -------
        numpy.ndarray, shape (n, 3)
        """
        x0, y0 = self._tangent_point
        scale = np.radians(self.pixel_scale_arcsec / 3600)
        center, east, north = self._axes
        return normalize(
            center
            - ((x - x0) * scale)[:, None] * east
            + ((y - y0) * scale)[:, None] * north
        )

    @property
    def _tangent_point(self) -> tuple[float, float]:
        ny, nx = self.shape
        return (nx - 1) / 2, (ny - 1) / 2

    @functools.cached_property
    def _axes(self) -> tuple[Floats, Floats, Floats]:
        return tangent_axes(self.ra_deg, self.dec_deg)


@dataclass(frozen=True, slots=True)
class Patch:
    """A rectangle of a tract, with a border that its neighbours have too.

    Parameters
    ----------
    tract
        What it is a part of.
    id
        Its number in the tract.
    """

    tract: Tract
    id: int

    @property
    def cell_x(self) -> int:
        """Its column in the tract."""
        return self.id % self.tract.patches_x

    @property
    def cell_y(self) -> int:
        """Its row in the tract."""
        return self.id // self.tract.patches_x

    @property
    def inner(self) -> PixelBox:
        """The pixels of the tract that are its own."""
        size = self.tract.patch_size
        return PixelBox(self.cell_x * size, self.cell_y * size, size, size)

    @property
    def outer(self) -> PixelBox:
        """Its pixels with the border, in pixels of the tract: those of its images."""
        return self.inner.grown(self.tract.patch_border, self.tract.box)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of its images."""
        return self.outer.shape

    @property
    def wcs(self) -> Any:
        """The projection of its images, an `astropy.wcs.WCS`."""
        return self.tract.box_wcs(self.outer)

    @property
    def region(self) -> ConvexPolygon:
        """The part of the sky that its images cover."""
        return self.tract.box_region(self.outer)


def tangent_axes(ra_deg: float, dec_deg: float) -> tuple[Floats, Floats, Floats]:
    """Return the unit vectors of a position, and of east and north there.

    Parameters
    ----------
    ra_deg, dec_deg
        ICRS degrees.
    """
    center = lonlat_to_vectors([ra_deg], [dec_deg])[0]
    east = lonlat_to_vectors([ra_deg + 90], [0.0])[0]
    return center, east, np.cross(center, east)
