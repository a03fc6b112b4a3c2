"""Bringing a repository to the version of this pantler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pantler.butler.processes import refuse_forked
from pantler.butler.settings_file import read_settings_file, repository_folder
from pantler.config.settings import SETTINGS_FILE, RepositorySettings
from pantler.errors import InvalidInputError
from pantler.plugins import load_plugin

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike


class RegistryMigration(Protocol):
    """What a registry plugin's class method ``migration`` returns.

    Attributes
    ----------
    current, target
        The version that the registry has, and the one that it will have.
    """

    current: int
    target: int

    @property
    def titles(self) -> list[str]:
        """What each step is good for, with its version; none: it is up to date."""
        ...

    @property
    def is_online(self) -> bool:
        """Whether a pantler of the current version can be at work meanwhile."""
        ...

    def statements(self) -> list[str]:
        """Return what the database will be told."""
        ...

    def back_up(self) -> str:
        """Copy the registry where that can be done; return where, or empty text."""
        ...

    def run(self, report: Callable[[str, int, int], None]) -> None:
        """Do it; what gets progress has a title, what is done, and how much there is.

        Killed, it leaves the registry as it was after the last step that ended.
        """
        ...

    def close(self) -> None:
        """Close the registry."""
        ...


def open_migration(
    uri: str | PathLike[str], *, writeable: bool = True
) -> RegistryMigration:
    """Return what leads a repository to the version of this pantler.

    Parameters
    ----------
    uri
        The repository.
    writeable
        Whether it is to be done, and not only looked at, which anyone may who may read.

    Raises
    ------
    NotFoundError
        If there is no repository.
    SchemaError
        If it is newer than this pantler.
    InvalidInputError
        If registries of its kind have no versions.
    """
    refuse_forked()
    root = repository_folder(uri)
    settings = RepositorySettings.for_user(
        read_settings_file(root), str(root / SETTINGS_FILE)
    ).registry
    plugin = load_plugin("registries", settings.kind)
    if not hasattr(plugin, "migration"):
        raise InvalidInputError(f"Registries of kind '{settings.kind}' never migrate.")
    found: RegistryMigration = plugin.migration(
        settings.location, root=str(root), settings=settings, writeable=writeable
    )
    return found
