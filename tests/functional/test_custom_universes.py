"""The universes of the documentation: whole stories without exposures of a camera."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from pantler import Butler, Timespan, Universe, plugins
from pantler.cli.main import main
from pantler.config.settings import RepositorySettings
from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.dimensions.sky.regions import Circle, ConvexPolygon
from pantler.errors import DataIdError, InvalidInputError

HERE = Path(__file__).parent

FIBRE_PIPELINE = """\
description: From read-outs of a fibre spectrograph to a spectrum of each target.
tasks:
  extract: {class: spectral_tasks.ExtractTask}
  join: {class: spectral_tasks.JoinArmsTask}
  stack: {class: spectral_tasks.StackTask}
"""


UNIVERSES = Path(__file__).parents[2] / "docs" / "examples" / "universes"

NIGHTS = {20250101: ("2025-01-01T18:00", "2025-01-02T06:00"),
          20250102: ("2025-01-02T18:00", "2025-01-03T06:00")}  # fmt: skip
PLATES = {11: 10.0, 12: 11.0}  # right ascension, degrees
EXPOSURES = {1001: (11, 20250101), 1002: (11, 20250101), 1003: (12, 20250102)}
FIBRES, ARMS = (1, 2, 3, 4), ("b", "r")
# Targets 3 and 4 are on both plates, 7 and 8 on none.
TARGETS = {n: 9.2 + 0.4 * n for n in range(1, 9)}
HOLES = {11: {1: 1, 2: 2, 3: 3, 4: 4}, 12: {1: 3, 2: 4, 3: 5, 4: 6}}


def universe_of(name):
    """Return a universe of the documentation."""
    return Universe.from_yaml((UNIVERSES / f"{name}.yaml").read_bytes(), name)


def make_fibre_repository(root, settings=None):
    """Make a repository of two plates, three exposures and eight targets."""
    universe = universe_of("fibres")
    with Butler.create(root, universe=universe, settings=settings) as butler:
        with butler.transaction():
            _add_fibre_records(butler)
        _add_readouts(butler)


def _add_fibre_records(butler):
    insert = butler.dimensions.insert
    here = {"spectrograph": "Boss"}
    insert("spectrograph", [here])
    insert("survey", [{"survey": "main"}])
    insert("arm", [{**here, "arm": arm} for arm in ARMS])
    insert("fibre", [{**here, "fibre": fibre} for fibre in FIBRES])
    nights = {n: Timespan.from_text(*bounds) for n, bounds in NIGHTS.items()}
    insert("night", [{**here, "night": n, "timespan": s} for n, s in nights.items()])
    insert(
        "plate",
        [
            {
                **here,
                "plate": plate,
                "label": f"P{plate}",
                "region": Circle.from_lonlat(lon, 0.0, 1.5),
            }
            for plate, lon in PLATES.items()
        ],
    )
    insert(
        "exposure",
        [
            {
                **here,
                "exposure": number,
                "plate": plate,
                "night": night,
                "exposure_time": 900.0,
                "observation_type": "science",
                "timespan": nights[night],
            }
            for number, (plate, night) in EXPOSURES.items()
        ],
    )
    insert(
        "target",
        [
            {
                "survey": "main",
                "target": target,
                "kind": "quasar" if target % 2 else "star",
                "magnitude": 17.0 + target / 4,
                "region": Circle.from_lonlat(lon, 0.1, 2 / 3600),
            }
            for target, lon in TARGETS.items()
        ],
    )
    insert(
        "hole",
        [
            {**here, "survey": "main", "plate": plate, "fibre": fibre, "target": target}
            for plate, fibres in HOLES.items()
            for fibre, target in fibres.items()
        ],
    )


def _add_readouts(butler):
    group = butler.universe.group
    raw = DatasetType("raw", group(["exposure", "arm"]), "NumpyArray")
    flat = DatasetType("throughput", group(["arm"]), "NumpyArray", is_calibration=True)
    butler.dataset_types.register(raw)
    butler.dataset_types.register(flat)
    for run in ("Boss/raw", "Boss/flats"):
        butler.collections.register(run, CollectionType.RUN)
    butler.collections.register("Boss/calib", CollectionType.CALIBRATION)
    for arm in ARMS:
        butler.put(np.full((4, 3), 0.5), flat, run="Boss/flats", arm=arm)
        for exposure in EXPOSURES:
            counts = np.full((4, 3), float(exposure - 1000))
            butler.put(counts, raw, run="Boss/raw", exposure=exposure, arm=arm)
    flats = list(butler.query_datasets("throughput", collections="Boss/flats"))
    butler.collections.certify("Boss/calib", flats, Timespan.always())


ORBITS = (1, 2)
# Right ascension and declination of pointings: one across RA 0, one at the pole.
POINTINGS = {1: (0.0, 0.0), 2: (1.0, 0.5), 3: (200.0, 89.5), 4: (120.0, -40.0)}
ARRAYS, CHANNELS = (1, 2), (0, 1, 2)


def square(lon, lat, half=1.0):
    """Return the region of an array: a square in the tangent plane."""
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    centre = SkyCoord(lon, lat, unit="deg")
    corners = [
        centre.directional_offset_by(angle * u.deg, half * np.sqrt(2) * u.deg)
        for angle in (45, 135, 225, 315)
    ]
    return ConvexPolygon.from_lonlat(
        [corner.ra.deg for corner in corners], [corner.dec.deg for corner in corners]
    )


def make_sky_repository(root, settings=None):
    """Make a repository of four pointings of two arrays, and three channels."""
    universe = universe_of("sky_spectra")
    with Butler.create(root, universe=universe, settings=settings) as butler:
        with butler.transaction():
            _add_sky_records(butler)
        group = butler.universe.group
        frame = DatasetType("frame", group(["pointing", "array"]), "StructuredDict")
        catalogue = DatasetType("catalogue", group(["healpix3"]), "StructuredDict")
        for dataset_type in (frame, catalogue):
            butler.dataset_types.register(dataset_type)
        for pointing in POINTINGS:
            for array in ARRAYS:
                flux = [10.0 * pointing + channel for channel in CHANNELS]
                keys = {"pointing": pointing, "array": array}
                butler.put({"flux": flux}, frame, keys, run="frames")


def _add_sky_records(butler):
    insert = butler.dimensions.insert
    insert(
        "channel",
        [
            {"channel": n, "wavelength_min": 1 + n / 10, "wavelength_max": 1.1 + n / 10}
            for n in CHANNELS
        ],
    )
    insert("array", [{"array": array} for array in ARRAYS])
    spans = {
        1: Timespan.from_text("2025-05-01T00:00", "2025-05-01T01:38"),
        2: Timespan.from_text("2025-05-01T01:38", "2025-05-01T03:16"),
    }
    insert("orbit", [{"orbit": n, "timespan": spans[n]} for n in ORBITS])
    insert(
        "pointing",
        [
            {
                "pointing": number,
                "orbit": 1 + number // 3,
                "obs_id": f"2025W18_{number}",
                "exposure_time": 112.0,
                "timespan": spans[1 + number // 3],
                "region": square(lon, lat, 2.0),
            }
            for number, (lon, lat) in POINTINGS.items()
        ],
    )
    insert(
        "footprint",
        [
            {"pointing": number, "array": array, "region": square(lon, lat)}
            for number, (lon, lat) in POINTINGS.items()
            for array in ARRAYS
        ],
    )


SKY_PIPELINE = """\
description: Maps of the sky, and cubes of cells, from frames of a scan.
tasks:
  map: {class: spectral_tasks.MapTask}
  cube: {class: spectral_tasks.CubeTask}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("universes")
    make_fibre_repository(folder / "fibres")
    make_sky_repository(folder / "sky_spectra")
    return folder


