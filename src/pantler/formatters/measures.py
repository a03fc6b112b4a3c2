"""Quantities, time spans and regions of the sky."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pantler.dimensions.sky.regions import decode_region
from pantler.dimensions.timespan import Timespan
from pantler.errors import IntegrityError, InvalidInputError, PantlerError
from pantler.formatters.interface import BytesFormatter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.datasets.storage_class import StorageClass

_DAMAGED: Final = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


class QuantityFormatter(BytesFormatter):
    """Numbers with a unit of astropy, such as the value of a metric, as JSON.

    Its components are ``value`` and ``unit``.
    """

    extension = ".json"

    def to_bytes(self, value: Any, storage_class: StorageClass) -> bytes:  # noqa: ARG002 - interface
        """Return JSON text.

        Raises
        ------
        InvalidInputError
            If it has no plain numbers, or a unit that cannot be told by its name.
        """
        from astropy import units

        from pantler.formatters.fits import unit_text

        numbers = value.value if type(value) is units.Quantity else None
        dtype = np.asarray(numbers).dtype
        if numbers is None or dtype.kind not in "iuf" or dtype.itemsize > 8:
            raise InvalidInputError(
                f"A {type(value).__qualname__} of {dtype} cannot be written as a "
                "quantity: use whole numbers or floating point of up to 64 bits, or a "
                "Table."
            )
        text = unit_text(value.unit)
        if _unit(text) != value.unit:
            raise InvalidInputError(f"The unit {value.unit!r} has no name.")
        said = {
            "value": np.asarray(numbers).tolist(),
            "unit": text,
            "dtype": dtype.newbyteorder("=").name,
        }
        return json.dumps(said, separators=(",", ":")).encode()

    def from_bytes(
        self,
        data: bytes,
        storage_class: StorageClass,  # noqa: ARG002 - interface
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002 - interface
    ) -> Any:
        """Return the quantity, its numbers or the name of its unit."""
        from astropy import units

        try:
            said = json.loads(data)
            numbers = np.asarray(said["value"], dtype=np.dtype(said["dtype"]))
            unit = _unit(said["unit"])
        except _DAMAGED as error:
            raise IntegrityError(f"Not a quantity: {error}.") from None
        if component == "unit":
            return said["unit"]
        if component == "value":
            return numbers
        return units.Quantity(numbers, unit, dtype=numbers.dtype)


class TimespanFormatter(BytesFormatter):
    """Time spans as JSON: TAI nanoseconds, null where there is no bound."""

    extension = ".json"

    def to_bytes(self, value: Any, storage_class: StorageClass) -> bytes:  # noqa: ARG002 - interface
        """Return JSON text."""
        bounds = {
            "begin_tai_ns": None if value.begin == Timespan.MIN else value.begin,
            "end_tai_ns": None if value.end == Timespan.MAX else value.end,
        }
        return json.dumps(bounds).encode()

    def from_bytes(
        self,
        data: bytes,
        storage_class: StorageClass,  # noqa: ARG002 - interface
        *,
        component: str | None = None,  # noqa: ARG002 - interface
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002 - interface
    ) -> Any:
        """Return the time span."""
        try:
            said = json.loads(data)
            begin, end = said["begin_tai_ns"], said["end_tai_ns"]
            for bound in (begin, end):
                if bound is not None and type(bound) is not int:
                    raise ValueError(f"{bound!r} is no time")
            return Timespan(
                Timespan.MIN if begin is None else begin,
                Timespan.MAX if end is None else end,
            )
        except (*_DAMAGED, InvalidInputError) as error:
            raise IntegrityError(f"Not a time span: {error}.") from None


class RegionFormatter(BytesFormatter):
    """Regions of the sky in the field's encoding, in bytes."""

    extension = ".region"

    def to_bytes(self, value: Any, storage_class: StorageClass) -> bytes:  # noqa: ARG002 - interface
        """Return the encoded region."""
        encoded: bytes = value.encode()
        return encoded

    def from_bytes(
        self,
        data: bytes,
        storage_class: StorageClass,  # noqa: ARG002 - interface
        *,
        component: str | None = None,  # noqa: ARG002 - interface
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG002 - interface
    ) -> Any:
        """Return the region."""
        try:
            with np.errstate(all="raise"):
                return decode_region(data)
        except (*_DAMAGED, ArithmeticError, PantlerError) as error:
            raise IntegrityError(f"Not a region: {error}.") from None


def _unit(text: str) -> Any:
    from astropy import units

    for grammar in ("fits", None):
        try:
            return units.Unit(text, format=grammar)
        except ValueError:
            continue
    raise ValueError(f"there is no unit {text!r}")
