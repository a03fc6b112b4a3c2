"""The settings file in a repository's root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.config.settings import SETTINGS_FILE
from pantler.errors import AccessError, ConflictError, InvalidInputError, NotFoundError
from pantler.storage.location import Location

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


def read_settings_file(root: Path) -> bytes:
    """Return the settings file of the repository in a folder.

    Raises
    ------
    NotFoundError
        If there is none.
    AccessError
        If it cannot be read.
    """
    file = root / SETTINGS_FILE
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        hint = (
            " It looks half made: remove it and create it again."
            if root.is_dir() and any(root.iterdir())
            else f" Make one with 'pantler create {root}'."
        )
        raise NotFoundError(
            f"No repository in '{root}': there is no '{SETTINGS_FILE}'.{hint}"
        ) from None
    except OSError as error:
        raise AccessError(f"Cannot read '{file}': {error.strerror}.") from error


def make_free_folder(root: Path) -> None:
    """Make the folder for a new repository, unless it is there and empty.

    Raises
    ------
    ConflictError
        If something is there.
    AccessError
        If it cannot be made or read.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        taken = next(root.iterdir(), None) is not None
    except FileExistsError:
        raise ConflictError(
            f"Cannot create a repository in '{root}': it is a file. "
            "Choose a new folder."
        ) from None
    except OSError as error:
        raise AccessError(
            f"Cannot use the folder '{root}': {error.strerror}."
        ) from error
    if taken:
        what = "a repository" if (root / SETTINGS_FILE).exists() else "not empty"
        raise ConflictError(
            f"Cannot create a repository in '{root}': it is {what}. "
            "Choose a new folder."
        )
