"""Images taken apart into their components, and put together again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from astropy.nddata import CCDData

from pantler.formatters.fits import check_cutout, cutout_slices, read_unit, unit_text
from pantler.formatters.fits_header import make_header

if TYPE_CHECKING:
    from collections.abc import Mapping

_PIXELS: Final = frozenset({"data", "mask", "flags", "uncertainty", "wcs"})
_OPTIONAL: Final = ("mask", "uncertainty", "wcs", "flags", "psf")


class CcdImageDelegate:
    """Takes `CCDData` apart.

    The components are those of the storage class ``CCDImage``; an image has no mask,
    uncertainty, world coordinates, flags or point spread function if its attribute
    is None.
    """

    def take_apart(self, value: CCDData) -> dict[str, Any]:
        """Return the components of an image."""
        parts = {
            "data": value.data,
            "header": make_header(value.header),
            "unit": unit_text(value.unit),
        }
        for name in _OPTIONAL:
            part = getattr(value, name)
            if part is not None:
                parts[name] = part
        return parts

    def put_together(self, parts: Mapping[str, Any]) -> CCDData:
        """Return the image of which these are the components."""
        image = CCDData(
            parts["data"],
            unit=read_unit(parts["unit"]),
            header=parts["header"],
            wcs=parts.get("wcs"),
            uncertainty=parts.get("uncertainty"),
        )
        for name in ("mask", "flags", "psf"):
            setattr(image, name, parts.get(name))
        return image

    def select(self, component: str, part: Any, parameters: Mapping[str, Any]) -> Any:
        """Return the cutout of a component that has pixels."""
        cutout = cutout_slices(parameters.get("cutout"))
        if cutout is None or component not in _PIXELS:
            return part
        if component == "wcs":
            return part.slice(cutout)
        array = part.array if component == "uncertainty" else part
        check_cutout(cutout, array.shape)
        return part[(..., *cutout)]