@pytest.fixture
def fibres(made, tmp_path):
    return Path(shutil.copytree(made / "fibres", tmp_path / "fibres"))


@pytest.fixture
def sky_spectra(made, tmp_path):
    return Path(shutil.copytree(made / "sky_spectra", tmp_path / "sky_spectra"))


@pytest.fixture
def command(capfd, monkeypatch):
    """Run a command as a user would; return exit code, and what it said where."""
    monkeypatch.syspath_prepend(str(HERE))  # has the tasks

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pantler", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        assert "Traceback" not in said.out + said.err
        return ended.value.code, said.out, said.err

    return run


@pytest.mark.parametrize("name", ["fibres", "sky_spectra"])
def test_the_page_shows_the_file(name):
    text = (UNIVERSES / f"{name}.yaml").read_text("utf-8")
    page = UNIVERSES.parents[1] / "how-to" / "custom-universe.md"
    assert f"```yaml\n{text}```\n" in page.read_text("utf-8")


def rows(out):
    """Return the rows of an answer in JSON."""
    return json.loads(out)


def pipeline_of(folder, universe):
    """Write the pipeline of a universe; return its path."""
    path = folder / f"{universe}-pipeline.yaml"
    path.write_text(FIBRE_PIPELINE if universe == "fibres" else SKY_PIPELINE)
    return path


