"""Combining calibration frames into bias, dark and flat images.

They are made in this order, each with its own pipeline, and certified in between: dark
and flat frames are corrected one by one first, by `pantler.science.isr.IsrTask`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from pydantic import Field

from pantler.errors import InvalidInputError
from pantler.science.image import (
    counts_of,
    header_number,
    make_image,
    mask_of,
    variance_of,
)
from pantler.science.inputs import loaded
from pantler.science.stack import clipped_mean, open_stack, strips
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import Connection, Connections, Input, Output
from pantler.tasks.task import PipelineTask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from astropy.nddata import CCDData
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Bools = NDArray[np.bool_]

_EXPOSURE = ("instrument", "exposure", "detector")
_TYPES = (
    "Types of observation that may be combined; a graph with frames of another is "
    "refused. Empty for any."
)


class CombineConfig(TaskConfig):
    """How frames are combined."""

    clip_sigma: float = Field(
        5.0,
        gt=0,
        le=100,
        description="Pixels further from the median than this many times the noise "
        "of one frame are left out, where there are three frames or more.",
    )
    stack_memory_mb: float = Field(
        1000.0,
        gt=0,
        description="A stack of frames larger than this is kept on disk, MB.",
    )
    observation_types: tuple[str, ...] = Field((), description=_TYPES)


class CombineBiasConfig(CombineConfig):
    """How bias frames are combined."""

    observation_types: tuple[str, ...] = Field(("bias",), description=_TYPES)


class CombineDarkConfig(CombineConfig):
    """How dark frames are combined."""

    dark_time_keys: tuple[str, ...] = Field(
        ("DARKTIME", "EXPTIME"),
        min_length=1,
        description="Header keys of the time from clear to read-out, seconds; the "
        "first that is there counts.",
    )
    observation_types: tuple[str, ...] = Field(("dark",), description=_TYPES)


class CombineFlatConfig(CombineConfig):
    """How flat frames are combined."""

    observation_types: tuple[str, ...] = Field(("flat",), description=_TYPES)


class _CombineConnections(Connections, dimensions=("instrument", "detector")):
    """Frames of the types of observation that the configuration names."""

    @classmethod
    def resolve(cls, config: TaskConfig, where: str = "") -> dict[str, Connection]:
        """Return the connections, with the condition on the frames."""
        resolved = super().resolve(config, where)
        types: tuple[str, ...] = getattr(config, "observation_types", ())
        if types:
            condition = _of_types(types)
            frames = cast("Input", resolved["frames"])
            resolved["frames"] = replace(frames, where=condition)
        return resolved


def _of_types(types: Sequence[str]) -> str:
    """Return the condition that an exposure is of one of some types."""
    first, *others = [f"'{name.replace(chr(39), chr(39) * 2)}'" for name in types]
    field = "exposure.observation_type"
    if not others:
        return f"{field} = {first}"
    return f"{field} IN ({', '.join([first, *others])})"


class CombineBiasConnections(
    _CombineConnections, dimensions=("instrument", "detector")
):
    """Bias frames in, their mean out."""

    frames = Input(
        "raw",
        "CCDImage",
        "Bias frames as they were read out, ADU.",
        dimensions=_EXPOSURE,
        multiple=True,
        deferred=True,
    )
    bias = Output(
        "bias",
        "CCDImage",
        "Mean of the frames, ADU.",
        dimensions=("instrument", "detector"),
        is_calibration=True,
    )


class CombineDarkConnections(
    _CombineConnections, dimensions=("instrument", "detector")
):
    """Dark frames in, the dark current out."""

    frames = Input(
        "dark_isr",
        "CCDImage",
        "Dark frames without bias, electrons.",
        dimensions=_EXPOSURE,
        multiple=True,
        deferred=True,
    )
    dark = Output(
        "dark",
        "CCDImage",
        "Dark current, electrons per second.",
        dimensions=("instrument", "detector"),
        is_calibration=True,
    )


class CombineFlatConnections(
    _CombineConnections, dimensions=("instrument", "detector", "physical_filter")
):
    """Flat frames of one filter in, the response of the pixels out."""

    frames = Input(
        "flat_isr",
        "CCDImage",
        "Flat frames without bias and dark current, electrons.",
        dimensions=_EXPOSURE,
        multiple=True,
        deferred=True,
    )
    flat = Output(
        "flat",
        "CCDImage",
        "Response of each pixel over the median one.",
        dimensions=("instrument", "detector", "physical_filter"),
        is_calibration=True,
    )


ConfigT = TypeVar("ConfigT", bound=CombineConfig)


class _CombineTask(PipelineTask[ConfigT]):
    """What the three tasks have in common."""

    def combine(
        self,
        frames: Sequence[Any],
        prepare: Callable[[CCDData], Floats],
        *,
        unit: str,
    ) -> CCDData:
        """Return the clipped mean of frames, each of which is first prepared.

        A pixel that is masked in some frames is the mean of the others; one that is
        masked in all of them keeps a value, and stays masked.

        Raises
        ------
        InvalidInputError
            If there is no frame, or they differ in shape.
        """
        if not frames:
            raise InvalidInputError("There is no frame to combine.")
        count, limit_mb = len(frames), self.config.stack_memory_mb / 2
        for place, handle in enumerate(frames):
            image = loaded(handle)
            frame = prepare(image)
            if place == 0:
                stack = open_stack(count, frame.shape, np.float32, limit_mb=limit_mb)
                suspect = open_stack(count, frame.shape, bool, limit_mb=limit_mb)
            if frame.shape != stack.shape[1:]:
                raise InvalidInputError(
                    f"Frames of shape {stack.shape[1:]} and {frame.shape} cannot be "
                    "combined: are they binned or windowed differently?"
                )
            stack[place] = frame
            suspect[place] = mask_of(image)
        return self._mean(stack, suspect, unit)

    def _mean(self, stack: Floats, suspect: Bools, unit: str) -> CCDData:
        """Return the mean of the good pixels; of the suspect ones where none is good.

        Only the latter are masked, and those without any data.
        """
        noise = frame_noise(stack, suspect)
        mean = np.empty(stack.shape[1:], np.float32)
        variance = np.empty_like(mean)
        mask = np.empty(mean.shape, bool)
        tolerance = np.float32(self.config.clip_sigma * noise)
        weights = np.ones(len(stack), np.float32)
        rejected = 0
        for rows in strips(stack, limit_mb=self.config.stack_memory_mb):
            good = np.where(suspect[:, rows], np.float32(np.nan), stack[:, rows])
            mean[rows], variance[rows], clipped = clipped_mean(
                good, noise**2, tolerance=np.asarray(tolerance), weights=weights
            )
            mask[rows] = np.isnan(mean[rows])
            if mask[rows].any():
                any_mean, any_variance, _ = clipped_mean(
                    stack[:, rows],
                    noise**2,
                    tolerance=np.asarray(np.inf, np.float32),
                    weights=weights,
                )
                mean[rows] = np.where(mask[rows], any_mean, mean[rows])
                variance[rows] = np.where(mask[rows], any_variance, variance[rows])
            rejected += int(clipped.sum())
        self.metadata["frames"] = len(stack)
        self.metadata["frame_noise"] = noise
        self.metadata["clipped_fraction"] = rejected / stack.size
        self.metadata["masked_pixels"] = int(mask.sum())
        self.log.info(
            "Combined %d frames with a noise of %.4g %s each; clipped %.3g %%; masked "
            "%d pixels",
            len(stack),
            noise,
            unit or "(relative)",
            100 * rejected / stack.size,
            mask.sum(),
        )
        header = {"NFRAMES": len(stack), "FRNOISE": noise}
        return make_image(mean, variance, mask, unit=unit, header=header)


class CombineBiasTask(_CombineTask[CombineBiasConfig]):
    """Combine bias frames."""

    connections = CombineBiasConnections

    def run(self, *, frames: Sequence[Any]) -> dict[str, CCDData]:
        """Return the bias, ADU; its header has the noise of one frame as FRNOISE.

        Parameters
        ----------
        frames
            Raw bias frames, or handles to them; all are of one shape.
        """
        return {"bias": self.combine(frames, counts_of, unit="adu")}


class CombineDarkTask(_CombineTask[CombineDarkConfig]):
    """Combine dark frames into the dark current."""

    connections = CombineDarkConnections

    def run(self, *, frames: Sequence[Any]) -> dict[str, CCDData]:
        """Return the dark current, electrons per second.

        Parameters
        ----------
        frames
            Dark frames without bias, electrons, or handles to them.

        Raises
        ------
        InvalidInputError
            If the dark time of a frame is not positive.
        """
        return {"dark": self.combine(frames, self._rate, unit="electron / s")}

    def _rate(self, frame: CCDData) -> Floats:
        seconds = header_number(frame.header, *self.config.dark_time_keys)
        if seconds <= 0:
            raise InvalidInputError(
                f"A dark frame has a dark time of {seconds} s; it must be positive."
            )
        return np.asarray(frame.data / np.float32(seconds), np.float32)


class CombineFlatTask(_CombineTask[CombineFlatConfig]):
    """Combine flat frames into the relative response of the pixels."""

    connections = CombineFlatConnections

    def run(self, *, frames: Sequence[Any]) -> dict[str, CCDData]:
        """Return the flat, whose median is 1.

        Parameters
        ----------
        frames
            Evenly lit frames of one filter without bias and dark current, or
            handles to them; their levels may differ.

        Raises
        ------
        InvalidInputError
            If a frame has no light.
        """
        flat = self.combine(frames, relative_response, unit="")
        level = np.float32(np.nanmedian(flat.data[~mask_of(flat)]))
        noise = float(flat.header["FRNOISE"]) / float(level)
        return {
            "flat": make_image(
                flat.data / level,
                variance_of(flat) / level**2,
                flat.mask,
                unit="",
                header={**flat.header, "FRNOISE": noise},
            )
        }


def relative_response(frame: CCDData) -> Floats:
    """Return an evenly lit frame over the median of its good pixels.

    Raises
    ------
    InvalidInputError
        If the median is not positive, or no pixel is good.
    """
    good = frame.data[~mask_of(frame)]
    if not good.size:
        raise InvalidInputError("A flat frame has no good pixel: is it saturated?")
    level = float(np.median(good))
    if level <= 0:
        raise InvalidInputError(
            f"A flat frame has a median of {level:.1f} {frame.unit} above bias and "
            "dark: it has no light."
        )
    return np.asarray(frame.data / np.float32(level), np.float32)


def frame_noise(stack: Floats, suspect: Bools) -> float:
    """Return the noise of one frame, from the differences of frames.

    Parameters
    ----------
    stack
        Shape (n, rows, columns). A single frame is compared with itself, shifted
        by a column.
    suspect
        Pixels to leave out, of the same shape.
    """
    from astropy.stats import sigma_clipped_stats

    if len(stack) == 1:
        pairs = [(stack[0, :, 1:], stack[0, :, :-1])]
        masks = [suspect[0, :, 1:] | suspect[0, :, :-1]]
    else:
        pairs = list(zip(stack[1:], stack[:-1], strict=True))
        masks = [one | other for one, other in zip(suspect[1:], suspect, strict=False)]
    # Not the median deviation: that of whole numbers is a whole number.
    widths = [
        sigma_clipped_stats(one - other, mask=mask | ~np.isfinite(one - other))[2]
        for (one, other), mask in zip(pairs, masks, strict=True)
    ]
    return float(np.median(widths)) / 2**0.5
