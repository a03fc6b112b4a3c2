"""The YAML form of a universe, and the elements that it defines."""

from __future__ import annotations

import functools
from importlib.resources import files
from typing import Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
)

from pantler.config.yaml_text import load_yaml
from pantler.dimensions.column import Column, ColumnType
from pantler.dimensions.element import DimensionElement, PixelScheme
from pantler.errors import SettingsError

PACKAGED_NAMESPACE: Final = "pantler"

_STRICT = ConfigDict(extra="forbid", frozen=True)


class ColumnDefinition(BaseModel):
    """A column as written in YAML."""

    model_config = _STRICT

    name: str
    type: ColumnType
    length: StrictInt = 0
    nullable: StrictBool = True
    doc: str = ""

    def build(self, *, is_key: bool = False) -> Column:
        """Return the column; a key is never null."""
        nullable = self.nullable and not is_key
        return Column(self.name, self.type, self.length, nullable, self.doc)


class ElementDefinition(BaseModel):
    """A dimension or a join element as written in YAML."""

    model_config = _STRICT

    doc: str
    keys: tuple[ColumnDefinition, ...] = ()
    requires: tuple[str, ...] = ()
    implies: tuple[str, ...] = ()
    metadata: tuple[ColumnDefinition, ...] = ()
    governor: StrictBool = False
    always_join: StrictBool = False
    populated_by: str | None = None
    view_of: str | None = None


class SkyPixelSystem(BaseModel):
    """A hierarchy of sky pixels."""

    model_config = _STRICT

    max_level: StrictInt


class SkyPixels(BaseModel):
    """The sky pixelizations, and the one that indexes regions."""

    model_config = _STRICT

    common: str
    systems: dict[PixelScheme, SkyPixelSystem]


class Topology(BaseModel):
    """Families of elements with regions or time spans, finest first."""

    model_config = _STRICT

    spatial: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    temporal: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class UniverseDefinition(BaseModel):
    """A universe as written in YAML."""

    model_config = _STRICT

    namespace: str
    version: StrictInt
    skypix: SkyPixels
    topology: Topology = Topology()
    elements: dict[str, ElementDefinition]

    @classmethod
    def restored(cls, text: str) -> UniverseDefinition:
        """Read a definition that was checked before it was written.

        Raises
        ------
        SettingsError
            If the text is no such thing.
        """
        data: Any = load_yaml(text, "The stored universe", error=SettingsError)
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise SettingsError(f"The stored universe is damaged: {error}") from error

    def families(
        self, kind: Literal["spatial", "temporal"]
    ) -> dict[str, tuple[str, ...]]:
        """Return the members of each family of one kind, finest first."""
        return dict(getattr(self.topology, kind))

    def build_elements(self) -> dict[str, DimensionElement]:
        """Return all elements, each after what it requires and implies.

        The definition must hold together: `law.read_definition` checks that.
        """
        built = self._pixel_elements()
        spatial = _members(self.topology.spatial)
        temporal = _members(self.topology.temporal)
        for name in self._ordered_names():
            definition = self.elements[name]
            required = _closure(definition.requires, built)
            if definition.keys:
                required = (*required, name)
            built[name] = DimensionElement(
                name=name,
                doc=definition.doc,
                keys=tuple(key.build(is_key=True) for key in definition.keys),
                required=required,
                implied=definition.implies,
                metadata=tuple(column.build() for column in definition.metadata),
                is_governor=definition.governor,
                spatial_family=spatial.get(name),
                temporal_family=temporal.get(name),
                always_join=definition.always_join,
                populated_by=definition.populated_by,
                view_of=definition.view_of,
            )
        return built

    def _pixel_elements(self) -> dict[str, DimensionElement]:
        return {
            f"{scheme}{level}": DimensionElement(
                name=f"{scheme}{level}",
                doc=f"Sky pixels of {scheme} at level {level}.",
                keys=(Column("id", "int", nullable=False, doc="pixel index"),),
                required=(f"{scheme}{level}",),
                pixel_scheme=scheme,
                pixel_level=level,
            )
            for scheme, system in self.skypix.systems.items()
            for level in range(system.max_level + 1)
        }

    def _ordered_names(self) -> list[str]:
        """Return the names so that each follows its dependencies; file order else."""
        done: dict[str, None] = {}

        def visit(name: str) -> None:
            if name in done or name not in self.elements:
                return
            definition = self.elements[name]
            for dependency in (*definition.requires, *definition.implies):
                visit(dependency)
            done[name] = None

        for name in self.elements:
            visit(name)
        return list(done)


@functools.cache
def packaged_definition() -> UniverseDefinition:
    """Return the universe that is shipped, for imaging surveys."""
    source = files("pantler.dimensions").joinpath("default_universe.yaml")
    return UniverseDefinition.restored(source.read_text("utf-8"))


def _members(families: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {name: family for family, members in families.items() for name in members}


def _closure(
    names: tuple[str, ...], built: dict[str, DimensionElement]
) -> tuple[str, ...]:
    """Return the names and all they require, in build order."""
    needed = {dep for name in names for dep in built[name].required}
    return tuple(name for name in built if name in needed)
