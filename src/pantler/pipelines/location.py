"""Where pipeline files are: paths, or files of installed packages."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pantler.errors import AccessError, NotFoundError, StorageError, close_match

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_PACKAGE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def find_file(location: str, importer: str | None = None) -> Path | Traversable:
    """Return the file that a location names.

    Parameters
    ----------
    location
        A path, or ``package.module:file.yaml``.
    importer
        The file from whose folder a relative path goes; None for the current one.

    Raises
    ------
    NotFoundError
        If there is no such file.
    """
    try:
        path = Path(location).expanduser()
    except RuntimeError:  # '~name' of no user
        path = Path(location)
    if importer is not None:
        path = Path(importer).parent / path
    if _is_file(path):
        return path
    package, colon, name = location.partition(":")
    if colon and _PACKAGE.fullmatch(package):
        return _packaged(package, name)
    raise NotFoundError(
        f"No pipeline file '{path}'.{close_match(path.name, _names_beside(path))} "
        "Give a path, or 'package.module:file.yaml' for a packaged one."
    )


def read_file(file: Path | Traversable) -> bytes:
    """Return what is in a file.

    Raises
    ------
    AccessError
        If we may not read it.
    StorageError
        If it cannot be read.
    """
    try:
        return file.read_bytes()
    except PermissionError:
        raise AccessError(f"No permission to read '{file}'.") from None
    except OSError as error:
        raise StorageError(f"'{file}' cannot be read: {error}.") from None


def _packaged(package: str, name: str) -> Traversable:
    try:
        folder = files(package)
        resource = folder.joinpath(name)
        if resource.is_file():
            return resource
        known = [entry.name for entry in folder.iterdir()]
    # What is imported here is a plugin's code, which may raise anything.
    except ModuleNotFoundError:
        raise NotFoundError(
            f"No package '{package}' is installed, in which to find '{name}'."
        ) from None
    except (ImportError, TypeError, ValueError, OSError) as error:
        raise NotFoundError(
            f"'{package}' is not a package with files: {error}"
        ) from None
    raise NotFoundError(
        f"Package '{package}' has no file '{name}'.{close_match(name, known)}"
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or not one
        return False


def _names_beside(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir()]
    except (OSError, ValueError):  # not there, not ours to read, or not a path
        return []
