"""Tables: polars data frames and astropy tables as Parquet, astropy tables as ECSV.

An astropy table in Parquet carries its units, descriptions and metadata as astropy's
own Parquet files do (YAML under the key ``table_meta_yaml``), so that either program
reads the files of the other; masked values are nulls, which every reader knows.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import yaml
from polars.exceptions import PanicException, PolarsError

from pantler.config.yaml_text import check_yaml
from pantler.errors import (
    IntegrityError,
    InvalidInputError,
    PantlerError,
    close_match,
)
from pantler.formatters.interface import Formatter
from pantler.formatters.parquet_structure import check_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pantler.datasets.storage_class import StorageClass

_META: Final = "table_meta_yaml"
_LENGTH: Final = "table::len::"
_CLASS: Final = "pantler::table_class"
_SERIALIZED: Final = "__serialized_columns__"
_NO_ECSV: Final = (
    yaml.YAMLError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
)
_ATTRIBUTES: Final = ("description", "format", "unit", "meta")


class ParquetFormatter(Formatter):
    """Writes polars data frames and astropy tables, and reads either as either.

    The parameter ``columns`` names those that are read, in the order wanted; the
    component ``columns`` is the list of all names.
    """

    extension = ".parquet"

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:
        """Write a table to a new Parquet file.

        Raises
        ------
        InvalidInputError
            If a column has a type that Parquet cannot hold; names it.
        """
        metadata: dict[str, str] = {}
        if isinstance(value, pl.DataFrame):
            frame = value
        elif storage_class.python_type.startswith("astropy."):
            frame, metadata = _frame_of_table(value)
        else:
            raise InvalidInputError(
                f"Parquet holds data frames and tables, no {type(value).__qualname__}."
            )
        for name, dtype in frame.schema.items():
            if dtype == pl.Object:
                raise _unstorable(name, "Python objects")
        try:
            frame.write_parquet(path, metadata=metadata)
        except (PolarsError, PanicException) as error:
            raise InvalidInputError(
                f"Cannot be written as Parquet: {error}."
            ) from error

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the table, or its column names, from a Parquet file."""
        columns = _asked((parameters or {}).get("columns"))
        as_table = storage_class.python_type.startswith("astropy.")
        with _parquet_errors():
            # Nothing in a path is a pattern or a partition to us.
            scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)
            present = scan.collect_schema().names()
            metadata = pl.read_parquet_metadata(path) if as_table else {}
        with _metadata_errors():
            header = _table_header(metadata)
            names = _table_names(present, header)
        if component == "columns":
            return names
        if columns is not None:
            _check_columns(columns, names)
        stored = _stored_names(columns, present)
        _check_structure(path, stored)
        with _parquet_errors():
            frame = (scan if stored is None else scan.select(stored)).collect()
        if not as_table:
            return frame
        with _metadata_errors():
            return _table_of_frame(frame, header, metadata, columns)


