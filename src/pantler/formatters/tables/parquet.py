"""Tables of any kind in Parquet, read by columns and groups of rows."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import polars as pl
from polars.exceptions import PanicException, PolarsError
from pydantic import Field, model_validator

from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.recipe import Recipe
from pantler.formatters.tables.columns import OURS, TableColumns, unstorable
from pantler.formatters.tables.conversion import (
    columns_of,
    kind_of,
    kind_of_class,
    table_as,
)
from pantler.formatters.tables.formatter import TableFormatter
from pantler.formatters.tables.parquet_structure import (
    MAGIC,
    LocalBytes,
    RowGroup,
    check_pages,
    read_layout,
)
from pantler.formatters.tables.pruning import may_hold_rows
from pantler.formatters.tables.selection import TableSelection

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pantler.datasets.storage_class import StorageClass
    from pantler.formatters.tables.parquet_structure import ByteSource
    from pantler.storage.ranges import RangeFile

_ARROW_NAMES: Final = {"uncompressed": "none"}
_FOOTER_BYTES: Final = 1 << 16  # fetched at first, from the end


class ParquetRecipe(Recipe):
    """How a Parquet file is written."""

    compression: Literal["zstd", "lz4", "snappy", "uncompressed"] = "zstd"
    """Of the pages."""

    level: int | None = Field(None, ge=1, le=22)
    """Of zstd: more is smaller and slower."""

    row_group_rows: int | None = Field(None, ge=1)
    """Rows that are stored together; reads of some rows skip whole groups."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.level is not None and self.compression != "zstd":
            raise ValueError("Only zstd has a level")
        return self


