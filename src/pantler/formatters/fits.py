"""FITS: images with mask, uncertainty, world coordinates and header.

The file that is written has an empty primary HDU with the header, then the image
extensions ``DATA`` (with unit and world coordinates), ``MASK``, ``UNCERT``, ``FLAGS``
and ``PSF``, as far as the image has them: what is asked alone is read alone.
"""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
from astropy import units
from astropy.io import fits
from astropy.io.fits.hdu.compressed._compression import CfitsioException
from astropy.io.fits.verify import VerifyError
from astropy.nddata import (
    CCDData,
    InverseVariance,
    NDUncertainty,
    StdDevUncertainty,
    UnknownUncertainty,
    VarianceUncertainty,
)
from astropy.utils.exceptions import AstropyUserWarning, AstropyWarning
from astropy.wcs import WCS

from pantler.errors import IntegrityError, InvalidInputError, PantlerError
from pantler.formatters import fits_header
from pantler.formatters.fits_recipe import FitsRecipe, compressed
from pantler.formatters.fits_structure import open_units
from pantler.formatters.fits_tiles import fetch_cutout, has_cutout
from pantler.formatters.interface import Formatter
from pantler.storage.ranges import RangeFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from pantler.datasets.storage_class import StorageClass
    from pantler.formatters.fits_structure import FitsUnit

_CONTENT: Final = "PNTLCONT"  # what a file of ours holds: image, array, wcs, ...
_PARTS: Final = "PNTLPART"  # the extensions that an image has
_BOOL: Final = "PNTLBOOL"  # bytes that were truth values
_HAS_WCS: Final = "PNTLWCS"
_UNCERTAINTY: Final = "PNTLUNC"

_UNCERTAINTIES: Final = {
    "std": StdDevUncertainty,
    "var": VarianceUncertainty,
    "ivar": InverseVariance,
    "unknown": UnknownUncertainty,
}
_PLANES: Final = ("mask", "flags", "psf")
_DTYPES: Final = frozenset(
    {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"}
)

# What astropy and numpy raise for files that are not FITS, are cut off or damaged.
_UNREADABLE: Final = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RuntimeError,
    MemoryError,
    EOFError,
    ArithmeticError,
    AssertionError,
    VerifyError,
    CfitsioException,
    AstropyUserWarning,
)


class FitsFormatter(Formatter):
    """Writes and reads FITS files, and reads ordinary frames of any camera.

    `CCDData` comes back as it was: data type, mask, uncertainty of its kind, unit,
    world coordinates and header. Of an ordinary frame it is the primary image or
    else the first image extension, tile-compressed or not, with the unit of BUNIT
    or else adu, celestial world coordinates if there are any, and a header without
    the keywords of those. Arrays, headers, world coordinates and uncertainties can
    be written alone.

    The parameter ``cutout`` is (y0, y1, x0, x1), half-open, pixels: only that part
    is read, and the world coordinates are shifted.
    """

    extension = ".fits"
    reads_ranges = True
    recipe_model = FitsRecipe

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:
        """Write an object to a new FITS file.

        Raises
        ------
        InvalidInputError
            If a part of it has no lossless form in FITS.
        """
        with fits_writing():
            recipe = self.recipe if isinstance(self.recipe, FitsRecipe) else None
            hdus = _hdus_of(value, storage_class, recipe or FitsRecipe())
            try:
                hdus.writeto(path, output_verify="silentfix", overwrite=True)
            except (VerifyError, ValueError) as error:
                raise InvalidInputError(
                    f"Cannot be written as FITS: {_one_line(error)}"
                ) from error

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the object, or one component of it, from a FITS file."""
        return _read(path, storage_class, component, parameters)

    def read_ranges(
        self,
        file: RangeFile,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return what is asked; of a cutout, only rows or tiles are fetched."""
        return _read(file, storage_class, component, parameters)


def _read(
    source: Path | RangeFile,
    storage_class: StorageClass,
    component: str | None,
    parameters: Mapping[str, Any] | None,
) -> Any:
    cutout = cutout_slices((parameters or {}).get("cutout"))
    with _opened(source) as opened:
        hdus = opened.hdus
        content = hdus[0].header.get(_CONTENT, "frame")
        image: _Image
        if content == "frame":
            image = _Frame(opened, cutout)
        elif content == "image":
            image = _Image(opened, cutout)
        else:
            value = _read_alone(hdus, content)
            _check_type(value, storage_class)
            return value
        if component is not None:
            return image.part(component)
        value = image.whole()
        _check_type(value, storage_class)
        return value


