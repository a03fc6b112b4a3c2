"""Sky maps of a few tracts, wherever they are wanted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Final, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pantler.dimensions.sky.regions import ConvexPolygon
from pantler.dimensions.sky.sphere import normalize, vectors_to_lonlat
from pantler.errors import InvalidInputError, SettingsError
from pantler.skymaps.interface import SkyMap, SkyMapSettings, check_settings
from pantler.skymaps.tract import Tract, tangent_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# A gnomonic projection stretches the sky by a fifth at this distance.
_FARTHEST_DEG: Final = 25.0
_WIDEST_DEG: Final = 60.0
_FINEST_ARCSEC: Final = 1e-6
_COARSEST_ARCSEC: Final = 36_000.0
_LARGEST_PATCH_PX: Final = 100_000
_MOST_PATCHES: Final = 1_000_000


class TractSettings(BaseModel):
    """One tract: its centre and how much it covers at least."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    ra_deg: float = Field(ge=0, lt=360)
    """Its centre, ICRS right ascension, degrees."""

    dec_deg: float = Field(ge=-90, le=90)
    """Its centre, ICRS declination, degrees."""

    width_deg: float = Field(gt=0, le=_WIDEST_DEG)
    """Least extent in columns, degrees at the scale of the centre."""

    height_deg: float | None = Field(None, gt=0, le=_WIDEST_DEG)
    """Least extent in rows, degrees at the scale of the centre; the width when None."""


class DiscreteSkyMapSettings(SkyMapSettings):
    """Tracts one by one, with pixels and patches alike."""

    tracts: tuple[TractSettings, ...] = Field(min_length=1)
    """The tracts, numbered from 0."""

    pixel_scale_arcsec: float = Field(ge=_FINEST_ARCSEC, le=_COARSEST_ARCSEC)
    """Size of a pixel at a tract's centre, arcseconds."""

    patch_size_px: int = Field(1000, gt=0, le=_LARGEST_PATCH_PX)
    """Pixels along each side of a patch, without border."""

    patch_border_px: int = Field(50, ge=0, le=_LARGEST_PATCH_PX)
    """Pixels by which a patch reaches into its neighbours."""

    @model_validator(mode="after")
    def _check_sizes(self) -> Self:
        """Refuse patches that no projection can hold, and more than anyone can use."""
        patch_deg = self.patch_deg
        if patch_deg > _WIDEST_DEG:
            raise ValueError(
                f"a patch of {self.patch_size_px} pixels is {patch_deg:g} degrees "
                f"wide; at most {_WIDEST_DEG:g} fit on one projection"
            )
        patches = sum(x * y for x, y in map(self.patch_counts, self.tracts))
        if patches > _MOST_PATCHES:
            raise ValueError(
                f"the tracts would have {patches:.3g} patches, more than "
                f"{_MOST_PATCHES:,}: make the patches or the pixels larger, or the "
                "tracts smaller"
            )
        return self

    @property
    def patch_deg(self) -> float:
        """Side of a patch without border, degrees."""
        return self.patch_size_px * self.pixel_scale_arcsec / 3600

    def patch_counts(self, tract: TractSettings) -> tuple[int, int]:
        """Return how many columns and rows of patches cover a tract."""
        height_deg = tract.width_deg if tract.height_deg is None else tract.height_deg
        return _count(tract.width_deg / self.patch_deg), _count(
            height_deg / self.patch_deg
        )


