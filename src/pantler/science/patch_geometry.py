"""What the tasks need of a sky map: where a patch is, as pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class PatchGeometry(Protocol):
    """A patch as a grid of pixels, some of which it shares with its neighbours."""

    @property
    def wcs(self) -> Any:
        """World coordinates of the outer pixels, the first being 0."""
        ...

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the outer pixels."""
        ...

    @property
    def inner(self) -> tuple[int, int, int, int]:
        """What the patch has for itself: x_min, y_min, x_max, y_max, end-exclusive."""
        ...


class TractGeometry(Protocol):
    """Patches on one projection."""

    def patch(self, patch_id: int) -> PatchGeometry:
        """Return a patch."""
        ...


class SkyMapGeometry(Protocol):
    """Tracts of the sky."""

    def tract(self, tract_id: int) -> TractGeometry:
        """Return a tract."""
        ...


def patch_of(sky_map: SkyMapGeometry, data_id: Mapping[str, Any]) -> PatchGeometry:
    """Return the patch that a data ID names."""
    return sky_map.tract(int(data_id["tract"])).patch(int(data_id["patch"]))
