"""The same work on many things: a few at a time, in order, all or an error."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_FEW: Final = 2
"""So few are not worth a thread."""


def run_all(
    work: Callable[[_Item], _Result], items: Sequence[_Item], at_once: int
) -> list[_Result]:
    """Return what a function makes of each of many things, in their order.

    After the first error nothing more is begun, what is at work ends, and the error
    is raised.

    Parameters
    ----------
    work
        Is called from several threads.
    items
        The things.
    at_once
        How many are worked on at a time.
    """
    if len(items) <= _FEW or at_once == 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(at_once, len(items))) as threads:
        futures = [threads.submit(work, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
