"""Paths below a root: each has one spelling, and none leads out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pantler.errors import InvalidInputError
from pantler.storage.location import Location
from pantler.storage.unfinished import PREFIX, is_unfinished

if TYPE_CHECKING:
    from pathlib import Path


def check_path(path: str, root: str, *, may_be_unfinished: bool = False) -> None:
    """Refuse a path that is not below the root, or is spelled oddly.

    Raises
    ------
    InvalidInputError
        If it is absolute, has ``.``, ``..``, empty parts or NUL, or is named as an
        unfinished file.
    """
    if "\0" in path or not {"", ".", ".."}.isdisjoint(path.split("/")):
        raise InvalidInputError(
            f"'{path}' is not a path below {root}: write it relative, "
            "with single slashes and without '.' and '..'."
        )
    if is_unfinished(path) and not may_be_unfinished:
        raise InvalidInputError(
            f"'{path}' cannot be used: names that begin with "
            f"'{PREFIX}' are kept for unfinished files."
        )


def lies_within(local: Path, root: str) -> bool:
    """Whether a local file lies below a root, whatever links lead to it.

    Parameters
    ----------
    local
        The file, which need not be there.
    root
        A path or URI; nothing local lies below one of another host.
    """
    location = Location.parse(root)
    if not location.is_local:
        return False
    folder = os.path.realpath(local.parent)
    real = os.path.realpath(location.path)
    return os.path.commonpath([folder, real]) == real
