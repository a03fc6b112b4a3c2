"""Small files that a command is given, or that it is asked to write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pantler.errors import AccessError, InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES: Final = 16 << 20


def read_bytes(file: Path) -> bytes:
    """Return what a file holds.

    Raises
    ------
    AccessError
        If it cannot be read.
    InvalidInputError
        If it is too large to be what was meant.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        raise AccessError(f"Cannot read '{file}': {error.strerror}.") from error
    if len(data) > _MOST_BYTES:
        raise InvalidInputError(
            f"'{file}' has more than {_MOST_BYTES >> 20} MiB, far more than such a "
            "file can need."
        )
    return data


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
