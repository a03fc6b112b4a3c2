"""Kills before each system call of whatever changes a repository; this takes long."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).parents[1] / "functional" / "kill_points.py"
MODES = ("copy", "move", "hardlink", "symlink", "direct")
WORKS = [
    *((work, "nothing") for work in ("put", "put two", "replace", "repair", "remove")),
    ("remove", "remove"),
    *((first, second) for first in MODES for second in (*MODES, "nothing")),
]


@pytest.mark.parametrize(("work", "again"), WORKS)
def test_nothing_is_lost_whenever_a_process_is_killed(tmp_path, work, again):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(DRIVER), str(tmp_path), work, again],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
