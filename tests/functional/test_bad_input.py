"""Bad input: a clear sentence, no traceback, the right exit code; the rest goes on."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.cli.main import main
from pantler.instruments.demo.settings import DemoSettings
from pantler.instruments.demo.simulator import simulate
from pantler.testing.survey_repository import make_survey_repository, survey_pipeline

NIGHT = DemoSettings(
    detector_size=64, detector_gap=4, bias_count=1, dark_count=0, flat_count=0,
    dither_count=1, star_count=10,
)  # fmt: skip

INPUTS = ("-i", "Cam/raw,Cam/calib")


@pytest.fixture
def command(capfd, monkeypatch):
    """Run a command as a user would; return exit code, and what it said where."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pantler", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        assert "Traceback" not in said.out + said.err
        return ended.value.code, said.out, said.err

    return run


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    root = tmp_path_factory.mktemp("filled") / "repo"
    make_survey_repository(root).close()
    return root


@pytest.fixture
def repo(filled, tmp_path):
    """A repository of its own, with the small survey."""
    return Path(shutil.copytree(filled, tmp_path / "repo"))


@pytest.fixture
def pipeline(tmp_path):
    """Return a function that writes the pipeline of the three tasks, configured."""

    def write(**config: dict[str, object]) -> Path:
        path = tmp_path / "pipeline.yaml"
        path.write_text(survey_pipeline(**config).to_yaml(), "utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("night"), NIGHT)


@pytest.fixture
def camera_repo(tmp_path, command):
    """An empty repository that knows the demo camera."""
    root = tmp_path / "camera"
    assert command("create", root)[0] == 0
    assert command("register-instrument", root, "demo")[0] == 0
    return root


def _is_whole(root: Path) -> bool:
    with Repository.open(root) as repository:
        report = repository.check()
    return not report.remains and not report.damaged


# Frames


def test_what_is_not_fits_is_named_and_the_rest_comes_in(
    camera_repo, night, tmp_path, command
):
    folder = tmp_path / "mixed"
    folder.mkdir()
    shutil.copy(night[0], folder / "good.fits")
    (folder / "noise.fits").write_bytes(b"This is not a FITS file.\n" * 500)
    (folder / "short.fits").write_bytes(Path(night[1]).read_bytes()[:1000])
    code, out, err = command("ingest-raws", camera_repo, folder)
    assert code == 2
    assert "1 ingested, 0 there already, 2 could not be used." in out
    for name in ("noise", "short"):
        assert err.count(f"{name}.fits") == 1
        assert f"{name}.fits cannot be read as FITS: " in err
    assert _is_whole(camera_repo)


def test_a_frame_cut_off_in_its_pixels_is_refused(
    camera_repo, night, tmp_path, command
):
    cut = tmp_path / "cut.fits"
    cut.write_bytes(Path(night[0]).read_bytes()[:-5760])
    code, out, err = command("ingest-raws", camera_repo, cut)
    assert (code, out.split(",")[0]) == (2, "0 ingested")
    assert "cut.fits" in err
    assert _is_whole(camera_repo)


def test_a_header_without_what_is_needed_says_what(
    camera_repo, night, tmp_path, command
):
    from astropy.io import fits

    bad = tmp_path / "bad.fits"
    with fits.open(night[0]) as file:
        del file[0].header["DATE-OBS"]
        file.writeto(bad)
    code, _, err = command("ingest-raws", camera_repo, bad)
    assert code == 2
    assert "bad.fits" in err
    assert "DATE-OBS" in err


def test_a_frame_that_comes_twice_is_skipped(camera_repo, night, command):
    assert command("ingest-raws", camera_repo, night[0])[0] == 0
    code, out, _ = command("ingest-raws", camera_repo, night[0])
    assert code == 0
    assert "0 ingested, 1 there already" in out


def test_an_altered_copy_of_a_frame_is_not_taken_for_it(
    camera_repo, night, tmp_path, command
):
    from astropy.io import fits

    assert command("ingest-raws", camera_repo, night[0])[0] == 0
    other = tmp_path / "other.fits"
    with fits.open(night[0]) as file:
        file[0].data[0, 0] += 1
        file.writeto(other)
    code, out, err = command("ingest-raws", camera_repo, other)
    assert code == 2
    assert "0 ingested, 0 there already, 1 could not be used." in out
    assert f"{other} differs from {camera_repo}" in err
    assert _is_whole(camera_repo)


def test_a_frame_of_an_unknown_detector_is_refused(
    camera_repo, night, tmp_path, command
):
    from astropy.io import fits

    bad = tmp_path / "bad.fits"
    with fits.open(night[0]) as file:
        (key,) = [k for k in file[0].header if k in {"DETECTOR", "CCDNUM", "DETID"}]
        file[0].header[key] = 77
        file.writeto(bad)
    code, out, err = command("ingest-raws", camera_repo, bad, night[1])
    assert code == 2
    assert out.startswith("1 ingested")
    assert "77" in err
    assert _is_whole(camera_repo)


def test_an_instrument_that_is_not_there_is_named(repo, camera_repo, command):
    code, _, err = command("register-instrument", repo, "dmeo")
    assert code == 8
    assert "Did you mean 'demo'?" in err
    code, _, err = command("ingest-raws", camera_repo, repo, "--instrument", "DemoCan")
    assert (code, "Did you mean 'DemoCam'?" in err) == (3, True)


@pytest.mark.parametrize(
    "words",
    [
        ("--pixel-scale", "nan"),
        ("--pixel-scale", "inf"),
        ("--pixel-scale", "1e-12"),
        ("--pixel-scale", "0.4", "--patch-size", "0"),
        ("--pixel-scale", "0.4", "--patch-size", "9" * 30),
        ("--pixel-scale", "0.4", "--patch-border", "-3"),
    ],
)
def test_a_sky_map_of_absurd_sizes_is_refused(repo, command, words):
    code, _, err = command("register-skymap", repo, "absurd", *words)
    assert code == 2
    assert "\nError: " in f"\n{err}"  # click says how to use the option first
    with Butler.open(repo) as butler:
        skymaps = butler.query_dimension_records("skymap").to_polars()
    assert "absurd" not in skymaps["skymap"].to_list()


# Queries


@pytest.mark.parametrize(
    ("where", "parts"),
    [
        ("exposure.exposure_tme > 3", ("line 1, column", "exposure_time")),
        ("exposure > 3 AND\n  detecter = 1", ("line 2, column 3", "'detector'")),
        ("exposure >", ("line 1, column",)),
        ("exposure.exposure_time = 'three'", ("line 1, column", "exposure_time")),
        ("detector IN (1, 2", ("line 1, column",)),
        ("exposure = :number", ("line 1, column", "number")),
    ],
)
def test_a_typo_in_a_query_is_shown_with_its_place(repo, command, where, parts):
    code, _, err = command("query-datasets", repo, "raw", "-d", where)
    assert code == 2
    for part in parts:
        assert part in err


def test_collections_and_types_that_are_not_there_are_named(repo, command):
    code, _, err = command("query-datasets", repo, "raw", "-i", "Cam/rae")
    assert (code, "Did you mean 'Cam/raw'?" in err) == (3, True)
    code, _, err = command("query-datasets", repo, "rav")
    assert (code, "Did you mean 'raw'?" in err) == (3, True)
    code, _, err = command("query-dimension-records", repo, "exposur")
    assert (code, "Did you mean 'exposure'?" in err) == (3, True)
    code, _, err = command("query-data-ids", repo, "visit", "detectr")
    assert (code, "Did you mean 'detector'?" in err) == (3, True)
    code, _, err = command("qery-datasets", repo)
    assert (code, "Did you mean 'query-datasets'?" in err) == (2, True)


def test_errors_are_json_where_that_was_asked_for(repo, command):
    import json

    code, _, err = command("query-datasets", repo, "rav", "--format", "json")
    assert code == 3
    assert json.loads(err)["kind"] == "dataset_type_not_found"


# Pipelines


def _write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_a_pipeline_that_is_not_yaml_says_where(tmp_path, command):
    path = _write(tmp_path / "bad.yaml", "description: x\ntasks: {reduce: [}")
    code, _, err = command("show", "pipeline", path)
    assert code == 2
    assert "bad.yaml" in err
    assert "line 2" in err


def _with_strange(tmp_path: Path, *names: str) -> Path:
    tasks = {"reduce": "pantler.testing.tasks.ReduceTask"}
    tasks["measure"] = "pantler.testing.tasks.MeasureTask"
    tasks |= {name: f"strange_tasks.{name}Task" for name in names}
    lines = [f"  {label}:\n    class: {kind}\n" for label, kind in tasks.items()]
    return _write(tmp_path / "bad.yaml", "description: x\ntasks:\n" + "".join(lines))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Loop", ("'raw'", "'reduced'", "'measured'", "Loop", "reduce", "measure")),
        ("WrongDimensions", ("WrongDimensions", "reduce", "visit", "exposure")),
        ("WrongStorage", ("WrongStorage", "reduce", "Text", "StructuredDict")),
    ],
)
def test_a_pipeline_that_does_not_hold_together_says_which_tasks_disagree(
    repo, tmp_path, command, monkeypatch, name, parts
):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    path = _with_strange(tmp_path, name)
    for words in (("show", "pipeline"), ("run", repo, "-o", "x", *INPUTS, "-p")):
        code, _, err = command(*words, path)
        assert code == 2
        for part in parts:
            assert part in err


