"""The settings of the demo camera's simulator."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NaiveDatetime

PositiveInt = Annotated[int, Field(gt=0)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=200)]


class DemoSettings(BaseModel):
    """A night of the demo camera; equal settings give equal files, byte for byte."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    seed: Annotated[int, Field(ge=0)] = 1
    """Of everything random: stars, detectors, noise, dithers."""

    bias_count: Count = 3
    """Number of bias frames."""

    dark_count: Count = 3
    """Number of dark frames."""

    flat_count: Count = 3
    """Number of dome flats in each band."""

    dither_count: Count = 3
    """Number of exposures of the sky in each band."""

    detector_size: Annotated[int, Field(ge=32, le=4096)] = 512
    """Pixels along each side of a detector."""

    detector_gap: Annotated[int, Field(ge=0)] = 24
    """Pixels between detectors."""

    pixel_scale_arcsec: Positive = 0.4
    """Size of a pixel at the centre of the field, arcseconds."""

    ra_deg: Annotated[float, Field(ge=0, lt=360)] = 150.1
    """Centre of the field, ICRS right ascension, degrees."""

    dec_deg: Annotated[float, Field(ge=-80, le=80)] = 2.2
    """Centre of the field, ICRS declination, degrees."""

    dither_arcsec: Annotated[float, Field(ge=0, le=3600)] = 30.0
    """Largest offset of an exposure from the centre along each axis, arcseconds."""

    star_count: Annotated[int, Field(ge=0)] = 700
    """Number of stars on and around the field."""

    seeing_px: Positive = 3.0
    """Typical full width at half maximum of a star, pixels."""

    exposure_time_s: Positive = 30.0
    """Exposure time on the sky, seconds."""

    flat_time_s: Positive = 5.0
    """Exposure time of a dome flat, seconds."""

    dark_time_s: Positive = 60.0
    """Exposure time of a dark frame, seconds."""

    evening: NaiveDatetime = datetime(2025, 3, 1, 20, 0, 0)
    """When the first bias frame is taken, UTC (without a zone)."""
