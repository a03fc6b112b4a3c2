"""The settings file in a repository's root."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from pantler.config.settings import SETTINGS_FILE
from pantler.errors import ConflictError, InvalidInputError, NotFoundError, StorageError
from pantler.storage.lease import FOLDER as LEASES
from pantler.storage.location import Location
from pantler.storage.os_errors import storage_errors
from pantler.storage.walking import MARKER

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

_MOST_NEAR: Final = 3
_PARTIAL: Final = f".{SETTINGS_FILE}"
"""The settings file until all else is made: who finds it finds what never held data."""
_MADE_FIRST: Final = ("registry.sqlite3", _PARTIAL)


def repository_folder(uri: str | PathLike[str]) -> Path:
    """Return the folder that a path or a ``file:`` URI names.

    Raises
    ------
    InvalidInputError
        If it is empty, a URI of another kind, or not text that can be stored.
    """
    if not str(uri):
        raise InvalidInputError(
            "The path of a repository is empty. Write '.' for the current folder."
        )
    if "\0" in str(uri):
        raise InvalidInputError(
            f"{str(uri)!a} cannot be the path of a repository: it has a NUL in it."
        )
    try:
        str(uri).encode()
    except UnicodeEncodeError:
        raise InvalidInputError(
            f"{str(uri)!a} cannot be the path of a repository: it is not UTF-8."
        ) from None
    return Location.parse(uri).local_path()


def make_new_folder(root: Path) -> None:
    """Make the folder of a new repository, or take one that is empty.

    Raises
    ------
    ConflictError
        If something is there.
    AccessError, StorageError
        If it cannot be made.
    """
    with storage_errors("create a repository in", str(root)):
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            what, advice = "it is not empty", "Choose a new folder."
            if not root.is_dir():
                what = "it is a file"
            elif (root / SETTINGS_FILE).exists():
                what = "it is a repository"
            elif _is_half_made(root):
                what = "it holds just what an earlier attempt made before it ended"
                advice = (
                    "Unless that is still at work, remove the folder and create the "
                    "repository again."
                )
            raise ConflictError(
                f"Cannot create a repository in '{root}': {what}. {advice}"
            )
        root.mkdir(parents=True, exist_ok=True)


def _is_half_made(root: Path) -> bool:
    """Whether a folder holds what an interrupted creation left, and nothing else.

    The settings file has its first name until the end. Without it, a registry may be
    of a repository that has lost its settings.
    """
    return (root / _PARTIAL).exists() and all(map(_is_ours, root.iterdir()))


def _is_ours(entry: Path) -> bool:
    """Whether a creation makes such an entry, or a folder that stores nothing yet."""
    if entry.is_dir() and not entry.is_symlink():
        inner = {each.name for each in entry.iterdir()}
        return entry.name == LEASES or inner <= {LEASES, MARKER}
    return entry.name.startswith(_MADE_FIRST)


def begin_settings_file(root: Path, text: str) -> None:
    """Write the settings of a new repository, under their first name.

    Raises
    ------
    ConflictError
        If another creation was faster.
    AccessError, StorageError
        If they cannot be written.
    """
    with storage_errors("write", str(root / SETTINGS_FILE)):
        try:
            file = (root / _PARTIAL).open("xb")
        except FileExistsError:
            raise ConflictError(
                f"Another process has begun to create a repository in '{root}'."
            ) from None
        with file:
            if (root / SETTINGS_FILE).exists():
                discard_settings_file(root)
                raise ConflictError(
                    f"Another process has just created a repository in '{root}'."
                )
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())


def finish_settings_file(root: Path) -> None:
    """Make a folder a repository: all else is made.

    Raises
    ------
    AccessError, StorageError
        If the settings cannot get their name.
    """
    with storage_errors("write", str(root / SETTINGS_FILE)):
        (root / _PARTIAL).replace(root / SETTINGS_FILE)


def discard_settings_file(root: Path) -> None:
    """Leave nothing of a creation that has failed before anything else was made."""
    with contextlib.suppress(OSError):
        (root / _PARTIAL).unlink()


def read_settings_file(root: Path) -> bytes:
    """Return the settings file of the repository in a folder.

    Raises
    ------
    NotFoundError
        If there is none.
    AccessError, StorageError
        If it cannot be read.
    """
    file = root / SETTINGS_FILE
    try:
        with storage_errors("open", str(file)):
            return file.read_bytes()
    except StorageError as error:
        if not isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
            raise
        raise NotFoundError(
            f"No repository in '{root}': there is no '{SETTINGS_FILE}'.{_hint(root)}"
        ) from None


def _hint(root: Path) -> str:
    """Return what may help, as a sentence with a leading space.

    It never advises removing anything: what is in the folder may be all there is.
    """
    try:
        entries = sorted(root.iterdir()) if root.exists() else []
        near = [entry for entry in entries if (entry / SETTINGS_FILE).is_file()]
        near += [up for up in root.absolute().parents if (up / SETTINGS_FILE).is_file()]
    except OSError:
        return ""
    if near:
        others = ", ".join(f"'{folder}'" for folder in near[:_MOST_NEAR])
        more = ", ..." if len(near) > _MOST_NEAR else ""
        return f" There is one in {others}{more}: did you mean that?"
    if not entries:
        return f" Make one with 'pantler create {root}'."
    if any(entry.name.startswith(_MADE_FIRST) for entry in entries):
        return (
            " Either its creation was interrupted or the file was lost: put the file "
            "back, or create a repository in another folder."
        )
    return " The folder holds other things: is the path right?"
