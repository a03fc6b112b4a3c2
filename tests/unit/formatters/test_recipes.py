"""Recipes say how formatters write; records keep them, and reads use them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.nddata import CCDData, StdDevUncertainty

from pantler.datasets.storage_class import get_storage_class
from pantler.datastores.file import FileDatastore
from pantler.datastores.settings import FileDatastoreSettings
from pantler.errors import InvalidInputError, SettingsError
from pantler.formatters.fits import FitsFormatter
from pantler.formatters.plain import JsonFormatter
from pantler.formatters.tables.parquet import ParquetFormatter
from pantler.testing.datastores import make_ref

IMAGE = get_storage_class("CCDImage")
KINDS = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", ">i2", ">f4"]
RICE = {"compression": "rice", "tile": [16, 32]}


def make_image(kind):
    random = np.random.default_rng(2)
    data = random.normal(60, 10, (70, 90)).astype(kind)
    if data.dtype.kind == "f":
        data[0, :3] = np.nan, np.inf, -0.0
    elif data.dtype.itemsize == 8:
        data[0, 0] = np.iinfo(data.dtype).max
    image = CCDData(data, unit="adu", mask=data > 70, header={"OBJECT": "M 13"})
    image.flags = (data > 65).astype(np.int64)
    image.psf = np.ones((5, 5))
    return image


@pytest.mark.parametrize("compression", ["rice", "gzip"])
@pytest.mark.parametrize("kind", KINDS)
def test_compressed_images_come_back_as_they_were(kind, compression, tmp_path):
    image = make_image(kind)
    recipe = {"compression": compression, "tile": [16, 32]}
    path = tmp_path / "image.fits"
    formatter = FitsFormatter().with_recipe(recipe)
    formatter.write_file(image, path, IMAGE)
    with fits.open(path, disable_image_compression=True) as hdus:
        assert hdus[1].header["ZTILE1"] == 32
    found = FitsFormatter().read_file(path, IMAGE)
    native = image.data.astype(image.data.dtype.newbyteorder("="))
    assert found.data.dtype == native.dtype
    assert found.data.tobytes() == native.tobytes()
    assert np.array_equal(found.mask, image.mask)
    assert found.mask.dtype == bool
    assert np.array_equal(found.flags, image.flags)
    assert np.array_equal(found.psf, image.psf)
    assert dict(found.header) == {"OBJECT": "M 13"}
    part = FitsFormatter().read_file(
        path, IMAGE, component="mask", parameters={"cutout": (10, 40, 20, 80)}
    )
    assert np.array_equal(part, image.mask[10:40, 20:80])


def test_quantized_images_are_near_and_scattered_by_their_seed(tmp_path):
    random = np.random.default_rng(2)
    data = random.normal(0, 10, (64, 64)).astype("f4")
    data[3, :10] = 0
    image = CCDData(data, unit="adu", uncertainty=StdDevUncertainty(abs(data) + 1))
    found = {}
    for seed in (None, 7, 8):
        recipe = {**RICE, "quantize": 8, "dither_seed": seed}
        path = tmp_path / f"{seed}.fits"
        FitsFormatter().with_recipe(recipe).write_file(image, path, IMAGE)
        read = FitsFormatter().read_file(path, IMAGE)
        assert 0 < np.abs(read.data - data).max() < 2
        assert np.array_equal(read.data[3, :10], np.zeros(10))
        found[seed] = read.data
        with fits.open(path, disable_image_compression=True) as hdus:
            assert seed is None or hdus[1].header["ZDITHER0"] == seed
    assert not np.array_equal(found[7], found[8])
    again = tmp_path / "again.fits"
    FitsFormatter().with_recipe({**RICE, "quantize": 8}).write_file(image, again, IMAGE)
    assert again.read_bytes() == (tmp_path / "None.fits").read_bytes()


@pytest.mark.parametrize("make", [lambda f: f, lambda f: f.to_arrow()], ids="pa")
def test_parquet_is_written_by_its_recipe(make, tmp_path):
    frame = pl.DataFrame({"a": np.arange(100)})
    value = make(frame)
    kind = get_storage_class(
        "ArrowTable" if isinstance(value, pa.Table) else "DataFrame"
    )
    path = tmp_path / "t"
    recipe = {"compression": "zstd", "level": 19, "row_group_rows": 30}
    ParquetFormatter().with_recipe(recipe).write_file(value, path, kind)
    with pq.ParquetFile(path) as file:
        sizes = [file.metadata.row_group(n).num_rows for n in range(4)]
        assert sizes == [30, 30, 30, 10]
        assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert (
        ParquetFormatter().read_file(path, get_storage_class("DataFrame")).equals(frame)
    )
    plain = ParquetFormatter().with_recipe({"compression": "uncompressed"})
    plain.write_file(value, path, kind)
    with pq.ParquetFile(path) as file:
        assert file.metadata.row_group(0).column(0).compression == "UNCOMPRESSED"


@pytest.mark.parametrize(
    ("formatter", "recipe", "words"),
    [
        (
            FitsFormatter(),
            {"compresion": "rice"},
            "compresion.*It may have: compression",
        ),
        (FitsFormatter(), {"compression": "zip"}, "'none', 'rice' or 'gzip'"),
        (FitsFormatter(), {"compression": "rice", "tile": [0, 5]}, "at least one row"),
        (FitsFormatter(), {"tile": [5, 5]}, "need compression"),
        (FitsFormatter(), {**RICE, "dither_seed": 5}, "needs quantize"),
        (FitsFormatter(), {**RICE, "quantize": -1}, "greater than 0"),
        (ParquetFormatter(), {"level": 23}, "less than or equal to 22"),
        (ParquetFormatter(), {"compression": "lz4", "level": 3}, "Only zstd"),
        (JsonFormatter(), {"indent": 2}, "Json has no choice"),
    ],
    ids=range(9),
)
def test_a_recipe_that_means_nothing_is_refused(formatter, recipe, words):
    with pytest.raises(InvalidInputError, match=words):
        formatter.with_recipe(recipe)


def test_records_keep_the_recipe_and_reads_use_it(tmp_path):
    settings = FileDatastoreSettings(
        recipes={"calexp": RICE, "CCDImage": {"compression": "gzip"}, "dict": {"a": 1}}
    )
    datastore = FileDatastore(settings, str(tmp_path))
    image = make_image("i2")
    for name, recipe in (("calexp", "rice"), ("other", "gzip")):
        ref = make_ref(name, storage_class="CCDImage")
        records = datastore.write(image, ref)
        plugin, _, text = records[0].formatter.partition(" ")
        assert plugin == "fits"
        assert f'"compression":"{recipe}"' in text
        assert np.array_equal(datastore.read(ref, records).data, image.data)
        assert datastore.find(ref)[0].formatter == records[0].formatter
    with pytest.raises(SettingsError, match=r"Recipe of 'dict'.*Json has no choice"):
        datastore.write({"b": 1}, make_ref("dict"))
