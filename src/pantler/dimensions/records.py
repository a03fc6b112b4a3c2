"""Dimension records: frames in bulk, and single records when somebody asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from pantler.dimensions.column import Column
from pantler.dimensions.timespan import Timespan
from pantler.errors import InvalidInputError, close_match

if TYPE_CHECKING:
    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.universe import Universe

Rows = Sequence[Mapping[str, object]] | pl.DataFrame


@dataclass(frozen=True, slots=True)
class DimensionRecord:
    """One record of an element: ``record["exposure_time"]``, ``record.timespan``.

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
        try:
            return self.values[name]
        except KeyError:
            raise KeyError(
                f"'{self.element.name}' records have no '{name}'."
                f"{close_match(name, self.values)}"
            ) from None

    @property
    def timespan(self) -> Timespan | None:
        """The time span, if the element is temporal and the record has one."""
        begin = self.values.get("timespan_begin")
        end = self.values.get("timespan_end")
        return None if begin is None or end is None else Timespan(begin, end)


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
        columns, and a region object for its bytes. For a dimension, its own key may
        be given under the key's name (``id``) instead of the dimension's.

    Returns
    -------
    polars.DataFrame
        One row a record, columns as `record_columns`.

    Raises
    ------
    InvalidInputError
        If a column is unknown, missing, or a value has the wrong type.
    """
    columns = record_columns(element, universe)
    if isinstance(rows, pl.DataFrame):
        return _conform_frame(element, columns, rows)
    names = {column.name for column in columns}
    data: dict[str, list[object]] = {column.name: [] for column in columns}
    for row in rows:
        flat = _flatten(element, row)
        for name in flat:
            if name not in names:
                raise InvalidInputError(
                    f"'{element.name}' records have no column '{name}'."
                    f"{close_match(name, names)}"
                )
        for column in columns:
            value = flat.get(column.name)
            column.check(value, f"'{element.name}' record {_identify(element, flat)}")
            data[column.name].append(value)
    return pl.DataFrame(data, schema={c.name: c.dtype for c in columns}, strict=False)


def _conform_frame(
    element: DimensionElement, columns: Sequence[Column], frame: pl.DataFrame
) -> pl.DataFrame:
    known = {column.name for column in columns}
    for name in frame.columns:
        if name not in known:
            raise InvalidInputError(
                f"'{element.name}' records have no column '{name}'."
                f"{close_match(name, known)}"
            )
    series: list[pl.Expr] = []
    for column in columns:
        if column.name in frame.columns:
            if not column.nullable and frame[column.name].null_count():
                raise InvalidInputError(
                    f"'{element.name}' records: '{column.name}' has nulls."
                )
            series.append(pl.col(column.name).cast(column.dtype))
        elif column.nullable:
            series.append(pl.lit(None, dtype=column.dtype).alias(column.name))
        else:
            raise InvalidInputError(
                f"'{element.name}' records lack the column '{column.name}'."
            )
    return frame.select(series)


def _flatten(element: DimensionElement, row: Mapping[str, object]) -> dict[str, object]:
    flat = dict(row)
    if element.is_dimension and element.name not in flat:
        key = element.primary_key.name
        if key in flat and not element.has_column(key):
            flat[element.name] = flat.pop(key)
    span = flat.pop("timespan", None)
    if isinstance(span, Timespan):
        flat["timespan_begin"], flat["timespan_end"] = span.begin, span.end
    encode = getattr(flat.get("region"), "encode", None)
    if encode is not None and not isinstance(flat["region"], str):
        flat["region"] = encode()
    return flat


def _identify(element: DimensionElement, row: Mapping[str, object]) -> str:
    return "{" + ", ".join(f"{n}: {row.get(n)!r}" for n in element.required) + "}"