@dataclass(frozen=True, slots=True)
class _Open:
    """An open file, and what is known of its structure."""

    hdus: fits.HDUList
    file: BinaryIO
    units: list[FitsUnit]

    def fetch(self, hdu: Any, cutout: tuple[slice, slice] | None) -> None:
        """Fetch what a cutout of an image needs, if the file is far away."""
        if not isinstance(self.file, RangeFile):
            return
        number = next(n for n, one in enumerate(self.hdus) if one is hdu)
        unit = self.units[number]
        if cutout is not None and has_cutout(unit, cutout):
            fetch_cutout(self.file, unit, cutout)


class _Image:
    """An open file with an image that we wrote."""

    def __init__(self, opened: _Open, cutout: tuple[slice, slice] | None) -> None:
        self.opened = opened
        self.hdus = opened.hdus
        self.cutout = cutout

    def whole(self) -> CCDData:
        image = CCDData(
            self.data(),
            unit=self.unit(),
            header=self.header(),
            wcs=self.wcs(),
            uncertainty=self.uncertainty(),
        )
        for name in _PLANES:
            setattr(image, name, self.plane(name))
        return image

    def part(self, name: str) -> Any:
        if name in _PLANES:
            return self.plane(name)
        if name == "unit":
            return unit_text(self.unit())
        if name not in {"data", "uncertainty", "wcs", "header"}:
            raise InvalidInputError(f"An image in FITS has no component '{name}'.")
        return getattr(self, name)()

    def data(self) -> NDArray[Any]:
        return self.pixels(self.hdus[1])

    def pixels(self, hdu: Any) -> NDArray[Any]:
        self.opened.fetch(hdu, self.cutout)
        return _read_array(hdu, self.cutout)

    def unit(self) -> Any:
        return read_unit(self.hdus[1].header.get("BUNIT"))

    def header(self) -> fits.Header:
        header = self.hdus[0].header.copy(strip=True)
        header.remove(_CONTENT)
        header.remove(_PARTS)
        return header

    def wcs(self) -> WCS | None:
        header = self.hdus[1].header
        if not header.get(_HAS_WCS, False):
            return None
        return self.shifted(fits_header.wcs_of_cards(header))

    def shifted(self, wcs: WCS) -> WCS:
        return wcs if self.cutout is None else wcs.slice(self.cutout)

    def uncertainty(self) -> NDUncertainty | None:
        found = self._extension("UNCERT")
        if found is None:
            return None
        self.opened.fetch(found, self.cutout)
        return _read_uncertainty(found, self.cutout)

    def plane(self, name: str) -> NDArray[Any] | None:
        found = self._extension(name.upper())
        if found is None:
            return None
        return _read_array(found, None) if name == "psf" else self.pixels(found)

    def _extension(self, name: str) -> Any:
        if name not in self.hdus[0].header[_PARTS].split():
            return None
        found = next((hdu for hdu in self.hdus[2:] if hdu.name == name), None)
        if found is None:
            raise IntegrityError(f"The FITS file has lost its extension {name}.")
        return found


class _Frame(_Image):
    """An open file with an image that some other program wrote."""

    def __init__(self, opened: _Open, cutout: tuple[slice, slice] | None) -> None:
        super().__init__(opened, cutout)
        images = (hdu for hdu in self.hdus if hdu.is_image and len(hdu.shape) >= 2)
        self.image: Any = next(images, None)
        if self.image is None:
            raise IntegrityError("The FITS file holds no image.")

    def data(self) -> NDArray[Any]:
        return self.pixels(self.image)

    def unit(self) -> Any:
        return read_unit(self.image.header.get("BUNIT", "adu"))

    def header(self) -> fits.Header:
        header = fits_header.frame_header(self.hdus[0].header, self.image.header)
        header.remove("BUNIT", ignore_missing=True)
        if self._wcs() is not None:
            header = fits_header.without_wcs(header)
        return header

    def wcs(self) -> WCS | None:
        wcs = self._wcs()
        return None if wcs is None else self.shifted(wcs)

    def _wcs(self) -> WCS | None:
        return fits_header.wcs_of_frame(self.image.header, self.hdus)

    def _extension(self, name: str) -> Any:  # noqa: ARG002 - none is ours
        return None


