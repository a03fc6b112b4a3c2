"""Outcomes as bytes: whole or not at all, of one graph, without the code of tasks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantler.datasets.records import DatastoreRecord
from pantler.errors import ConflictError, IntegrityError, InvalidInputError, SchemaError
from pantler.execution import outcome_file
from pantler.execution.frames import LARGEST, FrameReader, frame
from pantler.execution.graph_run import run_graph
from pantler.execution.outcome import (
    Fault,
    PackedOutput,
    QuantumOutcome,
    QuantumStatus,
    StoredOutput,
)
from pantler.execution.outcome_codec import decode_outcome, encode_outcome
from pantler.execution.outcome_file import OutcomeWriter, read_outcomes
from pantler.execution.slices import begin_slices, record_outcomes, run_slice
from pantler.execution.workspace import Workspace
from pantler.quanta.file.reading import GraphFile
from pantler.tasks.task import NoWork
from pantler.testing.survey_repository import survey_pipeline

# What tasks say has been made fit for UTF-8 before; values of data IDs are checked.
_texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
_ids = st.binary(min_size=16, max_size=16)
_data_ids = st.lists(st.integers(0, 2**62) | _texts, max_size=3).map(tuple)
_RECORD = DatastoreRecord(
    **{
        field.name: {"offset": None, "size_bytes": 7, "dataset_id": b""}.get(
            field.name, "x"
        )
        for field in dataclasses.fields(DatastoreRecord)
    }
)


@st.composite
def _stored(draw):
    dataset_id = draw(_ids)
    records = [
        dataclasses.replace(
            _RECORD,
            dataset_id=dataset_id,
            path=draw(_texts),
            offset=draw(st.none() | st.integers(0, 2**62)),
            checksum=draw(st.none() | _texts),
        )
        for _ in range(draw(st.integers(0, 2)))
    ]
    return StoredOutput(draw(_texts), draw(_data_ids), dataset_id, tuple(records))


_outcomes = st.builds(
    QuantumOutcome,
    st.integers(0, 2**40),
    _texts,
    st.sampled_from(QuantumStatus),
    _texts,
    st.none() | st.builds(Fault, _texts, _texts, _texts, _texts),
    st.floats(0, 1e9),
    st.lists(_stored(), max_size=2).map(tuple),
    st.lists(
        st.builds(PackedOutput, _texts, _data_ids, _ids, st.binary(max_size=50)),
        max_size=2,
    ).map(tuple),
)


@given(_outcomes)
def test_an_outcome_comes_back_as_it_went(outcome):
    assert decode_outcome(encode_outcome(outcome), "here") == outcome


@given(_outcomes, st.data())
def test_bytes_that_are_not_an_outcome_are_refused(outcome, data):
    whole = encode_outcome(outcome)
    cut = data.draw(st.integers(0, len(whole) - 1))
    for damaged in (whole[:cut], whole + b"more"):
        with pytest.raises(IntegrityError, match="here is damaged"):
            decode_outcome(damaged, "here")


@given(st.binary(max_size=200))
def test_any_bytes_are_an_outcome_or_an_error_of_ours(data):
    with pytest.raises(IntegrityError):
        decode_outcome(data, "here")


@given(st.lists(st.binary(max_size=40), max_size=5), st.data())
def test_frames_come_whole_however_the_stream_is_cut(payloads, data):
    stream = b"".join(map(frame, payloads))
    reader = FrameReader("here")
    found = []
    at = 0
    while at < len(stream):
        size = data.draw(st.integers(1, 30))
        found += reader.feed(stream[at : at + size])
        at += size
    assert found == payloads
    assert reader.unfinished == 0


def test_a_damaged_frame_and_an_impossible_one_are_refused():
    good = frame(b"content")
    with pytest.raises(IntegrityError, match="checksum"):
        list(FrameReader("x").feed(good[:-1] + b"?"))
    with pytest.raises(IntegrityError, match="bytes"):
        list(FrameReader("x").feed(b"\xff" * 8))
    with pytest.raises(InvalidInputError, match="too many"):
        frame(bytes(LARGEST + 1))


# Files


@pytest.fixture
def graph(plan):
    return GraphFile.open(plan(survey_pipeline(reduce={"fail_on_detector": 1})))


@pytest.fixture
def workspace(repository, graph):
    settings = repository.settings.datastore.model_dump_json()
    return Workspace(graph.uri, repository.root, settings)


def test_a_file_that_was_cut_off_gives_what_is_whole_and_is_gone_on_with(
    graph, tmp_path
):
    outcomes = [
        QuantumOutcome(index, "reduce", QuantumStatus.NO_WORK) for index in range(3)
    ]
    path = tmp_path / "a.outcomes"
    with OutcomeWriter(path, graph) as writer:
        for outcome in outcomes[:2]:
            writer.write(outcome)
    whole = path.read_bytes()
    one = len(frame(encode_outcome(outcomes[1])))
    for cut in range(len(whole) - one + 1):
        path.write_bytes(whole[:cut])
        if cut:
            assert list(read_outcomes(path, graph)) == (
                outcomes[:1] if cut == len(whole) - one else []
            )
    path.write_bytes(whole[:-5])
    with OutcomeWriter(path, graph) as writer:
        for outcome in outcomes[1:]:
            writer.write(outcome)
    assert list(read_outcomes(path)) == outcomes


def test_files_of_others_are_refused(graph, plan, tmp_path, monkeypatch):
    path = tmp_path / "a.outcomes"
    OutcomeWriter(path, graph).__exit__(None, None, None)
    other = GraphFile.open(plan(survey_pipeline("reduce"), "other"))
    with pytest.raises(ConflictError, match="another graph: its run is 'out'"):
        list(read_outcomes(path, other))
    with pytest.raises(ConflictError, match="another graph"):
        OutcomeWriter(path, other)
    monkeypatch.setattr(outcome_file, "FORMAT", 2)
    with pytest.raises(SchemaError, match="another version"):
        list(read_outcomes(path))
    path.write_bytes(b"something else")
    with pytest.raises(IntegrityError, match="not a file of outcomes"):
        list(read_outcomes(path))


def test_slices_that_ran_elsewhere_are_recorded_as_a_run_is(
    repository, butler, graph, workspace, tmp_path, execute, contents
):
    expected, _ = execute(survey_pipeline(reduce={"fail_on_detector": 1}), "here")
    size = len(graph)
    paths = [tmp_path / "1", tmp_path / "2"]
    run_slice(graph, workspace, range(size // 2), paths[0])
    assert butler.collections.query("out") == []
    rest = range(size // 2, size)
    run_slice(graph, workspace, rest, paths[1], before=paths[:1])
    written = paths[1].read_bytes()
    run_slice(graph, workspace, rest, paths[1], before=paths[:1])
    assert paths[1].read_bytes() == written  # nothing is run again
    report = record_outcomes(repository, graph, paths)
    assert report.counts == expected.counts
    there, here = contents("out"), contents("here")
    assert there.keys() == here.keys()
    for key in here:
        if not key[0].endswith(("_log", "_metadata", "packages")):
            assert there[key] == here[key]
    again = record_outcomes(repository, graph, paths)
    assert again.counts == expected.counts
    check = repository.check()
    assert (check.remains, check.damaged) == (0, [])


@pytest.mark.parametrize("is_killed", [False, True])
def test_files_of_slices_are_not_taken_for_those_of_an_earlier_run(
    repository, butler, plan, tmp_path, monkeypatch, is_killed
):
    """The graph was run before, and whoever removed its outputs was killed."""
    path = plan(survey_pipeline())
    expected = run_graph(repository, path)
    with monkeypatch.context() as killed:  # with the rows gone, and the files not yet
        killed.setattr("pantler.butler.repository.empty_trash", lambda *_, **__: None)
        butler.plan_removal(runs="out").apply()
    graph = GraphFile.open(path)
    settings = repository.settings.datastore.model_dump_json()
    if is_killed:  # as the run is there
        remove, calls = repository.remove_discarded, []

        def once(**options):
            calls.append(options)
            if len(calls) > 1:
                raise KeyboardInterrupt
            remove(**options)

        monkeypatch.setattr(repository, "remove_discarded", once)
        with pytest.raises(KeyboardInterrupt):
            begin_slices(repository, graph)
        monkeypatch.setattr(repository, "remove_discarded", remove)
    begin_slices(repository, graph)
    begin_slices(repository, graph)
    workspace = Workspace(graph.uri, repository.root, settings)
    run_slice(graph, workspace, range(len(graph)), tmp_path / "1")
    repository.remove_discarded()  # as the next removal of anything does
    report = record_outcomes(repository, graph, [tmp_path / "1"])
    assert report.succeeded
    assert report.counts == expected.counts
    check = repository.check(deep=True)
    assert (check.remains, check.damaged) == (0, [])


@pytest.fixture
def tried_twice(plan, repository, made_pipeline, tmp_path, monkeypatch):
    """Return a function that runs a quantum with two configurations of the machine.

    It gives the graph, and a file of outcomes of each attempt.
    """

    def run(*attempts):
        graph = GraphFile.open(plan(made_pipeline()))
        settings = repository.settings.datastore.model_dump_json()
        workspace = Workspace(graph.uri, repository.root, settings)
        paths = []
        for number, attempt in enumerate(attempts):
            with monkeypatch.context() as patch:
                patch.setattr("made_tasks.SourceTask.run_quantum", attempt)
                paths.append(tmp_path / f"{number}.outcomes")
                run_slice(graph, workspace, [0], paths[-1])
        return graph, paths

    return run


def _without_memory(task, quantum):
    raise MemoryError("this machine is too small")


def _done(level):
    def run_quantum(task, quantum):
        quantum.put("product", {"level": level})
        quantum.put("array", np.arange(3))

    return run_quantum


def _idle(task, quantum):
    raise NoWork("nothing there")


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(
    ("success", "status"),
    [(_done(1), QuantumStatus.DONE), (_idle, QuantumStatus.NO_WORK)],
)
def test_a_success_counts_and_not_a_failure_whichever_is_read_first(
    repository, butler, tried_twice, order, together, success, status
):
    graph, paths = tried_twice(_without_memory, success)
    paths = [paths[n] for n in order]
    for some in [paths] if together else [paths[:1], paths[1:], paths[:1]]:
        report = record_outcomes(repository, graph, some)
    if together:
        assert report.count(status) == 1
        assert report.count(QuantumStatus.FAILED) == 0
        assert report.count(QuantumStatus.BLOCKED) == 0
        assert not report.failures
    stored = butler.query_datasets("product", collections="out").count()
    assert stored == (status is QuantumStatus.DONE)
    (ref,) = butler.query_datasets("source_metadata", collections="out")
    assert butler.get(ref)["quantum"]["status"] == status.value
    (log,) = butler.query_datasets("source_log", collections="out")
    assert not any("too small" in str(line) for line in butler.get(log))
    check = repository.check(deep=True)
    assert (check.remains, check.damaged) == (0, [])


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("levels", [(1, 1), (1, 2)])
def test_two_successes_do_no_harm_and_what_is_recorded_is_what_is_there(
    repository, butler, tried_twice, order, together, levels
):
    graph, paths = tried_twice(*map(_done, levels))
    paths = [paths[n] for n in order]
    for some in [paths] if together else [paths[:1], paths[1:]]:
        report = record_outcomes(repository, graph, some)
        assert report.count(QuantumStatus.DONE) == 1
    (ref,) = butler.query_datasets("product", collections="out")
    assert butler.get(ref) == {"level": levels[1]}
    assert butler.query_datasets("source_log", collections="out").count() == 1
    check = repository.check(deep=True)
    assert (check.remains, check.damaged) == (0, [])


def test_outcomes_are_read_and_recorded_without_the_code_of_the_tasks(
    repository, butler, made_pipeline, plan, tmp_path, monkeypatch
):
    graph = GraphFile.open(plan(made_pipeline()))
    settings = repository.settings.datastore.model_dump_json()
    path = tmp_path / "1"
    run_slice(graph, Workspace(graph.uri, repository.root, settings), [0], path)
    record_outcomes(repository, graph, [path])  # it begins the run

    def refuse(*_):
        raise AssertionError("a task was imported")

    monkeypatch.setattr("pantler.pipelines.graph.PipelineGraph.from_json", refuse)
    report = record_outcomes(
        repository, GraphFile.open(tmp_path / "out.qgraph"), [path]
    )
    assert report.count(QuantumStatus.DONE) == 1
    assert butler.query_datasets("product", collections="out").count() == 1
