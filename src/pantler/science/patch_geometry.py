"""What the tasks need of a sky map: where a patch is, as pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class PixelRectangle(Protocol):
    """A rectangle of the pixels of a tract."""

    @property
    def x0(self) -> int:
        """First column."""
        ...

    @property
    def y0(self) -> int:
        """First row."""
        ...

    @property
    def nx(self) -> int:
        """Number of columns."""
        ...

    @property
    def ny(self) -> int:
        """Number of rows."""
        ...


class PatchGeometry(Protocol):
    """A patch as a grid of pixels, some of which it shares with its neighbours."""

    @property
    def wcs(self) -> Any:
        """World coordinates of its images, the first pixel being 0."""
        ...

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of its images."""
        ...

    @property
    def inner(self) -> PixelRectangle:
        """The pixels that no other patch has for its own."""
        ...

    @property
    def outer(self) -> PixelRectangle:
        """The pixels of its images: its own and a border."""
        ...


class TractGeometry(Protocol):
    """Patches on one projection."""

    def patch(self, number: int) -> PatchGeometry:
        """Return a patch."""
        ...


class SkyMapGeometry(Protocol):
    """Tracts of the sky."""

    def tract(self, number: int) -> TractGeometry:
        """Return a tract."""
        ...


def patch_of(sky_map: SkyMapGeometry, data_id: Mapping[str, Any]) -> PatchGeometry:
    """Return the patch that a data ID names."""
    return sky_map.tract(int(data_id["tract"])).patch(int(data_id["patch"]))
