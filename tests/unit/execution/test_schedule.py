"""The schedule lets a quantum run when all that it needs has ended well."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pantler.execution.schedule import Schedule
from pantler.tasks.needs import Needs


def _schedule(edges: list[tuple[int, int]], ranks: list[int]) -> Schedule:
    edges = sorted(edges)
    pointers = np.searchsorted([a for a, _ in edges], np.arange(len(ranks) + 1))
    return Schedule(
        pointers.astype(np.int64),
        np.array([b for _, b in edges], dtype=np.int64),
        ranks,
    )


def test_a_quantum_waits_for_all_that_it_needs():
    schedule = _schedule([(0, 2), (1, 2)], [0, 0, 1])
    assert [schedule.take(), schedule.take(), schedule.take()] == [0, 1, None]
    schedule.finish(0)
    assert schedule.take() is None
    schedule.finish(1)
    assert schedule.take() == 2
    schedule.finish(2)
    assert schedule.unfinished == 0


def test_later_tasks_come_first():
    schedule = _schedule([(0, 2)], [0, 0, 1])
    assert schedule.take() == 0
    schedule.finish(0)
    assert schedule.take() == 2


def test_a_failure_loses_all_that_depend_on_it_and_nothing_else():
    schedule = _schedule([(0, 2), (1, 2), (2, 3)], [0, 0, 1, 2])
    assert schedule.take() == 0
    assert sorted(schedule.fail(0)) == [2, 3]
    assert schedule.take() == 1
    schedule.finish(1)
    assert schedule.take() is None
    assert schedule.unfinished == 0


def test_a_quantum_lost_twice_is_counted_once():
    schedule = _schedule([(0, 2), (1, 2)], [0, 0, 1])
    assert schedule.fail(0) == [2]
    assert schedule.fail(1) == []
    assert schedule.unfinished == 0


@st.composite
def _graphs(draw):
    size = draw(st.integers(1, 12))
    pairs = [(a, b) for a in range(size) for b in range(a + 1, size)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    failing = draw(st.sets(st.integers(0, size - 1)))
    return size, edges, failing


@given(_graphs())
def test_every_quantum_ends_once_and_never_before_what_it_needs(graph):
    size, edges, failing = graph
    schedule = _schedule(edges, list(range(size)))
    ended: dict[int, str] = {}
    while (index := schedule.take()) is not None:
        needs = [a for a, b in edges if b == index]
        assert all(ended.get(need) == "done" for need in needs)
        assert index not in ended
        if index in failing:
            ended[index] = "failed"
            for lost in schedule.fail(index):
                assert lost not in ended
                ended[lost] = "blocked"
        else:
            ended[index] = "done"
            schedule.finish(index)
    assert len(ended) == size
    assert schedule.unfinished == 0


def test_at_first_later_tasks_and_lower_numbers_come_first():
    schedule = _schedule([], [0, 2, 1, 2, 0])
    taken = [schedule.take() for _ in range(5)]
    assert taken == [1, 3, 2, 0, 4]


def test_what_does_not_fit_waits_and_the_next_goes_on():
    edges = np.zeros(4, dtype=np.int64), np.empty(0, dtype=np.int64)
    schedule = Schedule(*edges, [0, 0, 1], [Needs(), Needs(cores=4)])
    small = schedule.take(lambda needs: needs.cores == 1)
    assert small == 0
    assert schedule.ready_count == 2
    assert schedule.take() == 2
    assert schedule.needs(2).cores == 4
    assert schedule.take(lambda _: False) is None
