"""Dimension records: frames in bulk, and single records when somebody asks."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from pantler.dimensions.column import Column
from pantler.dimensions.sky.region_text import region_text
from pantler.dimensions.sky.regions import Region, decode_region
from pantler.dimensions.timespan import Timespan
from pantler.errors import FieldNotFoundError, InvalidInputError, close_match

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.universe import Universe

_BOUNDS: Final = ("timespan_begin", "timespan_end")

Rows = Sequence[Mapping[str, object]] | pl.DataFrame


@dataclass(frozen=True, slots=True)
class DimensionRecord:
    """One record of an element: ``record["exposure_time"]``, ``record.timespan``.

    ``record.exposure_time`` is the same, but for columns called ``values`` or
    ``element``. Printed, it shows all that is known, a line for each column.

    Parameters
    ----------
    element
        The element that it describes.
    values
        All columns by name, as in the element's record frames.
    """

    element: DimensionElement
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        """Return what is called so, by the names that `insert` takes.

        Raises
        ------
        FieldNotFoundError
            If such records have nothing of this name.
        """
        if name == "region" and name in self.values:
            return self.region
        if name == "timespan" and _BOUNDS[0] in self.values:
            return self.timespan
        try:
            return self.values[name]
        except KeyError:
            whole = ["timespan"] if _BOUNDS[0] in self.values else []
            raise FieldNotFoundError(
                f"'{self.element.name}' records have no '{name}'."
                f"{close_match(name, [*whole, *self.values])}"
            ) from None

    def __getattr__(self, name: str) -> Any:
        """Return what has no attribute of its own: ``record.exposure_time``."""
        if name.startswith("__") or name in {"element", "values"}:  # of one half made
            raise AttributeError(name)
        return self[name]

    def __repr__(self) -> str:
        return f"<{self.element.name} {_show(self.element, self.values)}>"

    def __str__(self) -> str:
        lines = [f"{self.element.name} {_show(self.element, self.values)}"]
        for name, value in self.values.items():
            if name in self.element.required or name in _BOUNDS or value is None:
                continue
            is_region = name == "region"
            shown = region_text(decode_region(value)) if is_region else value
            lines.append(f"  {name}: {shown}")
        if self.timespan is not None:
            lines.append(f"  timespan: {self.timespan}")
        return "\n".join(lines)

    @property
    def timespan(self) -> Timespan | None:
        """The time span, if the element is temporal and the record has one."""
        begin = self.values.get("timespan_begin")
        end = self.values.get("timespan_end")
        return None if begin is None or end is None else Timespan(begin, end)

    @property
    def region(self) -> Region | None:
        """The region, if the element is spatial and the record has one.

        ``values["region"]`` has its bytes.
        """
        encoded = self.values.get("region")
        return None if encoded is None else decode_region(encoded)


@functools.lru_cache(maxsize=256)
def record_columns(element: DimensionElement, universe: Universe) -> tuple[Column, ...]:
    """Return the columns of an element's record frames, in order.

    Required dimensions by name, implied dimensions by name, alternate keys,
    metadata, ``region``, ``timespan_begin`` and ``timespan_end``.
    """
    columns: list[Column] = []
    for name in (*element.required, *element.implied):
        key = universe[name].primary_key
        nullable = name in element.implied
        columns.append(Column(name, key.type, key.length, nullable, key.doc))
    return (*columns, *element.own_columns)


def conform_records(
    element: DimensionElement, universe: Universe, rows: Rows
) -> pl.DataFrame:
    """Check rows and return them as a frame with exactly the element's columns.

    Parameters
    ----------
    element
        The element that the rows describe.
    universe
        Its universe.
    rows
        A frame, or mappings with column names as keys. Columns that may be null
        can be left out. A ``timespan`` key with a `Timespan` stands for its two
        columns, and a `Region` for its bytes. For a dimension, its own key may be
        given under the key's name (``id``) instead of the dimension's.

    Returns
    -------
    polars.DataFrame
        One row a record, columns as `record_columns`.

    Raises
    ------
    InvalidInputError
        If a column is unknown or missing, or a value is missing, of the wrong type
        or too long, or a time span does not end after it begins.
    """
    columns = record_columns(element, universe)
    if isinstance(rows, pl.DataFrame):
        frame = _own_key_renamed(element, rows)
    else:
        frame = _frame_of_rows(element, columns, rows)
    _check_names(element, columns, frame.columns)
    for column in columns:
        if column.name in frame.columns:
            _check_column(element, column, frame)
        elif not column.nullable:
            raise InvalidInputError(
                f"'{element.name}' records lack the column '{column.name}'."
            )
    if element.is_temporal:
        _check_timespans(element, frame)
    try:
        return frame.select(
            pl.col(column.name).cast(column.dtype)
            if column.name in frame.columns
            else pl.lit(None, dtype=column.dtype).alias(column.name)
            for column in columns
        )
    except pl.exceptions.PolarsError as error:
        raise InvalidInputError(
            f"'{element.name}' records have values that do not fit: "
            f"{_first_line(error)}"
        ) from error


def _frame_of_rows(
    element: DimensionElement,
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, object]],
) -> pl.DataFrame:
    flat = [_flatten(element, row) for row in rows]
    _check_names(element, columns, set().union(*flat))
    series = []
    for column in columns:
        values = [row.get(column.name) for row in flat]
        if not set(map(type, values)) <= column.exact_types:
            for row, value in zip(flat, values, strict=True):
                column.check(value, f"'{element.name}' record {_show(element, row)}")
        try:
            series.append(
                pl.Series(column.name, values, column.dtype, strict=column.is_strict)
            )
        except (
            OverflowError,
            TypeError,
            UnicodeError,
            pl.exceptions.PolarsError,
        ) as error:
            for row, value in zip(flat, values, strict=True):  # which one, in our words
                column.check(value, f"'{element.name}' record {_show(element, row)}")
            raise InvalidInputError(
                f"'{element.name}' records: '{column.name}' has a value that does not "
                f"fit: {_first_line(error)}"
            ) from error
    return pl.DataFrame(series)


def _flatten(element: DimensionElement, row: Mapping[str, object]) -> dict[str, object]:
    """Return a row by column names, with plain Python values."""
    flat = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in row.items()
    }
    key = _own_key(element, flat)
    if key is not None:
        flat[element.name] = flat.pop(key)
    span = flat.pop("timespan", None)
    if isinstance(span, Timespan):
        flat["timespan_begin"], flat["timespan_end"] = span.begin, span.end
    elif span is not None:
        raise InvalidInputError(
            f"'{element.name}' record {_show(element, flat)}: 'timespan' must be a "
            f"Timespan, not {span!r}."
        )
    region = flat.get("region")
    if isinstance(region, Region):
        flat["region"] = region.encode()
    return flat


def _own_key(element: DimensionElement, names: Collection[str]) -> str | None:
    """Return the key's own name if it stands for the dimension's."""
    if not element.is_dimension or element.name in names:
        return None
    key = element.primary_key.name
    return key if key in names and not element.has_column(key) else None


def _own_key_renamed(element: DimensionElement, frame: pl.DataFrame) -> pl.DataFrame:
    key = _own_key(element, frame.columns)
    return frame if key is None else frame.rename({key: element.name})


def _check_names(
    element: DimensionElement, columns: Sequence[Column], names: Iterable[str]
) -> None:
    known = [column.name for column in columns]
    for name in names:
        if name not in known:
            raise InvalidInputError(
                f"'{element.name}' records have no column '{name}'."
                f"{close_match(name, known)}"
            )


def _check_column(
    element: DimensionElement, column: Column, frame: pl.DataFrame
) -> None:
    """Refuse a wrong type, nulls where none may be, values that are too long."""
    dtype = frame.schema[column.name]
    if dtype != pl.Null and not column.accepts(dtype):
        raise InvalidInputError(
            f"'{element.name}' records: '{column.name}' must be {column.type}, "
            f"not {dtype}."
        )
    values = frame[column.name]
    if not column.nullable and values.null_count():
        where = _show(element, frame.row(values.is_null().arg_max() or 0, named=True))
        raise InvalidInputError(
            f"'{element.name}' record {where}: '{column.name}' is missing."
        )
    if column.type == "string" and dtype == pl.String:
        with_nul = values.str.contains("\0", literal=True).fill_null(value=False)
        if with_nul.any():
            row = frame.row(with_nul.arg_max() or 0, named=True)
            column.check(
                row[column.name], f"'{element.name}' record {_show(element, row)}"
            )
    if column.length and dtype != pl.Null:
        lengths = (
            values.bin.size()
            if dtype == pl.Binary
            else values.cast(pl.String).str.len_chars()
        )
        longest = lengths.max()
        if isinstance(longest, int) and longest > column.length:
            row = frame.row(lengths.arg_max() or 0, named=True)
            column.check(
                row[column.name], f"'{element.name}' record {_show(element, row)}"
            )


def _check_timespans(element: DimensionElement, frame: pl.DataFrame) -> None:
    """Refuse time spans with one bound, or that do not end after they begin."""
    given = [name for name in _BOUNDS if name in frame.columns]
    if not given:
        return
    begin, end = (
        frame[name] if name in given else pl.Series(name, [None] * len(frame))
        for name in _BOUNDS
    )
    ordered = (begin.cast(pl.Int64) < end.cast(pl.Int64)).fill_null(value=False)
    bad = ~(ordered | (begin.is_null() & end.is_null()))
    if bad.any():
        row = frame.row(bad.arg_max() or 0, named=True)
        raise InvalidInputError(
            f"'{element.name}' record {_show(element, row)}: a time span needs two "
            f"bounds, the first before the second, not {row.get(_BOUNDS[0])} and "
            f"{row.get(_BOUNDS[1])} ns."
        )


def _show(element: DimensionElement, row: Mapping[str, object]) -> str:
    return "{" + ", ".join(f"{n}: {row.get(n)!r}" for n in element.required) + "}"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
