"""Small files that a command is given, or that it is asked to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.errors import AccessError

if TYPE_CHECKING:
    from pathlib import Path


def read_bytes(file: Path) -> bytes:
    """Return what a file holds.

    Raises
    ------
    AccessError
        If it cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise AccessError(f"Cannot read '{file}': {error.strerror}.") from error


def write_text(file: Path, text: str) -> None:
    """Write a text file, in place of one that is there.

    Raises
    ------
    AccessError
        If it cannot be written, such as when its folder does not exist.
    """
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise AccessError(f"Cannot write '{file}': {error.strerror}.") from error