def _hdus_of(
    value: Any, storage_class: StorageClass, recipe: FitsRecipe
) -> fits.HDUList:
    header = fits.Header()
    images = []
    if isinstance(value, CCDData):
        content = "image"
        header = fits_header.make_header(value.header)
        images = _image_hdus(value)
    elif isinstance(value, fits.Header):
        content = "header"
        header = fits_header.make_header(value)
    elif isinstance(value, WCS):
        content = "wcs"
        header = fits_header.wcs_cards(value)
    elif isinstance(value, NDUncertainty):
        content = "uncertainty"
        images = [_uncertainty_hdu(value)]
    elif type(value) is np.ndarray:
        content = "array"
        images = [_array_hdu(value, "DATA")]
    else:
        raise InvalidInputError(
            f"FITS cannot hold a {type(value).__qualname__} of storage class "
            f"'{storage_class.name}': choose another formatter for it."
        )
    # Given so, rather than added later, the cards keep their order.
    primary = fits.PrimaryHDU(header=header)
    primary.header[_CONTENT] = (content, "what this file holds")
    if content == "image":
        names = " ".join(hdu.name for hdu in images)
        primary.header[_PARTS] = (names, "the extensions that follow")
    return fits.HDUList([primary, *compressed(images, recipe)])


def _image_hdus(image: CCDData) -> list[fits.ImageHDU]:
    data = _array_hdu(image.data, "DATA")
    data.header["BUNIT"] = unit_text(image.unit)
    if image.wcs is not None:
        data.header.extend(fits_header.wcs_cards(image.wcs))
        data.header[_HAS_WCS] = (True, "the world coordinates are the image's own")
    hdus = [data]
    for name in _PLANES:
        plane = getattr(image, name)
        if plane is not None:
            hdus.append(_array_hdu(np.asarray(plane), name.upper()))
    if image.uncertainty is not None:
        hdus.append(_uncertainty_hdu(image.uncertainty))
    return hdus


def _array_hdu(array: NDArray[Any], name: str) -> fits.ImageHDU:
    dtype = array.dtype
    if f"{dtype.kind}{dtype.itemsize}" not in _DTYPES or array.size == 0:
        what = "is empty" if array.size == 0 else f"has data type {dtype}"
        raise InvalidInputError(
            f"The array for extension {name} {what}; FITS images hold truth values, "
            "integers of 8 to 64 bits, float32 and float64."
        )
    is_bool = dtype.kind == "b"
    hdu = fits.ImageHDU(array.view(np.uint8) if is_bool else array, name=name)
    if is_bool:
        hdu.header[_BOOL] = (True, "these are truth values")
    return hdu


def _read_array(hdu: Any, cutout: tuple[slice, slice] | None) -> NDArray[Any]:
    if cutout is None:
        array = hdu.data
    else:
        check_cutout(cutout, hdu.shape)
        array = hdu.section[(..., *cutout)]
    if hdu.header.get(_BOOL, False):
        return np.asarray(array).view(np.bool_)
    return np.asarray(array, dtype=array.dtype.newbyteorder("="))


def _uncertainty_hdu(uncertainty: NDUncertainty) -> fits.ImageHDU:
    kind: str = getattr(uncertainty, "uncertainty_type", "")
    if _UNCERTAINTIES.get(kind) is not type(uncertainty):
        raise InvalidInputError(
            f"An uncertainty of type {type(uncertainty).__qualname__} cannot be "
            f"written; known: {', '.join(t.__name__ for t in _UNCERTAINTIES.values())}."
        )
    if uncertainty.array is None:
        raise InvalidInputError("The uncertainty has no array.")
    hdu = _array_hdu(np.asarray(uncertainty.array), "UNCERT")
    hdu.header[_UNCERTAINTY] = (kind, "kind of uncertainty")
    if uncertainty.unit is not None:
        hdu.header["BUNIT"] = unit_text(uncertainty.unit)
    return hdu


