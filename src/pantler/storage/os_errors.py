"""Errors of the operating system, in our words and classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.errors import AccessError, NotFoundError, PantlerError, StorageError

if TYPE_CHECKING:
    from types import TracebackType


class storage_errors:  # noqa: N801 - used as a statement
    """Turn an OSError of a ``with`` block into an error of ours.

    Parameters
    ----------
    verb
        What is being done: ``"read"``.
    place
        To which file.

    Raises
    ------
    NotFoundError
        For a file that is not there, when reading.
    AccessError
        For missing rights.
    StorageError
        For everything else.
    """

    __slots__ = ("place", "verb")

    def __init__(self, verb: str, place: str) -> None:
        self.verb = verb
        self.place = place

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # AccessError is a PermissionError too, and ours already.
        if not isinstance(error, OSError) or isinstance(error, PantlerError):
            return
        reason = error.strerror or str(error)
        message = f"Cannot {self.verb} {self.place}: {reason}."
        if isinstance(error, FileNotFoundError) and self.verb == "read":
            raise NotFoundError(f"There is no file {self.place}.") from error
        if isinstance(error, PermissionError):
            raise AccessError(message) from error
        raise StorageError(message) from error
