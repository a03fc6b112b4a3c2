"""A table of files of other programs: paths, and the data ID of each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import polars as pl

from pantler.butler.file_dataset import FileDataset
from pantler.errors import (
    AccessError,
    IntegrityError,
    InvalidInputError,
    close_match,
)
from pantler.formatters.storage_classes import DATA_FRAME
from pantler.plugins import load_plugin

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pantler.datasets.dataset_type import DatasetType
    from pantler.dimensions.element import DimensionElement
    from pantler.formatters.interface import Formatter

_INTEGER: Final = re.compile("[+-]?[0-9]{1,40}")


def read_file_table(
    table: Path,
    dataset_type: DatasetType,
    run: str,
    *,
    data_id: Mapping[str, object] | None = None,
    folder: Path | None = None,
    formatter: str | None = None,
) -> list[FileDataset]:
    """Return the files that a table lists, ready for `Butler.ingest`.

    Parameters
    ----------
    table
        A table in CSV, ECSV or Parquet, by the end of its name. The first column has
        the paths; each other one is called like a dimension, and has its values.
    dataset_type
        What the files are.
    run
        Name of the RUN collection.
    data_id
        Values of dimensions that are the same for all files.
    folder
        What relative paths start from; the table's own folder when None.
    formatter
        Name of the formatter that can read them; the storage class's own when None.

    Raises
    ------
    AccessError
        If the table cannot be read.
    InvalidInputError
        If it is not such a table, a dimension is missing, given twice or unknown, or
        a value is not one of its dimension; the message gives the row.
    """
    frame = _read(table)
    common = dict(data_id or {})
    required = dataset_type.dimensions.required
    columns = frame.columns[1:]
    for name in (*columns, *common):
        if name not in required:
            raise InvalidInputError(
                f"'{name}' is not a dimension of '{dataset_type.name}', which has "
                f"{', '.join(required) or 'none'}.{close_match(name, required)}"
            )
    if twice := sorted(set(columns) & set(common)):
        raise InvalidInputError(
            f"'{twice[0]}' is a column of '{table}', and is given for all files too."
        )
    if missing := [n for n in required if n not in columns and n not in common]:
        raise InvalidInputError(
            f"'{table}' has no column '{missing[0]}'. Its columns are "
            f"{', '.join(frame.columns)}. Add it, or give one value for all files."
        )
    elements = {name: dataset_type.dimensions.universe[name] for name in required}
    shared = {
        name: _value(value, elements[name], "what is given for all files")
        for name, value in common.items()
    }
    folder = table.parent if folder is None else folder
    files = []
    for number, (path, *values) in enumerate(frame.iter_rows(), start=1):
        where = f"'{table}', row {number}"
        if not isinstance(path, str) or not path.strip():
            raise InvalidInputError(
                f"{where}: the first column has {path!r} in place of a path."
            )
        own = {
            name: _value(value, elements[name], where)
            for name, value in zip(columns, values, strict=True)
        }
        files.append(
            FileDataset(folder / path, dataset_type, shared | own, run, formatter)
        )
    return files


def _read(table: Path) -> pl.DataFrame:
    """Return a table; the cells of CSV stay text."""
    kind = table.suffix.lower()
    if kind not in {".csv", ".ecsv", ".parquet"}:
        raise InvalidInputError(
            f"'{table}' is not known to be a table: its name ends in none of .csv, "
            ".ecsv, .parquet."
        )
    try:
        frame = _read_csv(table) if kind == ".csv" else _read_dataset(table, kind[1:])
    except OSError as error:
        reason = error.strerror or str(error)
        raise AccessError(f"Cannot read '{table}': {reason}.") from error
    except (pl.exceptions.PolarsError, IntegrityError) as error:
        raise InvalidInputError(f"'{table}' cannot be read: {error}") from None
    if not frame.columns:
        raise InvalidInputError(f"'{table}' has no columns.")
    return frame


def _read_csv(table: Path) -> pl.DataFrame:
    # By its path alone, polars would take it for a pattern, or read a folder.
    with table.open("rb") as opened:
        return pl.read_csv(opened, infer_schema=False)


def _read_dataset(table: Path, formatter: str) -> pl.DataFrame:
    reader: Formatter = load_plugin("formatters", formatter)()
    frame: pl.DataFrame = reader.read_file(table, DATA_FRAME)
    return frame


def _value(value: object, element: DimensionElement, where: str) -> object:
    """Return a dimension's value; text of a number becomes one where it should."""
    key = element.primary_key
    if key.type == "int" and isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    key.check(value, f"{where}: '{element.name}'")
    return value
