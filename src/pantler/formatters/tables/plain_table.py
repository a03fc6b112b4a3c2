"""Tables as columns of numbers and text alone, for formats that hold no more.

What the format has no word for is in a manifest beside the columns: data types, which
columns have a mask of their own, and the metadata.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.tables.astropy_table import table_header
from pantler.formatters.tables.columns import TableColumns, column_from, values_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_MASK: Final = ".mask"
# Types that not every format has, and what they are kept as.
_WIDER: Final = {"i1": "i2", "u2": "i4", "u4": "i8", "f2": "f4"}
_DAMAGED: Final = (ValueError, TypeError, LookupError, AttributeError)


@dataclass(frozen=True, slots=True)
class PlainTable:
    """A table of plain columns, and what they do not say.

    Parameters
    ----------
    table
        Of astropy.
    manifest
        JSON.
    """

    table: Any
    manifest: str


def plain_table(columns: TableColumns, *, has_unicode: bool = False) -> PlainTable:
    """Return a table of plain columns.

    Parameters
    ----------
    columns
        Of any table.
    has_unicode
        Whether the format has text beyond ASCII, up to 16 bits a character.

    Raises
    ------
    InvalidInputError
        If a column has a type that arrays cannot have.
    """
    from astropy.table import Column, Table

    units = {
        item["name"]: item.get("unit")
        for item in table_header(columns.metadata).get("datatype", [])
    }
    table = Table()
    kinds: dict[str, str] = {}
    for series in columns.frame:
        name = series.name
        found = values_of(series, columns.width(name))
        kinds[name] = found.values.dtype.str
        values = found.values
        if has_unicode and values.dtype.kind == "U":
            _refuse_wide(values, name)
        else:
            values = _encoded(values, name)
        table[name] = Column(values, unit=units.get(name))
        if found.mask is not None:
            if name + _MASK in columns.frame.columns:
                raise InvalidInputError(
                    f"Column '{name}{_MASK}' has the name that the mask of '{name}' "
                    "gets: rename it."
                )
            table[name + _MASK] = found.mask
    manifest = {"columns": kinds, "metadata": dict(columns.metadata)}
    return PlainTable(table, json.dumps(manifest))


def columns_of_plain(table: Any, manifest: str) -> TableColumns:
    """Return the columns that `plain_table` made plain.

    Raises
    ------
    IntegrityError
        If table and manifest do not fit together.
    """
    try:
        said = json.loads(manifest)
        metadata: Mapping[str, str] = {
            str(key): str(value) for key, value in said["metadata"].items()
        }
        series = []
        for name, kind in said["columns"].items():
            values = _decoded(np.ma.getdata(table[name]), np.dtype(kind))
            mask = table[name + _MASK] if name + _MASK in table.colnames else None
            mask = None if mask is None else np.asarray(np.ma.getdata(mask), bool)
            series.append(column_from(name, values, mask))
    except _DAMAGED as error:
        raise IntegrityError(
            f"Columns and manifest do not fit together: {error}."
        ) from None
    return TableColumns(pl.DataFrame(series), metadata)


def _refuse_wide(values: Any, name: str) -> None:
    if any(ord(character) > 0xFFFF for text in values.ravel() for character in text):
        raise InvalidInputError(
            f"Text of column '{name}' has characters of more than 16 bits, which this "
            "format does not keep: use Parquet."
        )


def _encoded(values: Any, name: str) -> Any:
    dtype = values.dtype
    word = dtype.str[1:]
    if word in _WIDER:
        return values.astype(_WIDER[word])
    if dtype.kind in "mM" or word == "u8":
        return values.view("i8")
    if dtype.kind == "U":
        values = np.char.encode(values, "utf-8")
        dtype = values.dtype
    if dtype.kind == "S":
        if np.any(np.char.str_len(np.char.rstrip(values)) < np.char.str_len(values)):
            raise InvalidInputError(
                f"Text of column '{name}' ends with a blank, which this format does "
                "not keep: use Parquet."
            )
        return values if dtype.itemsize else values.astype("S1")
    return values


def _decoded(values: Any, dtype: np.dtype[Any]) -> Any:
    values = np.asarray(values)
    if dtype.kind in "US":
        if values.dtype.kind == "O":
            texts = [_text(value) for value in values.ravel()]
            values = np.array(texts).reshape(values.shape)
        if values.dtype.kind == "U":
            values = np.char.encode(values, "utf-8")
        if dtype.kind == "U":
            values = np.char.decode(values, "utf-8")
        return values.astype(dtype)
    values = values.astype(values.dtype.newbyteorder("="))
    if dtype.kind in "mM" or dtype.str[1:] == "u8":
        return values.view(dtype)
    return values.astype(dtype)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
