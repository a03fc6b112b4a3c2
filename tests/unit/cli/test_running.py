"""What a run says at a terminal: failures by cause, where things are, how to go on."""

from __future__ import annotations

import io
import re

import pytest

from pantler.cli import progress as progress_module
from pantler.cli.progress import RunProgress, spoken_time
from pantler.cli.running import describe_failures, describe_stop, keep_graph
from pantler.execution.outcome import Fault, QuantumOutcome, QuantumStatus
from pantler.execution.report import Failure, RunReport
from pantler.quanta.planning import plan_graph
from pantler.testing.survey_repository import (
    INPUTS,
    make_survey_repository,
    survey_pipeline,
)


def _report(*faults: tuple[str, Fault], planned=None) -> RunReport:
    report = RunReport("u/run", planned or {"isr": 30, "calibrate": 30})
    for number, (label, fault) in enumerate(faults):
        report.counts[label, QuantumStatus.FAILED] += 1
        report.failures.append(Failure(label, {"visit": number, "detector": 2}, fault))
    return report


def _fault(number: int, place: str = "isr.py:77", trace: str = "") -> Fault:
    return Fault("ValueError", f"bad pixel {number}", place, trace)


def test_equal_failures_are_said_once_with_their_count_and_a_log():
    faults = [("isr", _fault(n, trace="Traceback" * (n == 0))) for n in range(24)]
    text = describe_failures(
        _report(*faults, ("calibrate", _fault(7))), "repo", traceback=False
    )
    assert text.splitlines() == [
        "  isr: ValueError: bad pixel 0 (isr.py:77)",
        "    24 quanta, such as {visit: 0, detector: 2}",
        "  calibrate: ValueError: bad pixel 7 (isr.py:77)",
        "    1 quantum {visit: 24, detector: 2}",
        "Logs say more, such as:",
        "  >>> butler = Butler.open('repo', collections='u/run')",
        "  >>> butler.get('isr_log', visit=0, detector=2)",
        "'pantler run --traceback' shows where each error came from.",
    ]


def test_a_traceback_is_shown_where_it_is_asked_for_once_a_cause():
    faults = [("isr", _fault(n, trace="Trace\n  line")) for n in range(3)]
    text = describe_failures(_report(*faults), "repo", traceback=True)
    assert text.count("    Trace\n      line") == 1
    assert "--traceback" not in text


@pytest.mark.parametrize("traceback", [False, True])
def test_what_tasks_say_cannot_steer_the_terminal(traceback):
    fault = Fault("Od\x1bd", "red \x1b[31m\rline\ntwo", "a.py:1", "Trace\x1b]0;t\x07")
    text = describe_failures(_report(("isr", fault)), "repo", traceback=traceback)
    assert not {c for c in text if ord(c) < 32} - {"\n"}
    assert "Od\\x1bd: red \\x1b[31m\\rline\ntwo (a.py:1)" in text


def test_other_places_and_deaths_are_other_causes():
    died = Fault("Died", "its process was ended by SIGKILL.")
    faults = [
        ("isr", _fault(0, "a.py:1")),
        ("isr", _fault(0, "a.py:2")),
        ("isr", died),
        ("isr", died),
    ]
    causes = _report(*faults).causes()
    assert [len(cause.failures) for cause in causes] == [2, 1, 1]


def test_many_causes_are_cut():
    faults = [("isr", _fault(0, f"a.py:{n}")) for n in range(15)]
    text = describe_failures(_report(*faults), "repo", traceback=False)
    assert "… and 5 more causes." in text


def test_a_stop_says_how_far_where_and_how_to_go_on():
    report = RunReport("u/me/1", {"isr": 2, "calibrate": 2, "coadd": 1}, seconds=3.0)
    report.counts["isr", QuantumStatus.DONE] = 2
    report.counts["calibrate", QuantumStatus.DONE] = 1
    assert describe_stop(report, "u/me", ("raw",)).splitlines() == [
        "Stopped. 3 of 5 quanta done in 3.0 s; 2 were not started.",
        "Outputs are in u/me/1, the first in the chain 'u/me'.",
        "Finished tasks: isr. To keep what they made, run the rest with "
        "--tasks calibrate,coadd -o u/me.",
    ]
    lines = describe_stop(report, "", ("raw", "calib")).splitlines()
    assert lines[1] == "Outputs are in u/me/1."
    assert "-i u/me/1,raw,calib and another --output-run" in lines[2]
    report.counts["isr", QuantumStatus.DONE] = 1
    assert "run the same command again" in describe_stop(report, "u/me", ("raw",))


# Progress


class _Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch):
    clock = _Clock()
    monkeypatch.setattr(progress_module.time, "monotonic", clock.monotonic)
    return clock


def _run(clock, stream, *, step_s: float, count: int = 100) -> str:
    shown = RunProgress({"isr": count}, stream)
    for number in range(1, count + 1):
        clock.now += step_s
        status = QuantumStatus.FAILED if number == 1 else QuantumStatus.DONE
        shown(QuantumOutcome(number, "isr", status, seconds=step_s), number, count)
    shown.end()
    return stream.getvalue()


def test_without_a_terminal_there_is_a_plain_line_now_and_then(clock):
    lines = _run(clock, io.StringIO(), step_s=5.0).splitlines()
    assert lines[0] == "6 of 100 quanta, 1 failed, about 8 min left"
    assert len(lines) == 4
    assert not any("\r" in line for line in lines)
    assert _run(clock, io.StringIO(), step_s=0.01) == ""


def test_a_terminal_has_a_bar_that_leaves_nothing_behind(clock):
    shown = _run(clock, _Terminal(), step_s=5.0)
    assert "\n" not in shown
    assert re.search(r"\r\[#+-+\] 50 of 100 quanta, 1 failed, about 4 min left", shown)
    assert shown.endswith("\r")
    assert shown.rstrip("\r").rpartition("\r")[2].isspace()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (3, "10 s"),
        (44, "40 s"),
        (57, "1 min"),
        (3599, "1 h 0 min"),
        (8000, "2 h 10 min"),
    ],
)
def test_times_are_said_as_one_would(seconds, said):
    assert spoken_time(seconds) == said


# Graph files


def test_every_run_has_a_graph_file_of_its_own(tmp_path):
    names = ("u/x", "u_x", "u%2Fx", "u x")
    with make_survey_repository(tmp_path / "repo") as repository:
        paths = [
            keep_graph(
                repository,
                plan_graph(
                    repository.registry,
                    survey_pipeline("reduce"),
                    inputs=INPUTS,
                    output_run=name,
                ),
            )
            for name in names
        ]
    assert len(set(paths)) == len(names)
    assert all(path.is_file() for path in paths)


@pytest.mark.parametrize(
    ("failed", "blocked", "said"),
    [
        (1, 1, "; 1 failed, and 1 that needs its outputs could not run; 3 were not"),
        (1, 2, "; 1 failed, and 2 that need its outputs could not run; 2 were not"),
        (2, 2, "; 2 failed, and 2 that need their outputs could not run; 1 was not"),
        (2, 1, "; 2 failed, and 1 that needs their outputs could not run; 2 were not"),
    ],
)
def test_a_summary_tells_one_from_many(failed, blocked, said):
    report = RunReport("u/run", {"isr": 5})
    report.counts["isr", QuantumStatus.FAILED] = failed
    report.counts["isr", QuantumStatus.BLOCKED] = blocked
    assert said in report.summary()
