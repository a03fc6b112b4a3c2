"""What quanta need of a machine."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pantler.errors import SettingsError
from pantler.tasks.needs import Needs


def test_a_quantum_needs_one_core_unless_its_task_says_otherwise() -> None:
    assert Needs() == Needs(cores=1, memory_mb=None, wall_time_s=None)


def test_a_pipeline_replaces_only_what_it_names() -> None:
    needs = Needs(cores=2, memory_mb=500)
    assert needs.replaced({"wall_time_s": 1.5}) == Needs(2, 500, 1.5)
    assert needs.replaced({"memory_mb": None, "cores": 1}) == Needs()
    assert needs.replaced({}) == needs


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"core": 1}, "no need 'core'. Did you mean 'cores'.*memory_mb"),
        ({"cores": 0}, "'cores' takes a whole number above zero, not 0"),
        ({"cores": None}, "'cores' takes .*, not None"),
        ({"cores": True}, "'cores' takes .*, not True"),
        ({"cores": [1]}, r"'cores' takes .*, not \[1\]"),
        ({"memory_mb": 1.5}, "'memory_mb' takes a whole number above zero, not 1.5"),
        ({"memory_mb": "4 GB"}, "'memory_mb' takes .*, not '4 GB'"),
        ({"wall_time_s": 0}, "'wall_time_s' takes seconds above zero, not 0"),
        ({"wall_time_s": math.nan}, "'wall_time_s' takes .*, not nan"),
        ({"wall_time_s": math.inf}, "'wall_time_s' takes .*, not inf"),
        ({"wall_time_s": "1"}, "'wall_time_s' takes .*, not '1'"),
        ({1: 1}, "no need '1'"),
    ],
)
def test_values_that_no_machine_could_give_are_refused(
    values: dict[Any, Any], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        Needs().replaced(values)
