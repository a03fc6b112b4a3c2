"""Of a part that is asked for, little more than its bytes travels."""

from __future__ import annotations

import zipfile
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from astropy.io import fits
from astropy.nddata import CCDData, VarianceUncertainty
from astropy.wcs import WCS

from pantler.datasets.storage_class import get_storage_class
from pantler.datastores.file import FileDatastore
from pantler.datastores.interface import SourceFile
from pantler.datastores.reading import RecordReader
from pantler.datastores.settings import FileDatastoreSettings
from pantler.errors import IntegrityError, InvalidInputError
from pantler.storage.opening import open_storage
from pantler.testing.counting import CountingStorage
from pantler.testing.datastores import make_ref


@pytest.fixture
def storage(tmp_path):
    return CountingStorage(open_storage((tmp_path / "datasets").as_uri()))


@pytest.fixture
def datastore(tmp_path):
    return FileDatastore(FileDatastoreSettings(), str(tmp_path))


@pytest.fixture
def reader(storage):
    return RecordReader(storage, verify=False)


@pytest.fixture(scope="module")
def wide():
    random = np.random.default_rng(4)
    return pl.DataFrame({f"c{n:03}": random.random(20_000) for n in range(200)})


@pytest.mark.parametrize("kind", ["DataFrame", "Table", "ArrowTable", "PandasFrame"])
def test_one_column_of_200_costs_its_bytes(datastore, reader, storage, wide, kind):
    (record,) = datastore.write(wide, make_ref("wide", storage_class=kind))
    found = reader.read(record, parameters={"columns": ["c117"]})
    assert np.array_equal(np.asarray(found["c117"]), wide["c117"].to_numpy())
    assert storage.bytes_read <= 0.02 * record.size_bytes
    assert len(storage.requests) <= 3
    names = reader.read(record, component="columns")
    assert names == wide.columns


def test_groups_of_rows_that_cannot_match_do_not_travel(datastore, reader, storage):
    random = np.random.default_rng(4)
    frame = pl.DataFrame({"n": np.arange(300_000), "x": random.random(300_000)})
    kind = "DataFrame"
    ref = make_ref("long", storage_class=kind)
    (record,) = datastore.write(frame, ref)
    path = datastore.uri(record).removeprefix("file://")
    frame.write_parquet(path, row_group_size=10_000)
    record = replace(record, size_bytes=open_storage("file:///").size_bytes(path[1:]))
    asked = {"rows": [("n", ">", 200_100), ("n", "<", 200_104)], "columns": ["x"]}
    found = reader.read(record, parameters=asked)
    assert found["x"].to_list() == frame["x"][200_101:200_104].to_list()
    assert storage.bytes_read <= 0.06 * record.size_bytes


@pytest.fixture(scope="module", params=["i2", "f4"])
def frame(request, tmp_path_factory):
    """A frame of 4096 by 4096 pixels that astropy has compressed in tiles."""
    path = tmp_path_factory.mktemp("frame") / "frame.fits"
    random = np.random.default_rng(5)
    pixels = random.normal(1000, 30, (4096, 4096)).astype(request.param)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval, wcs.wcs.cdelt = (150, 2), (-1e-4, 1e-4)
    hdu = fits.CompImageHDU(
        pixels, header=wcs.to_header(), name="SCI", tile_shape=(256, 256)
    )
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    return path


@pytest.mark.parametrize("component", [None, "data"])
def test_a_cutout_of_a_compressed_image_costs_its_tiles(frame, datastore, component):
    ref = make_ref("frame", storage_class="CCDImage")
    source = SourceFile(ref, frame, "fits")
    (record,) = datastore.prepare_files([source], "direct").records
    storage = CountingStorage(open_storage(frame.parent.as_uri()))
    reader = RecordReader(storage, verify=False)
    cutout = (1900, 2156, 3000, 3256)
    asked = replace(record, path=frame.name), component, {"cutout": cutout}
    found = reader.read(*asked)
    whole = RecordReader(storage._storage, verify=False).read(asked[0])
    data = found if component else found.data
    assert np.array_equal(data, whole.data[1900:2156, 3000:3256])
    assert storage.bytes_read <= 0.03 * record.size_bytes
    assert len(storage.requests) <= 4, storage.requests
    if component is None:
        here = found.wcs.all_pix2world(0, 0, 0)
        assert np.allclose(here, whole.wcs.all_pix2world(3000, 1900, 0))


