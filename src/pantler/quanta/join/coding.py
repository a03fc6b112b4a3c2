"""Data IDs as integers: each dimension's values are numbered.

A number stands for a value *and* for all that the value fixes: the number of a
patch fixes tract and skymap, that of a visit its instrument, filter and day. A data
ID is so the numbers of the few dimensions that no other one of it fixes: visit and
detector, or patch and band.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from pantler.dimensions.coordinate import DataCoordinate
from pantler.dimensions.timespan import Timespan
from pantler.errors import InternalError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pantler.dimensions.universe import DimensionGroup, Universe

Codes = Mapping[str, "NDArray[np.int32]"]


@functools.lru_cache(maxsize=4096)
def fixed_by(universe: Universe, name: str) -> frozenset[str]:
    """Return the other dimensions whose values follow from one of a dimension."""
    element = universe[name]
    fixed: set[str] = set()
    for other in (*element.required, *element.implied):
        if other != name:
            fixed |= {other} | fixed_by(universe, other)
    return frozenset(fixed)


def closed(universe: Universe, names: Iterable[str]) -> frozenset[str]:
    """Return dimensions with all that they fix."""
    every: set[str] = set()
    for name in names:
        every |= {name} | fixed_by(universe, name)
    return frozenset(every)


def deciding(universe: Universe, names: Iterable[str]) -> tuple[str, ...]:
    """Return those of some dimensions that no other of them fixes, in order."""
    given = set(names)
    fixed = {other for name in given for other in fixed_by(universe, name)}
    rank = _ranks(universe)
    return tuple(sorted(given - fixed, key=rank.__getitem__))


@functools.lru_cache(maxsize=16)
def _ranks(universe: Universe) -> dict[str, int]:
    return {name: rank for rank, name in enumerate(universe.elements)}


def number_values(
    universe: Universe,
    name: str,
    frame: pl.DataFrame,
    known: Mapping[str, DimensionValues],
) -> DimensionValues:
    """Return the numbered values of a dimension, in the order of data IDs.

    Parameters
    ----------
    universe
        The dimensions.
    name
        The dimension to number.
    frame
        One row a value, with columns for all dimensions that it requires and
        implies; perhaps ``region``, ``timespan_begin`` and ``timespan_end``. Rows
        that refer to unknown values are left out.
    known
        The values of the dimensions that it fixes.
    """
    element = universe[name]
    frame = frame.sort(list(element.required))
    coding = Coding(universe, known)
    parents = [n for n in (*element.required, *element.implied) if n != name]
    encoded = coding.encode(frame, tuple(parents))
    fixed, frame = encoded.columns, encoded.frame
    for parent in parents:
        for other, codes in known[parent].fixed.items():
            fixed.setdefault(other, codes[fixed[parent]])
    times = "timespan_begin" in frame.columns
    return DimensionValues(
        frame[name].rechunk(),
        fixed,
        # A record without a time span has one that overlaps none.
        _times(frame, "timespan_begin", missing=Timespan.MAX) if times else None,
        _times(frame, "timespan_end", missing=Timespan.MIN) if times else None,
        frame["region"] if "region" in frame.columns else None,
    )


def _times(frame: pl.DataFrame, name: str, *, missing: int) -> NDArray[np.int64]:
    return frame[name].fill_null(missing).to_numpy()


@dataclass(frozen=True, slots=True, eq=False)
class DimensionValues:
    """The numbered values of one dimension.

    Parameters
    ----------
    values : (n,)
        Value by number.
    fixed
        For each dimension that this one fixes, its number by number; shape (n,)
        each.
    begin, end : (n,)
        TAI nanoseconds, for temporal dimensions; where a value has no time span,
        ``begin`` is after ``end``.
    regions : (n,)
        Encoded regions, for spatial dimensions.
    """

    values: pl.Series
    fixed: Codes = field(default_factory=dict)
    begin: NDArray[np.int64] | None = None
    end: NDArray[np.int64] | None = None
    regions: pl.Series | None = None

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """The rows of a frame whose values are all known.

    Parameters
    ----------
    columns : (n,) each
        Their numbers by dimension.
    frame
        The rows themselves.
    """

    columns: dict[str, NDArray[np.int32]]
    frame: pl.DataFrame


@dataclass(frozen=True, slots=True, eq=False)
class Coding:
    """The numbered values of all dimensions of a graph.

    Parameters
    ----------
    universe
        The dimensions.
    dimensions
        Their values by name, each after those that it fixes.
    """

    universe: Universe
    dimensions: Mapping[str, DimensionValues]

    def size(self, name: str) -> int:
        """Return how many values a dimension has."""
        return len(self.dimensions[name])

    def codes(self, columns: Codes, name: str) -> NDArray[np.int32]:
        """Return the numbers of a dimension for coded data IDs.

        Parameters
        ----------
        columns
            Numbers of some dimensions, shape (n,) each.
        name
            One of them, or one that they fix.

        Returns
        -------
        numpy.ndarray, shape (n,)
            Its numbers.
        """
        if name in columns:
            return columns[name]
        for holder, codes in columns.items():
            fixed = self.dimensions[holder].fixed
            if name in fixed:
                return fixed[name][codes]
        raise InternalError(f"Nothing in {sorted(columns)} fixes '{name}'.")

    def encode(self, frame: pl.DataFrame, names: tuple[str, ...]) -> Encoded:
        """Return the numbers of data IDs.

        Parameters
        ----------
        frame
            Has a column for each required dimension.
        names
            The dimensions to number, none of which fixes another.

        """
        columns = {name: self._lookup(frame, name) for name in names}
        known = np.ones(frame.height, dtype=np.bool_)
        for codes in columns.values():
            known &= codes >= 0
        if known.all():
            return Encoded(columns, frame)
        kept = {name: codes[known] for name, codes in columns.items()}
        return Encoded(kept, frame.filter(known))

    def _lookup(self, frame: pl.DataFrame, name: str) -> NDArray[np.int32]:
        """Return numbers by the dimension's required values; -1 for unknown ones."""
        held = self.dimensions[name]
        parents = [n for n in self.universe[name].required if n != name]
        keys = [frame[name]]
        table = {"0": held.values}
        for place, parent in enumerate(parents, start=1):
            if self.size(parent) == 1 and _is_constant(
                frame[parent], self.dimensions[parent].values
            ):
                continue
            keys.append(frame[parent])
            values = self.dimensions[parent].values
            table[str(place)] = values.gather(held.fixed[parent])
        return lookup(keys, list(table.values()))

    def frame(self, columns: Codes, names: Iterable[str]) -> pl.DataFrame:
        """Return the values of coded data IDs, a column for each named dimension."""
        return pl.DataFrame(
            [
                self.dimensions[name]
                .values.gather(self.codes(columns, name))
                .alias(name)
                for name in names
            ]
        )

    def coordinate(
        self, group: DimensionGroup, columns: Codes, row: int
    ) -> DataCoordinate:
        """Return one coded data ID in full."""
        one = {name: codes[row : row + 1] for name, codes in columns.items()}
        return DataCoordinate(
            group,
            tuple(
                self.dimensions[name].values[int(self.codes(one, name)[0])]
                for name in group.names
            ),
        )


def lookup(keys: list[pl.Series], table: list[pl.Series]) -> NDArray[np.int32]:
    """Return for each key its row in a table, or -1.

    Parameters
    ----------
    keys : (n,) each
        Columns of the keys.
    table : (m,) each
        The same columns of the table, whose rows are distinct.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Row numbers.
    """
    names = [str(place) for place in range(len(keys))]
    left = pl.DataFrame([k.alias(n) for k, n in zip(keys, names, strict=True)])
    right = pl.DataFrame([t.alias(n) for t, n in zip(table, names, strict=True)])
    right = right.with_row_index("row")
    if not right.height:
        return np.full(left.height, -1, dtype=np.int32)
    found = left.join(right, on=names, how="left", maintain_order="left")["row"]
    return found.cast(pl.Int32).fill_null(-1).to_numpy()


def _is_constant(column: pl.Series, value: pl.Series) -> bool:
    """Whether all of a column is the one value."""
    return bool((column == value[0]).all())
