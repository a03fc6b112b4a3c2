"""Sets of dimensions, completed by what they require and imply.

Defined beside the universe that makes them; for those who need only a group's type.
"""

from __future__ import annotations

from pantler.dimensions.universe import DimensionGroup

__all__ = ["DimensionGroup"]
