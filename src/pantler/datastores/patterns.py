"""Names of dataset types and storage classes that settings choose by patterns."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def matches(names: Sequence[str], patterns: Sequence[str]) -> bool:
    """Whether one of some names fits one of some patterns of ``*`` and ``?``."""
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
