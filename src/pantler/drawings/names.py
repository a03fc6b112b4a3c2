"""How drawings name dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pantler.dimensions.universe import DimensionGroup


def short_dimensions(group: DimensionGroup) -> str:
    """Return the dimensions of a group without those that others of it need.

    ``exposure, detector`` says all that ``instrument, exposure, detector`` does.
    """
    elements = group.universe.elements
    needed = {
        other
        for name in group.required
        for other in elements[name].required
        if other != name
    }
    return ", ".join(name for name in group.required if name not in needed)
