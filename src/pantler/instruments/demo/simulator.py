"""Raw frames of the demo camera: calibrations and dithered exposures of one field."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pantler.instruments.demo.electronics import (
    SimulatedDetector,
    focal_plane_offset,
    make_detector,
)
from pantler.instruments.demo.settings import DemoSettings
from pantler.instruments.demo.sky import (
    SKY_RATES,
    ZERO_POINTS,
    Pointing,
    expose_stars,
    star_catalog,
)

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DETECTORS: Final = 4
_BANDS: Final = ("g", "r")
_READ_OUT_S: Final = 10.0
_LAMP_RATE: Final = 4000.0  # electrons a second on a pixel of the best response


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedExposure:
    """One exposure of the night, before it is simulated.

    Parameters
    ----------
    number
        Its number in data IDs.
    seq_num
        Its place in the night, from 1.
    kind
        ``bias``, ``dark``, ``flat`` or ``object``, as the header says it.
    band
        Of the filter in the beam, None for none.
    begin
        UTC.
    exposure_time_s
        Seconds with the shutter open (or, for a dark, as if it were).
    ra_deg, dec_deg
        Where the telescope points, ICRS degrees; None for a calibration.
    fwhm_px
        Seeing, pixels.
    """

    number: int
    seq_num: int
    kind: str
    band: str | None
    begin: datetime
    exposure_time_s: float
    ra_deg: float | None = None
    dec_deg: float | None = None
    fwhm_px: float = 0.0


def plan_night(settings: DemoSettings) -> list[PlannedExposure]:
    """Return the exposures of the night, in order: calibrations, then the field."""
    steps: list[tuple[str, str | None, float]] = [
        *[("bias", None, 0.0)] * settings.bias_count,
        *[("dark", None, settings.dark_time_s)] * settings.dark_count,
    ]
    for kind, seconds, count in (
        ("flat", settings.flat_time_s, settings.flat_count),
        ("object", settings.exposure_time_s, settings.dither_count),
    ):
        for filter_band in _BANDS:
            steps += [(kind, filter_band, seconds)] * count
    rng = np.random.default_rng([settings.seed, 3])
    first = int(settings.evening.strftime("%y%m%d")) * 1000
    begin = settings.evening
    planned = []
    for seq_num, (kind, band, seconds) in enumerate(steps, start=1):
        east, north = rng.uniform(-1, 1, 2) * settings.dither_arcsec / 3600
        seeing = settings.seeing_px * rng.uniform(0.9, 1.15)
        is_sky = kind == "object"
        dec = settings.dec_deg + north
        ra = (settings.ra_deg + east / np.cos(np.radians(dec))) % 360
        planned.append(
            PlannedExposure(
                number=first + seq_num,
                seq_num=seq_num,
                kind=kind,
                band=band,
                begin=begin,
                exposure_time_s=seconds,
                ra_deg=float(ra) if is_sky else None,
                dec_deg=float(dec) if is_sky else None,
                fwhm_px=float(seeing) if is_sky else 0.0,
            )
        )
        begin += timedelta(seconds=seconds + _READ_OUT_S)
    return planned


def simulate(folder: Path, settings: DemoSettings | None = None) -> list[Path]:
    """Write the raw frames of a night, one FITS file for each exposure and detector.

    The truth behind them is ``star_catalog(settings)``.

    Parameters
    ----------
    folder
        Where to; made if need be. Files of the same names are replaced.
    settings
        What to simulate; a small night when None.

    Returns
    -------
    list of Path
        The files, in the order of the night.
    """
    settings = settings or DemoSettings()
    folder.mkdir(parents=True, exist_ok=True)
    stars = star_catalog(settings)
    camera = [
        make_detector(
            number,
            size=settings.detector_size,
            gap=settings.detector_gap,
            seed=settings.seed,
        )
        for number in range(DETECTORS)
    ]
    paths = []
    for exposure in plan_night(settings):
        for number, detector in enumerate(camera):
            rng = np.random.default_rng([settings.seed, 4, exposure.seq_num, number])
            pointing = detector_pointing(exposure, number, settings)
            light = _light(exposure, detector, pointing, stars)
            dark = detector.dark_rate * exposure.exposure_time_s
            counts = detector.read_out(light + dark, rng)
            path = folder / f"demo_{exposure.number}_{number}.fits"
            _write(path, counts, _cards(exposure, number, detector, pointing))
            paths.append(path)
    return paths


def detector_pointing(
    exposure: PlannedExposure, detector: int, settings: DemoSettings
) -> Pointing | None:
    """Return where a detector looks in an exposure, None where it sees no sky."""
    if exposure.ra_deg is None or exposure.dec_deg is None:
        return None
    size = settings.detector_size
    x, y = focal_plane_offset(detector, size, settings.detector_gap)
    return Pointing(
        exposure.ra_deg,
        exposure.dec_deg,
        (size - 1) / 2 - x,
        (size - 1) / 2 - y,
        settings.pixel_scale_arcsec / 3600,
    )


def _light(
    exposure: PlannedExposure,
    detector: SimulatedDetector,
    pointing: Pointing | None,
    stars: pl.DataFrame,
) -> Floats:
    """Return the expected electrons of light, shape as the detector."""
    if exposure.band is None:
        return np.zeros_like(detector.bias)
    seconds = exposure.exposure_time_s
    response = detector.response[exposure.band]
    if pointing is None:
        return _LAMP_RATE * seconds * response
    magnitudes = stars[exposure.band].to_numpy()
    rates = 10 ** (0.4 * (ZERO_POINTS[exposure.band] - magnitudes))
    places = pointing.pixels(stars["ra"].to_numpy(), stars["dec"].to_numpy())
    light = expose_stars(len(response), places, rates * seconds, exposure.fwhm_px)
    return (light + SKY_RATES[exposure.band] * seconds) * response


def _cards(
    exposure: PlannedExposure,
    number: int,
    detector: SimulatedDetector,
    pointing: Pointing | None,
) -> dict[str, tuple[object, str]]:
    """Return the header cards, value and comment by key."""
    is_sky = pointing is not None
    cards: dict[str, tuple[object, str]] = {
        "OBJECT": ("demo field" if is_sky else exposure.kind, "what was looked at"),
        "IMAGETYP": (exposure.kind, "bias, dark, flat or object"),
        "EXPTIME": (exposure.exposure_time_s, "[s] time with the shutter open"),
        "DARKTIME": (exposure.exposure_time_s, "[s] time from clear to read-out"),
        "DATE-OBS": (exposure.begin.isoformat("T", "milliseconds"), "begin, UTC"),
        "MJD-OBS": (_mjd(exposure.begin), "[d] begin, UTC"),
        "TIMESYS": ("UTC", "time scale"),
        "FILTER": (f"demo_{exposure.band}" if exposure.band else "NONE", "filter"),
        "TELESCOP": ("Pantler demo telescope", ""),
        "INSTRUME": ("DemoCam", "camera"),
        "DETECTOR": (number, "number of the detector"),
        "DETNAME": ("D{}{}".format(*divmod(number, 2)), "name of the detector"),
        "EXPNUM": (exposure.number, "number of the exposure"),
        "SEQNUM": (exposure.seq_num, "place in the night"),
        "OBSID": (f"demo_{exposure.number}", "name of the exposure"),
        "GROUPID": (f"demo_{exposure.number}", "exposures to be used together"),
        "PROPID": ("demo", "programme"),
        "REASON": ("survey" if is_sky else "calibration", "why it was taken"),
        "GAIN": (round(detector.gain, 4), "[electron/adu]"),
        "RDNOISE": (round(detector.read_noise, 4), "[electron] read noise"),
        "SATURATE": (2**16 - 1, "[adu] largest count"),
        "BUNIT": ("adu", "unit of the pixels"),
    }
    if pointing is not None:
        hours, degrees = pointing.ra_deg / 15, abs(pointing.dec_deg)
        sign = "-" if pointing.dec_deg < 0 else "+"
        cards["RA"] = (_sexagesimal(hours, 3), "[h] pointing, ICRS")
        cards["DEC"] = (sign + _sexagesimal(degrees, 2), "[deg] pointing, ICRS")
        cards |= pointing.wcs_cards()
    return cards


def _mjd(moment: datetime) -> float:
    """Return the modified Julian date in the time scale of the moment, days."""
    return (moment - datetime(1858, 11, 17)) / timedelta(days=1)


def _sexagesimal(value: float, digits: int) -> str:
    unit = 10**digits
    total = round(value * 3600 * unit)
    whole, rest = divmod(total, 3600 * unit)
    minutes, parts = divmod(rest, 60 * unit)
    return f"{whole:02d}:{minutes:02d}:{parts / unit:0{digits + 3}.{digits}f}"


def _write(
    path: Path, counts: NDArray[np.uint16], cards: dict[str, tuple[object, str]]
) -> None:
    from astropy.io import fits

    unit: Any = fits.PrimaryHDU(counts)  # unsigned: stored with BZERO = 32768
    unit.header.update(cards)
    unit.writeto(path, overwrite=True)
