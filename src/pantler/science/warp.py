"""Warping: the images of a visit on the pixels of a patch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from pantler.science.image import make_image, mask_of, variance_of
from pantler.science.inputs import loaded
from pantler.science.patch_geometry import PatchGeometry, patch_of
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import Connections, Input, Output, PrerequisiteInput
from pantler.tasks.task import NoWork, PipelineTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.nddata import CCDData
    from numpy.typing import NDArray

    from pantler.tasks.context import QuantumContext

    Floats = NDArray[np.float32]
    Box = tuple[slice, slice]

_GRID = 8  # points along each axis at which positions and pixel areas are compared


class WarpConfig(TaskConfig):
    """How images are resampled."""

    mask_threshold: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="A pixel is masked if masked ones contribute more than this to it.",
    )
    minimum_coverage: float = Field(
        0.0,
        ge=0,
        le=1,
        description="A warp that covers less than this fraction of the patch is not "
        "made.",
    )


class WarpConnections(
    Connections, dimensions=("skymap", "tract", "patch", "instrument", "visit")
):
    """The calibrated images of a visit in, one image on the patch out."""

    calexp = Input(
        "calexp",
        "CCDImage",
        "Images of the visit that may overlap the patch, nanojansky.",
        dimensions=("instrument", "visit", "detector"),
        multiple=True,
        deferred=True,
    )
    sky_map = PrerequisiteInput(
        "skyMap", "SkyMap", "Where the patch is.", dimensions=("skymap",)
    )
    warp = Output(
        "warp",
        "CCDImage",
        "The visit on the patch, nanojansky.",
        dimensions=("skymap", "tract", "patch", "instrument", "visit"),
    )


class WarpTask(PipelineTask[WarpConfig]):
    """Resample the images of a visit onto a patch, so that fluxes are kept."""

    connections = WarpConnections

    def run_quantum(self, quantum: QuantumContext) -> None:
        """Hand ``run`` the patch of the quantum in place of the sky map."""
        patch = patch_of(quantum.get("sky_map"), quantum.data_id)
        result = self.run(calexp=quantum.get("calexp"), patch=patch)
        self.put_outputs(quantum, result)

    def run(self, *, calexp: Sequence[Any], patch: PatchGeometry) -> dict[str, CCDData]:
        """Return the warp; NaN where there is no data.

        Parameters
        ----------
        calexp
            Background-subtracted images, or handles to them. Where two overlap, the
            earlier is taken.
        patch
            Whose pixels to fill.

        Raises
        ------
        NoWork
            If none of the images overlaps the patch.
        """
        data = np.full(patch.shape, np.nan, np.float32)
        variance = np.full_like(data, np.nan)
        mask = np.ones(patch.shape, bool)
        seeing: list[float] = []
        header: dict[str, Any] = {}
        for handle in calexp:
            image = loaded(handle)
            box = overlap(image, patch)
            if box is None:
                continue
            planes = resample(
                image, patch.wcs, box, mask_threshold=self.config.mask_threshold
            )
            new = np.isnan(data[box]) & np.isfinite(planes[0])
            if new.any():
                for target, plane in zip((data, variance, mask), planes, strict=True):
                    target[box][new] = plane[new]
                header = header or dict(image.header)
                seeing.append(float(image.header.get("SEEING", np.nan)))
        coverage = float(np.isfinite(data).mean())
        if not seeing or coverage < self.config.minimum_coverage:
            raise NoWork("No image of the visit overlaps enough of the patch.")
        used = len(seeing)
        self.metadata.update({"images": used, "coverage": coverage})
        self.log.info("%d images cover %.1f %% of the patch", used, 100 * coverage)
        kept: dict[str, Any] = {
            k: header[k] for k in ("EXPTIME", "MAGZERO", "DATE-OBS") if k in header
        }
        if np.isfinite(seeing).any():
            kept["SEEING"] = float(np.nanmedian(seeing))
        warp = make_image(data, variance, mask, unit="nJy", wcs=patch.wcs, header=kept)
        return {"warp": warp}


def overlap(image: CCDData, patch: PatchGeometry) -> Box | None:
    """Return the rows and columns of a patch that an image may reach, or None."""
    rows, columns = image.shape
    x, y = _border(rows, columns)
    at_x, at_y = patch.wcs.world_to_pixel(image.wcs.pixel_to_world(x, y))
    if not (np.isfinite(at_x).all() and np.isfinite(at_y).all()):
        return None  # on the far side of the sky
    box = []
    for places, size in ((at_y, patch.shape[0]), (at_x, patch.shape[1])):
        start = max(0, int(np.floor(places.min())))
        stop = min(size, int(np.ceil(places.max())) + 1)
        if start >= stop:
            return None
        box.append(slice(start, stop))
    return box[0], box[1]


def resample(
    image: CCDData, wcs: Any, box: Box, *, mask_threshold: float
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return an image's data, variance and mask on a box of other pixels.

    Data are interpolated with cubic splines as surface brightness, then multiplied by
    the ratio of the pixel areas. The variance is interpolated and multiplied by
    the ratio's square: it is that of a pixel as if neighbours were independent,
    though resampling correlates them.

    Parameters
    ----------
    image
        What to resample.
    wcs
        Of the target pixels.
    box
        Rows and columns of them.
    mask_threshold
        Largest contribution of masked pixels that leaves a pixel unmasked.
    """
    from reproject import reproject_interp

    target = wcs[box]
    shape = (box[0].stop - box[0].start, box[1].stop - box[1].start)
    absent = np.isnan(image.data)
    # A spline would carry one NaN everywhere.
    filled = np.where(absent, np.float32(0), image.data)
    planes = [np.nan_to_num(variance_of(image)), mask_of(image).astype(np.float32)]
    if absent.any():
        planes.append(absent.astype(np.float32))
    data, reached = reproject_interp(
        (filled, image.wcs),
        target,
        shape_out=shape,
        order="bicubic",
        roundtrip_coords=False,
    )
    others = reproject_interp(
        (np.stack(planes), image.wcs),
        target,
        shape_out=shape,
        order="bilinear",
        roundtrip_coords=False,
        return_footprint=False,
    )
    area = area_ratio(image.wcs, target, shape)
    missing = (reached == 0) | np.isnan(data)
    if absent.any():
        missing |= ~(others[2] <= mask_threshold)
    nan = np.float32(np.nan)
    return (
        np.where(missing, nan, data * area).astype(np.float32),
        np.where(missing, nan, others[0] * area**2).astype(np.float32),
        missing | ~(others[1] <= mask_threshold),
    )


