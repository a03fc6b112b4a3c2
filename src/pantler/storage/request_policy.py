"""Trying again: what may pass is waited for, with a growing and random delay."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pantler.storage.request_errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class RequestPolicy:
    """How many requests are made at a time, and how patiently each.

    Before the n-th repetition it waits a random time of up to ``first_wait_s`` times
    2^(n - 1), so that many who failed together do not come back together.

    Parameters
    ----------
    timeout_s
        How long one request may take, seconds.
    at_once
        How many requests are made at a time, where many are to be made.
    grace_s
        How long a writer may take between staging and publishing, and how long an
        object that no record names is taken for one that is about to be recorded,
        seconds.
    attempts
        How often a request is tried in all.
    first_wait_s
        The longest wait before the first repetition, seconds.
    most_wait_s
        The longest wait of all, seconds; also where the server asks for more.

    References
    ----------
    .. [1] M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015
       ("full jitter").
    """

    timeout_s: float = 60.0
    at_once: int = 32
    grace_s: float = 600.0
    attempts: int = 6
    first_wait_s: float = 0.2
    most_wait_s: float = 20.0

    def call(self, work: Callable[[], _Result]) -> _Result:
        """Return what a function returns, which may raise `RequestError` now and then.

        Raises
        ------
        RequestError
            One that does not pass, or the last one, which says how often it was tried.
        """
        for attempt in range(1, self.attempts + 1):
            try:
                return work()
            except RequestError as error:
                if error.kind != "passing":
                    raise
                if attempt == self.attempts:
                    raise self._given_up(error) from error
                time.sleep(self._wait_s(attempt, error))
        raise AssertionError("an attempt returns or raises")  # pragma: no cover

    def _wait_s(self, attempt: int, error: RequestError) -> float:
        most = min(self.first_wait_s * 2 ** (attempt - 1), self.most_wait_s)
        asked = min(error.wait_s or 0.0, self.most_wait_s)
        return asked + random.uniform(0, most)  # noqa: S311 - no secret

    def _given_up(self, error: RequestError) -> RequestError:
        if self.attempts == 1:
            return error
        return RequestError("passing", f"{error.reason} (tried {self.attempts} times)")
