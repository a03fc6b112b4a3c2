"""Output chains are searched first; what contradicts them, or a run, is refused."""

from __future__ import annotations

import pytest

from pantler.datasets.collection import CollectionType
from pantler.errors import ConflictError, InvalidInputError
from pantler.quanta.output_run import (
    chained,
    check_output_run,
    searched_collections,
    used_collections,
)


@pytest.fixture
def chain(registry):
    """Return a function that sets what the chain ``u/me`` holds."""

    def chain(*children: str) -> None:
        for name in children:
            registry.collections.register(name, CollectionType.RUN)
        registry.collections.set_chain("u/me", children)

    return chain


def test_a_chain_is_searched_before_the_inputs(registry, chain):
    assert searched_collections(registry, ["raw", "cal"], "u/me") == ["raw", "cal"]
    chain("u/me/1", "raw", "cal")
    held = ["u/me/1", "raw", "cal"]
    assert searched_collections(registry, [], "u/me") == held
    assert searched_collections(registry, ["raw", "cal"], "u/me") == held
    assert searched_collections(registry, ["cal"], "u/me") == held
    assert searched_collections(registry, ["raw", "more"], "u/me") == [*held, "more"]
    assert searched_collections(registry, ["u/me", "more"], "u/me") == [*held, "more"]
    assert searched_collections(registry, ["cal", "raw"], None) == ["cal", "raw"]


def test_new_inputs_keep_the_order_of_the_user(registry, chain):
    chain("u/me/1", "raw", "cal")
    inputs = ["first", "second", "raw", "third", "cal", "last"]
    found = searched_collections(registry, inputs, "u/me")
    assert found == ["u/me/1", *inputs]
    assert chained(["u/me/1", "raw"], "u/me/2", ["flat", "raw"]) == [
        "u/me/2",
        "u/me/1",
        "flat",
        "raw",
    ]


@pytest.mark.parametrize("inputs", [["cal", "raw"], ["raw", "u/me/1"], ["new"]])
def test_inputs_that_contradict_the_chain_are_refused(registry, chain, inputs):
    chain("u/me/1", "raw", "cal")
    with pytest.raises(ConflictError) as refused:
        searched_collections(registry, inputs, "u/me")
    message = str(refused.value)
    assert "'u/me' exists and is searched first" in message
    assert "'u/me/1', 'raw', 'cal'" in message
    assert "Leave the inputs out" in message


def test_an_output_that_is_not_a_chain_is_refused(registry):
    registry.collections.register("u/me", CollectionType.RUN)
    with pytest.raises(ConflictError, match="'u/me' is a RUN collection, not a chain"):
        searched_collections(registry, ["raw"], "u/me")


def test_something_must_be_searched(registry):
    with pytest.raises(InvalidInputError, match="Name the collections"):
        searched_collections(registry, [], "u/me")
    with pytest.raises(InvalidInputError, match="holds nothing yet"):
        searched_collections(registry, ["u/me"], "u/me")


def test_the_new_run_comes_first_and_nothing_twice():
    assert chained(["r1", "raw"], "r2", ["raw", "cal"]) == ["r2", "r1", "raw", "cal"]
    assert chained(["r1", "raw"], "r1", []) == ["r1", "raw"]


def test_an_output_run_is_new_or_empty(registry):
    check_output_run(registry, "Cam/nothing")
    registry.collections.register("Cam/empty", CollectionType.RUN)
    check_output_run(registry, "Cam/empty")
    registry.collections.register("Cam/tagged", CollectionType.TAGGED)
    with pytest.raises(ConflictError, match="'Cam/tagged' is a TAGGED collection"):
        check_output_run(registry, "Cam/tagged")
    with pytest.raises(ConflictError, match="'Cam/raw' has outputs already"):
        check_output_run(registry, "Cam/raw")


def test_collections_are_used_if_something_is_taken_from_them(registry):
    registry.collections.register("Cam/other", CollectionType.RUN)
    registry.collections.set_chain("Cam/both", ["Cam/other", "Cam/raw"])
    names = ["Cam/other", "Cam/both", "Cam/calib"]
    assert used_collections(registry, names, ["Cam/raw"], ["raw"]) == ("Cam/both",)
    assert used_collections(registry, names, ["Cam/bias"], ["raw", "bias"]) == (
        "Cam/calib",
    )
