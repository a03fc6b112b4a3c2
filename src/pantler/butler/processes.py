"""Which processes can use a repository: not one that was forked from another user.

polars has threads, which are not there in a forked child: a query would wait for them
for ever. The registry's connections are the parent's, too.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from pantler.errors import InvalidInputError

_TASKS: Final = Path("/proc/self/task")
_POOL: Final = re.compile(r"polars-\d|tokio-rt")

_is_busy = False
"""Whether the threads of polars ran when this process forked, or was forked."""

_is_child = False
"""Whether this process was forked from one in which they ran."""


def refuse_forked() -> None:
    """Refuse to work in a forked child in which a query would hang.

    Raises
    ------
    InvalidInputError
        If this process was forked from one that had queried something.
    """
    if _is_child:
        raise InvalidInputError(
            "This process was forked from one that had used a repository, and cannot "
            "use one itself: queries would hang. Start processes by 'spawn' or "
            "'forkserver' (multiprocessing.set_start_method), and open the repository "
            "in each."
        )


def _look() -> None:
    global _is_busy  # noqa: PLW0603 - of the whole process
    try:
        names = [Path(task, "comm").read_text("utf-8") for task in _TASKS.iterdir()]
    except OSError:
        _is_busy = True  # not Linux: better too careful
    else:
        _is_busy = any(_POOL.match(name) for name in names)


def _remember() -> None:
    global _is_child  # noqa: PLW0603 - of the whole process
    _is_child = _is_child or _is_busy


os.register_at_fork(before=_look, after_in_child=_remember)
