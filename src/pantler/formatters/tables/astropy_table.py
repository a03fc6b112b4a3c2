"""Tables of astropy to columns and back.

The columns carry units, descriptions and metadata as astropy's own Parquet files do
(YAML under the key ``table_meta_yaml``), so that either program reads the files of the
other; masked values are nulls, which every reader knows.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import yaml

from pantler.config.yaml_text import check_yaml
from pantler.errors import IntegrityError, InvalidInputError, PantlerError
from pantler.formatters.tables.columns import (
    LENGTH,
    TABLE_CLASS,
    TABLE_META,
    TableColumns,
    column_from,
    values_of,
    width_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SERIALIZED: Final = "__serialized_columns__"
_BAD_METADATA: Final = (
    yaml.YAMLError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
)
_ATTRIBUTES: Final = ("description", "format", "unit", "meta")


def columns_of_table(table: Any) -> TableColumns:
    """Return the columns of an astropy table.

    Raises
    ------
    InvalidInputError
        If a column or the metadata cannot be held.
    """
    from astropy.table import QTable, meta, serialize

    try:
        encoded = serialize.represent_mixins_as_columns(table)
        metadata = {TABLE_META: "\n".join(meta.get_yaml_from_table(encoded))}
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise InvalidInputError(
            f"The table's metadata cannot be written: {error}."
        ) from error
    if isinstance(table, QTable):
        metadata[TABLE_CLASS] = "QTable"
    series = []
    for name in encoded.colnames:
        column = encoded[name]
        mask = getattr(column, "mask", None)
        values = column if mask is None else column.data.data
        series.append(column_from(name, np.asarray(values), mask))
        width = width_of(column.dtype)
        if width is not None:
            metadata[LENGTH + name] = str(width)
    return TableColumns(pl.DataFrame(series), metadata)


def table_of_columns(columns: TableColumns, chosen: Sequence[str] | None = None) -> Any:
    """Return an astropy table.

    Parameters
    ----------
    columns
        What it holds; those that are stored for some of the table's own columns may
        be left out.
    chosen
        The table's columns that are there, in the order wanted; all if None.

    Raises
    ------
    IntegrityError
        If the metadata are damaged.
    InvalidInputError
        If a column has a type that astropy's tables do not hold.
    """
    from astropy.table import Column, MaskedColumn, QTable, Table, serialize

    header = table_header(columns.metadata)
    with _metadata_errors():
        table_meta = dict(header.get("meta", {}))
        if chosen is not None and _SERIALIZED in table_meta:
            mixins = table_meta[_SERIALIZED]
            table_meta[_SERIALIZED] = {k: v for k, v in mixins.items() if k in chosen}
        described = {item["name"]: item for item in header.get("datatype", [])}
        table = Table(meta=table_meta)
        for series in columns.frame:
            found = values_of(series, columns.width(series.name))
            column: Any
            if found.mask is None:
                column = Column(found.values, name=series.name, copy=False)
            else:
                column = MaskedColumn(
                    found.values, name=series.name, mask=found.mask, copy=False
                )
            for attribute in _ATTRIBUTES:
                value = described.get(series.name, {}).get(attribute)
                if value is not None:
                    setattr(column, attribute, value)
            table.add_column(column)
        table = serialize._construct_mixins_from_columns(table)  # noqa: SLF001 - the only way
        if columns.metadata.get(TABLE_CLASS) == "QTable":
            table = QTable(table, copy=False)
        return table if chosen is None else table[list(chosen)]


def table_header(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return what the YAML header of an astropy table says; empty if there is none.

    Raises
    ------
    IntegrityError
        If it is damaged.
    """
    text = metadata.get(TABLE_META)
    if text is None:
        return {}
    from astropy.table import meta

    check_yaml(
        text, "The table's metadata", error=IntegrityError, most_repeated=sys.maxsize
    )
    with _metadata_errors():
        header: dict[str, Any] = meta.get_header_from_yaml(text.split("\n"))
        return header


def table_names(present: Sequence[str], metadata: Mapping[str, str]) -> list[str]:
    """Return the columns of a table, some of which are several in its file."""
    header = table_header(metadata)
    with _metadata_errors():
        mixins: dict[str, Any] = header.get("meta", {}).get(_SERIALIZED, {})
        names: dict[str, None] = {}
        for name in present:
            owner = next((key for key in mixins if name.startswith(f"{key}.")), name)
            names[owner] = None
        return list(names)


@contextlib.contextmanager
def _metadata_errors() -> Iterator[None]:
    """Take whatever astropy finds wrong with a table's YAML as damage."""
    from astropy.table.meta import YamlParseError

    try:
        yield
    except (YamlParseError, *_BAD_METADATA, RecursionError) as error:
        if isinstance(error, PantlerError):
            raise
        raise IntegrityError(f"The table's metadata is damaged: {error}.") from error
