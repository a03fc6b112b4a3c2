"""A mistake at the command line gets a sentence, an exit code, and loses nothing."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from pantler import Butler
from pantler.cli.main import main
from pantler.instruments.demo.settings import DemoSettings
from pantler.instruments.demo.simulator import simulate
from pantler.tasks.config import TaskConfig
from pantler.tasks.connections import Connections, Input, Output
from pantler.tasks.task import PipelineTask

SMALL = DemoSettings(
    detector_size=64,
    bias_count=2,
    dark_count=0,
    flat_count=0,
    dither_count=1,
    star_count=20,
)


@pytest.fixture
def say(monkeypatch, capsys):
    """Type a command; return its exit code and what it printed."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pantler", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return ended.value.code, told.out, told.err

    return run


@pytest.fixture
def frames(tmp_path):
    return simulate(tmp_path / "frames", SMALL)


@pytest.fixture
def repo(tmp_path, say, frames):
    place = tmp_path / "repo"
    assert say("create", place)[0] == 0
    assert say("register-instrument", place, "demo")[0] == 0
    assert say("ingest-raws", place, *frames)[0] == 0
    return place


class CountConnections(Connections, dimensions=("instrument", "exposure", "detector")):
    """A frame in, a number out."""

    raw = Input(
        "raw",
        "CCDImage",
        "The frame.",
        dimensions=("instrument", "exposure", "detector"),
    )
    count = Output(
        "count",
        "StructuredDict",
        "Its mean.",
        dimensions=("instrument", "exposure", "detector"),
    )


class CountConfig(TaskConfig):
    """How to fail, on purpose."""

    fail_on: int = -1
    die_on: int = -1
    die_writing: bool = False


class CountTask(PipelineTask[CountConfig]):
    """Counts; fails or dies on a detector if it is told to."""

    connections = CountConnections

    def run_quantum(self, quantum):
        detector = quantum.data_id["detector"]
        self.log.info("At detector %s", detector)
        mean = float(np.mean(quantum.get("raw").data))
        if detector == self.config.die_on and self.config.die_writing:
            # The bytes are in the temporary file, and not yet under their name.
            os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        quantum.put("count", {"mean": mean})
        if detector == self.config.fail_on:
            raise ValueError("the sky fell")
        if detector == self.config.die_on:
            os.kill(os.getpid(), signal.SIGKILL)


class DoubleConnections(Connections, dimensions=("instrument", "exposure", "detector")):
    """A number in, twice the number out."""

    count = Input(
        "count",
        "StructuredDict",
        "A number.",
        dimensions=("instrument", "exposure", "detector"),
    )
    double = Output(
        "double",
        "StructuredDict",
        "Twice as much.",
        dimensions=("instrument", "exposure", "detector"),
    )


class DoubleTask(PipelineTask[TaskConfig]):
    """Doubles."""

    connections = DoubleConnections

    def run(self, count):
        return {"double": {"mean": 2 * count["mean"]}}