# Fibres


def test_targets_are_found_by_plate_fibre_and_kind(fibres):
    with Butler.open(fibres) as butler:

        def targets(where, dimensions=("target",)):
            found = butler.query_data_ids(dimensions, where=where)
            return sorted({data_id["target"] for data_id in found})

        holes = ["target", "plate", "fibre"]
        assert targets("", holes) == [1, 2, 3, 4, 5, 6]
        assert targets("plate.label = 'P12'", holes) == [3, 4, 5, 6]
        assert targets("fibre = 1", holes) == [1, 3]
        assert targets("target.kind = 'quasar'") == [1, 3, 5, 7]
        assert targets(
            "night = 20250102 AND fibre > 0", ["target", "exposure"]
        ) == list(range(3, 7))
        # Without fibres, what lies on the area of a plate.
        assert targets("plate = 12", ["target", "plate"]) == list(range(1, 9))
        circle = "target.region OVERLAPS CIRCLE(10.0, 0.1, 0.5)"
        assert targets(circle) == [1, 2, 3]


def test_the_fibre_of_a_target_follows_from_its_plate(fibres):
    with Butler.open(fibres) as butler:
        found = butler.query_data_ids(["exposure", "fibre", "target"], where="target=3")
        pairs = {(d["exposure"], d["fibre"]) for d in found}
        assert pairs == {(1001, 3), (1002, 3), (1003, 1)}


def test_a_read_out_is_got_by_what_is_known_of_it(fibres):
    with Butler.open(fibres, collections="Boss/raw") as butler:
        counts = butler.get("raw", exposure=1003, arm="b")
        assert counts[0, 0] == 3.0
        ref = butler.find_dataset("raw", exposure=1003, arm="b")
        assert ref.data_id["spectrograph"] == "Boss"  # the only one
        assert ref.data_id["plate"] == 12
        found = butler.query_datasets("raw", where="plate.label = 'P11' AND arm = 'r'")
        assert sorted(r.data_id["exposure"] for r in found) == [1001, 1002]


def test_spectra_of_a_target_are_stacked_whatever_plate_they_were_on(fibres, command):
    pipeline = fibres.parent / "fibres.yaml"
    pipeline.write_text(FIBRE_PIPELINE)
    code, _, err = command(
        *("run", fibres, "-p", pipeline, "-i", "Boss/raw,Boss/calib", "-o", "stacks"),
        "--no-progress",
    )
    assert code == 0, err
    with Butler.open(fibres, collections="stacks") as butler:
        assert butler.query_datasets("extracted").count() == 6
        assert butler.query_datasets("spectrum").count() == 12
        stacks = {
            ref.data_id["target"]: butler.get(ref)
            for ref in butler.query_datasets("stack")
        }
        assert {n: stack["count"] for n, stack in stacks.items()} == {
            1: 2,
            2: 2,
            3: 3,
            4: 3,
            5: 1,
            6: 1,
        }
        # Counts of exposures 1, 2 and 3, divided by a throughput of a half.
        assert stacks[3]["flux"] == pytest.approx([4.0] * 6)
        assert stacks[5]["flux"] == pytest.approx([6.0] * 6)
        spectrum = butler.get("spectrum", exposure=1001, fibre=2)
        assert np.allclose(spectrum, 2.0)


