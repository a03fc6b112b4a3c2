"""Arrays in the npy format of numpy."""

from __future__ import annotations

from tokenize import TokenError
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.lib import format as npy

from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.interface import Formatter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pantler.datasets.storage_class import StorageClass


# The header is a literal of Python: what is wrong with one is said in many ways.
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    SyntaxError,
    TokenError,
    RecursionError,
    MemoryError,
)


class NpyFormatter(Formatter):
    """Arrays of numbers, truth values, times and text, structured ones too.

    Arrays of Python objects are neither written nor read: they would need pickle.
    """

    extension = ".npy"

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:  # noqa: ARG002 - interface
        """Write an array to a new file.

        Raises
        ------
        InvalidInputError
            If it has Python objects, a mask or a unit, which would be lost.
        """
        if isinstance(value, np.ma.MaskedArray) or hasattr(value, "unit"):
            raise InvalidInputError(
                f"A {type(value).__qualname__} would lose its mask or unit in npy: "
                "store a plain array, or a Table."
            )
        if value.dtype.hasobject:
            raise InvalidInputError(
                f"An array of Python objects ({value.dtype}) cannot be stored: "
                "convert it to numbers or text."
            )
        with path.open("wb") as file:
            npy.write_array(file, np.asarray(value), allow_pickle=False)

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,  # noqa: ARG002 - interface
        *,
        component: str | None = None,  # noqa: ARG002 - interface
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002 - interface
    ) -> Any:
        """Return the array of a file."""
        with path.open("rb") as file:
            try:
                array = npy.read_array(file, allow_pickle=False)
            except _UNREADABLE as error:
                raise IntegrityError(f"Not a valid npy file: {error}.") from error
            if file.read(1):
                raise IntegrityError("The npy file goes on after its array.")
            return array