def _read_uncertainty(hdu: Any, cutout: tuple[slice, slice] | None) -> NDUncertainty:
    kind = _UNCERTAINTIES[hdu.header[_UNCERTAINTY]]
    text = hdu.header.get("BUNIT")
    return kind(
        _read_array(hdu, cutout),
        unit=None if text is None else read_unit(text),
        copy=False,
    )


def _read_alone(hdus: fits.HDUList, content: str) -> Any:
    if content == "uncertainty":
        return _read_uncertainty(hdus[1], None)
    if content == "array":
        return _read_array(hdus[1], None)
    header = hdus[0].header.copy(strip=True)
    header.remove(_CONTENT)
    if content == "wcs":
        return fits_header.wcs_of_cards(header)
    if content == "header":
        return header
    raise IntegrityError(
        f"The FITS file holds '{content}', which this version of pantler cannot read."
    )


def unit_text(unit: Any) -> str:
    """Return a unit as FITS spells it, or as astropy does where FITS has no word."""
    try:
        text: str = unit.to_string("fits")
        if units.Unit(text, format="fits") == unit:
            return text
    except ValueError:
        pass
    return str(unit.to_string())


def read_unit(text: object) -> Any:
    """Return the unit of a BUNIT; an unknown word stays an unrecognized unit."""
    name = str(text).strip()
    for spelling in (name, name.lower(), name.lower().removesuffix("s")):
        for grammar in ("fits", None):
            with contextlib.suppress(ValueError):
                return units.Unit(spelling, format=grammar)
    return units.Unit(name, parse_strict="silent")


def check_cutout(cutout: tuple[slice, slice], shape: tuple[int, ...]) -> None:
    """Refuse a cutout that is not within an image."""
    if cutout[0].stop > shape[-2] or cutout[1].stop > shape[-1]:
        raise InvalidInputError(
            f"The cutout {_bounds(cutout)} exceeds the image of shape {shape}."
        )


def cutout_slices(bounds: Any) -> tuple[slice, slice] | None:
    """Return the parameter ``cutout``, (y0, y1, x0, x1), as slices."""
    if bounds is None:
        return None
    try:
        y0, y1, x0, x1 = map(int, bounds)
    except (TypeError, ValueError):
        y0 = y1 = x0 = x1 = -1
    if not (0 <= y0 < y1 and 0 <= x0 < x1):
        raise InvalidInputError(
            f"A cutout is (y0, y1, x0, x1) with 0 <= y0 < y1 and 0 <= x0 < x1, "
            f"not {bounds!r}."
        )
    return slice(y0, y1), slice(x0, x1)


def _bounds(cutout: tuple[slice, slice]) -> tuple[int, ...]:
    return tuple(edge for part in cutout for edge in (part.start, part.stop))


def _check_type(value: object, storage_class: StorageClass) -> None:
    expected = storage_class.load_type()
    if not isinstance(value, expected):
        raise IntegrityError(
            f"The FITS file holds a {type(value).__qualname__}, where storage class "
            f"'{storage_class.name}' has a {storage_class.python_type}."
        )


@contextlib.contextmanager
def opened_fits(path: Path | RangeFile) -> Iterator[fits.HDUList]:
    """Open a FITS file; what is found wrong with it within is an IntegrityError."""
    with _opened(path) as opened:
        yield opened.hdus


@contextlib.contextmanager
def fits_writing() -> Iterator[None]:
    """Keep in what astropy says of headers that it repairs by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        yield


@contextlib.contextmanager
def _opened(source: Path | RangeFile) -> Iterator[_Open]:
    with fits_writing():
        warnings.filterwarnings(
            "error", message="File may have been truncated", category=AstropyUserWarning
        )
        try:
            # Headers can be believed, as far as sizes go, once this has been done.
            with (
                _checked(source) as (file, units),
                fits.open(file, memmap=False) as hdus,
            ):
                yield _Open(hdus, file, units)
        except PantlerError:
            raise
        except _UNREADABLE as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise IntegrityError(
                f"Not a whole and valid FITS file: {_one_line(error)}"
            ) from error


@contextlib.contextmanager
def _checked(source: Path | RangeFile) -> Iterator[tuple[BinaryIO, list[FitsUnit]]]:
    with contextlib.ExitStack() as stack:
        try:
            opened = stack.enter_context(open_units(source))
        except IntegrityError as error:
            raise IntegrityError(f"Not a whole and valid FITS file: {error}") from None
        yield opened


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