def test_a_condition_on_a_target_chooses_what_is_extracted(fibres, command):
    pipeline = fibres.parent / "fibres.yaml"
    pipeline.write_text(FIBRE_PIPELINE)
    code, out, err = command(
        *("build", fibres, "-p", pipeline, "-i", "Boss/raw,Boss/calib", "-o", "x"),
        *("-d", "target = 5", "-g", fibres.parent / "g.qgraph", "--format", "json"),
    )
    assert code == 0, err
    counts = {row["task"]: row["quanta"] for row in rows(out)}
    assert counts == {"extract": 2, "join": 1, "stack": 1}


# Spectra of the whole sky


def touched(pointings, level=3):
    """Return the HEALPix pixels that arrays saw, found with another library."""
    from lsst import sphgeom

    pixelization = sphgeom.HealpixPixelization(level)
    found = set()
    for pointing in pointings:
        region = sphgeom.Region.decode(square(*POINTINGS[pointing]).encode())
        for first, last in pixelization.envelope(region):
            for pixel in range(first, last):
                if pixelization.pixel(pixel).relate(region) & sphgeom.DISJOINT == 0:
                    found.add(pixel)
    return found


def test_datasets_are_kept_by_cell_of_the_sky(sky_spectra):
    with Butler.open(sky_spectra, run="catalogues", writeable=True) as butler:
        butler.put({"sources": 3}, "catalogue", healpix3=304)
        butler.put({"sources": 5}, "catalogue", healpix3=305)
        found = butler.get("catalogue", healpix3=305, collections="catalogues")
        assert found == {"sources": 5}
        refs = butler.query_datasets(
            "catalogue", collections="catalogues", where="healpix3 = 304"
        )
        assert [ref.data_id["healpix3"] for ref in refs] == [304]
        with pytest.raises(DataIdError, match="healpix3"):
            butler.put({}, "catalogue", healpix3=12 * 4**3)


def test_cells_are_made_of_the_frames_that_touch_them(sky_spectra, command):
    pipeline = sky_spectra.parent / "sky.yaml"
    pipeline.write_text(SKY_PIPELINE)
    code, _, err = command(
        *("run", sky_spectra, "-p", pipeline, "-i", "frames", "-o", "maps"),
        "--no-progress",
    )
    assert code == 0, err
    with Butler.open(sky_spectra, collections="maps") as butler:
        cubes = {r.data_id["healpix3"]: r for r in butler.query_datasets("cube")}
        assert set(cubes) == touched(POINTINGS)
        assert butler.query_datasets("cell").count() == 3 * len(cubes)
        for pixel, ref in cubes.items():
            fluxes = [10.0 * p for p in POINTINGS if pixel in touched([p])]
            mean = sum(fluxes) / len(fluxes)
            assert butler.get(ref).tolist() == [mean, mean + 1, mean + 2]
            cell = butler.get("cell", healpix3=pixel, channel=1)
            assert cell["frames"] == 2 * len(fluxes)


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("pointing = 3", lambda pixel: pixel in touched([3])),
        ("healpix3 = 304", lambda pixel: pixel == 304),
        ("healpix3 IN (300..304)", lambda pixel: 300 <= pixel <= 304),
        ("healpix3 IN (300, 304)", lambda pixel: pixel in {300, 304}),
        ("300 < healpix3 AND NOT healpix3 >= 305", lambda pixel: 300 < pixel < 305),
        ("healpix3 < 100 OR healpix3 = 304", lambda pixel: pixel in {*range(100), 304}),
        ("orbit = 1", lambda pixel: pixel in touched([1, 2])),
    ],
)
def test_conditions_choose_cells(sky_spectra, command, where, wanted):
    pipeline = sky_spectra.parent / "sky.yaml"
    pipeline.write_text(SKY_PIPELINE)
    code, out, err = command(
        *("build", sky_spectra, "-p", pipeline, "-i", "frames", "-o", "x"),
        *("-d", where, "-g", sky_spectra.parent / "g.qgraph", "--format", "json"),
    )
    assert code == 0, err
    cells = [pixel for pixel in touched(POINTINGS) if wanted(pixel)]
    assert cells
    counts = {row["task"]: row["quanta"] for row in rows(out)}
    assert counts == {"map": 3 * len(cells), "cube": len(cells)}


