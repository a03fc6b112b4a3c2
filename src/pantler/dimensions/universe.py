"""The universe, all dimensions of a repository, read from YAML; and groups of them.

A group and the universe that made it know each other, so they stand together.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Self

import yaml

from pantler.dimensions.definition import UniverseDefinition, packaged_definition
from pantler.errors import DimensionNotFoundError, close_match

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pantler.dimensions.element import DimensionElement


class Universe:
    """All dimension elements of one data model.

    Read one with `Universe.default`, `Universe.from_yaml` or, from a repository,
    ``butler.universe``.

    Attributes
    ----------
    namespace, version
        Which data model this is.
    elements
        Every element by name, in an order in which each follows what it needs.
    spatial_families, temporal_families
        Names of the members of each topological family, finest first.
    common_pixels
        The pixel dimension by which regions are indexed in the registry.
    """

    def __init__(self, definition: UniverseDefinition) -> None:
        self.definition = definition
        self.namespace = definition.namespace
        self.version = definition.version
        self.elements: dict[str, DimensionElement] = definition.build_elements()
        self.spatial_families = definition.families("spatial")
        self.temporal_families = definition.families("temporal")
        self.common_pixels: DimensionElement = self.elements[definition.skypix.common]
        self._order = {name: rank for rank, name in enumerate(self.elements)}
        self._groups: dict[frozenset[str], DimensionGroup] = {}

    @classmethod
    @functools.cache
    def default(cls) -> Universe:
        """Return the packaged universe for imaging surveys."""
        return cls(packaged_definition())

    @classmethod
    def from_yaml(cls, text: str | bytes, source: str = "The universe") -> Universe:
        """Read a universe that somebody wrote, and check all of it.

        Parameters
        ----------
        text
            YAML; see the page on custom universes.
        source
            What to call it in messages, such as the path of the file.

        Raises
        ------
        SettingsError
            If the text breaks any rule; the message has every problem, with its line.
        """
        from pantler.dimensions.law import read_definition

        return cls(read_definition(text, source))

    @classmethod
    def restored(cls, text: str) -> Universe:
        """Return a universe from its own `to_yaml`.

        It was checked when it was made: a repository must open, even if the rules
        have become stricter since.

        Raises
        ------
        SettingsError
            If the text is no such thing.
        """
        return cls(UniverseDefinition.restored(text))

    def to_yaml(self) -> str:
        """Return YAML text from which `from_yaml` makes an equal universe."""
        data: dict[str, Any] = self.definition.model_dump(
            mode="json", exclude_defaults=True
        )
        return yaml.safe_dump(data, sort_keys=False)

    def __getitem__(self, name: str) -> DimensionElement:
        try:
            return self.elements[name]
        except KeyError:
            raise DimensionNotFoundError(
                f"No dimension '{name}' in universe '{self.namespace}' version "
                f"{self.version}.{close_match(name, self.elements)}"
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self.elements

    def group(self, names: Iterable[str]) -> DimensionGroup:
        """Return the group of the named dimensions and all they need.

        Parameters
        ----------
        names
            Dimension names, in any order.

        Raises
        ------
        DimensionNotFoundError
            If a name is unknown or names a join element.
        """
        asked = frozenset(names)
        cached = self._groups.get(asked)
        if cached is not None:
            return cached
        required: set[str] = set()
        for name in asked:
            element = self[name]
            if not element.is_dimension:
                raise DimensionNotFoundError(
                    f"'{name}' relates dimensions and is none itself. "
                    f"Name its dimensions: {', '.join(element.required)}."
                )
            required.update(element.required)
        everything = self._close(required)
        implied = self._implied_only(everything)
        group = self._intern(everything - implied, implied)
        self._groups[asked] = group
        return group

    def _close(self, names: set[str]) -> set[str]:
        """Add all that the names imply, transitively.

        What is implied requires nothing that is not there: see the law of universes.
        """
        todo = list(names)
        closed: set[str] = set()
        while todo:
            name = todo.pop()
            if name in closed:
                continue
            closed.add(name)
            todo.extend(self.elements[name].implied)
        return closed

    def _implied_only(self, names: set[str]) -> set[str]:
        """Return the names whose value follows from another one of them."""
        implied = {dep for name in names for dep in self.elements[name].implied}
        needed = {
            dep for name in names - implied for dep in self.elements[name].required
        }
        return implied - needed

    def _intern(self, required: set[str], implied: set[str]) -> DimensionGroup:
        key = frozenset(required | implied)
        known = self._groups.get(key)
        if known is None:
            known = DimensionGroup(self, self._sorted(required), self._sorted(implied))
            self._groups[key] = known
        return known

    def _sorted(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(names, key=self._order.__getitem__))

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Universe) and self.definition == other.definition
        )

    def __hash__(self) -> int:
        return hash((self.namespace, self.version))

    def __repr__(self) -> str:
        return f"Universe({self.namespace!r}, version {self.version})"

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (_reopen, (self.to_yaml(),))


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
    elements
        Dimensions of the group and join elements among them, universe order.
    governors
        Names of the governor dimensions of the group.
    """

    __slots__ = ("elements", "governors", "implied", "names", "required", "universe")

    universe: Universe
    required: tuple[str, ...]
    implied: tuple[str, ...]
    names: tuple[str, ...]
    elements: tuple[DimensionElement, ...]
    governors: tuple[str, ...]

    def __init__(
        self, universe: Universe, required: tuple[str, ...], implied: tuple[str, ...]
    ) -> None:
        self.universe = universe
        self.required = required
        self.implied = implied
        self.names = required + implied
        present = set(self.names)
        self.elements = tuple(
            element
            for element in universe.elements.values()
            if (
                element.name in present
                if element.is_dimension
                else present.issuperset(element.required)
            )
        )
        self.governors = tuple(
            [name for name in self.names if universe.elements[name].is_governor]
        )

    def spatial_elements(self) -> tuple[DimensionElement, ...]:
        """Return the finest element of each spatial family that is present."""
        return self._finest(self.universe.spatial_families)

    def temporal_elements(self) -> tuple[DimensionElement, ...]:
        """Return the finest element of each temporal family that is present."""
        return self._finest(self.universe.temporal_families)

    def _finest(
        self, families: dict[str, tuple[str, ...]]
    ) -> tuple[DimensionElement, ...]:
        present = {element.name: element for element in self.elements}
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

    def intersection(self, *others: Self) -> DimensionGroup:
        """Return the group of the dimensions that this one and all others have."""
        names = [n for n in self.names if all(n in other.names for other in others)]
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


@functools.cache
def _reopen(text: str) -> Universe:
    default = Universe.default()
    return default if default.to_yaml() == text else Universe.restored(text)
