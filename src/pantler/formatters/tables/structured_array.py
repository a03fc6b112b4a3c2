"""Structured arrays of numpy to columns and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from pantler.errors import InvalidInputError
from pantler.formatters.tables.columns import (
    LENGTH,
    TableColumns,
    column_from,
    values_of,
    width_of,
)


def columns_of_array(array: Any) -> TableColumns:
    """Return the columns of a structured array, masked or not.

    Raises
    ------
    InvalidInputError
        If it has no fields, is not one row after the other, or a field cannot be held.
    """
    names = array.dtype.names
    if names is None or array.ndim != 1:
        raise InvalidInputError(
            f"An array of {array.dtype} with shape {array.shape} is no table: give a "
            "structured array with one axis, as numpy.array([(1, 2.5)], dtype=[('a', "
            "int), ('b', float)])."
        )
    series, metadata = [], {}
    for name in names:
        field = array[name]
        mask = field.mask if isinstance(field, np.ma.MaskedArray) else None
        if field.dtype.names is not None:
            raise InvalidInputError(
                f"Field '{name}' has fields itself: tables hold one level of them."
            )
        series.append(column_from(name, np.asarray(np.ma.getdata(field)), mask))
        width = width_of(field.dtype)
        if width is not None:
            metadata[LENGTH + name] = str(width)
    return TableColumns(pl.DataFrame(series), metadata)


def array_of_columns(columns: TableColumns) -> Any:
    """Return a structured array, a masked one if values are missing.

    Raises
    ------
    InvalidInputError
        If a column has a type that numpy has no word for.
    """
    fields = {
        series.name: values_of(series, columns.width(series.name))
        for series in columns.frame
    }
    dtype = np.dtype(
        [
            (name, field.values.dtype, field.values.shape[1:])
            for name, field in fields.items()
        ]
    )
    is_masked = any(field.mask is not None for field in fields.values())
    make = np.ma.zeros if is_masked else np.zeros
    array: Any = make(columns.frame.height, dtype=dtype)
    for name, field in fields.items():
        array[name] = field.values
        if field.mask is not None:
            array.mask[name] = field.mask
    return array