def test_a_condition_that_leaves_no_cell_says_so(sky_spectra, command):
    pipeline = sky_spectra.parent / "sky.yaml"
    pipeline.write_text(SKY_PIPELINE)
    code, _, err = command(
        *("build", sky_spectra, "-p", pipeline, "-i", "frames", "-o", "x"),
        *("-d", "healpix3 = 1", "-g", sky_spectra.parent / "g.qgraph"),
    )
    assert code == 3
    assert "sky pixels 'healpix3'" in err


# Every command, in both

BOTH = {
    "fibres": {
        "element": "target",
        "where": "target = 3",
        "dimensions": ["exposure", "arm"],
        "dataset": "raw",
        "inputs": "Boss/raw,Boss/calib",
        "run": "Boss/raw",
        "calibration": ("Boss/flats", "throughput"),
        "left": 0,
    },
    "sky_spectra": {
        "element": "pointing",
        "where": "pointing = 3",
        "dimensions": ["pointing", "array"],
        "dataset": "frame",
        "inputs": "frames",
        "run": "frames",
        "calibration": None,
        "left": 6,
    },
}
NEED_CAMERAS = {
    "define-visits": (),
    "ingest-raws": (".",),
    "register-instrument": ("demo",),
    "register-skymap": ("sky", "--pixel-scale", "0.5"),
}
OF_NO_REPOSITORY = {"completion", "create", "demo", "show", "extend-universe"}


@pytest.fixture(params=BOTH)
def either(request):
    """A repository of one of the universes, and what to ask it for."""
    return request.getfixturevalue(request.param), BOTH[request.param], request.param


@pytest.mark.parametrize("name", NEED_CAMERAS)
def test_a_command_for_cameras_says_what_it_lacks(either, command, name):
    repo, _, universe = either
    code, out, err = command(name, repo, *NEED_CAMERAS[name])
    assert (code, out) == (2, "")
    lacks = "skymap" if name == "register-skymap" else "instrument"
    assert f"need '{lacks}'" in err
    assert f"which the universe '{universe}' (version 1) of this repository" in err
    with Butler.open(repo) as butler:
        assert not any(
            "DEMO" in c.name.upper() or c.name == "skymaps"
            for c in butler.collections.query("*")
        )