def test_a_task_that_cannot_be_imported_is_named(tmp_path, command):
    path = _with_strange(tmp_path, "Gone")
    code, _, err = command("show", "pipeline", path)
    assert (code, "strange_tasks" in err, "Gone" in err) == (2, True, True)


def test_a_misspelt_configuration_is_refused(repo, pipeline, command):
    code, _, err = command(
        *("run", repo, "-p", pipeline(reduce={"do_bais": False}), "-o", "x", *INPUTS)
    )
    assert (code, "Did you mean 'do_bias'?" in err) == (2, True)
    code, _, err = command(
        *("run", repo, "-p", pipeline(), "-c", "reduce:do_bais=false", "-o", "x"),
        *INPUTS,
    )
    assert (code, "Did you mean 'do_bias'?" in err) == (2, True)
    code, _, err = command(
        *("run", repo, "-p", pipeline(), "-c", "redoce:do_bias=false", "-o", "x"),
        *INPUTS,
    )
    assert (code, "Did you mean 'reduce'?" in err) == (2, True)
    code, _, err = command(
        *("run", repo, "-p", pipeline(), "-c", "reduce:do_bias", "-o", "x", *INPUTS)
    )
    assert (code, "LABEL:KEY=VALUE" in err) == (2, True)
    assert not list(repo.glob("graphs/*"))


