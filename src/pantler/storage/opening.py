"""Opening storage by URI."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from pantler.plugins import load_plugin

if TYPE_CHECKING:
    from pantler.storage.interface import Storage

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def open_storage(uri: str, **options: Any) -> Storage:
    """Return the storage below a root.

    Parameters
    ----------
    uri
        A local path, or a URI whose scheme names a plugin of the group
        ``pantler.storage``.
    **options
        Options of the plugin, such as ``fsync=True`` of local files.

    Raises
    ------
    PluginError
        If nothing is installed for the scheme.
    """
    return cast("Storage", load_plugin("storage", uri_scheme(uri))(uri, **options))


def uri_scheme(uri: str) -> str:
    """Return the scheme of a URI in lower case; ``"file"`` for a plain path."""
    found = _SCHEME.match(uri)
    return found.group(1).lower() if found else "file"
