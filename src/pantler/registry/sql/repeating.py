"""Making a change again that the database undid for the sake of others."""

from __future__ import annotations

import functools
import random
import time
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, Protocol, TypeVar

from pantler.errors import StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantler.registry.sql.database import Database

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")

_PAUSES_S: Final = (0.01, 0.05, 0.2, 0.5, 1.0)
"""How long to wait before each attempt that follows the first, half to whole."""


class _HasDatabase(Protocol):
    _db: Database


_Facet = TypeVar("_Facet", bound=_HasDatabase)


def repeated(
    method: Callable[Concatenate[_Facet, _Given], _Result],
) -> Callable[Concatenate[_Facet, _Given], _Result]:
    """Have a change be made again when the database stopped it.

    Parameters
    ----------
    method
        Makes the change in one transaction. Within a transaction of others it is
        theirs to begin again: what they had done before is undone, too.
    """

    @functools.wraps(method)
    def run(self: _Facet, /, *args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
        is_ours = not self._db.epoch
        for pause in _PAUSES_S:
            try:
                return method(self, *args, **kwargs)
            except StoppedError:
                if not is_ours:
                    raise
                time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - not secret
        return method(self, *args, **kwargs)

    return run