# Runs


def test_an_empty_graph_says_which_condition_left_nothing(repo, pipeline, command):
    code, _, err = command(
        *("run", repo, "-p", pipeline(), "-o", "x", "-d", "exposure = 99", *INPUTS)
    )
    assert code == 3
    assert "exposure" in err
    code, _, err = command(
        *("run", repo, "-p", pipeline(), "-o", "x", "-i", "Cam/calib")
    )
    assert code == 3
    assert "raw" in err


def test_a_run_with_outputs_is_not_run_into_again(repo, pipeline, command):
    words = ("run", repo, "-p", pipeline(), "--output-run", "once", *INPUTS)
    assert command(*words)[0] == 0
    kept = (repo / "graphs" / "once.qgraph").read_bytes()
    code, _, err = command(*words)
    assert (code, "'once'" in err, "already" in err) == (4, True, True)
    assert (repo / "graphs" / "once.qgraph").read_bytes() == kept
    assert _is_whole(repo)


def test_a_graph_file_that_is_cut_off_or_foreign_is_refused(
    repo, pipeline, tmp_path, command
):
    graph = tmp_path / "a.qgraph"
    words = ("-p", pipeline(), "-o", "x", *INPUTS)
    assert command("build", repo, *words, "-g", graph)[0] == 0
    for content in (graph.read_bytes()[:-40], b"something else", b""):
        graph.write_bytes(content)
        for words in (("run", repo, "-g"), ("show", "graph")):
            code, _, err = command(*words, graph)
            assert (code, "a.qgraph" in err) == (6, True)


