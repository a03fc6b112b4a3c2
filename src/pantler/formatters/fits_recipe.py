"""How FITS images are compressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, Self

from astropy.io import fits
from pydantic import Field, model_validator

from pantler.formatters.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

_TYPES: Final = {"rice": "RICE_1", "gzip": "GZIP_2"}
_METHODS: Final = {"none": -1, "subtractive_1": 1, "subtractive_2": 2}
_SEED_OF_CONTENT: Final = -1  # made of the first tile, so the same each time
_QUANTIZED: Final = ("DATA", "UNCERT")  # planes of measurements
_PLAIN: Final = "PSF"


class FitsRecipe(Recipe):
    """How the images of a FITS file are written; without one, they are as they are."""

    compression: Literal["none", "rice", "gzip"] = "none"
    """In tiles: ``rice`` is quick and good for integers, ``gzip`` is for all. Integers
    of 64 bits, and floating point that is not quantized, are compressed with gzip."""

    tile: tuple[int, int] | None = None
    """Rows and columns of a tile, pixels; a row each if None. Reads of cutouts like
    them square, such as 256 by 256."""

    quantize: float | None = Field(None, gt=0)
    """Steps within the noise of floating point, such as 16; data and uncertainty are
    not quite the same afterwards. Lossless if None."""

    dither: Literal["none", "subtractive_1", "subtractive_2"] = "subtractive_2"
    """How quantized values are scattered; ``subtractive_2`` keeps zeros."""

    dither_seed: int | None = Field(None, ge=1, le=10_000)
    """Where the scatter begins; made of the content if None."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.tile is not None and min(self.tile) < 1:
            raise ValueError("A tile has at least one row and one column")
        if self.compression == "none" and (self.tile or self.quantize):
            raise ValueError("tile and quantize need compression: rice or gzip")
        if self.quantize is None and self.dither_seed is not None:
            raise ValueError("dither_seed needs quantize")
        return self


def compressed(hdus: Sequence[fits.ImageHDU], recipe: FitsRecipe) -> list[Any]:
    """Return images as a recipe says."""
    if recipe.compression == "none":
        return list(hdus)
    return [hdu if hdu.name == _PLAIN else _compressed(hdu, recipe) for hdu in hdus]


def _compressed(hdu: fits.ImageHDU, recipe: FitsRecipe) -> Any:
    data = hdu.data
    is_float = data.dtype.kind == "f"
    is_quantized = is_float and recipe.quantize is not None and hdu.name in _QUANTIZED
    is_lossless_float = is_float and not is_quantized
    kind = "gzip" if is_lossless_float or _is_long(data) else recipe.compression
    options: dict[str, Any] = {}
    if is_quantized:
        options = {
            "quantize_level": recipe.quantize,
            "quantize_method": _METHODS[recipe.dither],
            "dither_seed": recipe.dither_seed or _SEED_OF_CONTENT,
        }
    elif is_float:
        options = {"quantize_level": 0.0}
    if recipe.tile is not None and data.ndim >= 2:
        options["tile_shape"] = (1,) * (data.ndim - 2) + recipe.tile
    return fits.CompImageHDU(
        data,
        header=hdu.header,
        name=hdu.name,
        compression_type=_TYPES[kind],
        **options,
    )


def _is_long(data: Any) -> bool:
    return data.dtype.kind in "iu" and data.dtype.itemsize == 8
