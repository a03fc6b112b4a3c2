"""Kills before each system call of whatever changes a repository.

This takes hours. With the variable CHAOS_STEP set to 25, say, it kills before each 25th
only, beginning at another one in each scenario.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).parents[1] / "functional" / "kill_points.py"
STEP = int(os.environ.get("CHAOS_STEP", "1"))
MODES = ("copy", "move", "hardlink", "symlink", "direct")
WORKS = [
    *((work, "nothing") for work in ("put", "put two", "replace", "repair", "remove")),
    ("remove", "remove"),
    *((first, second) for first in MODES for second in (*MODES, "nothing")),
]


@pytest.mark.parametrize(("work", "again"), WORKS)
def test_nothing_is_lost_whenever_a_process_is_killed(tmp_path, work, again):
    first = WORKS.index((work, again)) * 7 % STEP
    line = (str(DRIVER), str(tmp_path), work, again, str(STEP), str(first))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *line],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
