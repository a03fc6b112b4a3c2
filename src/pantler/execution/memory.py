"""How much memory the quanta that run here may take together."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIMIT_FILES: Final = {"cgroup2": "memory.max", "cgroup": "memory.limit_in_bytes"}
_ULIMITS: Final = (resource.RLIMIT_AS, resource.RLIMIT_DATA)


def available_memory_mb(processes: int, root: str | Path = "/") -> int:
    """Return the least that the machine, its control groups and ulimit allow, MB.

    Parameters
    ----------
    processes
        How many share it: a ulimit holds for each process, the others for all.
    root
        Below which ``proc`` is; and the places that it names.

    References
    ----------
    The manual pages cgroups(7) and proc_pid_mountinfo(5).
    """
    limits = [
        os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        *_group_limits(Path(root)),
        *(processes * limit for limit in _ulimits()),
    ]
    return max(1, min(limits) // 10**6)


def _ulimits() -> Iterator[int]:
    for which in _ULIMITS:
        soft, _ = resource.getrlimit(which)
        if soft != resource.RLIM_INFINITY:
            yield soft


def _group_limits(root: Path) -> Iterator[int]:
    """Yield the limits of our control groups, of both versions, and those above."""
    groups = dict(_own_groups(root))
    for line in _lines(root / "proc/self/mountinfo"):
        # Numbers, then what of the file system is mounted, and where; after a dash its
        # type, its source and options, which name the controllers of version 1.
        before, _, after = line.partition(" - ")
        fields, (kind, _, options) = before.split(), (after.split() + [""] * 3)[:3]
        controller = "memory" if kind == "cgroup" else ""
        if kind not in _LIMIT_FILES or controller not in {"", *options.split(",")}:
            continue
        place = root / fields[4].lstrip("/")
        own = groups.get(controller, "/")
        # Within a container a group may be named as from outside: its mount is ours.
        inner = own.removeprefix(fields[3].rstrip("/")) if fields[3] != "/" else own
        folder = place / inner.lstrip("/")
        if not folder.is_dir():
            folder = place
        while folder.is_relative_to(place):
            for text in _lines(folder / _LIMIT_FILES[kind]):
                if text.isdecimal():  # "max" is none
                    yield int(text)
            folder = folder.parent


def _own_groups(root: Path) -> Iterator[tuple[str, str]]:
    """Yield controllers with the paths of our groups; version 2 has none named."""
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, path


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []  # not Linux, or not for us to read
