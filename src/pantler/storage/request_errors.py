"""What can go wrong with a request to a store, and how it is said to users."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from pantler.errors import (
    AccessError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    StorageError,
)

if TYPE_CHECKING:
    from types import TracebackType

    from pantler.errors import PantlerError

RequestErrorKind = Literal[
    "missing", "denied", "taken", "passing", "lasting", "invalid"
]
"""What a client says of a request that failed.

``missing``
    There is no such object.
``denied``
    The credentials are missing, wrong or expired, or lack the right.
``taken``
    An object that was to be new is there already.
``passing``
    It may go well if it is tried again: a lost connection, a busy server.
``lasting``
    It fails again, however often it is tried.
``invalid``
    The store cannot have such a name, or cannot do this at all.
"""

_CLASSES: Final[dict[str, type[PantlerError]]] = {
    "missing": NotFoundError,
    "denied": AccessError,
    "taken": ConflictError,
    "invalid": InvalidInputError,
}
_QUERY: Final = re.compile(r"(\w+://[^\s?'\"]*)\?[^\s'\"]*")
_USER: Final = re.compile(r"(\w+://)[^\s/@'\"]*@")
_LONGEST: Final = 300


class RequestError(Exception):
    """A request failed: clients raise it, `request_errors` makes an error of ours.

    Parameters
    ----------
    kind
        What to do about it.
    reason
        Why, in a few words that end without a full stop.
    wait_s
        How long the server asks to be left alone, seconds.
    status
        The status of HTTP, where there was one.
    """

    def __init__(
        self,
        kind: RequestErrorKind,
        reason: str,
        *,
        wait_s: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.kind: RequestErrorKind = kind
        self.reason = without_secrets(reason)
        self.wait_s = wait_s
        self.status = status


def error_of_status(
    status: int, reason: str, *, wait_s: float | None = None
) -> RequestError:
    """Return what a status of HTTP says.

    References
    ----------
    .. [1] RFC 9110, section 15; RFC 6585, section 4.
    """
    said = f"the server answers {status}" + (f": {reason}" if reason else "")
    kind: RequestErrorKind = "lasting"
    if status in {404, 410}:
        kind = "missing"
    elif status in {401, 403}:
        kind = "denied"
    elif status == 412:
        kind = "taken"
    elif status in {408, 425, 429} or (status >= 500 and status not in {501, 505, 507}):
        kind = "passing"
    return RequestError(kind, said, wait_s=wait_s, status=status)


def without_secrets(text: str) -> str:
    """Return text without what URLs in it say of users, tokens and signatures."""
    line = " ".join(text.split())
    line = _USER.sub(r"\1", _QUERY.sub(r"\1", line))
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …"


class request_errors:  # noqa: N801 - used as a statement
    """Turn a `RequestError` of a ``with`` block into an error that users see.

    Parameters
    ----------
    verb
        What is being done: ``"read"``.
    uri
        To which object.

    Raises
    ------
    NotFoundError, AccessError, ConflictError, InvalidInputError, StorageError
        As its kind says.
    """

    __slots__ = ("uri", "verb")

    def __init__(self, verb: str, uri: str) -> None:
        self.verb = verb
        self.uri = uri

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not isinstance(error, RequestError):
            return
        if error.kind == "missing":
            raise NotFoundError(f"There is no file {self.uri}.") from error
        raise _CLASSES.get(error.kind, StorageError)(
            f"Cannot {self.verb} {self.uri}: {error.reason.rstrip('.')}."
        ) from error
