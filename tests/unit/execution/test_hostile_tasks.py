"""Whatever a task does to its process costs its own quantum, wherever it runs."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import pytest

from pantler.execution.outcome import QuantumStatus
from pantler.pipelines.pipeline import Pipeline
from pantler.pipelines.task_definition import TaskDefinition

FAILS = {
    "surrogates_in_error": r"ValueError: bad \udc80 file",
    "unprintable_error": "_Unprintable",
    "alien_error": "_Alien: from outside",
    "keyboard_interrupt": "KeyboardInterrupt",
    "generator_exit": "GeneratorExit",
    "exit_by_exception": "SystemExit: I leave.",
    "raising_handler": "RuntimeError: not one more",
    "remove_own_output": "is not as it was stored: the file is missing.",
    "spoil_own_output": "is not as it was stored: ",
    "unnamed_error": "_Unnamed: without a name",
    "put_twice": "ConflictError: Task 'hostile' stores connection 'product' twice",
}
PASSES = [
    "child_that_stores_as_well",
    "child_that_returns",
    "child_that_raises",
    "child_that_exits",
    "child_that_dies",
    "surrogates_in_log",
    "surrogates_in_metadata",
    "huge_integer",
    "not_a_number",
    "unprintable_metadata",
    "endless_metadata",
    "no_metadata",
    "metadata_of_another_kind",
    "unprintable_log",
    "message_without_arguments",
    "logging_disabled",
    "logging_configured",
    "late_put",
    "deleted_metadata",
]
# Only with workers of their own: these end the process, or break it.
ENDS = {
    "exit_well": "ended with exit code 0",
    "exit_badly": "ended with exit code 3",
    "segmentation_fault": "SIGSEGV",
    "closed_descriptors": "its process ended with exit code 1",
    "closed_descriptors_and_new_ones": "its process ended with exit code 1",
    "child_that_outlives_its_parent": "SIGKILL",
}
IN_WORKERS = ["closed_stdout", "strange_clock"]

_SAFE = [*FAILS, *PASSES]
BATCHES = [
    *((0, _SAFE[at : at + 8]) for at in range(0, len(_SAFE), 8)),
    *(
        (processes, names)
        for processes in (1, 2)
        for names in (
            _SAFE[:8],
            _SAFE[8:16],
            _SAFE[16:24],
            [*_SAFE[24:], *IN_WORKERS],
        )
    ),
    *((n, [*ENDS, "child_that_outlives_its_quantum"]) for n in (1, 2)),
]


@pytest.fixture
def hostile(monkeypatch):
    """Return a function that makes a pipeline of what is done to which quantum."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))

    def make(how: dict[str, str]) -> Pipeline:
        task = TaskDefinition("hostile", "hostile_tasks.HostileTask", {"how": how})
        return Pipeline("For tests.", (task,))

    return make


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(("processes", "names"), BATCHES)
def test_it_costs_its_own_quantum_alone(
    repository, butler, execute, hostile, monkeypatch, processes, names
):
    # Those of pytest raise on purpose, and are not ours to remove.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    places = [(e, d) for e in (1, 2, 3) for d in (0, 1, 3)]
    done_to = dict(zip(places, names, strict=False))
    began = time.monotonic()
    pipeline = hostile({f"e{e}d{d}": name for (e, d), name in done_to.items()})
    report, _ = execute(pipeline, processes=processes)
    assert time.monotonic() - began < 60
    expected = {
        place: (FAILS | ENDS)[name]
        for place, name in done_to.items()
        if name in FAILS or name in ENDS
    }
    found = {
        (f.data_id["exposure"], f.data_id["detector"]): f.message
        for f in report.failures
    }
    assert found.keys() == expected.keys()
    for place, message in expected.items():
        assert message in found[place], done_to[place]
    assert report.count(QuantumStatus.DONE) == 12 - len(expected)
    kept = {
        (r.data_id["exposure"], r.data_id["detector"])
        for r in butler.query_datasets("product", collections="out")
    }
    assert len(kept) == 12 - len(expected)
    assert not kept.intersection(expected)
    for e in (1, 2, 3):
        for d in range(4):
            _check_quantum(butler, (e, d), done_to.get((e, d)))
    for e, d in kept:
        assert (
            butler.get("product", exposure=e, detector=d, collections="out")["detector"]
            == d
        )
    _wait_for_threads()
    check = repository.check()
    assert not check.damaged
    assert not check.orphans
    assert not [path for path in check.abandoned if "product" in path]


