"""Lines of logs as a terminal may show them."""

from __future__ import annotations

import logging
import unicodedata
from typing import Final

LOG_FORMAT: Final = "%(levelname)s %(name)s: %(message)s"

_UNSAFE: Final = {"Cc", "Cf", "Cs", "Zl", "Zp"}


class SafeFormatter(logging.Formatter):
    """Writes what tasks log, which may hold anything, so that it steers no terminal."""

    def __init__(self) -> None:
        super().__init__(LOG_FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, or lines, of a record."""
        return safe_text(super().format(record))


def print_log(level: str | int) -> None:
    """Print what is logged, at a level and above, on standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(SafeFormatter())
    logging.basicConfig(level=level, handlers=[handler])


def safe_text(text: str) -> str:
    """Return text that cannot steer a terminal; lines and tabs stay."""
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(c if c in "\n\t" else visible(c) for c in text)


def visible(character: str) -> str:
    """Return a character that does not move the cursor."""
    if unicodedata.category(character) in _UNSAFE:
        return character.encode("unicode_escape").decode()
    return character
