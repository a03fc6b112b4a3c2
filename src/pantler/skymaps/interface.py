"""The interface of sky maps, and making one by the name of its kind."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pantler.dimensions.records import conform_records
from pantler.errors import NotFoundError, PluginError, SettingsError
from pantler.plugins import load_plugin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import polars as pl

    from pantler.dimensions.universe import Universe
    from pantler.skymaps.tract import Tract


class SkyMapSettings(BaseModel):
    """The settings of every sky map; each kind adds its own."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=64)
    """Its name in data IDs."""


SettingsT = TypeVar("SettingsT", bound=SkyMapSettings)


class SkyMap(ABC):
    """A division of the sky into tracts, and of those into patches.

    Sky maps are plugins of the group ``pantler.skymaps``. Equal settings make equal
    sky maps, forever: repositories keep the kind and the settings, nothing else.

    Parameters
    ----------
    settings
        An object of the kind's ``settings_class``.

    Attributes
    ----------
    kind
        The name of its entry point.
    settings_class
        The model of its settings.
    """

    kind: ClassVar[str]
    settings_class: ClassVar[type[SkyMapSettings]]

    def __init__(self, settings: SkyMapSettings) -> None:
        self.settings = settings

    @property
    def name(self) -> str:
        """Its name in data IDs."""
        return self.settings.name

    @property
    def hash(self) -> bytes:
        """A digest of kind and settings, the name aside: equal for equal divisions."""
        given = self.settings.model_dump(mode="json", exclude={"name"})
        text = json.dumps([self.kind, given], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=20).digest()

    @property
    @abstractmethod
    def tract_count(self) -> int:
        """How many tracts there are."""

    @abstractmethod
    def make_tract(self, number: int) -> Tract:
        """Return a tract whose number is known to be in range."""

    def tract(self, number: int) -> Tract:
        """Return a tract.

        Raises
        ------
        NotFoundError
            If there is no tract of that number.
        """
        if not 0 <= number < self.tract_count:
            raise NotFoundError(
                f"Sky map '{self.name}' has no tract {number}; "
                f"it has 0 to {self.tract_count - 1}."
            )
        return self.make_tract(number)

    def tracts(self) -> Iterator[Tract]:
        """Yield all tracts."""
        return map(self.make_tract, range(self.tract_count))

    def records(self, universe: Universe) -> dict[str, pl.DataFrame]:
        """Return the records to register, by element, in the order of insertion."""
        tracts = list(self.tracts())
        rows: dict[str, list[dict[str, object]]] = {
            "skymap": [
                {
                    "skymap": self.name,
                    "hash": self.hash,
                    "tract_max": len(tracts),
                    "patch_nx_max": max(tract.patches_x for tract in tracts),
                    "patch_ny_max": max(tract.patches_y for tract in tracts),
                }
            ],
            "tract": [
                {"skymap": self.name, "tract": tract.id, "region": tract.region}
                for tract in tracts
            ],
            "patch": [
                {
                    "skymap": self.name,
                    "tract": tract.id,
                    "patch": patch.id,
                    "cell_x": patch.cell_x,
                    "cell_y": patch.cell_y,
                    "region": patch.region,
                }
                for tract in tracts
                for patch in tract.patches()
            ],
        }
        return {
            element: conform_records(universe[element], universe, some)
            for element, some in rows.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """Return plain values from which `make_sky_map` makes an equal sky map."""
        return {"kind": self.kind, **self.settings.model_dump(mode="json")}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SkyMap) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.kind, self.settings))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.settings!r})"


def make_sky_map(definition: Mapping[str, Any]) -> SkyMap:
    """Return a sky map of any installed kind.

    Parameters
    ----------
    definition
        ``kind``, the name of a plugin, and the settings of that kind.

    Raises
    ------
    SettingsError
        If the kind is missing or the settings are wrong.
    PluginError
        If no such kind is installed.

    Examples
    --------
    >>> sky = make_sky_map({
    ...     "kind": "discrete", "name": "field", "pixel_scale_arcsec": 0.4,
    ...     "tracts": [{"ra_deg": 10, "dec_deg": 5, "width_deg": 0.1}]})
    >>> sky.tract(0).shape
    (1000, 1000)
    """
    given = dict(definition)
    kind = given.pop("kind", None)
    if not isinstance(kind, str):
        raise SettingsError(
            "A sky map needs 'kind', the name of a plugin, such as 'discrete'."
        )
    loaded = load_plugin("skymaps", kind)
    if not (isinstance(loaded, type) and issubclass(loaded, SkyMap)):
        raise PluginError(f"The sky map plugin '{kind}' is not a SkyMap: {loaded!r}.")
    return loaded(check_settings(loaded.settings_class, given, kind))


def check_settings(
    model: type[SettingsT], given: Mapping[str, Any], kind: str
) -> SettingsT:
    """Return settings of a kind of sky map.

    Raises
    ------
    SettingsError
        If they are wrong; names each one that is.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        problems = "; ".join(
            f"'{'.'.join(map(str, item['loc']))}': {item['msg']}"
            if item["loc"]
            else item["msg"].removeprefix("Value error, ")
            for item in error.errors()
        )
        raise SettingsError(f"Sky map of kind '{kind}': {problems}.") from None
