"""The settings file in a repository's root."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pantler.config.settings import SETTINGS_FILE
from pantler.errors import ConflictError, InvalidInputError, NotFoundError, StorageError
from pantler.storage.location import Location
from pantler.storage.os_errors import storage_errors

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path


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
        hint = (
            " It looks half made: remove it and create it again."
            if _has_entries(root)
            else f" Make one with 'pantler create {root}'."
        )
        raise NotFoundError(
            f"No repository in '{root}': there is no '{SETTINGS_FILE}'.{hint}"
        ) from None


def _has_entries(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False