def test_a_cutout_of_a_plain_image_costs_its_rows(datastore, reader, storage):
    random = np.random.default_rng(5)
    data = random.normal(size=(2000, 500)).astype(np.float32)
    image = CCDData(data, unit="adu", mask=data > 2)
    image.uncertainty = VarianceUncertainty(data**2)
    (record,) = datastore.write(image, make_ref("image", storage_class="CCDImage"))
    found = reader.read(record, None, {"cutout": (700, 720, 30, 50)})
    assert np.array_equal(found.data, data[700:720, 30:50])
    assert np.array_equal(found.mask, image.mask[700:720, 30:50])
    assert np.array_equal(found.uncertainty.array, data[700:720, 30:50] ** 2)
    # A block of each header, and the rows of each plane.
    assert storage.bytes_read <= 0.06 * record.size_bytes
    assert len(storage.requests) <= 8
    storage.requests.clear()
    assert reader.read(record, "unit") == "adu"
    assert len(storage.requests) <= 5
    with pytest.raises(InvalidInputError, match="exceeds the image"):
        reader.read(record, None, {"cutout": (0, 3000, 0, 5)})


def test_a_whole_dataset_is_read_at_once(datastore, reader, storage, wide):
    (record,) = datastore.write(wide, make_ref("wide", storage_class="DataFrame"))
    assert reader.read(record).equals(wide)
    assert len(storage.requests) == 1


def test_members_of_a_zip_are_read_by_their_parts(reader, storage, tmp_path, datastore):
    """Also those whose formatter writes files."""
    frame = pl.DataFrame({"a": np.arange(1000), "b": np.arange(1000.0)})
    (record,) = datastore.write(frame, make_ref("t", storage_class="DataFrame"))
    content = (tmp_path / "datasets" / record.path).read_bytes()
    with zipfile.ZipFile(tmp_path / "datasets" / "some.zip", "w") as archive:
        archive.writestr("one", b"x" * 1000)
        archive.writestr("two", content)
        archive.writestr("three", b"y" * 1000)
    start = (tmp_path / "datasets" / "some.zip").read_bytes().index(content)
    member = replace(record, path="some.zip", offset=start)
    assert reader.read(member).equals(frame)
    part = reader.read(member, None, {"columns": ["b"]})
    assert part.equals(frame.select("b"))
    local = RecordReader(storage._storage, verify=False)
    assert local.read(member, "columns") == ["a", "b"]
    with pytest.raises(IntegrityError):
        reader.read(replace(member, offset=start + 5), None, {"columns": ["b"]})
    with pytest.raises(IntegrityError):
        reader.read(replace(member, offset=10**9), None, {"columns": ["b"]})


def test_an_object_that_has_changed_its_size_is_told(datastore, reader, wide):
    (record,) = datastore.write(wide, make_ref("wide", storage_class="DataFrame"))
    for size in (record.size_bytes - 1, record.size_bytes + 1):
        with pytest.raises(IntegrityError, match="were recorded"):
            reader.read(replace(record, size_bytes=size), None, {"columns": ["c001"]})


def test_a_conversion_fetches_what_it_needs(datastore, reader, storage, wide):
    (record,) = datastore.write(wide, make_ref("wide", storage_class="Table"))
    wanted = get_storage_class("PandasFrame")
    found = reader.read(record, None, {"columns": ["c003"]}, wanted)
    assert found["c003"].tolist() == wide["c003"].to_list()
    assert storage.bytes_read <= 0.02 * record.size_bytes
