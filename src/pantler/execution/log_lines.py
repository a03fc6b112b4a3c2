"""Lines of logs as a terminal may show them."""

from __future__ import annotations

import unicodedata
from typing import Final

_UNSAFE: Final = {"Cc", "Cf", "Cs", "Zl", "Zp"}


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
