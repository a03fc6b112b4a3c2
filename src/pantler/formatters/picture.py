"""Pictures in the PNG format."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.interface import Formatter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pantler.datasets.storage_class import StorageClass

_UNREADABLE: Final = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
_LOSSLESS: Final = ("1", "L", "LA", "I;16", "P", "RGB", "RGBA")


class PngFormatter(Formatter):
    """Pictures of the modes that PNG holds without loss."""

    extension = ".png"

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:  # noqa: ARG002 - interface
        """Write a picture to a new file.

        Raises
        ------
        InvalidInputError
            If its mode has no lossless form in PNG, or it has no pixels.
        """
        if value.mode not in _LOSSLESS or 0 in value.size:
            raise InvalidInputError(
                f"A picture of mode '{value.mode}' and size {value.size} cannot be "
                f"PNG; modes: {', '.join(_LOSSLESS)}. Try picture.convert('RGB')."
            )
        value.save(path, format="PNG")

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,  # noqa: ARG002 - interface
        *,
        component: str | None = None,  # noqa: ARG002 - interface
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002 - interface
    ) -> Any:
        """Return the picture of a file, fully loaded."""
        with path.open("rb") as file, warnings.catch_warnings():
            # Ours may be large: mosaics of whole surveys are.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            try:
                with Image.open(file, formats=["PNG"]) as picture:
                    picture.load()
                    return picture.copy()
            except (
                OSError,
                SyntaxError,
                ValueError,
                Image.DecompressionBombError,
            ) as e:
                raise IntegrityError(f"Not a valid PNG file: {e}.") from e
