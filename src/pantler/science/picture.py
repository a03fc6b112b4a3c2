"""Colour pictures of coadds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.nddata import CCDData
    from PIL.Image import Image


def colour_picture(
    images: Mapping[str, CCDData], *, stretch: float = 10.0, softening: float = 8.0
) -> Image:
    """Return a picture of images of the same pixels, north up if they are so.

    Each image is divided by its own noise, so that no band drowns the others. Pixels
    without data are black.

    Parameters
    ----------
    images
        One to three, background-subtracted, by band: from the bluest to the reddest.
    stretch
        Brightness up to which the picture is linear, in units of the noise.
    softening
        How much fainter than the bright ones faint things may be and yet show.

    Raises
    ------
    InvalidInputError
        If there are none or more than three, or they differ in shape.

    References
    ----------
    .. [1] Lupton et al. 2004, PASP 116, 133.
    """
    from astropy.stats import sigma_clipped_stats
    from astropy.visualization import make_lupton_rgb
    from PIL.Image import fromarray

    if not 1 <= len(images) <= 3:
        raise InvalidInputError(
            f"A colour picture is made of one to three bands, not {len(images)}."
        )
    planes = []
    for image in images.values():
        missing = np.isnan(image.data)
        if missing.all():
            planes.append(np.zeros(image.shape, np.float32))
            continue
        _, level, noise = sigma_clipped_stats(image.data, mask=missing)
        scaled = (image.data - level) / max(noise, np.finfo(np.float32).tiny)
        planes.append(np.where(missing, np.float32(-1e6), scaled))
    if len({plane.shape for plane in planes}) > 1:
        raise InvalidInputError("The images of a colour picture must be of one shape.")
    blue, red = planes[0], planes[-1]
    green = planes[1] if len(planes) == 3 else (blue + red) / 2
    rgb = make_lupton_rgb(red, green, blue, minimum=-1.0, stretch=stretch, Q=softening)
    return fromarray(np.ascontiguousarray(rgb[::-1]))
