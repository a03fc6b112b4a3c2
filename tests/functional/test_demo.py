"""The demo: what it makes is what was simulated, and what it prints can be typed."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.table import vstack

from pantler import Butler
from pantler.errors import ConflictError
from pantler.instruments.demo.settings import DemoSettings
from pantler.instruments.demo.sky import star_catalog
from pantler.science.mosaic import mosaic

pytestmark = pytest.mark.xdist_group("demo")


@pytest.fixture(scope="module")
def butler(demo_folder):
    with Butler.open(demo_folder / "repo", collections="demo") as opened:
        yield opened


@pytest.fixture(scope="module")
def objects(butler):
    tables = [butler.get(ref) for ref in butler.query_datasets("object")]
    table = vstack(tables, metadata_conflicts="silent")
    return table[np.asarray(table["in_inner"])]


def test_a_picture_and_a_drawing_are_made(demo_folder):
    from PIL import Image

    with Image.open(demo_folder / "coadd.png") as picture:
        assert np.asarray(picture).std() > 1
    drawing = (demo_folder / "pipeline.svg").read_text("utf-8")
    assert drawing.startswith("<svg")
    for label in ("isr", "calibrate", "summarize", "warp", "coadd", "detect", "merge"):
        assert label in drawing


def _where_there_are_data(coadd, truth: SkyCoord, margin: int = 6) -> np.ndarray:
    """Which positions lie on pixels with data, and not at the edge of them."""
    rows, columns = coadd.shape
    inside = []
    for x, y in np.round(np.transpose(coadd.wcs.world_to_pixel(truth))).astype(int):
        around = coadd.data[
            max(y - margin, 0) : y + margin + 1, max(x - margin, 0) : x + margin + 1
        ]
        on_image = margin <= x < columns - margin and margin <= y < rows - margin
        inside.append(on_image and bool(np.isfinite(around).all()))
    return np.array(inside)


def test_bright_stars_are_found_where_they_were_simulated(butler, objects):
    stars = star_catalog(DemoSettings(seed=1))
    bright = stars.filter(stars["r"] < 21)
    truth = SkyCoord(bright["ra"].to_numpy(), bright["dec"].to_numpy(), unit="deg")
    sky_map = butler.get("skyMap", skymap="demo_sky")
    images = {
        int(ref.data_id["patch"]): butler.get(ref)
        for ref in butler.query_datasets("coadd", band="r")
    }
    truth = truth[_where_there_are_data(mosaic(images, sky_map.tract(0)), truth)]
    found = SkyCoord(objects["ra"], objects["dec"], unit="deg")
    _, apart, _ = truth.match_to_catalog_sky(found)
    assert len(truth) > 50
    assert np.mean(apart < 0.5 * units.arcsec) > 0.95


def test_every_dataset_of_the_run_has_its_file(butler):
    run = butler.collections.get("demo").children[0]
    for name in butler.collections.dataset_types(run):
        for ref in butler.query_datasets(name, collections=run):
            assert butler.exists(ref), str(ref)


def test_a_second_demo_in_the_folder_is_refused_and_harms_nothing(pantler, demo_folder):
    before = sorted(path.name for path in demo_folder.iterdir())
    with pytest.raises(ConflictError, match="--force"):
        pantler("demo", demo_folder)
    assert sorted(path.name for path in demo_folder.iterdir()) == before
    (demo_folder / "precious.txt").write_text("mine")
    try:
        with pytest.raises(ConflictError, match="other files"):
            pantler("demo", demo_folder, "--force")
    finally:
        (demo_folder / "precious.txt").unlink()


@pytest.mark.parametrize(
    "words",
    [
        ("query-datasets", "src", "-i", "demo", "-d", "band = 'r'", "--show-uri"),
        ("query-dimension-records", "exposure", "-d", "exposure.exposure_time > 10"),
        ("query-collections",),
    ],
)
def test_what_the_demo_says_to_try_works(pantler, demo_folder, words, capsys):
    command, *rest = words
    assert pantler(command, demo_folder / "repo", *rest) == 0
    assert len(capsys.readouterr().out.splitlines()) > 5
