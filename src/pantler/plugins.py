"""Entry points: the only door for implementations, and the only dynamic import.

Our own formatters, instruments and commands come in by the same door as those of
other distributions. Repositories store the *name* of a plugin, never a class path.
"""

from __future__ import annotations

import functools
import importlib
import re
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from pantler.errors import InvalidInputError, PluginError, close_match

_IMPORT_PATH: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*[.:][^\W\d]\w*")


@functools.cache
def _group(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"pantler.{group}")}


def plugin_names(group: str) -> list[str]:
    """Return the sorted names installed in a group, importing none of them.

    Parameters
    ----------
    group
        The group without its prefix: ``"formatters"`` for ``pantler.formatters``.
    """
    return sorted(_group(group))


@functools.cache
def load_plugin(group: str, name: str) -> Any:
    """Import and return one plugin.

    Parameters
    ----------
    group
        The group without its prefix, such as ``"formatters"``.
    name
        The entry point's name.

    Raises
    ------
    PluginError
        If no such plugin is installed, or importing it fails.
    """
    points = _group(group)
    point = points.get(name)
    kind = _singular(group)
    if point is None:
        known = ", ".join(sorted(points)) or "none"
        raise PluginError(
            f"No {kind} '{name}' is installed; installed: {known}."
            f"{close_match(name, points)}"
        )
    try:
        return point.load()
    except Exception as error:
        owner = point.dist.name if point.dist else "an unknown distribution"
        raise PluginError(
            f"The {kind} '{name}' ({point.value}, from {owner}) cannot be imported: "
            f"{type(error).__name__}: {error}"
        ) from error


def _singular(group: str) -> str:
    word = group.replace("_", " ")
    if word.endswith("ies"):
        return f"{word.removesuffix('ies')}y"
    return word.removesuffix("es" if word.endswith("sses") else "s")


@functools.cache
def load_object(path: str) -> Any:
    """Import and return what a dotted path names, such as a pipeline's task class.

    Parameters
    ----------
    path
        ``package.module.Name`` or ``package.module:Name``.

    Raises
    ------
    InvalidInputError
        If the path is not dotted.
    PluginError
        If the module cannot be imported or has no such name.
    """
    if not _IMPORT_PATH.fullmatch(path):
        raise InvalidInputError(
            f"'{path}' is not an import path. Write 'package.module.Name'."
        )
    module_name, _, name = path.replace(":", ".").rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # a script that ends as it is imported
        hint = ""
        if isinstance(error, ModuleNotFoundError) and _is_part(error.name, module_name):
            hint = (
                ". If it is yours, name the folder that holds it in PYTHONPATH, or "
                "install it with 'pip install -e'."
            )
        raise PluginError(
            f"Cannot import module '{module_name}' for '{path}': "
            f"{type(error).__name__}: {error}{hint}"
        ) from error
    try:
        return getattr(module, name)
    except AttributeError:
        hint = close_match(name, vars(module))
        raise PluginError(f"Module '{module_name}' has no '{name}'.{hint}") from None
    except Exception as error:  # a module that makes its names when asked
        raise PluginError(
            f"Cannot get '{name}' of module '{module_name}': "
            f"{type(error).__name__}: {error}"
        ) from error


def import_extra(module: str, extra: str) -> Any:
    """Import and return a library that is not always installed.

    Parameters
    ----------
    module
        What is imported.
    extra
        The extra of pantler that installs it.

    Raises
    ------
    PluginError
        If it is not installed; says how it would be.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not _is_part(error.name, module):
            raise
        raise PluginError(
            f"The library '{module}' is needed for this and is not installed. "
            f"Try: pip install 'pantler[{extra}]'."
        ) from error


def _is_part(missing: str | None, module_name: str) -> bool:
    """Whether what is missing is the module itself, or a package that it is in."""
    return missing is not None and f"{module_name}.".startswith(f"{missing}.")
