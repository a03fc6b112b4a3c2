"""One image of a whole tract, from the images of its patches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from astropy.nddata import CCDData

    from pantler.science.patch_geometry import PatchGeometry


class PatchedTract(Protocol):
    """A tract with one projection for all its patches."""

    @property
    def wcs(self) -> Any:
        """World coordinates of the tract."""
        ...

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the tract."""
        ...

    def patch(self, number: int) -> PatchGeometry:
        """Return a patch."""
        ...


def mosaic(images: Mapping[int, CCDData], tract: PatchedTract) -> CCDData:
    """Return the image of a tract.

    Parameters
    ----------
    images
        Coadds of one band by number of the patch; patches without one stay empty.
    tract
        Where the patches are.

    Returns
    -------
    astropy.nddata.CCDData, shape of the tract
        Of each patch the pixels that are its own; NaN where there are no data.

    Raises
    ------
    InvalidInputError
        If there are no images, or one is not of its patch's shape.
    """
    from astropy.nddata import CCDData

    if not images:
        raise InvalidInputError("A mosaic needs the image of at least one patch.")
    data = np.full(tract.shape, np.nan, dtype=np.float32)
    for number, image in images.items():
        patch = tract.patch(number)
        if image.shape != patch.shape:
            raise InvalidInputError(
                f"The image of patch {number} has shape {image.shape}; "
                f"the patch has {patch.shape}."
            )
        own, all_ = patch.inner, patch.outer
        x, y = own.x0 - all_.x0, own.y0 - all_.y0
        data[own.y0 : own.y0 + own.ny, own.x0 : own.x0 + own.nx] = image.data[
            y : y + own.ny, x : x + own.nx
        ]
    unit = next(iter(images.values())).unit
    return CCDData(data, unit=unit, wcs=tract.wcs)
