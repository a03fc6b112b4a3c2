"""Sets of dimensions, completed by what they require and imply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.universe import Universe


class DimensionGroup:
    """An immutable, interned set of dimensions of one universe.

    Made only by `Universe.group`; two groups of one universe with the same
    dimensions are the same object.

    Attributes
    ----------
    universe
        The universe that made it.
    required
        Names of the dimensions that identify a data ID, in the universe's order.
    implied
        Names of those whose values follow from the required ones.
    names
        All dimension names: required, then implied.
    """

    __slots__ = ("_elements", "implied", "names", "required", "universe")

    universe: Universe
    required: tuple[str, ...]
    implied: tuple[str, ...]
    names: tuple[str, ...]

    def __init__(
        self, universe: Universe, required: tuple[str, ...], implied: tuple[str, ...]
    ) -> None:
        self.universe = universe
        self.required = required
        self.implied = implied
        self.names = required + implied
        present = set(self.names)
        self._elements = tuple(
            element
            for element in universe.elements.values()
            if (
                element.name in present
                if element.is_dimension
                else present.issuperset(element.required)
            )
        )

    @property
    def elements(self) -> tuple[DimensionElement, ...]:
        """Dimensions of the group and join elements among them, universe order."""
        return self._elements

    @property
    def governors(self) -> tuple[str, ...]:
        """Names of the governor dimensions of the group."""
        elements = self.universe.elements
        return tuple(name for name in self.names if elements[name].is_governor)

    def spatial_elements(self) -> tuple[DimensionElement, ...]:
        """Return the finest element of each spatial family that is present."""
        return self._finest(self.universe.spatial_families)

    def temporal_elements(self) -> tuple[DimensionElement, ...]:
        """Return the finest element of each temporal family that is present."""
        return self._finest(self.universe.temporal_families)

    def _finest(
        self, families: dict[str, tuple[str, ...]]
    ) -> tuple[DimensionElement, ...]:
        present = {element.name: element for element in self._elements}
        found = []
        for members in families.values():
            first = next((name for name in members if name in present), None)
            if first is not None:
                found.append(present[first])
        return tuple(found)

    def union(self, *others: Self) -> DimensionGroup:
        """Return the group of all dimensions of this one and the others."""
        names = [*self.names, *(name for other in others for name in other.names)]
        return self.universe.group(names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __len__(self) -> int:
        return len(self.names)

    def __le__(self, other: Self) -> bool:
        return set(self.names) <= set(other.names)

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, DimensionGroup)
            and self.required == other.required
            and self.implied == other.implied
            and self.universe == other.universe
        )

    def __hash__(self) -> int:
        return hash(self.required)

    def __repr__(self) -> str:
        return f"{{{', '.join(self.required)}}}"

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (_regroup, (self.universe, self.required))


def _regroup(universe: Universe, names: tuple[str, ...]) -> DimensionGroup:
    return universe.group(names)
