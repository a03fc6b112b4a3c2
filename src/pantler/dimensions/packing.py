"""Data IDs as single integers, such as numbers of sources are made from."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import polars as pl

from pantler.dimensions.coordinate import DataCoordinate
from pantler.errors import DataIdError, InvalidInputError, close_match

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.dimensions.column import DataIdValue
    from pantler.dimensions.universe import DimensionGroup

_MOST = 2**63 - 1


class DataIdPacker:
    """Packs data IDs of a group into integers of 63 bits, and unpacks them.

    Parameters
    ----------
    group
        The dimensions.
    sizes
        For each required dimension that is not fixed: how many values it can have,
        from 0. Their product is below 2**63.
    fixed
        Values of the other required dimensions, those that are text among them. They
        are not part of the integer.

    Raises
    ------
    InvalidInputError
        If a dimension has neither a size nor a fixed value, or both; a size is not
        above 0, or they are too large together.

    Examples
    --------
    >>> from pantler.dimensions.universe import Universe
    >>> group = Universe.default().group(["visit", "detector"])
    >>> packer = DataIdPacker(
    ...     group, {"visit": 2**40, "detector": 256}, {"instrument": "Demo"})
    >>> data_id = DataCoordinate.from_mapping(
    ...     {"instrument": "Demo", "visit": 3, "detector": 1}, group)
    >>> packer.pack(data_id)
    1099511627779
    >>> print(packer.unpack(1099511627779))
    {instrument: 'Demo', detector: 1, visit: 3}
    """

    def __init__(
        self,
        group: DimensionGroup,
        sizes: Mapping[str, int],
        fixed: Mapping[str, DataIdValue] | None = None,
    ) -> None:
        self.group = group
        self.fixed = dict(fixed or {})
        for name in (*sizes, *self.fixed):
            if name not in group.required:
                raise InvalidInputError(
                    f"Data IDs of {group!r} do not require '{name}'."
                    f"{close_match(name, group.required)}"
                )
        self.sizes = {n: sizes[n] for n in group.required if n in sizes}
        for name in group.required:
            self._check(name)
        if prod(self.sizes.values()) > _MOST:
            raise InvalidInputError(
                f"The sizes {self.sizes} need more than 63 bits: make them smaller."
            )

    def _check(self, name: str) -> None:
        key = self.group.universe[name].primary_key
        if (name in self.sizes) == (name in self.fixed):
            raise InvalidInputError(
                f"'{name}' needs either a size or a fixed value, and not both."
            )
        size = self.sizes.get(name, 1)
        if type(size) is not int or size < 1:
            raise InvalidInputError(f"The size of '{name}' is above 0, not {size!r}.")
        if name in self.sizes and key.type != "int":
            raise InvalidInputError(
                f"'{name}' is text, which cannot be packed: give it a fixed value."
            )

    def pack(self, data_id: Mapping[str, object]) -> int:
        """Return the integer of a data ID.

        Raises
        ------
        DataIdError
            If it lacks a value, contradicts a fixed one or has one beyond its size.
        """
        held = {n: data_id[n] for n in self.group.names if n in data_id}
        values = DataCoordinate.from_mapping(held, self.group)
        for name, value in self.fixed.items():
            if values[name] != value:
                raise DataIdError(
                    f"{values} has another '{name}' than {value!r}, which is fixed."
                )
        packed = 0
        for name, size in self.sizes.items():
            number = int(values[name])
            if not 0 <= number < size:
                raise DataIdError(
                    f"'{name}' is {number}; only 0 to {size - 1} can be packed."
                )
            packed = packed * size + number
        return packed

    def pack_frame(self, frame: pl.DataFrame) -> pl.Series:
        """Return the integers of many data IDs.

        Parameters
        ----------
        frame
            Has a column for each required dimension that is not fixed; of those that
            are fixed, it may have columns.

        Raises
        ------
        DataIdError
            As for `pack`.
        """
        for name, value in self.fixed.items():
            if name in frame.columns and not (frame[name] == value).all():
                raise DataIdError(f"Not every '{name}' is {value!r}, which is fixed.")
        packed = pl.zeros(frame.height, dtype=pl.Int64, eager=True)
        for name, size in self.sizes.items():
            if name not in frame.columns or not frame[name].dtype.is_integer():
                raise DataIdError(f"There is no column '{name}' of integers.")
            if not frame[name].is_between(0, size - 1).fill_null(value=False).all():
                raise DataIdError(f"Only 0 to {size - 1} can be packed of '{name}'.")
            packed = packed * size + frame[name].cast(pl.Int64)
        return packed.alias("packed")

    def unpack(self, packed: int) -> DataCoordinate:
        """Return the data ID of an integer.

        Raises
        ------
        DataIdError
            If it is the integer of none.
        """
        rest = packed
        values: dict[str, DataIdValue] = dict(self.fixed)
        for name, size in reversed(self.sizes.items()):
            rest, values[name] = divmod(rest, size)
        if rest:
            raise DataIdError(f"{packed} is not the integer of a data ID.")
        return DataCoordinate.from_mapping(values, self.group)
