"""Tables: columns asked for, and files that other programs read."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Column, MaskedColumn, Table

from pantler.datasets.storage_class import get_storage_class
from pantler.errors import IntegrityError, InvalidInputError
from pantler.formatters.tables.ecsv import EcsvFormatter
from pantler.formatters.tables.parquet import ParquetFormatter

TABLE = get_storage_class("Table")
FRAME = get_storage_class("DataFrame")


@pytest.fixture
def table():
    table = Table(meta={"night": 20300101})
    table["flux"] = Column([1.0, 2.0], unit="nJy", description="total flux")
    table["flag"] = MaskedColumn([1, 2], mask=[True, False])
    table["place"] = SkyCoord([1, 2] * u.deg, [3, 4] * u.deg)
    return table


@pytest.mark.parametrize("formatter", [ParquetFormatter(), EcsvFormatter()])
def test_columns_can_be_asked_for_in_any_order(table, tmp_path, formatter):
    path = tmp_path / "table"
    formatter.write_file(table, path, TABLE)
    names = formatter.read_file(path, TABLE, component="columns")
    assert names == ["flux", "flag", "place"]
    part = formatter.read_file(path, TABLE, parameters={"columns": ["place", "flux"]})
    assert part.colnames == ["place", "flux"]
    assert isinstance(part["place"], SkyCoord)
    assert part["flux"].unit == "nJy"
    assert part.meta == {"night": 20300101}
    for wrong, words in (
        (["fluxx"], "no column 'fluxx'.*Did you mean 'flux'"),
        ("flux", "list of names"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            formatter.read_file(path, TABLE, parameters={"columns": wrong})


def test_a_data_frame_reads_some_columns(tmp_path):
    path = tmp_path / "frame"
    frame = pl.DataFrame({"a": [1, 2], "b.c": ["x", "y"], "b": [True, False]})
    ParquetFormatter().write_file(frame, path, FRAME)
    part = ParquetFormatter().read_file(path, FRAME, parameters={"columns": ["b.c"]})
    assert part.equals(frame.select("b.c"))


def test_a_table_can_be_read_as_a_frame_and_a_frame_as_a_table(table, tmp_path):
    path = tmp_path / "table"
    formatter = ParquetFormatter()
    formatter.write_file(table, path, TABLE)
    frame = formatter.read_file(path, FRAME)
    assert frame["flag"].to_list() == [None, 2]
    assert frame["place.ra"].to_list() == [1, 2]
    formatter.write_file(frame.select("flux", "flag"), path, FRAME)
    found = formatter.read_file(path, TABLE)
    assert found["flag"].tolist() == [None, 2]
    assert found["flux"].unit is None


def test_the_metadata_is_where_astropy_has_it(table, tmp_path):
    path = tmp_path / "table"
    ParquetFormatter().write_file(table, path, TABLE)
    text = pl.read_parquet_metadata(path)["table_meta_yaml"]
    assert "unit: nJy" in text
    assert "description: total flux" in text
    assert "night: 20300101" in text


def test_metadata_that_grow_without_bounds_are_refused(tmp_path):
    lines = ["v0: &v0 {a: 1, b: 2, c: 3}"] + [
        f"v{n}: &v{n} {{<<: [{', '.join([f'*v{n - 1}'] * 9)}]}}" for n in range(1, 30)
    ]
    path = tmp_path / "table"
    text = "\n".join(lines)
    frame = pl.DataFrame({"a": [1]})
    frame.write_parquet(path, metadata={"table_meta_yaml": text})
    with pytest.raises(IntegrityError, match="Merge keys repeat more than"):
        ParquetFormatter().read_file(path, TABLE)


def test_columns_that_are_read_can_be_changed(table, tmp_path):
    path = tmp_path / "table"
    ParquetFormatter().write_file(table, path, TABLE)
    found = ParquetFormatter().read_file(path, TABLE)
    found["flux"] += 1
    assert np.array_equal(found["flux"], [2.0, 3.0])


def test_a_column_that_cannot_be_held_is_named(tmp_path):
    with pytest.raises(InvalidInputError, match="Column 'c' holds complex128"):
        ParquetFormatter().write_file(Table({"c": [1j]}), tmp_path / "t", TABLE)