class DiscreteSkyMap(SkyMap):
    """A few tracts, each a whole number of patches wide and high.

    Parameters
    ----------
    settings
        Where the tracts are.
    """

    kind: ClassVar[str] = "discrete"
    settings_class: ClassVar[type[SkyMapSettings]] = DiscreteSkyMapSettings
    settings: DiscreteSkyMapSettings

    def __init__(self, settings: DiscreteSkyMapSettings) -> None:
        super().__init__(settings)

    @property
    def tract_count(self) -> int:
        """How many tracts there are."""
        return len(self.settings.tracts)

    def make_tract(self, number: int) -> Tract:
        """Return a tract whose number is known to be in range."""
        tract = self.settings.tracts[number]
        patches_x, patches_y = self.settings.patch_counts(tract)
        return Tract(
            id=number,
            ra_deg=tract.ra_deg,
            dec_deg=tract.dec_deg,
            pixel_scale_arcsec=self.settings.pixel_scale_arcsec,
            patches_x=patches_x,
            patches_y=patches_y,
            patch_size=self.settings.patch_size_px,
            patch_border=self.settings.patch_border_px,
        )

    @classmethod
    def from_regions(
        cls,
        name: str,
        regions: Sequence[ConvexPolygon],
        *,
        pixel_scale_arcsec: float,
        patch_size_px: int = 1000,
        patch_border_px: int = 50,
        margin_px: float = 10.0,
    ) -> DiscreteSkyMap:
        """Return the sky map that covers some regions, such as those of visits.

        Regions that are connected share a tract; others have tracts of their own,
        in the order of the first region of each.

        Parameters
        ----------
        name
            Its name in data IDs.
        regions
            What to cover.
        pixel_scale_arcsec, patch_size_px, patch_border_px
            As for `DiscreteSkyMapSettings`.
        margin_px
            Pixels to add on each side.

        Raises
        ------
        InvalidInputError
            If there are no regions, or connected ones cover too much of the sky for
            one projection.
        SettingsError
            If the sizes make no sense, or would give more patches than anyone can use.
        """
        if not regions:
            raise InvalidInputError(
                f"No regions to cover by sky map '{name}'. Are visits defined?"
            )
        if not _FINEST_ARCSEC <= pixel_scale_arcsec <= _COARSEST_ARCSEC:
            raise SettingsError(
                f"The pixel scale is {pixel_scale_arcsec} arcsec; it can be "
                f"{_FINEST_ARCSEC:g} to {_COARSEST_ARCSEC:g}."
            )
        margin_deg = margin_px * pixel_scale_arcsec / 3600
        tracts = [
            _covering(np.concatenate([regions[i].vertices for i in group]), margin_deg)
            for group in _connected(regions)
        ]
        given = {
            "name": name,
            "tracts": tracts,
            "pixel_scale_arcsec": pixel_scale_arcsec,
            "patch_size_px": patch_size_px,
            "patch_border_px": patch_border_px,
        }
        return cls(check_settings(DiscreteSkyMapSettings, given, cls.kind))


def _count(patches: float) -> int:
    # A size that was meant to be a whole number of patches stays one.
    return max(1, math.ceil(patches - 1e-6))


def _connected(regions: Sequence[ConvexPolygon]) -> list[list[int]]:
    """Return the groups, by index, of regions whose bounding circles overlap."""
    circles = [region.bounding_circle() for region in regions]
    centers = np.array([circle.center for circle in circles])
    radii = np.array([circle.radius for circle in circles])
    left = set(range(len(regions)))
    groups = []
    while left:
        group, todo = [], [min(left)]
        left.remove(todo[0])
        while todo:
            one = todo.pop()
            group.append(one)
            chords = np.linalg.norm(centers - centers[one], axis=1)
            apart = 2 * np.arcsin(np.minimum(chords / 2, 1))
            near = np.flatnonzero(apart <= radii + radii[one])
            found = left.intersection(near.tolist())
            left -= found
            todo.extend(sorted(found))
        groups.append(sorted(group))
    return groups


def _covering(points: Floats, margin_deg: float) -> dict[str, float]:
    """Return the settings of a tract around points, unit vectors of shape (n, 3)."""
    # Corners that differ by rounding only make no side of a hull.
    apart = normalize(np.unique(np.round(points, 12), axis=0))
    center = ConvexPolygon.convex_hull(apart).bounding_circle().center
    # The middle of what the points cover in a projection is not its tangent point;
    # projecting anew around the middle brings the two together quickly.
    for _ in range(5):
        ra_deg, dec_deg = (float(np.degrees(a)) for a in vectors_to_lonlat(center))
        axes = tangent_axes(ra_deg, dec_deg)
        depth = points @ axes[0]
        if depth.min() < math.cos(math.radians(_FARTHEST_DEG)):
            raise InvalidInputError(
                f"The connected regions reach more than {_FARTHEST_DEG:g} degrees "
                "from their middle: too far for one tract. Cover fewer of them."
            )
        east, north = points @ axes[1] / depth, points @ axes[2] / depth
        middle_east = (east.min() + east.max()) / 2
        middle_north = (north.min() + north.max()) / 2
        center = axes[0] + middle_east * axes[1] + middle_north * axes[2]
        center /= np.linalg.norm(center)
    reach_east, reach_north = np.abs(east).max(), np.abs(north).max()
    return {
        "ra_deg": ra_deg % 360,
        "dec_deg": dec_deg,
        "width_deg": 2 * (math.degrees(reach_east) + margin_deg),
        "height_deg": 2 * (math.degrees(reach_north) + margin_deg),
    }
