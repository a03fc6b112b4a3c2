"""Figures of matplotlib, drawn as PNG, SVG or PDF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from pantler.errors import IntegrityError
from pantler.formatters.interface import Formatter
from pantler.plugins import import_extra

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pantler.datasets.storage_class import StorageClass

_SVG_END: Final = b"</svg>"
_PDF_START, _PDF_END = b"%PDF-", b"%%EOF"


class _FigureFormatter(Formatter):
    """Draws a figure. What is read is the drawing: a figure cannot be had of it."""

    drawn_as: ClassVar[str]
    metadata: ClassVar[dict[str, Any]]

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:  # noqa: ARG002 - interface
        """Draw a figure into a new file: the same figure gives the same bytes."""
        matplotlib = import_extra("matplotlib", "plots")
        with matplotlib.rc_context({"svg.hashsalt": "pantler"}):
            value.savefig(path, format=self.drawn_as, metadata=self.metadata)


class FigurePngFormatter(_FigureFormatter):
    """As PNG; what is read is a picture (`PIL.Image.Image`)."""

    extension = ".png"
    drawn_as = "png"
    metadata: ClassVar[dict[str, Any]] = {"Software": None}

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the drawing as a picture."""
        from pantler.formatters.picture import PngFormatter

        return PngFormatter().read_file(
            path, storage_class, component=component, parameters=parameters
        )


class FigureSvgFormatter(_FigureFormatter):
    """As SVG; what is read is its text."""

    extension = ".svg"
    drawn_as = "svg"
    metadata: ClassVar[dict[str, Any]] = {"Date": None, "Creator": None}

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,  # noqa: ARG002 - interface
        *,
        component: str | None = None,  # noqa: ARG002 - interface
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002 - interface
    ) -> Any:
        """Return the drawing as text."""
        data = path.read_bytes()
        if b"<svg" not in data or not data.rstrip().endswith(_SVG_END):
            raise IntegrityError("Not a whole SVG file.")
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise IntegrityError(f"Not valid UTF-8: {error}.") from None


class FigurePdfFormatter(_FigureFormatter):
    """As PDF; what is read are its bytes."""

    extension = ".pdf"
    drawn_as = "pdf"
    metadata: ClassVar[dict[str, Any]] = {"CreationDate": None, "Creator": None}

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,  # noqa: ARG002 - interface
        *,
        component: str | None = None,  # noqa: ARG002 - interface
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002 - interface
    ) -> Any:
        """Return the drawing as bytes."""
        data = path.read_bytes()
        if not data.startswith(_PDF_START) or not data.rstrip().endswith(_PDF_END):
            raise IntegrityError("Not a whole PDF file.")
        return data
