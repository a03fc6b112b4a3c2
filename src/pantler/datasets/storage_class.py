"""Storage classes: names for Python types that datasets can have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pantler.errors import InvalidInputError, close_match
from pantler.plugins import load_object, load_plugin, plugin_names

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class StorageClass:
    """What kind of Python object a dataset is.

    Storage classes are plugins of the group ``pantler.storage_classes``; each entry
    point is an instance.

    Parameters
    ----------
    name
        As written in dataset types and connections; equals the entry point's name.
    python_type
        ``package.module.Name`` of the Python type, imported on first use.
    formatter
        Name of the formatter that reads and writes it by default.
    components
        Names of parts that can be read alone, with their storage classes.
    parameters
        Names of the parameters that a read accepts.
    """

    name: str
    python_type: str
    formatter: str
    components: Mapping[str, str] = field(default_factory=dict)
    parameters: frozenset[str] = frozenset()

    def load_type(self) -> type[Any]:
        """Import and return the Python type."""
        loaded = load_object(self.python_type)
        if not isinstance(loaded, type):
            raise InvalidInputError(
                f"'{self.python_type}' of storage class '{self.name}' is no type."
            )
        return loaded

    def component(self, name: str) -> StorageClass:
        """Return the storage class of a component.

        Raises
        ------
        InvalidInputError
            If there is no such component.
        """
        try:
            return get_storage_class(self.components[name])
        except KeyError:
            known = ", ".join(self.components) or "none"
            raise InvalidInputError(
                f"Storage class '{self.name}' has no component '{name}' "
                f"(it has: {known}).{close_match(name, self.components)}"
            ) from None

    def check(self, value: object, what: str) -> None:
        """Refuse an object of another type.

        Raises
        ------
        InvalidInputError
            If the object is no instance of the Python type.
        """
        expected = self.load_type()
        if not isinstance(value, expected):
            raise InvalidInputError(
                f"{what} has storage class '{self.name}' and takes a "
                f"{self.python_type}, not a {type(value).__qualname__}."
            )

    def __str__(self) -> str:
        return self.name


def get_storage_class(name: str) -> StorageClass:
    """Return the installed storage class of a name.

    Raises
    ------
    PluginError
        If none of that name is installed.
    """
    found = load_plugin("storage_classes", name)
    if not isinstance(found, StorageClass):
        raise InvalidInputError(f"The plugin '{name}' is no StorageClass: {found!r}.")
    return found


def storage_class_names() -> list[str]:
    """Return the names of all installed storage classes."""
    return plugin_names("storage_classes")
