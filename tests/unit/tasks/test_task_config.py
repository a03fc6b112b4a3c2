"""The configuration of tasks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from pantler.errors import SettingsError
from pantler.tasks.config import TaskConfig, flatten, unflatten


class DetectConfig(TaskConfig):
    threshold: float = Field(5.0, gt=0, description="Significance.")
    kinds: list[str] = Field(default=["star"], description="What to look for.")


class MeasureConfig(TaskConfig):
    """A configuration with a subtask whose defaults differ from its class."""

    detect: DetectConfig = Field(DetectConfig(threshold=7.0), description="First.")
    again: DetectConfig | None = Field(None, description="Once more.")
    weights: dict[str, float] = Field(
        default_factory=lambda: {"g": 1.0, "r": 2.0}, description="By band."
    )
    table: dict[str, DetectConfig] = Field(default_factory=dict, description="By name.")


def test_dotted_keys_reach_into_subtasks() -> None:
    config = MeasureConfig.from_overrides({"detect.threshold": 3})
    assert config.detect.threshold == 3.0


def test_a_partial_override_keeps_the_fields_own_defaults() -> None:
    config = MeasureConfig.from_overrides({"detect.kinds": ["galaxy"]})
    assert config.detect == DetectConfig(threshold=7.0, kinds=["galaxy"])


def test_mappings_are_merged_and_lists_replaced() -> None:
    config = MeasureConfig.from_overrides(
        {"weights.r": 3, "detect": {"kinds": ["a", "b"]}}
    )
    assert config.weights == {"g": 1.0, "r": 3.0}
    assert config.detect.kinds == ["a", "b"]


def test_a_mapping_of_models_takes_any_key() -> None:
    config = MeasureConfig.from_overrides({"table.deep.threshold": 2})
    assert config.table["deep"].threshold == 2.0


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"detect.treshold": 3}, ["'detect.treshold'", "Did you mean 'threshold'?"]),
        ({"again.treshold": 3}, ["'again.treshold'", "Did you mean 'threshold'?"]),
        ({"detcet.threshold": 3}, ["'detcet'", "Did you mean 'detect'?"]),
        ({"detect.threshold": -1}, ["'detect.threshold'", "greater than 0, not -1"]),
        ({"detect.threshold": "many"}, ["'detect.threshold'", ", not 'many'"]),
        ({"detect": 3}, ["'detect'"]),
    ],
)
def test_a_wrong_key_or_value_is_named(
    overrides: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(SettingsError, match="Task 'measure'") as error:
        MeasureConfig.from_overrides(overrides, "Task 'measure'")
    for word in words:
        assert word in str(error.value)


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        DetectConfig().threshold = 3.0  # type: ignore[misc]


names = st.text("abc", min_size=1, max_size=3)
trees = st.recursive(
    st.integers(), lambda inner: st.dictionaries(names, inner, min_size=1, max_size=3)
)


@given(st.dictionaries(names, trees))
def test_flatten_and_unflatten_are_inverse(tree: dict[str, Any]) -> None:
    assert unflatten(flatten(tree)) == tree


def test_later_keys_win_also_over_whole_mappings() -> None:
    assert unflatten({"a": {"x": 1, "y": 2}, "a.x": 3}) == {"a": {"x": 3, "y": 2}}
    assert unflatten({"a.x": 3, "a": {"x": 1, "y": 2}}) == {"a": {"x": 1, "y": 2}}