def area_ratio(source: Any, target: Any, shape: tuple[int, int]) -> Floats:
    """Return how many source pixels each target pixel covers, shape ``shape``.

    It is the determinant of the Jacobian of the positions, taken at some points
    and interpolated between them: it varies slowly.

    Parameters
    ----------
    source, target
        World coordinates of the pixels.
    shape
        Rows and columns of the target.
    """
    from astropy.wcs.utils import pixel_to_pixel
    from scipy.interpolate import RegularGridInterpolator

    y = np.linspace(0, shape[0] - 1, _GRID)
    x = np.linspace(0, shape[1] - 1, _GRID)
    places = np.meshgrid(y, x, indexing="ij")
    half = 0.5

    def slope(step_x: float, step_y: float) -> tuple[Any, Any]:
        high = pixel_to_pixel(target, source, places[1] + step_x, places[0] + step_y)
        low = pixel_to_pixel(target, source, places[1] - step_x, places[0] - step_y)
        return high[0] - low[0], high[1] - low[1]

    (xx, yx), (xy, yy) = slope(half, 0), slope(0, half)
    ratio = np.abs(xx * yy - xy * yx)
    if min(shape) == 1:
        return np.full(shape, ratio.mean(), np.float32)
    interpolate = RegularGridInterpolator((y, x), ratio)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return np.asarray(interpolate(np.broadcast_arrays(rows, columns)), np.float32)


def _border(rows: int, columns: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return points along the border of an image: x and y, pixels."""
    along_x = np.linspace(-0.5, columns - 0.5, _GRID)
    along_y = np.linspace(-0.5, rows - 0.5, _GRID)
    low, high = np.full(_GRID, -0.5), np.ones(_GRID)
    x = np.concatenate([along_x, along_x, low, high * (columns - 0.5)])
    y = np.concatenate([low, high * (rows - 0.5), along_y, along_y])
    return x, y
