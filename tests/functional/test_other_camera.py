"""The how-to of instruments, followed for a camera that is not one of ours.

Its files are compressed, tile by tile or as a whole; the keywords are its own; the
coordinates are a turned CD matrix, or missing.
"""

from __future__ import annotations

import gzip
import io
import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from pantler import Butler, plugins
from pantler.cli.main import main

SITE = Path(__file__).parent / "twincam_site"
SIZE, GAIN, BIAS, NOISE, SCALE = 200, 1.6, 500.0, 4.0, 0.5 / 3600
EVENING = datetime(2026, 2, 3, 20, 0, 0)
PIPELINES = "pantler.science.pipelines"
RAW, CALIB = "TwinCam/raw/all", "TwinCam/calib"


def sky_of(detector: int, dither: int) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [83.8 + 4 * SCALE * dither, -5.4]
    if detector == 1:
        wcs.wcs.crpix = [SIZE + 5.5, SIZE / 2]
        wcs.wcs.cd = [[-SCALE, 0.0], [0.0, SCALE]]
    else:  # turned by a quarter
        wcs.wcs.crpix = [SIZE / 2, SIZE + 5.5]
        wcs.wcs.cd = [[0.0, SCALE], [SCALE, 0.0]]
    return wcs


def stars(wcs: WCS, rng) -> np.ndarray:
    dice = np.random.default_rng(7)
    ra = 83.8 + dice.uniform(-1, 1, 150) * 210 * SCALE
    dec = -5.4 + dice.uniform(-1, 1, 150) * 110 * SCALE
    x, y = wcs.all_world2pix(ra, dec, 0)
    rows, columns = np.arange(SIZE)[:, None], np.arange(SIZE)[:, None]
    across = np.exp(-((columns - x) ** 2) / 4.5)
    along = np.exp(-((rows - y) ** 2) / 4.5)
    return (along * dice.uniform(1e4, 1e5, 150) / (4.5 * np.pi)) @ across.T


def expose(number: int, kind: str, detector: int, rng, dither: int = 0):
    """Return a raw frame as an image with the camera's own header."""
    seconds = {"zero": 0.0, "dark current": 60.0, "dome flat": 4.0}.get(kind, 20.0)
    response = 1 + 0.1 * np.linspace(-1, 1, SIZE) * (1 if detector == 1 else -1)
    light = np.zeros((SIZE, SIZE))
    if kind == "dome flat":
        light = np.full((SIZE, SIZE), 20_000.0) * response
    elif kind == "target":
        light = (stars(sky_of(detector, dither), rng) + 300.0) * response
    electrons = rng.poisson(light + 0.2 * seconds) + rng.normal(0, NOISE, light.shape)
    counts = np.clip(np.round(BIAS + electrons / GAIN), 0, 65535).astype(np.uint16)
    middle = EVENING + timedelta(minutes=2 * number, seconds=seconds / 2)
    header = fits.Header()
    if kind == "target":
        header.update(sky_of(detector, dither).to_header())
    header["OBSTYPE"] = kind.title()
    header["UTMIDDLE"] = middle.isoformat()
    header["EXPOSED"] = seconds
    header["FRAMENO"] = number
    header["CHIP"] = "West" if detector == 1 else "East"
    header["EGAIN"] = GAIN
    header["TARGET"] = "Orion" if kind == "target" else ""
    if kind in {"dome flat", "target"}:
        header["FILTID"] = "Bessell-V"
    return counts, header


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twincam")
    rng = np.random.default_rng(11)
    kinds = ["zero"] * 3 + ["dark current"] * 3 + ["dome flat"] * 3 + ["target"] * 3
    for number, kind in enumerate(kinds, start=101):
        for detector in (1, 2):
            counts, header = expose(number, kind, detector, rng, number % 3)
            name = f"tw{number}_{header['CHIP']}"
            if detector == 1:
                image = fits.CompImageHDU(counts, header)
                fits.HDUList([fits.PrimaryHDU(), image]).writeto(
                    folder / f"{name}.fits.fz"
                )
            else:
                buffer = io.BytesIO()
                fits.PrimaryHDU(counts, header).writeto(buffer)
                (folder / f"{name}.fits.gz").write_bytes(
                    gzip.compress(buffer.getvalue())
                )
    return folder


@pytest.fixture
def command(capfd, monkeypatch):
    """Run a command with the camera installed; return exit code, and what it said."""

    def forget():
        plugins._group.cache_clear()
        plugins.load_plugin.cache_clear()
        plugins.load_object.cache_clear()

    monkeypatch.syspath_prepend(str(SITE))
    forget()

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pantler", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        assert "Traceback" not in said.out + said.err
        return ended.value.code, said.out, said.err

    yield run
    monkeypatch.undo()
    forget()


