"""Checksums of artifacts, as text that says by which hash it was made."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_PREFIX: Final = "blake2b:"


def new_digest() -> hashlib.blake2b:
    """Return what is to be fed with bytes."""
    return hashlib.blake2b(digest_size=16)


def as_text(digest: hashlib.blake2b) -> str:
    """Return the checksum of what a digest was fed with."""
    return f"{_PREFIX}{digest.hexdigest()}"


def checksum_of(data: bytes) -> str:
    """Return the checksum of bytes."""
    return f"{_PREFIX}{hashlib.blake2b(data, digest_size=16).hexdigest()}"


def checksum_of_file(path: Path) -> str:
    """Return the checksum of a local file."""
    with path.open("rb") as file:
        return f"{_PREFIX}{hashlib.file_digest(file, new_digest).hexdigest()}"


def can_compare(checksum: str | None) -> bool:
    """Whether a recorded checksum was made as ours are."""
    return checksum is not None and checksum.startswith(_PREFIX)
