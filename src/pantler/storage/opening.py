"""Opening storage by URI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pantler.plugins import load_plugin
from pantler.storage.location import Location

if TYPE_CHECKING:
    from pantler.storage.interface import Storage


def open_storage(uri: str, **options: Any) -> Storage:
    """Return the storage below a root.

    Parameters
    ----------
    uri
        A local path, or a URI whose scheme names a plugin of the group
        ``pantler.storage``, which is called with the `Location`.
    **options
        What all plugins take, whether it means anything to them or not: ``fsync``
        (whether what is written survives power cuts), ``policy`` (a `RequestPolicy`).

    Raises
    ------
    PluginError
        If nothing is installed for the scheme.
    """
    location = Location.parse(uri)
    return cast("Storage", load_plugin("storage", location.scheme)(location, **options))
