"""Objects of classes that write and read themselves: a type in YAML alone."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field

from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.interface import Formatter
from pantler.formatters.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.datasets.storage_class import StorageClass

_PUBLIC = r"^[A-Za-z][A-Za-z0-9_]*$"


class ClassMethodsRecipe(Recipe):
    """Which methods of a class write and read its objects."""

    write: str = Field("write", pattern=_PUBLIC)
    """The method of an object that takes the path of a new file."""

    read: str = Field("read", pattern=_PUBLIC)
    """The method of the class that takes the path of a file, and returns an object."""

    extension: str = Field(".dat", pattern=r"^(\.[A-Za-z0-9_-]+)+$")
    """Of the files, with its dot."""


class ClassMethodsFormatter(Formatter):
    """Writes with ``value.write(path)``, and reads with ``Class.read(path)``.

    Components of the storage class are attributes of the object.
    """

    extension = ".dat"
    recipe_model = ClassMethodsRecipe

    def with_recipe(self, values: Mapping[str, Any]) -> Self:
        """Return the formatter that calls other methods."""
        made = super().with_recipe(values)
        made.extension = made._methods().extension  # type: ignore[misc]  # noqa: SLF001 - its own
        return made

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:
        """Have an object write itself to a new file.

        Raises
        ------
        InvalidInputError
            If it has no such method, or that fails or writes no file.
        """
        name = self._methods().write
        method = getattr(value, name, None)
        if not callable(method):
            raise InvalidInputError(_no_method(storage_class, name, "write"))
        # Under a name that ends as a library may want it, which an unfinished one does
        # not.
        with tempfile.TemporaryDirectory(prefix="pantler-") as folder:
            made = Path(folder) / f"object{self.extension}"
            try:
                method(str(made))
            except Exception as error:
                raise InvalidInputError(
                    f"{storage_class.python_type}.{name} failed: "
                    f"{type(error).__name__}: {error}"
                ) from error
            if not made.is_file():
                raise InvalidInputError(
                    f"{storage_class.python_type}.{name} wrote no file at the path "
                    "that it was given."
                )
            shutil.move(made, path)

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Have the class read an object, and return it or an attribute of it."""
        name = self._methods().read
        python_type = storage_class.load_type()
        method = getattr(python_type, name, None)
        if not callable(method):
            raise InvalidInputError(_no_method(storage_class, name, "read"))
        try:
            value = method(str(path), **(parameters or {}))
        except Exception as error:
            raise IntegrityError(
                f"{storage_class.python_type}.{name} failed: "
                f"{type(error).__name__}: {error}"
            ) from error
        if not isinstance(value, python_type):
            raise IntegrityError(
                f"{storage_class.python_type}.{name} returned a "
                f"{type(value).__qualname__}."
            )
        return value if component is None else getattr(value, component, None)

    def _methods(self) -> ClassMethodsRecipe:
        recipe = self.recipe
        return (
            recipe if isinstance(recipe, ClassMethodsRecipe) else ClassMethodsRecipe()
        )


def _no_method(storage_class: StorageClass, name: str, key: str) -> str:
    return (
        f"{storage_class.python_type} of storage class '{storage_class.name}' has no "
        f"method '{name}'. Name another in the settings: 'recipes: "
        f"{{{storage_class.name}: {{{key}: NAME}}}}'."
    )
