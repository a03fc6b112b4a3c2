"""Libraries that only some stores need: imported when one is first opened."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from pantler.errors import PluginError

if TYPE_CHECKING:
    from types import ModuleType


def import_extra(module: str, *, extra: str, scheme: str) -> ModuleType:
    """Import a library that an extra installs.

    Parameters
    ----------
    module
        Its name.
    extra
        The extra of pantler that installs it.
    scheme
        The kind of URIs that it is needed for.

    Raises
    ------
    PluginError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise PluginError(
            f"'{scheme}://' needs {module.partition('.')[0]}, which is not installed "
            f"here ({error}). Try: pip install 'pantler[{extra}]'."
        ) from error
