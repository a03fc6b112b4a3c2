"""Which quanta and datasets remain when missing inputs are counted."""

from __future__ import annotations

import numpy as np
import pytest

from pantler.quanta.building.alive import Alive, Taken
from pantler.quanta.join.csr import Csr
from pantler.quanta.tables import Link


def links(name, *rows):
    counts = np.array([len(row) for row in rows])
    columns = np.array([c for row in rows for c in row], dtype=np.int32)
    return Link(name, Csr.from_counts(counts, columns))


def run(exists, minimum, *rows):
    alive = Alive(
        {"task": np.ones(len(rows), np.bool_)},
        {"in": np.array(exists), "out": np.ones(len(rows), np.bool_)},
    )
    made = links("out", *([place] for place in range(len(rows))))
    alive.drop_starved("task", [Taken(links("in", *rows), minimum)], [made])
    assert alive.datasets["in"].tolist() == exists
    assert alive.datasets["out"].tolist() == alive.quanta["task"].tolist()
    return alive.quanta["task"].tolist()


@pytest.mark.parametrize("exists", [[True] * 3, [True, True, False]])
def test_exactly_as_many_inputs_as_are_needed_are_enough(exists):
    assert run(exists, 2, [0, 1], [0], [0, 1]) == [True, False, True]
    assert run(exists, 1, [0], [], [1]) == [True, False, True]


def test_inputs_that_are_not_there_do_not_count():
    assert run([True, True, False], 2, [0, 1, 2], [1, 2], [0, 1]) == [True, False, True]
    assert run([True, True, False], 3, [0, 1, 2], [0, 1]) == [False, False]


def test_optional_inputs_starve_nobody():
    assert run([False, False], 0, [0, 1], []) == [True, True]


def test_what_starved_quanta_would_make_is_not_there_for_others():
    alive = Alive(
        {"a": np.ones(2, np.bool_), "b": np.ones(2, np.bool_)},
        {
            "in": np.array([True, False]),
            "mid": np.array([True, True]),
            "out": np.array([True, True, True]),
        },
    )
    alive.drop_starved("a", [Taken(links("in", [0], [1]), 1)], [links("mid", [0], [1])])
    assert alive.datasets["mid"].tolist() == [True, False]
    alive.drop_starved(
        "b", [Taken(links("mid", [0, 1], [1]), 1)], [links("out", [0, 2], [1, 2])]
    )
    assert alive.quanta["b"].tolist() == [True, False]
    # What one of two makers still makes is there.
    assert alive.datasets["out"].tolist() == [True, False, True]


def test_each_input_must_have_enough():
    alive = Alive(
        {"task": np.ones(3, np.bool_)},
        {"one": np.array([True, False]), "two": np.array([False, True])},
    )
    one = Taken(links("one", [0], [1], [0]), 1)
    two = Taken(links("two", [1], [1], [0]), 1)
    alive.drop_starved("task", [one, two], [])
    assert alive.quanta["task"].tolist() == [True, False, False]
