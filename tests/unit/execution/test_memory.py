"""Quanta share no more memory than their processes may have."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pantler.execution.local_pool import LocalPool
from pantler.execution.memory import available_memory_mb

MACHINE = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 10**6
V2 = "30 23 0:26 {top} /sys/fs/cgroup rw shared:4 - cgroup2 cgroup rw\n"
V1 = (
    "31 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
    "32 23 0:28 {top} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
)


def machine(root, own, mounts, limits):
    """Make a folder look like the root of a machine."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(own)
    (root / "proc/self/mountinfo").write_text(
        "22 27 0:21 / /proc rw,relatime - proc proc rw\n" + mounts
    )
    for place, text in limits.items():
        file = root / "sys/fs/cgroup" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
    return root


@pytest.mark.parametrize(
    ("own", "mounts", "limits", "expected"),
    [
        ("0::/job/a\n", V2.format(top="/"), {"job/a/memory.max": 5 * 10**7}, 50),
        (
            "0::/job/a\n",
            V2.format(top="/"),
            {"job/a/memory.max": "max", "job/memory.max": 6 * 10**7},
            60,
        ),
        (  # a namespace of its own, with the limit at its root
            "0::/\n",
            V2.format(top="/"),
            {"memory.max": 7 * 10**7},
            70,
        ),
        (  # a container that sees its name from outside, and its own part of the tree
            "0::/docker/1f\n",
            V2.format(top="/docker/1f"),
            {"memory.max": 8 * 10**7, "docker/1f/memory.max": 1},
            80,
        ),
        (
            "4:memory:/job\n1:cpu:/\n0::/\n",
            V1.format(top="/"),
            {
                "memory/memory.limit_in_bytes": 9223372036854771712,
                "memory/job/memory.limit_in_bytes": 9 * 10**7,
                "cpu/memory.limit_in_bytes": 1,
            },
            90,
        ),
        ("0::/job\n", V2.format(top="/"), {"job/memory.max": "max"}, MACHINE),
        ("0::/job\n", "", {}, MACHINE),
    ],
)
def test_the_least_limit_of_our_groups_and_those_above_counts(
    tmp_path, own, mounts, limits, expected
):
    assert available_memory_mb(1, machine(tmp_path, own, mounts, limits)) == expected


def test_without_the_files_of_linux_it_is_that_of_the_machine(tmp_path):
    assert available_memory_mb(1, tmp_path) == MACHINE


@pytest.mark.parametrize("which", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_a_ulimit_holds_for_each_process(which):
    code = (
        "import resource, sys\n"
        "from pantler.execution.local_pool import LocalPool\n"
        f"resource.setrlimit(resource.{which}, (10**9, resource.RLIM_INFINITY))\n"
        "print(LocalPool(1).memory_mb, LocalPool(2).memory_mb)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    one, two = map(int, said.stdout.split())
    assert one == min(1000, available_memory_mb(1))
    assert two == min(2000, available_memory_mb(2))


def test_who_says_how_much_gets_that():
    assert LocalPool(2, memory_mb=123).memory_mb == 123
