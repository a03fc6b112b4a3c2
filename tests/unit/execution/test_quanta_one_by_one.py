"""Each quantum begins anew, and runs with exactly as many inputs as it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantler.execution.outcome import QuantumStatus
from pantler.pipelines.pipeline import Pipeline
from pantler.pipelines.task_definition import TaskDefinition


@pytest.mark.parametrize("processes", [0, 1])
def test_metadata_of_one_quantum_are_not_those_of_the_next(
    butler, execute, monkeypatch, processes
):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    config = {"how": {"e1d0": "one_more_note"}}
    task = TaskDefinition("hostile", "hostile_tasks.HostileTask", config)
    execute(Pipeline("For tests.", (task,)), processes=processes)
    kept = {
        tuple(ref.data_id.required_values): butler.get(ref)["task"]
        for ref in butler.query_datasets("hostile_metadata", collections="out")
    }
    assert sum("note" in notes for notes in kept.values()) == 1
    assert sorted(len(notes) for notes in kept.values()) == [1] * 11 + [2]


def test_exactly_the_minimum_of_inputs_is_enough_and_one_less_is_not(
    butler, execute, made_pipeline
):
    # The sink needs two products of its detector, of which three are predicted.
    where = {"idle_at": ["1.0", "1.1", "2.1"]}
    report, _ = execute(made_pipeline(**where))
    assert report.succeeded
    assert report.counts["sink", QuantumStatus.DONE] == 3
    assert report.counts["sink", QuantumStatus.NO_WORK] == 1
    found = {
        ref.data_id["detector"]: butler.get(ref)["count"]
        for ref in butler.query_datasets("total", collections="out")
    }
    assert found == {0: 2, 2: 3, 3: 3}
