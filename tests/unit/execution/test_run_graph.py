"""Running a graph: the same here and by workers, everything recorded, nothing else."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import pantler.execution.recorder as recorder_module
from pantler.errors import ConflictError, InvalidInputError
from pantler.execution.graph_run import run_graph
from pantler.execution.local_pool import LocalPool
from pantler.execution.outcome import QuantumStatus
from pantler.storage.lease import LeaseBook
from pantler.testing.survey_repository import survey_pipeline

# Of the survey, 3 exposures and 4 detectors have raws.
SOURCES, SINKS = 12, 4


def _is_whole(repository) -> bool:
    report = repository.check()
    return not report.remains and not report.damaged


def test_one_and_two_processes_make_the_same_datasets(
    repository, butler, execute, contents
):
    one, _ = execute(survey_pipeline(), "one", processes=1)
    two, _ = execute(survey_pipeline(), "two", processes=2)
    assert one.succeeded
    assert two.succeeded
    assert one.counts == two.counts
    first, second = contents("one"), contents("two")
    assert first.keys() == second.keys()
    varying = ("_log", "_metadata")
    for key in first:
        if not key[0].endswith(varying):
            assert first[key] == second[key]
    assert _is_whole(repository)


def test_recorded_are_the_identities_that_the_graph_predicted(butler, execute):
    _, graph = execute(survey_pipeline())
    whole = graph.load()
    for name, table in whole.datasets.items():
        if table.is_predicted:
            predicted = set(whole.predicted(name)["dataset_id"].to_list())
            found = butler.query_datasets(name, collections="out")
            assert {ref.id.bytes for ref in found} == predicted


def test_versions_and_configurations_are_kept(butler, execute):
    execute(survey_pipeline(reduce={"do_bias": False}))
    packages = butler.get("packages", collections="out")
    assert packages["numpy"] == np.__version__
    assert butler.get("reduce_config", collections="out")["do_bias"] is False


def test_logs_and_metadata_tell_what_happened(butler, execute):
    execute(survey_pipeline())
    keys = {"exposure": 1, "detector": 2, "collections": "out"}
    (entry,) = butler.get("reduce_log", **keys)
    assert (entry["level"], entry["message"]) == ("INFO", "Level 100.")
    facts = butler.get("reduce_metadata", **keys)
    assert facts["task"] == {"level": 100}
    assert facts["quantum"]["data_id"]["exposure"] == 1
    assert facts["quantum"]["status"] == "done"
    assert facts["quantum"]["seconds"] > 0
    assert facts["outputs"] == [
        "reduced@{instrument: 'Cam', detector: 2, exposure: 1} in 'out'"
    ]


def test_logs_and_metadata_are_one_file_a_task_and_batch(
    repository, butler, execute, monkeypatch
):
    monkeypatch.setattr(recorder_module, "_BATCH", 5)
    execute(survey_pipeline())
    packs = Counter(p.parent.name for p in Path(repository.root).rglob("*.zip"))
    assert set(packs) == {
        f"{t}_{k}" for t in ("reduce", "measure", "gather") for k in ("log", "metadata")
    }
    quanta = butler.query_datasets("reduce_log", collections="out").count()
    assert packs["reduce_log"] < quanta
    assert _is_whole(repository)


def test_outputs_are_recorded_while_the_run_goes_on(
    repository, butler, plan, monkeypatch
):
    monkeypatch.setattr(recorder_module, "_BATCH", 4)
    seen = []

    def note(outcome, finished, total):
        del outcome, total
        seen.append(
            (finished, butler.query_datasets("reduced", collections="out").count())
        )

    run_graph(repository, plan(survey_pipeline("reduce")), on_progress=note)
    assert [count for _, count in seen] == [4 * (n // 4) for n, _ in seen]


def test_what_waits_long_is_recorded_though_it_is_little(
    repository, butler, plan, monkeypatch
):
    monkeypatch.setattr(recorder_module, "_PATIENCE_S", 0.0)
    counts = []

    def note(*_):
        counts.append(butler.query_datasets("reduced", collections="out").count())

    run_graph(repository, plan(survey_pipeline("reduce")), on_progress=note)
    assert counts == list(range(1, len(counts) + 1))


def test_progress_is_reported_of_every_quantum_that_ends(repository, butler, plan):
    seen = []
    pipeline = survey_pipeline(reduce={"fail_on_detector": 1})
    run_graph(
        repository,
        plan(pipeline),
        on_progress=lambda outcome, n, total: seen.append((outcome.status, n, total)),
    )
    assert [n for _, n, _ in seen] == list(range(1, 25))
    assert {total for *_, total in seen} == {24}
    statuses = Counter(status for status, *_ in seen)
    assert statuses[QuantumStatus.FAILED] == 2
    assert statuses[QuantumStatus.BLOCKED] == 4


@pytest.mark.parametrize("processes", [0, 2])
def test_a_task_is_constructed_once_a_process(
    butler, execute, made_pipeline, processes
):
    execute(made_pipeline(), processes=processes)
    found = [butler.get(r) for r in butler.query_datasets("product", collections="out")]
    assert len(found) == SOURCES
    if not processes:
        assert {one["process"] for one in found} == {os.getpid()}
        assert len({one["instances"] for one in found}) == 1
    else:
        assert len({one["process"] for one in found}) <= 2
        assert {one["instances"] for one in found} == {1}


@pytest.mark.parametrize("processes", [0, 1, 2])
def test_init_outputs_and_deferred_inputs_reach_the_other_task(
    butler, execute, made_pipeline, processes
):
    execute(made_pipeline(), processes=processes)
    assert butler.get("schema", collections="out") == {"columns": ["level"]}
    total = butler.get("total", detector=2, collections="out")
    assert total == {"count": 3, "sizes": [102, 202, 302], "columns": ["level"]}


def test_without_work_there_are_no_outputs_and_those_that_need_none_go_on(
    repository, butler, execute
):
    pipeline = survey_pipeline(reduce={"idle_on_detector": 1})
    report, _ = execute(pipeline)
    assert report.succeeded
    assert report.count(QuantumStatus.NO_WORK) == 6
    for name in ("reduced", "measured"):
        found = butler.query_datasets(name, collections="out")
        assert {ref.data_id["detector"] for ref in found} == {0, 2, 3}
    (entry,) = butler.get("reduce_log", exposure=1, detector=1, collections="out")
    assert "Told to idle" in entry["message"]
    status = butler.get("measure_metadata", visit=1, detector=1, collections="out")
    assert status["quantum"]["status"] == "no work"
    assert "at least 1 are needed" in status["quantum"]["message"]
    assert _is_whole(repository)


def test_a_task_gets_what_was_made_if_that_is_enough(butler, execute, made_pipeline):
    for run, where, expected in (("a", [1], 3), ("b", [], 4)):
        report, _ = execute(made_pipeline(idle_on=where), run)
        assert report.succeeded
        assert butler.query_datasets("total", collections=run).count() == expected


@pytest.mark.parametrize("processes", [0, 1, 2])
def test_a_failure_removes_what_was_stored_and_blocks_what_needs_it(
    repository, butler, execute, made_pipeline, processes
):
    report, _ = execute(made_pipeline(fail_on=[3]), processes=processes)
    assert report.count(QuantumStatus.FAILED) == 3
    assert report.count(QuantumStatus.BLOCKED) == 1
    assert report.count() == SOURCES + SINKS
    assert len(report.failures) == 3
    assert all("ValueError: bad pixels (" in f.message for f in report.failures)
    found = butler.query_datasets("product", collections="out")
    assert {ref.data_id["detector"] for ref in found} == {0, 1, 2}
    log = butler.get("source_log", exposure=1, detector=3, collections="out")
    assert "ValueError: bad pixels" in log[-1]["exception"]
    assert _is_whole(repository)


@pytest.mark.parametrize("processes", [0, 1, 2])
def test_fail_fast_starts_no_more_and_records_what_ended(
    repository, butler, execute, made_pipeline, processes
):
    pipeline = made_pipeline(fail_on=[0, 1, 2, 3], pause_s=0.1)
    report, _ = execute(pipeline, processes=processes, fail_fast=True)
    failed = report.count(QuantumStatus.FAILED)
    assert 1 <= failed <= max(processes, 1)
    assert f"{SOURCES + SINKS - report.count()} were not started" in report.summary()
    logs = butler.query_datasets("source_log", collections="out").count()
    assert logs == failed
    assert _is_whole(repository)


def test_notes_that_cannot_be_written_are_kept_as_text(butler, execute, made_pipeline):
    report, _ = execute(made_pipeline(note="strange"))
    assert report.succeeded
    keys = {"exposure": 1, "detector": 1, "collections": "out"}
    metadata = butler.get("source_metadata", **keys)
    assert metadata["task"]["strange"].startswith("<object object")
    assert "kept as text" in butler.get("source_log", **keys)[-1]["message"]


def test_numbers_of_numpy_are_notes_like_others(butler, execute, made_pipeline):
    execute(made_pipeline())
    keys = {"exposure": 1, "detector": 1, "collections": "out"}
    assert butler.get("source_metadata", **keys)["task"] == {"strange": 1.5}


def test_a_run_is_made_once(repository, butler, plan):
    path = plan(survey_pipeline("reduce"))
    run_graph(repository, path)
    with pytest.raises(ConflictError, match="'out' has outputs already"):
        run_graph(repository, path)
    assert _is_whole(repository)


def test_less_than_one_process_is_refused():
    with pytest.raises(InvalidInputError, match="0 processes"):
        LocalPool(0)


def test_a_failing_observer_ends_the_run_and_what_is_done_is_recorded(
    repository, butler, plan
):
    def fail(outcome, finished, total):
        del outcome, total
        if finished == 3:
            raise RuntimeError("observer")

    with pytest.raises(RuntimeError, match="observer"):
        run_graph(repository, plan(survey_pipeline("reduce")), on_progress=fail)
    assert butler.query_datasets("reduced", collections="out").count() == 3
    assert _is_whole(repository)
    assert LeaseBook(repository.root).live() == []


def test_files_of_a_graph_that_is_run_again_are_not_taken_for_those_removed(
    repository, butler, plan, monkeypatch
):
    graph = plan(survey_pipeline())
    before = run_graph(repository, graph)
    with monkeypatch.context() as killed:  # with the rows gone, and the files not yet
        killed.setattr("pantler.butler.repository.empty_trash", lambda *_, **__: None)
        butler.plan_removal(runs="out").apply()

    def remove(*_):
        repository.remove_discarded()  # as the next removal of anything does

    report = run_graph(repository, graph, on_progress=remove)
    assert report.succeeded
    assert report.counts == before.counts
    assert _is_whole(repository)