class EcsvFormatter(Formatter):
    """Astropy tables as Enhanced Character-Separated Values: text for people.

    Times are written with the digits that their own format shows.

    References
    ----------
    .. [1] Aldcroft, T., Astropy Proposal for Enhancement 6 (APE 6).
    """

    extension = ".ecsv"

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:  # noqa: ARG002 - interface
        """Write a table to a new ECSV file.

        Raises
        ------
        InvalidInputError
            If a column has a type that ECSV cannot hold.
        """
        try:
            value.write(path, format="ascii.ecsv", overwrite=True)
        except (yaml.YAMLError, ValueError, TypeError) as error:
            raise InvalidInputError(f"Cannot be written as ECSV: {error}.") from error

    def read_file(
        self,
        path: Path,
        storage_class: StorageClass,  # noqa: ARG002 - interface
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the table, or its column names, from an ECSV file."""
        from astropy.table import Table

        columns = _asked((parameters or {}).get("columns"))
        try:
            table = Table.read(path, format="ascii.ecsv")
        except _NO_ECSV as error:
            raise IntegrityError(f"Not a valid ECSV file: {error}.") from error
        if component == "columns":
            return list(table.colnames)
        if columns is None:
            return table
        _check_columns(columns, table.colnames)
        return table[columns]


def _asked(columns: Any) -> list[str] | None:
    if columns is None:
        return None
    if isinstance(columns, str) or not all(isinstance(name, str) for name in columns):
        raise InvalidInputError(
            f"The parameter 'columns' is a list of names, not {columns!r}."
        )
    return list(columns)


def _check_columns(columns: Sequence[str], names: Sequence[str]) -> None:
    for name in columns:
        if name not in names:
            raise InvalidInputError(
                f"There is no column '{name}'; the table has {len(names)}: "
                f"{', '.join(names[:20])}.{close_match(name, names)}"
            )


def _frame_of_table(table: Any) -> tuple[pl.DataFrame, dict[str, str]]:
    """Return the columns of an astropy table, and the metadata to go with them."""
    from astropy.table import QTable, meta, serialize

    try:
        encoded = serialize.represent_mixins_as_columns(table)
        metadata = {_META: "\n".join(meta.get_yaml_from_table(encoded))}
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise InvalidInputError(
            f"The table's metadata cannot be written: {error}."
        ) from error
    if isinstance(table, QTable):
        metadata[_CLASS] = "QTable"
    series = []
    for name in encoded.colnames:
        column = encoded[name]
        series.append(_series(name, column))
        if column.dtype.kind in "US":
            width = column.dtype.itemsize // (4 if column.dtype.kind == "U" else 1)
            metadata[_LENGTH + name] = str(width)
    return pl.DataFrame(series), metadata


def _series(name: str, column: Any) -> pl.Series:
    dtype = column.dtype
    is_scalar = column.ndim == 1
    if dtype.kind not in ("biufUSMm" if is_scalar else "biuf") or (
        dtype.itemsize > 8 and (dtype.kind == "f")
    ):
        raise _unstorable(name, f"{dtype} in {column.ndim} dimensions")
    mask = getattr(column, "mask", None)
    values = np.ascontiguousarray(column if mask is None else column.data.data)
    values = values.view(np.ndarray).astype(dtype.newbyteorder("="), copy=False)
    try:
        series = pl.Series(name, values)
    except ValueError as error:
        raise _unstorable(name, str(dtype)) from error
    if mask is None or not np.any(mask):
        return series
    if not is_scalar:
        raise _unstorable(name, "masked values in several dimensions")
    return pl.select(
        pl.when(pl.Series(~np.asarray(mask))).then(series).alias(name)
    ).to_series()


def _unstorable(name: str, what: str) -> InvalidInputError:
    return InvalidInputError(
        f"Column '{name}' holds {what}, which Parquet cannot hold here: use numbers, "
        "truth values, text, or times in ms, us or ns."
    )


def _table_header(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return what the YAML header of an astropy table says; empty if there is none."""
    text = metadata.get(_META)
    if text is None:
        return {}
    from astropy.table import meta

    check_yaml(
        text, "The table's metadata", error=IntegrityError, most_repeated=sys.maxsize
    )
    header: dict[str, Any] = meta.get_header_from_yaml(text.split("\n"))
    return header


def _table_names(present: Sequence[str], header: Mapping[str, Any]) -> list[str]:
    """Return the columns of a table, some of which are several in its file."""
    mixins = _mixins(header)
    names: dict[str, None] = {}
    for name in present:
        owner = next((key for key in mixins if name.startswith(f"{key}.")), name)
        names[owner] = None
    return list(names)


def _mixins(header: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = header.get("meta", {}).get(_SERIALIZED, {})
    return found


def _stored_names(
    columns: Sequence[str] | None, present: Sequence[str]
) -> list[str] | None:
    if columns is None:
        return None
    stored: dict[str, None] = {}
    for asked in columns:
        for name in present:
            if name == asked or name.startswith(f"{asked}."):
                stored[name] = None
    return list(stored)


def _table_of_frame(
    frame: pl.DataFrame,
    header: Mapping[str, Any],
    metadata: Mapping[str, str],
    columns: Sequence[str] | None,
) -> Any:
    from astropy.table import QTable, Table, serialize

    table_meta = dict(header.get("meta", {}))
    if columns is not None and _SERIALIZED in table_meta:
        mixins = table_meta[_SERIALIZED]
        table_meta[_SERIALIZED] = {k: v for k, v in mixins.items() if k in columns}
    described = {item["name"]: item for item in header.get("datatype", [])}
    table = Table(meta=table_meta)
    for series in frame:
        column = _column(series, metadata.get(_LENGTH + series.name))
        for attribute in _ATTRIBUTES:
            value = described.get(series.name, {}).get(attribute)
            if value is not None:
                setattr(column, attribute, value)
        table.add_column(column)
    table = serialize._construct_mixins_from_columns(table)  # noqa: SLF001 - the only way
    if metadata.get(_CLASS) == "QTable":
        table = QTable(table, copy=False)
    return table if columns is None else table[list(columns)]


def _column(series: pl.Series, width: str | None) -> Any:
    from astropy.table import Column, MaskedColumn

    mask = series.is_null().to_numpy() if series.null_count() else None
    if mask is not None:
        series = series.fill_null(_filler(series.dtype))
    if series.dtype in (pl.String, pl.Binary):
        kind = "U" if series.dtype == pl.String else "S"
        values = np.array(series.to_list(), dtype=f"{kind}{width or ''}")
    else:
        values = series.to_numpy(writable=True)
    if mask is None:
        return Column(values, name=series.name, copy=False)
    return MaskedColumn(values, name=series.name, mask=mask, copy=False)


def _filler(dtype: pl.DataType) -> Any:
    """Return what stands under the mask of a masked value."""
    if dtype == pl.String:
        return ""
    if dtype == pl.Binary:
        return b""
    if dtype == pl.Boolean:
        return False
    return pl.lit(0).cast(dtype)


def _check_structure(path: Path, columns: Sequence[str] | None) -> None:
    try:
        check_parquet(path, columns)
    except IntegrityError as error:
        raise IntegrityError(f"Not a valid Parquet file: {error}.") from None


@contextlib.contextmanager
def _metadata_errors() -> Iterator[None]:
    """Take whatever astropy finds wrong with a table's YAML as damage."""
    from astropy.table.meta import YamlParseError

    try:
        yield
    except (YamlParseError, *_NO_ECSV, RecursionError) as error:
        if isinstance(error, PantlerError):
            raise
        raise IntegrityError(f"The table's metadata is damaged: {error}.") from error


@contextlib.contextmanager
def _parquet_errors() -> Iterator[None]:
    try:
        yield
    except (PolarsError, PanicException) as error:
        raise IntegrityError(f"Not a valid Parquet file: {error}.") from error