@pytest.fixture
def pipeline(tmp_path, monkeypatch):
    """A pipeline of two tasks, from a module that workers can import."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "mistaken_tasks.py"
    module.write_text(Path(__file__).read_text("utf-8"), "utf-8")
    path = tmp_path / "count.yaml"
    path.write_text(
        "description: Count.\n"
        "tasks:\n"
        "  count: mistaken_tasks.CountTask\n"
        "  double: mistaken_tasks.DoubleTask\n"
    )
    return path


def test_a_file_that_is_no_fits_is_named_and_the_rest_comes_in(say, tmp_path, frames):
    place = tmp_path / "repo"
    say("create", place)
    say("register-instrument", place, "demo")
    frames[0].write_bytes(b"not a FITS file at all")
    frames[1].write_bytes(frames[1].read_bytes()[:4000])
    code, out, err = say("ingest-raws", place, *frames)
    assert code == 2
    assert f"{len(frames) - 2} ingested" in out
    assert frames[0].name in err
    assert frames[1].name in err


@pytest.mark.parametrize(
    ("keyword", "value"), [("EXPNUM", None), ("DETECTOR", 17), ("FILTER", "purple")]
)
def test_a_header_that_does_not_do_is_named_with_what_it_lacks(
    say, tmp_path, frames, keyword, value
):
    place = tmp_path / "repo"
    say("create", place)
    say("register-instrument", place, "demo")
    with fits.open(frames[-1], mode="update") as hdus:
        if value is None:
            del hdus[0].header[keyword]
        else:
            hdus[0].header[keyword] = value
    code, out, err = say("ingest-raws", place, *frames)
    assert code == 2
    assert f"{len(frames) - 1} ingested" in out
    assert frames[-1].name in err
    assert (keyword if value is None else str(value)) in err


def test_a_frame_ingested_twice_is_skipped_and_said(say, repo, frames):
    code, out, _ = say("ingest-raws", repo, *frames)
    assert code == 0
    assert f"0 ingested, {len(frames)} there already" in out


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("query-data-ids", "vist"), 3, "Did you mean 'visit'?"),
        (("query-datasets", "rwa"), 3, "Did you mean 'raw'?"),
        (("query-datasets", "raw", "-i", "DemoCam/raw/al"), 3, "DemoCam/raw/all"),
        (
            ("query-datasets", "raw", "-d", "exposure.exposure_tme > 3"),
            2,
            "line 1, column 1: 'exposure' has no field 'exposure_tme'. "
            "Did you mean 'exposure_time'?",
        ),
        (
            ("query-datasets", "raw", "-d", "detector = 1 AND\n band === 'g'"),
            2,
            "line 2, column",
        ),
        (("query-datasets", "raw", "-d", "detector = 1.5 OR band = 3"), 2, "line 1"),
        (("register-instrument", "dmo"), 8, "Did you mean 'demo'?"),
        (("certify-calibrations", "nowhere", "c", "raw"), 2, "not one of calibr"),
        (("certify-calibrations", "nowhere", "c", "bias"), 3, "'bias'"),
        (("define-visits", "OtherCam"), 3, "OtherCam"),
    ],
)
def test_a_misspelt_word_gets_a_sentence(say, repo, words, code, sentence):
    command, *rest = words
    found, _, err = say(command, repo, *rest)
    assert sentence in err
    assert found == code


def test_an_error_is_json_where_results_are(say, repo):
    code, _, err = say("query-datasets", repo, "rwa", "--format", "json")
    problem = json.loads(err)
    assert code == 3
    assert problem["kind"] == "dataset_type_not_found"


def test_what_is_no_repository_is_said_and_none_is_made_over_another(
    say, repo, tmp_path
):
    assert say("query-collections", tmp_path / "nowhere")[0] == 3
    code, _, err = say("create", repo)
    assert code == 4
    assert "Choose a new folder" in err


@pytest.mark.parametrize(
    ("data_id", "sentence"),
    [
        ({"exposure": 250301001}, "lacks 'detector'|detector"),
        ({"exposure": 250301001, "detectr": 1}, "Did you mean 'detector'"),
        ({"exposure": 250301001, "detector": 99}, "99"),
        ({"exposure": "first", "detector": 1}, "first"),
    ],
)
def test_a_wrong_data_id_says_what_is_wrong(repo, data_id, sentence):
    with (
        Butler.open(repo, collections="DemoCam/raw/all") as butler,
        pytest.raises((ValueError, LookupError), match=sentence),
    ):
        butler.get("raw", data_id)


def test_a_cycle_is_drawn_with_its_labels(say, tmp_path, pipeline):
    pipeline.write_text(
        "description: Round.\n"
        "tasks:\n"
        "  one: {class: mistaken_tasks.DoubleTask, config: "
        "{connections.count: a, connections.double: b}}\n"
        "  two: {class: mistaken_tasks.DoubleTask, config: "
        "{connections.count: b, connections.double: a}}\n"
    )
    code, _, err = say("show", "pipeline", pipeline)
    assert code == 2
    assert "one" in err
    assert "two" in err


def test_a_misspelt_config_key_is_named_with_the_closest(say, pipeline):
    code, _, err = say("show", "pipeline", pipeline, "-c", "count:fial_on=1")
    assert code == 2
    assert "Did you mean 'fail_on'?" in err


def test_an_empty_graph_says_which_condition_left_nothing(say, repo, pipeline):
    code, _, err = say(
        *("run", repo, "-p", pipeline, "-i", "DemoCam/raw/all", "-o", "out"),
        *("-d", "band = 'u'"),
    )
    assert code == 3
    assert "`band = 'u'`" in err
    assert "'g'" in err


def _run(say, repo, pipeline, *more: object, processes: int = 2):
    return say(
        *("run", repo, "-p", pipeline, "-i", "DemoCam/raw/all", "-o", "out"),
        *("-j", processes, "--format", "json", *more),
    )


@pytest.mark.parametrize("processes", [1, 2])
def test_a_task_that_raises_loses_only_what_needs_it(say, repo, pipeline, processes):
    code, out, err = _run(
        say, repo, pipeline, "-c", "count:fail_on=2", processes=processes
    )
    assert code == 9
    assert "the sky fell" in err
    counts = {row["task"]: row for row in json.loads(out)}
    failed = counts["count"]["failed"]
    assert failed == counts["double"]["blocked"] > 0
    assert counts["count"]["done"] == counts["double"]["done"] == 3 * failed
    with Butler.open(repo, collections="out") as butler:
        assert butler.query_datasets("count", detector=2).count() == 0
        exposure = next(iter(butler.query_datasets("count"))).data_id["exposure"]
        log = butler.get("count_log", exposure=exposure, detector=2)
        assert any("the sky fell" in entry.get("exception", "") for entry in log)
        facts = butler.get("count_metadata", exposure=exposure, detector=2)
        assert facts["quantum"]["status"] == "failed"
    assert not _files(repo, "count", "_2")


@pytest.mark.parametrize("writing", [True, False])
def test_a_killed_worker_fails_one_quantum_and_leaves_no_file(
    say, repo, pipeline, writing
):
    code, out, err = _run(
        *(say, repo, pipeline, "-c", "count:die_on=2"),
        *("-c", f"count:die_writing={writing}", "-d", "exposure = 250301001"),
    )
    assert code == 9
    assert "SIGKILL" in err
    counts = {row["task"]: row for row in json.loads(out)}
    assert counts["count"]["failed"] == 1
    assert counts["count"]["done"] == counts["double"]["done"] == 3
    assert not _files(repo, "count", "_2")
    with Butler.open(repo, collections="out") as butler:
        log = butler.get("count_log", exposure=250301001, detector=2)
        assert "SIGKILL" in log[0]["message"]


def _files(repo, dataset_type: str, mark: str) -> list[str]:
    """Files of a type in the output, with a mark in the name, also half-written."""
    root = repo / "datasets" / "out"
    return [
        path.name
        for path in root.rglob("*")
        if path.is_file()
        and (path.name.startswith(".tmp-") or path.parent.parent.name == dataset_type)
        and mark in path.name
    ]


def test_a_run_with_outputs_is_not_written_to_again(say, repo, pipeline):
    words = ("run", repo, "-p", pipeline, "-i", "DemoCam/raw/all")
    assert say(*words, "--output-run", "mine")[0] == 0
    code, _, err = say(*words, "--output-run", "mine")
    assert code == 4
    assert "mine" in err


def test_a_graph_that_was_cut_off_is_refused(say, repo, pipeline, tmp_path):
    graph = tmp_path / "a.qgraph"
    words = ("-p", pipeline, "-i", "DemoCam/raw/all", "-o", "out", "-g", graph)
    assert say("build", repo, *words)[0] == 0
    graph.write_bytes(graph.read_bytes()[:-20])
    code, _, err = say("run", repo, "-g", graph)
    assert code == 6
    assert "a.qgraph" in err
