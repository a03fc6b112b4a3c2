"""Which examples Hypothesis takes is for whoever runs the tests to say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
SHOW = """
import runpy, sys
from hypothesis import settings
runpy.run_path(sys.argv[1])
print(settings.get_current_profile_name(), settings.default.derandomize)
"""


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "suite False"),
        ({"HYPOTHESIS_PROFILE": "ci"}, "ci True"),
        ({"CI": "true"}, "ci True"),
        ({"CI": "true", "HYPOTHESIS_PROFILE": "suite"}, "suite False"),
    ],
)
def test_the_profile_is_that_of_the_environment_and_in_ci_the_same_each_time(
    environment, expected
):
    others = {
        k: v for k, v in os.environ.items() if k not in {"CI", "HYPOTHESIS_PROFILE"}
    }
    said = subprocess.run(
        [sys.executable, "-c", SHOW, str(CONFTEST)],
        env=others | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == expected
