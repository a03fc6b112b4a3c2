"""Names of unfinished files: ``.tmp-HOST-PID-START-COUNTER`` and the extension.

The start of the process tells it from a later one with the same number, which a
container that is started again has for sure.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX: Final = ".tmp-"
_NAME: Final = re.compile(r"\.tmp-(?P<host>.+)-(?P<pid>\d+)-(?P<start>\d+)-\d+(\..*)?")
_counter = itertools.count()


def name_for(place: str) -> str:
    """Return a name, in the folder of a file, that nobody else uses.

    The extension is kept, because libraries go by it.
    """
    folder, _, name = place.rpartition("/")
    dot = name.find(".", 1)
    extension = name[dot:][:64] if dot > 0 else ""
    return f"{folder}/{_stem(os.getpid())}{next(_counter)}{extension}"


def is_unfinished(place: str) -> bool:
    """Whether a path is named as an unfinished file."""
    return place.rpartition("/")[2].startswith(PREFIX)


def is_abandoned(place: str) -> bool:
    """Whether an unfinished file's writer was a process of this host that is dead."""
    named = _NAME.fullmatch(place.rpartition("/")[2])
    return (
        named is not None
        and named["host"] == _host()
        and _start(int(named["pid"])) != named["start"]
    )


@contextlib.contextmanager
def removed_on_failure(unfinished: str) -> Iterator[None]:
    """Remove the file if the block fails or is interrupted."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            Path(unfinished).unlink()
        raise


@functools.lru_cache(maxsize=1)
def _stem(pid: int) -> str:
    # Cached by process: after a fork the number differs.
    return f"{PREFIX}{_host()}-{pid}-{_start(pid)}-"


@functools.cache
def _host() -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "_", socket.gethostname())[:64] or "unknown"


def _start(pid: int) -> str | None:
    """Return when a process began, in ticks since boot; None if there is none.

    Without ``/proc`` it is ``"0"`` for each process that lives.

    References
    ----------
    .. [1] proc(5): field 22 of ``/proc/PID/stat``; the second, in parentheses, may
       hold anything.
    """
    if Path("/proc/self").is_dir():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        except OSError:
            return None
        return stat.rpartition(")")[2].split()[19]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return "0"
    return "0"
