"""Removal of the instrument's signature: from raw counts to electrons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from pantler.errors import HeaderError, InvalidInputError
from pantler.science.image import (
    check_shapes,
    counts_of,
    header_number,
    make_image,
    mask_of,
    variance_of,
)
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import Connections, Input, Output, PrerequisiteInput
from pantler.tasks.task import PipelineTask

if TYPE_CHECKING:
    from collections.abc import Collection

    from astropy.nddata import CCDData
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Bools = NDArray[np.bool_]


class IsrConfig(TaskConfig):
    """Which corrections are made, and what the detector is like."""

    do_bias: bool = Field(True, description="Whether to subtract the bias.")
    do_dark: bool = Field(True, description="Whether to subtract the dark current.")
    do_flat: bool = Field(True, description="Whether to divide by the flat.")
    gain: float | None = Field(
        None,
        gt=0,
        description="Electrons per ADU; read from the header when null.",
    )
    gain_key: str = Field("GAIN", description="Header key of the gain.")
    read_noise: float | None = Field(
        None,
        ge=0,
        description="Noise of one read, electrons; that of the bias frames when null.",
    )
    saturation: float = Field(
        65535.0, gt=0, description="Raw level from which a pixel is saturated, ADU."
    )
    saturation_grow: int = Field(
        1, ge=0, le=50, description="Pixels around saturated ones to mask too."
    )
    hot_pixel_rate: float = Field(
        5.0,
        gt=0,
        description="Dark current from which a pixel is bad, electrons per second.",
    )
    flat_minimum: float = Field(
        0.2, gt=0, lt=1, description="Response below which a pixel is bad."
    )
    exposure_time_keys: tuple[str, ...] = Field(
        ("EXPTIME",),
        min_length=1,
        description="Header keys of the exposure time, seconds; the first counts.",
    )
    dark_time_keys: tuple[str, ...] = Field(
        ("DARKTIME", "EXPTIME"),
        min_length=1,
        description="Header keys of the time from clear to read-out, seconds.",
    )


class IsrConnections(Connections, dimensions=("instrument", "exposure", "detector")):
    """A raw frame and its calibrations in, electrons out."""

    raw = Input(
        "raw",
        "CCDImage",
        "The frame as it was read out, ADU.",
        dimensions=("instrument", "exposure", "detector"),
    )
    bias = PrerequisiteInput(
        "bias",
        "CCDImage",
        "Combined bias, ADU.",
        dimensions=("instrument", "detector"),
        is_calibration=True,
    )
    dark = PrerequisiteInput(
        "dark",
        "CCDImage",
        "Dark current, electrons per second.",
        dimensions=("instrument", "detector"),
        is_calibration=True,
    )
    flat = PrerequisiteInput(
        "flat",
        "CCDImage",
        "Response of each pixel over the median one.",
        dimensions=("instrument", "detector", "physical_filter"),
        is_calibration=True,
    )
    post_isr = Output(
        "post_isr",
        "CCDImage",
        "The frame without the instrument's signature, electrons.",
        dimensions=("instrument", "exposure", "detector"),
    )

    @classmethod
    def dropped(cls, config: IsrConfig) -> Collection[str]:
        """Return the calibrations that are switched off."""
        steps = {"bias": config.do_bias, "dark": config.do_dark, "flat": config.do_flat}
        return [name for name, wanted in steps.items() if not wanted]


class IsrTask(PipelineTask[IsrConfig]):
    """Subtract bias and dark current, divide by the flat, multiply by the gain.

    Saturated and bad pixels are masked. Bad ones are filled from their neighbours;
    saturated ones keep their value.
    """

    connections = IsrConnections

    def run(
        self,
        *,
        raw: CCDData,
        bias: CCDData | None = None,
        dark: CCDData | None = None,
        flat: CCDData | None = None,
    ) -> dict[str, CCDData]:
        """Return the frame in electrons, with variance and mask.

        Parameters
        ----------
        raw
            The frame, ADU.
        bias
            ADU; None for no correction, as for the others.
        dark
            Electrons per second.
        flat
            Relative response.

        Raises
        ------
        InvalidInputError
            If the shapes differ.
        HeaderError
            If the header lacks the exposure time or, unless configured, the gain.
        """
        check_shapes(raw=raw, bias=bias, dark=dark, flat=flat)
        counts = counts_of(raw)
        gain = self.config.gain or _number(raw, "gain_key", self.config.gain_key)
        exposure_s = _number(raw, "exposure_time_keys", *self.config.exposure_time_keys)
        data = counts * np.float32(gain)
        variance = np.full_like(data, self._read_noise(bias, gain) ** 2)
        if bias is not None:
            data -= np.float32(gain) * bias.data
            variance += np.float32(gain**2) * variance_of(bias)
        variance += np.maximum(data, 0)  # Poisson noise of light and dark current
        if dark is not None:
            seconds = _number(raw, "dark_time_keys", *self.config.dark_time_keys)
            data -= np.float32(seconds) * dark.data
            variance += np.float32(seconds**2) * variance_of(dark)
        bad, saturated = self._masks(raw, bias, dark, flat)
        if flat is not None:
            response = np.where(bad, np.float32(1), flat.data)
            data /= response
            variance += data**2 * np.where(bad, 0, variance_of(flat))
            variance /= response**2
        if not np.isfinite(variance[bad]).all():
            variance = fill_from_neighbours(variance, bad)
        header = dict(raw.header) | {"EXPTIME": exposure_s, "GAIN": 1.0}
        image = make_image(
            fill_from_neighbours(data, bad),
            variance,
            bad | saturated | ~np.isfinite(data),
            unit="electron",
            wcs=raw.wcs,
            header=header,
        )
        self._report(gain, saturated, bad)
        return {"post_isr": image}

    def _read_noise(self, bias: CCDData | None, gain: float) -> float:
        if self.config.read_noise is not None:
            return self.config.read_noise
        if bias is not None and "FRNOISE" in bias.header:
            return gain * header_number(bias.header, "FRNOISE")
        raise InvalidInputError(
            "The read noise is not known: neither is 'read_noise' configured, nor is "
            "there a combined bias whose header has it as FRNOISE."
        )

    def _masks(
        self,
        raw: CCDData,
        bias: CCDData | None,
        dark: CCDData | None,
        flat: CCDData | None,
    ) -> tuple[Bools, Bools]:
        """Return which pixels are bad, and which are saturated by light."""
        from scipy.ndimage import binary_dilation

        bad = np.zeros(raw.shape, bool)
        for image in (raw, bias, dark, flat):
            if image is not None:
                bad |= mask_of(image) | ~np.isfinite(image.data)
        if dark is not None:
            bad |= dark.data > self.config.hot_pixel_rate
        if flat is not None:
            bad |= flat.data < self.config.flat_minimum
        saturated: Bools = raw.data >= self.config.saturation
        grow = self.config.saturation_grow
        if saturated.any():
            # What a hot pixel spills over is as bad as the pixel itself: it must not
            # stay as a spike that resampling would ring on.
            bad |= binary_dilation(bad & saturated, iterations=grow + 1)
            lit = saturated & ~bad
            saturated = binary_dilation(lit, iterations=grow) if grow else lit
        return bad, saturated

    def _report(self, gain: float, saturated: Bools, bad: Bools) -> None:
        self.metadata["gain"] = gain
        self.metadata["saturated_pixels"] = int(saturated.sum())
        self.metadata["bad_pixels"] = int(bad.sum())
        self.log.info(
            "Gain %.3g e/ADU; masked %d saturated and %d bad pixels",
            gain,
            saturated.sum(),
            bad.sum(),
        )


def _number(raw: CCDData, setting: str, *keys: str) -> float:
    """Return a number of a raw frame's header, or say how to name its key.

    Raises
    ------
    HeaderError
        If it is missing, or not a number.
    """
    try:
        return header_number(raw.header, *keys)
    except HeaderError as error:
        raise HeaderError(
            f"{error} The keys to look for are set by '{setting}'; "
            "--instrument NAME applies what a camera says of itself."
        ) from None


def fill_from_neighbours(data: Floats, bad: Bools) -> Floats:
    """Return the image with bad pixels replaced by a mean of those around them.

    Pixels with nothing good within four pixels become NaN.

    Parameters
    ----------
    data
        The image.
    bad
        Its bad pixels, of the same shape or one that broadcasts to it.
    """
    if not bad.any():
        return data
    from astropy.convolution import Gaussian2DKernel, interpolate_replace_nans

    holed = np.where(bad, np.float32(np.nan), data)
    filled = interpolate_replace_nans(holed, Gaussian2DKernel(1), boundary="extend")
    return np.asarray(filled, np.float32)
