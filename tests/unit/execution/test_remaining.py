"""The time that is left is judged by the durations of each task's own quanta."""

from __future__ import annotations

import pytest

from pantler.execution.outcome import QuantumOutcome, QuantumStatus
from pantler.execution.remaining import RemainingTime


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _end(label: str, seconds: float, status: QuantumStatus = QuantumStatus.DONE):
    return QuantumOutcome(0, label, status, seconds=seconds)


def test_nothing_is_said_until_every_task_can_be_judged():
    clock = _Clock()
    left = RemainingTime({"fast": 100, "slow": 4}, clock)
    for _ in range(50):
        clock.now += 1
        left.note(_end("fast", 2.0))
    assert left.seconds() is None
    for _ in range(3):
        clock.now += 15
        left.note(_end("slow", 30.0))
    # 50 of 2 s and 1 of 30 s are left; 190 s of work took 95 s.
    assert left.seconds() == pytest.approx((50 * 2 + 30) * 95 / 190)


def test_it_falls_steadily_though_tasks_take_very_different_times():
    clock = _Clock()
    planned = {"fast": 300, "slow": 30}
    left = RemainingTime(planned, clock)
    said = []
    for round_ in range(30):
        for _ in range(10):
            clock.now += 1
            left.note(_end("fast", 1.0))
        clock.now += 60
        left.note(_end("slow", 60.0))
        said.append(left.seconds())
        if round_ < 2:
            assert said.pop() is None
    assert said == sorted(said, reverse=True)
    assert said[0] == pytest.approx(27 * 70)
    assert said[-1] == 0


def test_blocked_quanta_are_not_left_and_take_no_time():
    clock = _Clock()
    left = RemainingTime({"a": 2, "b": 2}, clock)
    clock.now += 4
    for _ in range(2):
        left.note(_end("a", 2.0, QuantumStatus.FAILED))
        left.note(_end("b", 0.0, QuantumStatus.BLOCKED))
    assert left.seconds() == 0