def all_calls(repo, about, folder):
    """Yield all commands with their arguments, in an order in which they work."""
    pipeline = pipeline_of(folder, repo.name)
    plan = ("-p", pipeline, "-i", about["inputs"])
    where, data = ("--where", about["where"]), about["dataset"]
    yield "build", repo, *plan, "-o", "x", "-g", folder / "g.qgraph"
    yield "run", repo, *plan, "-o", "made", "--no-progress"
    yield "check", repo, "--repair", "--deep"
    yield "config", "show", repo
    yield "migrate", repo, "--dry-run"
    yield "query-collections", repo, "-t"
    yield "query-dataset-types", repo
    yield "query-data-ids", repo, *about["dimensions"]
    yield "query-data-ids", repo, about["element"], *where
    yield "query-datasets", repo
    yield "query-datasets", repo, data, "--show-uri"
    yield "query-dimension-records", repo, about["element"], *where
    if about["calibration"] is not None:
        run, dataset_type = about["calibration"]
        ends = ("--begin-date", "2025-01-01", "--end-date", "2026-01-01")
        yield "certify-calibrations", repo, run, "own/calib", dataset_type, *ends
        yield "decertify", repo, "own/calib", dataset_type, *ends, "--yes"
    yield "register-collection", repo, "good", "--type", "TAGGED"
    yield "associate", repo, "good", data, "-i", about["run"]
    yield "disassociate", repo, "good", data
    yield "collection-chain", repo, "best", about["run"]
    yield "rename-collection", repo, "best", "better"
    yield "register-dataset-type", repo, "own", "Text", *about["dimensions"]
    yield "rename-dataset-type", repo, "own", "other"
    yield "remove-dataset-type", repo, "other", "--yes"
    yield "register-dataset-type", repo, "note", "Text"
    (folder / "note.txt").write_text("Clear.")
    (folder / "notes.csv").write_text("path\nnote.txt\n")
    yield "ingest-files", repo, "note", "own/notes", folder / "notes.csv"
    yield "remove-collections", repo, "good", "better", "made", "--yes"
    yield "remove-datasets", repo, data, "-i", about["run"], *where, "--yes"
    yield "remove-runs", repo, "made/*", "--yes"
    extra = (*where, "--cascade", "--dry-run")
    yield "remove-dimension-records", repo, about["element"], *extra


def test_every_command_works_in_a_universe_of_ones_own(either, command, tmp_path):
    repo, about, universe = either
    tried = set()
    for name, *words in all_calls(repo, about, tmp_path):
        code, out, err = command(name, *words)
        assert code == 0, (name, words, out, err)
        assert out.strip() or err.strip(), (name, words)
        tried.add(name)
    others = set(NEED_CAMERAS) | OF_NO_REPOSITORY
    if universe == "fibres":  # which has calibrations too
        # A new command says here what it does without cameras.
        assert tried | others == set(plugins.plugin_names("commands"))
    left = command("query-datasets", repo, about["dataset"], "--format", "json")
    # Target 3 lies on both plates, and pointing 3 has two frames of eight.
    assert len(rows(left[1]) if left[1].strip() else []) == about["left"]


def test_a_pipeline_is_shown_with_the_dimensions_of_a_file(either, command, tmp_path):
    _, _, universe = either
    pipeline = pipeline_of(tmp_path, universe)
    file = UNIVERSES / f"{universe}.yaml"
    for what in ("pipeline", "config", "yaml"):
        code, out, err = command("show", what, pipeline, "--universe", file)
        assert code == 0, err
        assert out.strip()
    code, _, err = command("show", "pipeline", pipeline)
    assert code == 2
    assert "universe 'pantler'" in err


# Versions


NEWER = {
    "fibres": ("      - {name: magnitude,", "      - {name: redshift, type: float}\n"),
    "sky_spectra": (
        "      - {name: exposure_time,",
        "      - {name: sun, type: float}\n",
    ),
}


def newer_file(universe, folder):
    """Write a newer version of a universe; return its path, and its new column."""
    text = (UNIVERSES / f"{universe}.yaml").read_text("utf-8")
    before, line = NEWER[universe]
    if universe == "sky_spectra":
        text = text.replace("max_level: 10", "max_level: 12")
    place = text.index(before)
    text = (text[:place] + line + text[place:]).replace("version: 1", "version: 2")
    path = folder / "newer.yaml"
    path.write_text(text)
    return path


def test_a_repository_goes_over_to_a_newer_version(either, command, tmp_path):
    repo, about, universe = either
    newer = newer_file(universe, tmp_path)
    before = command("query-datasets", repo)
    code, out, err = command("extend-universe", repo, newer, "--dry-run")
    assert (code, err) == (0, "")
    assert f"'{universe}' would be of version 2, after version 1. New: columns" in out
    with Butler.open(repo) as butler:
        assert butler.universe.version == 1
    code, out, err = command("extend-universe", repo, newer)
    assert (code, err) == (0, "")
    assert "is of version 2" in out
    with Butler.open(repo) as butler:
        assert butler.universe.version == 2
    assert command("query-datasets", repo) == before
    element = about["element"]
    column = {"target": "redshift", "pointing": "sun"}[element]
    json_rows = command("query-dimension-records", repo, element, "--format", "json")
    assert column in rows(json_rows[1])[0]
    code, out, _ = command("extend-universe", repo, newer)
    assert (code, out) == (0, "The repository has version 2 already.\n")