class ParquetFormatter(TableFormatter):
    """Writes tables of any kind, and reads them as any kind.

    The parameter ``columns`` names those that are read, in the order wanted; ``rows``
    has conditions on them; the component ``columns`` is the list of all names. Groups
    of rows in which the statistics of the file leave no row are not read.
    """

    extension = ".parquet"
    reads_ranges = True
    recipe_model = ParquetRecipe

    def write_file(self, value: Any, path: Path, storage_class: StorageClass) -> None:  # noqa: ARG002 - interface
        """Write a table to a new Parquet file.

        Raises
        ------
        InvalidInputError
            If a column has a type that Parquet cannot hold; names it.
        """
        recipe = self.recipe if isinstance(self.recipe, ParquetRecipe) else None
        recipe = recipe or ParquetRecipe()
        if kind_of(value) == "pyarrow":
            _write_arrow(value, path, recipe)
            return
        columns = columns_of(value)
        for name, dtype in columns.frame.schema.items():
            if dtype == pl.Object:
                raise unstorable(name, "Python objects")
        try:
            columns.frame.write_parquet(
                path,
                metadata=dict(columns.metadata),
                compression=recipe.compression,
                compression_level=recipe.level,
                row_group_size=recipe.row_group_rows,
            )
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
        with path.open("rb") as file:
            source = LocalBytes(file.fileno())
            opened = _Opened(source, read_layout(source), path)
            return opened.read(storage_class, component, parameters)

    def read_ranges(
        self,
        file: RangeFile,
        storage_class: StorageClass,
        *,
        component: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return what is asked of a file of which only that is fetched."""
        file.prefetch([(file.size - _FOOTER_BYTES, file.size)])
        layout = read_layout(file)
        with tempfile.NamedTemporaryFile(suffix=self.extension) as sparse:
            # Polars and Arrow read the copy, which has holes where nobody looks.
            sparse.truncate(file.size)
            sparse.write(MAGIC)
            sparse.flush()
            copy = _SparseCopy(file, Path(sparse.name))
            copy.bring([(file.size - _footer_length(file), file.size)])
            opened = _Opened(file, layout, copy.path, copy)
            return opened.read(storage_class, component, parameters)


@dataclass(frozen=True, slots=True)
class _SparseCopy:
    """A local file of the same size, with the parts that were brought."""

    file: RangeFile
    path: Path

    def bring(self, ranges: Sequence[tuple[int, int]]) -> None:
        self.file.prefetch(ranges)
        with self.path.open("r+b") as copy:
            for start, stop in ranges:
                copy.seek(start)
                copy.write(self.file.read_at(start, stop - start))


@dataclass(frozen=True, slots=True)
class _Opened:
    """A Parquet file whose footer was read."""

    source: ByteSource
    groups: tuple[RowGroup, ...]
    path: Path
    copy: _SparseCopy | None = None

    def read(
        self,
        storage_class: StorageClass,
        component: str | None,
        parameters: Mapping[str, Any] | None,
    ) -> Any:
        selection = TableSelection.of(parameters)
        kind = kind_of_class(storage_class) or "polars"
        with _parquet_errors():
            # Nothing in a path is a pattern or a partition to us.
            scan = pl.scan_parquet(self.path, glob=False, hive_partitioning=False)
            schema = scan.collect_schema()
            metadata = {
                key: value
                for key, value in pl.read_parquet_metadata(self.path).items()
                if key.startswith(OURS)
            }
        present = schema.names()
        names = _names(present, metadata, kind)
        if component == "columns":
            return names
        selection.check(names)
        selection.check_rows(schema)
        chosen = selection.stored(present)
        needed = _with_conditions(chosen, selection)
        groups = [g for g in self.groups if may_hold_rows(g, selection, schema)]
        self._prepare(groups, needed)
        if kind == "pyarrow":
            return _read_arrow(self.path, self._numbers(groups), needed, selection)
        with _parquet_errors():
            frame = _read_groups(scan, groups, needed)
        if selection.rows:
            frame = frame.filter(selection.mask(frame))
        if chosen is not None:
            frame = frame.select(chosen)
        return table_as(TableColumns(frame, metadata), kind, selection.columns)

    def _numbers(self, groups: Sequence[RowGroup]) -> list[int]:
        return [number for number, g in enumerate(self.groups) if g in groups]

    def _prepare(self, groups: Sequence[RowGroup], columns: list[str] | None) -> None:
        """Bring the parts that will be read, and look at their pages first."""
        wanted = None if columns is None else set(columns)
        chunks = [
            chunk
            for group in groups
            for chunk in group.chunks
            if wanted is None or chunk.column in wanted
        ]
        if self.copy is not None:
            self.copy.bring([(chunk.start, chunk.stop) for chunk in chunks])
        check_pages(self.source, chunks)


def _names(present: Sequence[str], metadata: Mapping[str, str], kind: str) -> list[str]:
    if kind != "astropy":
        return list(present)
    from pantler.formatters.tables.astropy_table import table_names

    return table_names(present, metadata)


def _with_conditions(
    chosen: list[str] | None, selection: TableSelection
) -> list[str] | None:
    if chosen is None:
        return None
    return list(dict.fromkeys([*chosen, *(one.column for one in selection.rows)]))


def _read_groups(
    scan: pl.LazyFrame, groups: Sequence[RowGroup], columns: list[str] | None
) -> pl.DataFrame:
    """Read groups of rows, those that follow one another at once."""
    spans: list[tuple[int, int]] = []
    for group in groups:
        if spans and spans[-1][0] + spans[-1][1] == group.first:
            spans[-1] = (spans[-1][0], spans[-1][1] + group.rows)
        else:
            spans.append((group.first, group.rows))
    chosen = scan if columns is None else scan.select(columns)
    parts = [chosen.slice(first, rows) for first, rows in spans or [(0, 0)]]
    return pl.concat(pl.collect_all(parts))


def _write_arrow(table: Any, path: Path, recipe: ParquetRecipe) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        parquet.write_table(
            table,
            path,
            compression=_ARROW_NAMES.get(recipe.compression, recipe.compression),
            compression_level=recipe.level,
            row_group_size=recipe.row_group_rows,
        )
    except (pa.ArrowException, ValueError) as error:
        raise InvalidInputError(f"Cannot be written as Parquet: {error}.") from error


def _read_arrow(
    path: Path,
    groups: list[int],
    columns: list[str] | None,
    selection: TableSelection,
) -> Any:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            table = file.read_row_groups(groups, columns=columns)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise IntegrityError(f"Not a valid Parquet file: {error}.") from error
    if selection.rows:
        tested = table.select([one.column for one in selection.rows])
        frame = pl.from_arrow(tested)
        table = table.filter(selection.mask(frame).to_arrow())  # type: ignore[arg-type]
    return table if selection.columns is None else table.select(selection.columns)


def _footer_length(source: ByteSource) -> int:
    return int.from_bytes(source.read_at(source.size - 8, 4), "little") + 8


@contextlib.contextmanager
def _parquet_errors() -> Iterator[None]:
    try:
        yield
    except (PolarsError, PanicException) as error:
        raise IntegrityError(f"Not a valid Parquet file: {error}.") from error
