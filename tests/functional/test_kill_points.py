"""A kill before any system call: nothing is lost, and what is left can be repaired.

A sample of the points; `make chaos` kills at each.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).with_name("kill_points.py")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="traces as Linux does")


@pytest.mark.parametrize(
    ("work", "again", "step", "first"),
    [
        ("put", "nothing", 60, 31),
        ("replace", "nothing", 90, 47),
        ("symlink", "move", 60, 29),
        ("move", "copy", 60, 53),
        ("repair", "nothing", 290, 211),
        ("remove", "nothing", 60, 17),
        ("remove", "remove", 60, 41),
    ],
)
def test_nothing_is_lost_whenever_a_process_is_killed(
    tmp_path, work, again, step, first
):
    line = (str(DRIVER), str(tmp_path), work, again, str(step), str(first))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *line],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 wrong" in done.stdout