@pytest.fixture
def repo(tmp_path, command):
    root = tmp_path / "repo"
    assert command("create", root)[0] == 0
    code, out, err = command("register-instrument", root, "twincam")
    assert (code, out) == (0, "Registered TwinCam.\n"), err
    return root


def test_a_night_of_another_camera_becomes_a_coadd(repo, night, command):
    code, out, err = command("ingest-raws", repo, night)
    assert (code, out.splitlines()[0]) == (
        0, "24 ingested, 0 there already, 0 could not be used.",
    ), err  # fmt: skip
    code, out, err = command("define-visits", repo)
    assert (code, out.split(",")[0]) == (0, "3 visits defined"), err
    code, out, err = command(
        *("register-skymap", repo, "field", "--pixel-scale", 0.5),
        *("--patch-size", 300, "--patch-border", 20),
    )
    assert code == 0, err
    for kind in ("bias", "dark", "flat"):
        run = f"{CALIB}/{kind}"
        code, out, err = command(
            *("run", repo, "-p", f"{PIPELINES}:{kind}.yaml", "--instrument", "TwinCam"),
            *("-i", f"{RAW},{CALIB}", "--output-run", run),
            *("-d", f"exposure.observation_type = '{kind}'"),
        )
        assert code == 0, err
        assert command("certify-calibrations", repo, run, CALIB, kind)[0] == 0
    code, out, err = command(
        *("run", repo, "-p", f"{PIPELINES}:science.yaml", "--instrument", "TwinCam"),
        *("-i", f"{RAW},{CALIB},skymaps", "-o", "reduced", "-d", "skymap = 'field'"),
    )
    assert code == 0, err
    with Butler.open(repo, collections="reduced") as butler:
        bias = butler.get(
            "bias", instrument="TwinCam", detector=2, exposure=110, collections=CALIB
        )
        assert bias.data.mean() == pytest.approx(BIAS, abs=0.5)
        flat = butler.get(
            "flat", instrument="TwinCam", detector=1, exposure=110, collections=CALIB
        )
        assert flat.data[:, -1].mean() == pytest.approx(1.1, abs=0.01)
        calexp = butler.get("calexp", instrument="TwinCam", visit=110, detector=2)
        assert calexp.wcs.has_celestial
        found = sum(len(butler.get(ref)) for ref in butler.query_datasets("coadd_src"))
        assert found > 60


def test_frames_without_coordinates_are_left_out_of_visits_and_it_is_said(
    repo, night, tmp_path, command
):
    counts, header = expose(110, "target", 2, np.random.default_rng(1))
    for key in ("CTYPE1", "CTYPE2"):
        del header[key]
    bare = tmp_path / "bare.fits"
    fits.PrimaryHDU(counts, header).writeto(bare)
    (west,) = night.glob("tw110_West*")
    assert command("ingest-raws", repo, bare, west)[0] == 0
    code, out, _ = command("define-visits", repo)
    assert code == 2
    assert "1 visit defined, 0 known before, 1 frame left out." in out
    assert "exposure 110, detector 2: the header has no celestial" in out


def test_one_file_of_both_detectors_is_refused_and_the_howto_splits_it(
    repo, tmp_path, command, monkeypatch
):
    rng = np.random.default_rng(1)
    frames = [expose(101, "zero", detector, rng) for detector in (1, 2)]
    primary = fits.PrimaryHDU()
    primary.header["OBSERVAT"] = "Nowhere"
    images = [fits.ImageHDU(counts, header) for counts, header in frames]
    mosaic = tmp_path / "mosaic.fits"
    fits.HDUList([primary, *images]).writeto(mosaic)
    code, out, err = command("ingest-raws", repo, mosaic)
    assert code == 2
    assert "holds 2 images" in err
    assert "add-an-instrument" in err
    page = Path(__file__).parents[2] / "docs" / "how-to" / "add-an-instrument.md"
    (block,) = [
        text.partition("```")[0]
        for text in page.read_text("utf-8").split("```python\n")
        if text.startswith("# split.py")
    ]
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "split.py", "exec"), {"__name__": "split"})
    parts = sorted(tmp_path.glob("mosaic_*.fits"))
    assert len(parts) == 2
    code, out, err = command("ingest-raws", repo, *parts)
    assert (code, out.split(",")[0]) == (0, "2 ingested"), err
