"""The settings file in a repository's root."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from pantler.config.settings import SETTINGS_FILE
from pantler.errors import ConflictError, InvalidInputError, NotFoundError, StorageError
from pantler.storage.location import Location
from pantler.storage.os_errors import storage_errors

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

_MOST_NEAR: Final = 3
_MADE_FIRST: Final = ("registry.sqlite3", f".{SETTINGS_FILE}")
"""What a repository has before it has its settings file."""


def repository_folder(uri: str | PathLike[str]) -> Path:
    """Return the folder that a path or a ``file:`` URI names.

    Raises
    ------
    InvalidInputError
        If it is a URI of another kind, or not text that can be stored.
    """
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
            what = "a file" if not root.is_dir() else "not empty"
            if (root / SETTINGS_FILE).exists():
                what = "a repository"
            raise ConflictError(
                f"Cannot create a repository in '{root}': it is {what}. "
                "Choose a new folder."
            )
        root.mkdir(parents=True, exist_ok=True)


def write_settings_file(root: Path, text: str) -> None:
    """Write the settings file of a new repository, whole or not at all.

    Raises
    ------
    AccessError, StorageError
        If it cannot be written.
    """
    partial = root / f".{SETTINGS_FILE}"
    with storage_errors("write", str(root / SETTINGS_FILE)), partial.open("wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
        partial.replace(root / SETTINGS_FILE)


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