def test_a_version_that_does_more_is_refused(either, command, tmp_path):
    repo, _, universe = either
    newer = newer_file(universe, tmp_path)
    newer.write_text(newer.read_text().replace("type: float", "type: int"))
    code, _, err = command("extend-universe", repo, newer)
    assert code == 4
    assert "does more than add to version 1" in err
    assert "is another one." in err
    code, _, err = command("extend-universe", repo)
    assert code == 4
    assert f"the namespace is 'pantler', no longer '{universe}'" in err


def test_a_graph_runs_only_where_it_belongs(either, command, tmp_path, made):
    repo, about, universe = either
    graph = tmp_path / "g.qgraph"
    plan = ("-p", pipeline_of(tmp_path, universe), "-i", about["inputs"], "-o", "x")
    code, _, err = command("build", repo, *plan, "-g", graph)
    assert code == 0, err
    other = next(name for name in BOTH if name != universe)
    elsewhere = shutil.copytree(made / other, tmp_path / "elsewhere")
    code, _, err = command("run", elsewhere, "-g", graph, "--no-progress")
    assert code == 4
    assert f"built for the universe '{universe}' version 1, and the repository" in err
    command("extend-universe", repo, newer_file(universe, tmp_path))
    code, _, err = command("run", repo, "-g", graph, "--no-progress")
    assert code == 4
    assert f"the repository has '{universe}' version 2. Build it again" in err


def test_dataset_types_stay_in_their_universe(fibres, sky_spectra):
    with (
        Butler.open(fibres) as one,
        Butler.open(sky_spectra, writeable=True) as other,
        pytest.raises(InvalidInputError, match=r"'raw' .*fibres.*sky_spectra"),
    ):
        other.dataset_types.register(one.dataset_types.get("raw"))


@pytest.mark.parametrize(
    ("name", "make", "dimensions", "where"),
    [
        (
            "fibres",
            make_fibre_repository,
            ["exposure", "fibre"],
            "plate.region OVERLAPS CIRCLE(10.5, 0.0, 0.7)",
        ),
        (
            "fibres",
            make_fibre_repository,
            ["target", "htm7"],
            "target.magnitude > 18 AND target.kind = 'star'",
        ),
        (
            "sky_spectra",
            make_sky_repository,
            ["pointing", "array", "healpix3"],
            "pointing.exposure_time > 0 AND pointing > 1",
        ),
    ],
)
def test_both_databases_hold_it_alike(
    made, postgresql, tmp_path, name, make, dimensions, where
):
    with postgresql.database() as database:
        location = postgresql.uri(database)
        make(tmp_path / "repo", RepositorySettings().with_registry(location))
        with Butler.open(tmp_path / "repo") as here, Butler.open(made / name) as there:
            for element in here.universe.elements.values():
                if not element.is_pixel:
                    _compare(here, there, "query_dimension_records", element.name)
            _compare(here, there, "query_data_ids", dimensions)
            found = _compare(here, there, "query_data_ids", dimensions, where=where)
            assert found.height
            for kind in there.dataset_types.all():
                mine, other = (
                    {
                        (ref.data_id, ref.run)
                        for ref in butler.query_datasets(kind, where=where)
                    }
                    for butler in (here, there)
                )
                assert mine == other


def _compare(here, there, question, *words, **keys):
    """Ask both, and return the rows of an answer that is the same."""
    mine, other = (
        getattr(butler, question)(*words, **keys).to_polars()
        for butler in (here, there)
    )
    assert mine.sort(mine.columns).equals(other.sort(other.columns))
    return mine
