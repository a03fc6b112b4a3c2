"""Storage classes: names for Python types that datasets can have."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from pantler.errors import InvalidInputError, PantlerError, close_match
from pantler.plugins import import_extra, load_object, load_plugin, plugin_names

if TYPE_CHECKING:
    from collections.abc import Mapping


class StorageClassDelegate(Protocol):
    """Takes the datasets of a storage class apart, and puts them together.

    So a datastore may keep each component in a file of its own, in the format that
    suits it best, and read one without the others. A delegate stands next to the
    formatter of its storage class, holds no state and is made without arguments.
    """

    def take_apart(self, value: Any) -> Mapping[str, Any]:
        """Return the components of an object, without those that it does not have.

        Nothing may be lost: `put_together` makes an equal object of them.
        """
        ...

    def put_together(self, parts: Mapping[str, Any]) -> Any:
        """Return the object of which these are the components."""
        ...

    def select(self, component: str, part: Any, parameters: Mapping[str, Any]) -> Any:
        """Return what the parameters of a read ask of one component."""
        ...


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
    delegate
        ``package.module.Name`` of a `StorageClassDelegate`, imported on first use;
        None if datasets cannot be taken apart.
    converters
        Python types of which objects can be converted to this storage class, each as
        ``package.module.Name``, with the function that does it; it takes the object,
        raises InvalidInputError for one that it cannot convert, and is imported on
        first use.
    extra
        The extra of pantler that installs the Python type, if one has to.
    """

    name: str
    python_type: str
    formatter: str
    components: Mapping[str, str] = field(default_factory=dict)
    parameters: frozenset[str] = frozenset()
    delegate: str | None = None
    converters: Mapping[str, str] = field(default_factory=dict)
    extra: str | None = None

    def load_type(self) -> type[Any]:
        """Import and return the Python type."""
        if self.extra is not None:
            import_extra(self.python_type.partition(".")[0], self.extra)
        loaded = load_object(self.python_type)
        if not isinstance(loaded, type):
            raise InvalidInputError(
                f"'{self.python_type}' of storage class '{self.name}' is not a type."
            )
        return loaded

    def load_delegate(self) -> StorageClassDelegate | None:
        """Import and return the delegate, if there is one."""
        if self.delegate is None:
            return None
        return cast("StorageClassDelegate", load_object(self.delegate)())

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

    def convert(self, value: object, what: str) -> Any:
        """Return an object of the Python type: the same, or one made of it.

        Parameters
        ----------
        value
            Any object.
        what
            Whose it is, for the message.

        Raises
        ------
        InvalidInputError
            If nothing converts it.
        """
        if isinstance(value, self.load_type()):
            return value
        for path, function in self.converters.items():
            # Of a type whose module nobody has loaded there is no object.
            if path.partition(".")[0] in sys.modules and isinstance(
                value, load_object(path)
            ):
                return load_object(function)(value)
        others = ", ".join(self.converters)
        raise InvalidInputError(
            f"{what} has storage class '{self.name}' and takes a {self.python_type}, "
            f"not a {type(value).__qualname__}."
            f"{' These are converted: ' + others + '.' if others else ''}"
        )

    def can_take(self, other: StorageClass) -> bool:
        """Whether objects of another storage class can be converted to this one."""
        if other.python_type in {self.python_type, *self.converters}:
            return True
        try:
            theirs = other.load_type()
            ours = [self.load_type(), *map(load_object, self.converters)]
        except PantlerError:
            return False  # what is not installed here is not known
        return any(issubclass(theirs, one) for one in ours)

    def __str__(self) -> str:
        return self.name


_OWN: Final[dict[str, StorageClass]] = {}
"""Storage classes that the settings of repositories define, in this process."""


def define_storage_class(storage_class: StorageClass) -> None:
    """Let a storage class that a repository's settings define be found by its name.

    Raises
    ------
    InvalidInputError
        If another of that name is installed, or defined by another repository that
        this process has opened.
    """
    name = storage_class.name
    if name in plugin_names("storage_classes"):
        raise InvalidInputError(
            f"The settings define a storage class '{name}', and one of that name is "
            "installed: choose another name."
        )
    if _OWN.setdefault(name, storage_class) != storage_class:
        raise InvalidInputError(
            f"The settings define the storage class '{name}' otherwise than those of "
            "another repository that this process has opened: name one of them "
            "otherwise, or open them in two processes."
        )


def get_storage_class(name: str) -> StorageClass:
    """Return the storage class of a name, installed or of a repository's settings.

    Raises
    ------
    PluginError
        If there is none of that name.
    """
    own = _OWN.get(name)
    if own is not None:
        return own
    found = load_plugin("storage_classes", name)
    if not isinstance(found, StorageClass):
        raise InvalidInputError(
            f"The plugin '{name}' is not a StorageClass: {found!r}."
        )
    return found


def find_storage_class(name: str | None) -> StorageClass | None:
    """Return the storage class of a name, None for none."""
    return None if name is None else get_storage_class(name)


def storage_class_names() -> list[str]:
    """Return the names of all storage classes that are known here."""
    return sorted({*plugin_names("storage_classes"), *_OWN})