def _wait_for_threads() -> None:
    for thread in threading.enumerate():
        if thread.name == "late_put":
            thread.join(10)


def _check_quantum(butler, place: tuple[int, int], name: str | None) -> None:
    """Quanta next to a hostile one run as if it were not there."""
    exposure, detector = place
    keys = {"exposure": exposure, "detector": detector, "collections": "out"}
    if name in ENDS:
        (entry,) = butler.get("hostile_log", **keys)
        assert ENDS[name] in entry["message"]
        return
    metadata = butler.get("hostile_metadata", **keys)
    assert metadata["quantum"]["status"] == ("failed" if name in FAILS else "done")
    first, *more = butler.get("hostile_log", **keys)
    assert first["message"] == f"Detector {detector}."
    if name is None:
        assert metadata["task"] == {"detector": detector}
        assert not more


@pytest.mark.parametrize(
    ("how", "kept"),
    [
        ("surrogates_in_metadata", {"detector": 1, "name": "\\udc80", "\\udc81": 1}),
        (
            "unprintable_metadata",
            {"detector": 1, "odd": "<_Unprintable, whose text cannot be had>"},
        ),
        ("no_metadata", {}),
        ("deleted_metadata", {}),
        ("metadata_of_another_kind", {}),
    ],
)
def test_metadata_that_cannot_be_kept_are_text(butler, execute, hostile, how, kept):
    execute(hostile({"e1d1": how}))
    keys = {"exposure": 1, "detector": 1, "collections": "out"}
    assert butler.get("hostile_metadata", **keys)["task"] == kept
    last = butler.get("hostile_log", **keys)[-1]
    assert last["level"] == "WARNING"
    assert "kept as text" in last["message"]


def test_a_huge_integer_is_kept_as_text(butler, execute, hostile):
    execute(hostile({"e1d1": "huge_integer"}))
    kept = butler.get("hostile_metadata", exposure=1, detector=1, collections="out")[
        "task"
    ]
    assert kept["detector"] == 1
    assert isinstance(kept["number"], str)


@pytest.mark.parametrize(
    "how", ["remove_output_of_others", "remove_the_folder_of_outputs"]
)
def test_a_quantum_whose_output_is_gone_by_then_fails(
    repository, butler, execute, hostile, how
):
    report, _ = execute(hostile({"e2d1": how}))
    lost = [(f.data_id["exposure"], f.data_id["detector"]) for f in report.failures]
    assert 0 < len(lost) < 12
    for failure in report.failures:
        assert "is not as it was stored: the file is missing." in failure.message
    assert report.count(QuantumStatus.FAILED) == len(lost)
    assert report.count(QuantumStatus.DONE) == 12 - len(lost)
    assert butler.query_datasets("product", collections="out").count() == 12 - len(lost)
    assert butler.query_datasets("hostile_log", collections="out").count() == 12
    exposure, detector = lost[0]
    keys = {"exposure": exposure, "detector": detector, "collections": "out"}
    assert "is missing" in str(butler.get("hostile_log", **keys)[-1])
    check = repository.check()
    assert not check.damaged
    assert not check.orphans


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("modules_cleared", ""),
        ("no_open", ""),
        ("descriptors_used_up", ""),
        ("too_many_descriptors", "Too many open files"),
        ("no_files_of_any_size", "File too large"),
        ("garbage_in_pipes", "its process could not go on: The pipe of a worker"),
    ],
)
def test_a_worker_that_a_task_has_spoilt_is_replaced(
    butler, execute, hostile, capfd, how, message, processes
):
    report, _ = execute(hostile({"e1d1": how}), processes=processes)
    assert report.count(QuantumStatus.DONE) >= 11
    assert [f.data_id["detector"] for f in report.failures] in ([], [1])
    if message:
        (failure,) = report.failures
        assert message in failure.message
    assert "Traceback" not in capfd.readouterr().err
