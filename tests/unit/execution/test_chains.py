"""The output chain has a run from its beginning on, in front of what it holds then."""

from __future__ import annotations

import pytest

from pantler.errors import ConflictError, NotFoundError
from pantler.execution.graph_run import run_graph
from pantler.quanta.file.writing import write_graph
from pantler.quanta.planning import plan_graph
from pantler.testing.survey_repository import INPUTS, survey_pipeline


@pytest.fixture
def plan_chain(repository, tmp_path):
    """Return a function that plans some tasks for the chain ``u/me``."""

    def plan_chain(*labels: str, run: str, inputs=INPUTS, **config):
        graph = plan_graph(
            repository.registry,
            survey_pipeline(*labels, **config),
            inputs=inputs,
            output="u/me",
            output_run=run,
            records=repository.records.fetch,
        )
        path = tmp_path / f"{run}.qgraph"
        write_graph(graph, path)
        return path

    return plan_chain


def _children(butler) -> tuple[str, ...]:
    return butler.collections.get("u/me").children


def test_the_second_step_reads_what_the_first_made(
    repository, butler, plan_chain, execute
):
    # Last year's product is among the inputs, too.
    execute(survey_pipeline("reduce", reduce={"do_bias": False}), "old")
    inputs = [*INPUTS, "old"]
    run_graph(repository, plan_chain("reduce", run="step1", inputs=inputs))
    run_graph(repository, plan_chain("measure", run="step2", inputs=inputs))
    keys = {"visit": 1, "detector": 2, "collections": "u/me"}
    assert butler.get("measured", **keys)["level"] == 100  # 102, less a bias of 2
    assert _children(butler) == ("step2", "step1", *INPUTS)


def test_two_graphs_built_at_once_are_both_in_the_chain(repository, butler, plan_chain):
    paths = [plan_chain("reduce", run=name) for name in ("a", "b")]
    for path in paths:
        run_graph(repository, path)
    assert _children(butler) == ("b", "a", *INPUTS)


def test_a_run_that_is_stopped_is_in_the_chain(repository, butler, plan_chain):
    def stop(outcome, finished, total):
        del outcome, finished, total
        assert _children(butler)[0] == "a"
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        run_graph(repository, plan_chain("reduce", run="a"), on_progress=stop)
    assert _children(butler) == ("a", *INPUTS)


def test_only_inputs_that_are_used_are_in_the_chain(repository, butler, plan_chain):
    butler.collections.register("Other/raw")
    inputs = ["Other/raw", *INPUTS, "Cam/biases"]
    config = {"do_bias": False}
    run_graph(repository, plan_chain("reduce", run="a", inputs=inputs, reduce=config))
    assert _children(butler) == ("a", "Cam/raw")


def test_nothing_is_made_when_nothing_can_be_built(butler, plan_chain):
    before = butler.collections.query()
    with pytest.raises(NotFoundError):
        plan_chain(run="a", inputs=["Can/raw"])
    with pytest.raises(NotFoundError):
        plan_chain(run="a", inputs=["Cam/calib"])
    assert butler.collections.query() == before


def test_a_build_refuses_what_a_run_would(repository, plan_chain):
    path = plan_chain("reduce", run="a")
    run_graph(repository, path)
    for refused in (
        lambda: run_graph(repository, path),
        lambda: plan_chain("reduce", run="a"),
        lambda: plan_chain("measure", run="a"),
    ):
        with pytest.raises(ConflictError, match="The run 'a' has outputs already"):
            refused()
