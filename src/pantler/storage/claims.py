"""Roots belong to somebody: a marker in each says to whom."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from pantler.errors import ConflictError, NotFoundError
from pantler.storage.walking import MARKER

if TYPE_CHECKING:
    from pantler.storage.interface import Storage


def owner_of(storage: Storage) -> str | None:
    """Return who has claimed the root of a storage, if anybody has."""
    try:
        said = storage.read(MARKER)
    except NotFoundError:
        return None
    return said.decode("utf-8", "replace").strip() or None


def claim(storage: Storage, owner: str) -> None:
    """Mark the root of a storage as somebody's own.

    Where storage cannot create files exclusively, two who claim one root at the very
    same moment may both get it.

    Raises
    ------
    ConflictError
        If it is somebody else's.
    """
    found = owner_of(storage)
    if found is None:
        with suppress(ConflictError):  # somebody was faster: who was it?
            storage.write(
                MARKER,
                f"{owner}\n".encode(),
                create="create" in storage.capabilities,
            )
        found = owner_of(storage)
    if found != owner:
        raise ConflictError(
            f"{storage.root} belongs to another repository ({found}). "
            "Choose a root of its own for each."
        )
