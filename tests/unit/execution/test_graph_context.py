"""The context of a quantum that has only a graph and a datastore."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import pytest

from pantler.datasets.deferred import DeferredDataset
from pantler.datasets.records import records_to_frame
from pantler.datastores.file import FileDatastore
from pantler.datastores.settings import FileDatastoreSettings
from pantler.errors import ConflictError, InvalidInputError, TaskError
from pantler.execution.context import GraphQuantumContext
from pantler.tasks.task import NoWork


@pytest.fixture
def datastore(tmp_path):
    return FileDatastore(FileDatastoreSettings(), str(tmp_path))


@pytest.fixture
def graph(build, registry, datastore):
    """Return a graph whose raws and biases are in the datastore."""
    plain = build(where="visit = 1 AND detector < 2")
    written = {}
    for index in range(2):
        for name in ("raw", "bias"):
            (ref,) = plain.quantum(index).inputs[name]
            level = 10.0 + index if name == "raw" else 1.0
            written[ref.id.bytes] = datastore.write({"level": level}, ref)

    def fetch(ids):
        return records_to_frame([r for blob in ids for r in written[blob]])

    return build(where="visit = 1 AND detector < 2", records=fetch)


@pytest.fixture
def context(graph, datastore):
    """Return a function that makes the context of a quantum."""
    pipeline = graph.pipeline()

    def make(index, **options):
        quantum = graph.quantum(index)
        task = pipeline.tasks[quantum.label]
        return GraphQuantumContext(quantum, task, datastore, **options)

    return make


def run(context, graph):
    task = graph.pipeline().tasks[context.label].make_task()
    context.check_inputs()
    task.run_quantum(context)


def test_quanta_run_one_after_another_without_a_registry(context, graph):
    for index in range(len(graph)):
        run(context(index), graph)
    last = context(4)
    assert (last.label, len(last.outputs["gathered"])) == ("gather", 1)
    assert last.data_id["patch"] == 0
    (handle,) = last.get("measurements")
    assert isinstance(handle, DeferredDataset)
    assert handle.get()["level"] == pytest.approx(9.0)


def test_outputs_are_kept_with_their_records(context, graph, datastore):
    first = context(0)
    run(first, graph)
    ((ref, records),) = first.written.items()
    assert ref == graph.quantum(0).outputs["reduced"][0]
    assert datastore.exists(records)
    first.discard()
    assert first.written == {}
    assert not datastore.exists(records)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("is_first", [True, False])
def test_a_forked_child_stores_nothing(context, datastore, is_first):
    first = context(0)
    if not is_first:
        first.put("reduced", {"level": 1.0})
    child = os.fork()
    if child == 0:
        try:
            first.put("reduced", {"level": 2.0})
        except TaskError as error:
            os._exit(0 if "process that task 'reduce' forked" in str(error) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    if is_first:
        first.put("reduced", {"level": 1.0})
    ((ref, records),) = first.written.items()
    assert datastore.read(ref, records) == {"level": 1.0}


def test_inputs_that_were_not_made_are_left_out(context):
    second = context(2)
    assert second.label == "measure"
    assert list(second.inputs["frames"]) == []
    with pytest.raises(NoWork, match=r"of 1 predicted 'reduced'.*0 were made"):
        second.check_inputs()


def test_somebody_else_can_say_what_was_made(context, graph):
    first = context(0)
    run(first, graph)
    second = context(2, records_of=lambda ref: first.written.get(ref, []))
    assert second.get("frames") == [{"level": 9.0}]
    ignorant = context(2, records_of=lambda _: [])
    assert ignorant.get("frames") == []


def test_the_first_of_several_inputs_is_never_taken_for_the_only_one(graph, datastore):
    first, second = graph.quantum(0), graph.quantum(1)
    both = replace(
        first,
        inputs={"raw": (*first.inputs["raw"], *second.inputs["raw"])},
        records={**first.records, **second.records},
    )
    context = GraphQuantumContext(both, graph.pipeline().tasks["reduce"], datastore)
    with pytest.raises(TaskError, match=r"takes one 'raw' .* has 2, such as .*raw@"):
        context.get("raw")


def test_unknown_connections_are_refused(context):
    first = context(0)
    with pytest.raises(TaskError, match=r"no input connection 'row'.*'raw'"):
        first.get("row")
    with pytest.raises(TaskError, match="no output connection 'raw'"):
        first.put("raw", {})
    with pytest.raises(InvalidInputError, match="StructuredDict"):
        first.put("reduced", [1])


def test_an_output_is_stored_once(context, datastore):
    first = context(0)
    first.put("reduced", {"level": 1.0})
    with pytest.raises(ConflictError, match="stores connection 'reduced' twice"):
        first.put("reduced", {"level": 2.0})
    ((ref, records),) = first.written.items()
    assert datastore.read(ref, records) == {"level": 1.0}


def test_an_output_that_could_not_be_written_can_be_stored_again(context):
    first = context(0)
    with pytest.raises(InvalidInputError):
        first.put("reduced", [1])
    first.put("reduced", {"level": 1.0})
    assert len(first.written) == 1


def test_nothing_is_stored_after_the_quantum(context, datastore):
    first = context(0)
    first.close()
    with pytest.raises(TaskError, match="has ended: it cannot store anything more"):
        first.put("reduced", {"level": 1.0})
    assert first.written == {}
    assert datastore.find(first.outputs["reduced"][0]) == []


def test_what_a_thread_writes_while_the_quantum_ends_is_removed(
    context, datastore, monkeypatch
):
    first = context(0)
    writing, ended = threading.Event(), threading.Event()
    write = datastore.write

    def slow(value, ref):
        records = write(value, ref)
        writing.set()
        ended.wait(10)
        return records

    monkeypatch.setattr(datastore, "write", slow)
    problems = []

    def late():
        try:
            first.put("reduced", {"level": 1.0})
        except TaskError as error:
            problems.append(error)

    thread = threading.Thread(target=late)
    thread.start()
    assert writing.wait(10)
    first.close()
    ended.set()
    thread.join(10)
    assert len(problems) == 1
    assert first.written == {}
    assert datastore.find(first.outputs["reduced"][0]) == []
