"""Where pipeline files are: paths, or files of installed packages."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from pantler.errors import NotFoundError, close_match

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def find_file(location: str, beside: str | None = None) -> Path | Traversable:
    """Return the file that a location names.

    Parameters
    ----------
    location
        A path, or ``package.module:file.yaml``.
    beside
        The file from whose folder a relative path goes; None for the current one.

    Raises
    ------
    NotFoundError
        If there is no such file.
    """
    path = Path(location).expanduser()
    if beside is not None:
        path = Path(beside).parent / path
    if path.is_file():
        return path
    package, colon, name = location.partition(":")
    if colon and package.replace(".", "_").isidentifier():
        try:
            resource = files(package).joinpath(name)
        except ModuleNotFoundError:
            raise NotFoundError(
                f"No package '{package}' is installed, in which to find '{name}'."
            ) from None
        if resource.is_file():
            return resource
        known = [entry.name for entry in files(package).iterdir()]
        raise NotFoundError(
            f"Package '{package}' has no file '{name}'.{close_match(name, known)}"
        )
    beside_names = (
        [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    )
    raise NotFoundError(
        f"No pipeline file '{path}'.{close_match(path.name, beside_names)} "
        "Give a path, or 'package.module:file.yaml' for a packaged one."
    )
