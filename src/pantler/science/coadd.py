"""Coaddition: the warps of a band, averaged, without what is in one of them only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from pantler.errors import InvalidInputError
from pantler.science.image import make_image, mask_of, variance_of
from pantler.science.inputs import loaded
from pantler.science.stack import clipped_mean, median, open_stack, strips
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import Connections, Input, Output
from pantler.tasks.task import NoWork, PipelineTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.nddata import CCDData
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


class CoaddConfig(TaskConfig):
    """How warps are averaged."""

    clip_sigma: float = Field(
        5.0,
        gt=0,
        le=100,
        description="Pixels further from the median than this many times their noise, "
        "plus the tolerance for gradients, are left out.",
    )
    gradient_tolerance: float = Field(
        1.2,
        ge=0,
        le=10,
        description="How much further they may be, in units of the steepest step of "
        "the median image around them: seeing and shifts change the flanks of stars.",
    )
    stack_memory_mb: float = Field(
        1000.0,
        gt=0,
        description="A stack of warps larger than this is kept on disk, MB.",
    )


class CoaddConnections(Connections, dimensions=("skymap", "tract", "patch", "band")):
    """The warps of a band in, their mean out."""

    warps = Input(
        "warp",
        "CCDImage",
        "The visits on the patch, nanojansky.",
        dimensions=("skymap", "tract", "patch", "instrument", "visit"),
        multiple=True,
        deferred=True,
    )
    coadd = Output(
        "coadd",
        "CCDImage",
        "Their weighted mean, nanojansky.",
        dimensions=("skymap", "tract", "patch", "band"),
    )


@dataclass(frozen=True, slots=True)
class _Stack:
    data: Floats
    variance: Floats
    suspect: NDArray[np.bool_]
    weights: Floats


class CoaddTask(PipelineTask[CoaddConfig]):
    """Average warps by inverse variance, clipping outliers where there are three.

    Each warp has one weight, the inverse of its median variance: weights by
    pixel would depend on the pixels' own noise, and dim the stars.
    """

    connections = CoaddConnections

    def run(self, *, warps: Sequence[Any]) -> dict[str, CCDData]:
        """Return the coadd.

        A pixel that is masked in all warps keeps their mean, and stays masked; one
        without any data is NaN.

        Parameters
        ----------
        warps
            Images on the pixels of one patch, or handles to them.

        Raises
        ------
        NoWork
            If there is no warp with data.
        InvalidInputError
            If they differ in shape.

        References
        ----------
        .. [1] The rule for outliers is that of ``driz_cr``: Gonzaga et al. 2012, The
           DrizzlePac Handbook, section 4.2.
        """
        if not warps:
            raise NoWork("There is no warp.")
        images = (loaded(handle) for handle in warps)
        stack, wcs, header = self._gather(images, len(warps))
        if not stack.weights.any():
            raise NoWork("No warp has a good pixel.")
        data, variance, mask, clipped = self._average(stack)
        self.metadata.update(
            {
                "warps": len(warps),
                "clipped_fraction": clipped / max(1, stack.data.size),
                "coverage": float(np.isfinite(data).mean()),
            }
        )
        if "SEEING" in header:
            self.metadata["seeing_arcsec"] = header["SEEING"]
        self.log.info(
            "%d warps; clipped %.3g %% of their pixels",
            len(warps),
            100 * self.metadata["clipped_fraction"],
        )
        coadd = make_image(data, variance, mask, unit="nJy", wcs=wcs, header=header)
        return {"coadd": coadd}

    def _gather(self, images: Any, count: int) -> tuple[_Stack, Any, dict[str, Any]]:
        """Copy the images, one at a time, into a stack; return WCS and header too."""
        stack: _Stack | None = None
        seeing, seconds = [], 0.0
        header: dict[str, Any] = {"NWARPS": count}
        for place, image in enumerate(images):
            if stack is None:
                stack, wcs = self._open(count, image.shape), image.wcs
            if image.shape != stack.data.shape[1:]:
                raise InvalidInputError(
                    f"Warps of shape {stack.data.shape[1:]} and {image.shape} are not "
                    "of one patch."
                )
            stack.data[place] = image.data
            stack.variance[place] = variance_of(image)
            stack.suspect[place] = mask_of(image)
            good = stack.variance[place][~stack.suspect[place]]
            good = good[good > 0]
            stack.weights[place] = 1 / np.median(good) if len(good) else 0
            seconds += float(image.header.get("EXPTIME", 0))
            seeing.append(float(image.header.get("SEEING", np.nan)))
            header |= {k: v for k, v in image.header.items() if k == "MAGZERO"}
        if stack is None:
            raise NoWork("There is no warp.")
        header["EXPTIME"] = seconds
        if np.isfinite(seeing).any():
            header["SEEING"] = float(np.nanmedian(seeing))
        return stack, wcs, header

    def _open(self, count: int, shape: tuple[int, int]) -> _Stack:
        limit_mb = self.config.stack_memory_mb / 3
        return _Stack(
            open_stack(count, shape, np.float32, limit_mb=limit_mb),
            open_stack(count, shape, np.float32, limit_mb=limit_mb),
            open_stack(count, shape, bool, limit_mb=limit_mb),
            np.zeros(count, np.float32),
        )

    def _average(self, stack: _Stack) -> tuple[Floats, Floats, NDArray[np.bool_], int]:
        data = np.empty(stack.data.shape[1:], np.float32)
        variance = np.empty_like(data)
        mask = np.empty(data.shape, bool)
        rejected = 0
        limit_mb = self.config.stack_memory_mb
        steps = np.zeros_like(data)
        if len(stack.data) > 2:
            for rows in strips(stack.data, limit_mb=limit_mb):
                steps[rows] = median(_good(stack, rows))
            steps = steepest_step(steps)
        for rows in strips(stack.data, limit_mb=limit_mb):
            noise = np.sqrt(np.nan_to_num(stack.variance[:, rows]))
            mean, spread, clipped = clipped_mean(
                _good(stack, rows),
                stack.variance[:, rows],
                tolerance=self.config.clip_sigma * noise
                + self.config.gradient_tolerance * steps[rows],
                weights=stack.weights,
            )
            any_mean, any_spread, _ = clipped_mean(
                stack.data[:, rows],
                stack.variance[:, rows],
                tolerance=np.asarray(np.inf, np.float32),
                weights=np.maximum(stack.weights, np.finfo(np.float32).tiny),
            )
            mask[rows] = np.isnan(mean)
            data[rows] = np.where(mask[rows], any_mean, mean)
            variance[rows] = np.where(mask[rows], any_spread, spread)
            rejected += int(clipped.sum())
        return data, variance, mask, rejected


def steepest_step(image: Floats) -> Floats:
    """Return the largest difference of each pixel to its eight neighbours."""
    from scipy.ndimage import maximum_filter, minimum_filter

    filled = np.nan_to_num(image)
    above = maximum_filter(filled, size=3) - filled
    below = filled - minimum_filter(filled, size=3)
    return np.asarray(np.maximum(above, below), np.float32)


def _good(stack: _Stack, rows: slice) -> Floats:
    return np.where(stack.suspect[:, rows], np.float32(np.nan), stack.data[:, rows])
