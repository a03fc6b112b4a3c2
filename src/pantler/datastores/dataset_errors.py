"""Errors that say for which dataset, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pantler.errors import (
    AccessError,
    DatasetNotFoundError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    SettingsError,
    StorageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from pantler.datasets.ref import DatasetRef

# What is caught, most special first, and what it becomes.
_CLASSES: Final = (
    (IntegrityError, IntegrityError),
    (StorageError, StorageError),
    (AccessError, AccessError),
    (NotFoundError, DatasetNotFoundError),
    (SettingsError, SettingsError),
    (InvalidInputError, InvalidInputError),
    (OSError, StorageError),
)


class dataset_errors:  # noqa: N801 - used as a statement
    """Add ref and URI to the errors of a ``with`` block.

    Parameters
    ----------
    verb
        What is being done: ``"read"``.
    ref
        To which dataset.
    uri, path
        Function and argument that give its URI, called only for an error.
    """

    __slots__ = ("path", "ref", "uri", "verb")

    def __init__(
        self, verb: str, ref: DatasetRef, uri: Callable[[str], str], path: str
    ) -> None:
        self.verb = verb
        self.ref = ref
        self.uri = uri
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            return
        for caught, raised in _CLASSES:
            if isinstance(error, caught):
                reason = str(error).rstrip(".")
                raise raised(
                    f"Cannot {self.verb} {self.ref} at {self.uri(self.path)}: {reason}."
                ) from error