def test_a_task_that_raises_blocks_what_needs_it_and_nothing_else(
    repo, pipeline, command
):
    code, out, err = command(
        *("run", repo, "-p", pipeline(reduce={"fail_on_detector": 1}), "-j", 2),
        *("--output-run", "out", *INPUTS),
    )
    assert code == 9
    assert "18 of 24 quanta done" in out
    assert "2 failed, and 4 that need their outputs could not run" in out
    assert "Told to fail on detector 1." in err
    with Butler.open(repo, collections="out") as butler:
        (entry,) = [
            e
            for e in butler.get("reduce_log", exposure=1, detector=1)
            if e["level"] == "ERROR"
        ]
        assert "Traceback" in entry["exception"]
        assert "TaskError: Told to fail on detector 1." in entry["exception"]
        found = {ref.data_id["detector"] for ref in butler.query_datasets("reduced")}
        assert found == {0, 2, 3}
        assert butler.query_datasets("gathered").count() == 6
        status = butler.get("reduce_metadata", exposure=1, detector=1)
        assert status["quantum"]["status"] == "failed"
    assert _is_whole(repo)


# Repositories


def test_what_is_not_a_repository_is_not_opened(tmp_path, command):
    code, _, err = command("query-collections", tmp_path / "nowhere")
    assert (code, "No repository in" in err) == (3, True)
    (tmp_path / "file").write_text("x")
    code, _, err = command("query-collections", tmp_path / "file")
    assert (code, str(tmp_path / "file") in err) == (3, True)


def test_no_repository_is_made_over_another_one(repo, command):
    code, _, err = command("create", repo)
    assert (code, "is a repository" in err) == (4, True)
    assert _is_whole(repo)


@pytest.mark.parametrize(
    ("option", "text", "hint"),
    [
        ("--settings", "datastore: {rot: x}", "Did you mean 'root'?"),
        ("--settings", "datastore: [", "YAML"),
        ("--settings", "registry: {kind: sqlit}", "Did you mean 'sqlite'?"),
        ("--universe", "elements: [", "YAML"),
        ("--universe", "elemnts: {}", "elemnts"),
    ],
)
def test_bad_settings_make_no_repository(tmp_path, command, option, text, hint):
    path = tmp_path / "bad.yaml"
    path.write_text(text, "utf-8")
    code, _, err = command("create", tmp_path / "new", option, path)
    assert code in {2, 8}
    assert hint in err
    assert not (tmp_path / "new").exists() or not any((tmp_path / "new").iterdir())


def test_lost_files_are_reported_by_check(repo, command):
    assert command("check", repo)[0] == 0
    (one, two, *_) = sorted((repo / "datasets" / "Cam" / "raw").rglob("*.json"))
    one.unlink()
    assert "\n1 dataset cannot be read." in command("check", repo)[1]
    two.write_bytes(b"{}")
    stray = one.with_name("stray.txt")
    stray.write_text("mine")
    code, out, _ = command("check", repo)
    sentence = (
        "\n1 file is not recorded or unfinished: --repair removes it, whoever put"
    )
    assert sentence in out
    assert code == 6
    assert "2 datasets cannot be read." in out
    assert one.name in out
    assert two.name in out
