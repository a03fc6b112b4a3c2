"""A task may fork: its child must never do our work a second time."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def in_this_process_alone() -> Iterator[None]:
    """End a child that was forked within and comes back, by return or by error.

    The child has copies of all that we hold: it would remove the outputs of its
    parent, report the quantum again, and go on with the next.
    """
    ours = os.getpid()
    try:
        yield
    except BaseException:
        if os.getpid() != ours:
            _leave(1)
        raise
    if os.getpid() != ours:
        _leave(0)


def _leave(code: int) -> None:
    # Nothing of the parent's is closed or flushed twice, but what a task printed.
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code)
