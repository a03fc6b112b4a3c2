"""The datastore of files: records, settings, repairs and errors."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from astropy.nddata import CCDData

from pantler.datastores import writing
from pantler.datastores.file import FileDatastore
from pantler.datastores.interface import SourceFile
from pantler.datastores.settings import FileDatastoreSettings
from pantler.errors import (
    DatasetNotFoundError,
    IntegrityError,
    InvalidInputError,
    PluginError,
    SettingsError,
    StorageError,
)
from pantler.testing.datastores import VALUE, make_image, make_ref

UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def make_datastore(tmp_path, **settings):
    return FileDatastore(FileDatastoreSettings(**settings), str(tmp_path))


def test_a_record_says_where_and_what_was_written(tmp_path):
    datastore = make_datastore(tmp_path)
    ref = make_ref()
    (record,) = datastore.write(VALUE, ref)
    folder = tmp_path / "datasets/u/me/run/metrics/Demo/1"
    file = folder / f"metrics_Demo_1_3_{ref.id}.json"
    data = file.read_bytes()
    assert record.path == str(file.relative_to(tmp_path / "datasets"))
    assert datastore.uri(record) == file.as_uri()
    assert (record.size_bytes, record.offset) == (len(data), None)
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    assert record.checksum == f"blake2b:{digest}"
    assert (record.formatter, record.storage_class) == ("json", "StructuredDict")


def test_files_of_formatters_without_bytes_are_measured_too(tmp_path):
    datastore = make_datastore(tmp_path)
    (record,) = datastore.write(
        pl.DataFrame({"a": [1]}), make_ref("t", storage_class="DataFrame")
    )
    data = (tmp_path / "datasets" / record.path).read_bytes()
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    assert (record.size_bytes, record.checksum) == (len(data), f"blake2b:{digest}")


def test_checksums_can_be_left_out(tmp_path):
    datastore = make_datastore(tmp_path, checksum=False)
    refs = [make_ref(), make_ref("t", storage_class="DataFrame")]
    for ref, value in zip(refs, (VALUE, pl.DataFrame({"a": [1]})), strict=True):
        (record,) = datastore.write(value, ref)
        assert record.checksum is None
        assert record.size_bytes > 0
        assert type(datastore.read(ref, [record])) is type(value)


def test_components_and_parameters_reach_the_formatter(tmp_path):
    datastore = make_datastore(tmp_path)
    ref = make_ref("calexp", storage_class="CCDImage")
    image = CCDData(np.arange(12.0).reshape(3, 4), unit="adu", header={"OBJECT": "M13"})
    records = datastore.write(image, ref)
    assert datastore.read(ref, records, component="header")["OBJECT"] == "M13"
    assert datastore.read(ref, records, component="mask") is None
    part = datastore.read(
        ref, records, component="data", parameters={"cutout": (1, 3, 0, 2)}
    )
    assert np.array_equal(part, image.data[1:3, 0:2])


def test_settings_choose_the_formatter_by_type_before_class(tmp_path):
    chosen = {"metrics": "yaml", "StructuredDict": "json", "DataFrame": "json"}
    datastore = make_datastore(tmp_path, formatters=chosen)
    (record,) = datastore.write(VALUE, make_ref())
    assert record.formatter == "yaml"
    assert record.path.endswith(".yaml")
    assert datastore.read(make_ref(), [record]) == VALUE
    (other,) = datastore.write(VALUE, make_ref("other"))
    assert other.formatter == "json"


def test_each_component_of_a_dataset_taken_apart_is_a_file(tmp_path):
    datastore = make_datastore(
        tmp_path, take_apart=("calexp",), formatters={"calexp.data": "fits"}
    )
    ref = make_ref("calexp", storage_class="CCDImage")
    records = datastore.write(make_image(), ref)
    stem = f"u/me/run/calexp/Demo/1/calexp_Demo_1_3_{ref.id}"
    assert {record.component: record.path for record in records} == {
        "data": f"{stem}_data.fits",
        "mask": f"{stem}_mask.npy",
        "uncertainty": f"{stem}_uncertainty.fits",
        "header": f"{stem}_header.fits",
        "unit": f"{stem}_unit.txt",
    }
    assert {r.storage_class for r in records} >= {"NumpyArray", "Header"}
    # One component is read without the others.
    (data,) = [record for record in records if record.component == "data"]
    datastore.delete([record.path for record in records if record is not data])
    assert datastore.read(ref, records, component="data").shape == (3, 4)
    with pytest.raises(DatasetNotFoundError, match="calexp@"):
        datastore.read(ref, records)


def test_a_part_that_cannot_be_written_leaves_nothing_of_the_others(tmp_path):
    datastore = make_datastore(tmp_path, take_apart=("CCDImage",))
    image = make_image()
    image.psf = np.array([object()])
    ref = make_ref("calexp", storage_class="CCDImage")
    with pytest.raises(InvalidInputError, match="psf"):
        datastore.write(image, ref)
    assert datastore.find(ref) == []
    assert list(tmp_path.rglob(".tmp-*")) == []


def test_what_cannot_be_taken_apart_is_refused(tmp_path):
    datastore = make_datastore(tmp_path, take_apart=("metrics",))
    with pytest.raises(SettingsError, match="cannot be taken apart"):
        datastore.write(VALUE, make_ref())


def test_packs_keep_the_formatter_of_the_storage_class(tmp_path):
    datastore = make_datastore(tmp_path, formatters={"metrics": "yaml"})
    ref = make_ref()
    (record,) = datastore.pack([(ref, b'{"a":1}')])
    assert record.formatter == "json"
    name = rf"u/me/run/metrics/metrics_{UUID}\.zip"
    assert re.fullmatch(name, record.path)
    assert datastore.read(ref, [record]) == {"a": 1}


def test_a_pack_is_a_zip_file_that_tells_its_datasets_apart(tmp_path):
    datastore = make_datastore(tmp_path)
    keys = [("Demo", 3), ("Demo/3", 1), ("..", -1), ("Ωμέγα", 7)]
    refs = [make_ref(instrument=name, visit=visit) for name, visit in keys]
    records = datastore.pack([(ref, b'{"a":%d}' % n) for n, ref in enumerate(refs)])
    with zipfile.ZipFile(tmp_path / "datasets" / records[0].path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names[0] == "Demo/1/3.json"
        assert len(set(names)) == 4
        for number, name in enumerate(names):
            assert archive.read(name) == b'{"a":%d}' % number
            assert ".." not in name.split("/")
    assert datastore.read(refs[3], [records[3]]) == {"a": 3}


def test_more_than_one_archive_can_hold_are_several(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "MOST_MEMBERS", 2)
    datastore = make_datastore(tmp_path)
    refs = [make_ref(visit=visit) for visit in range(5)]
    records = datastore.pack([(ref, b'{"a":%d}' % n) for n, ref in enumerate(refs)])
    assert len({record.path for record in records}) == 3
    for number, (ref, record) in enumerate(zip(refs, records, strict=True)):
        assert datastore.read(ref, [record]) == {"a": number}


def test_what_has_no_bytes_cannot_be_packed(tmp_path):
    ref = make_ref("t", storage_class="DataFrame")
    with pytest.raises(InvalidInputError, match="'parquet' writes files"):
        make_datastore(tmp_path).pack([(ref, b"")])


def test_an_unknown_formatter_or_bad_template_is_named_at_the_first_use(tmp_path):
    with pytest.raises(PluginError, match="Did you mean 'json'"):
        make_datastore(tmp_path, formatters={"metrics": "jason"}).write(
            VALUE, make_ref()
        )
    with pytest.raises(SettingsError, match="'metrics'"):
        make_datastore(tmp_path, templates={"metrics": "x/../y"}).write(
            VALUE, make_ref()
        )


def test_a_damaged_file_is_named_with_ref_and_uri(tmp_path):
    datastore = make_datastore(tmp_path)
    ref = make_ref("calexp", storage_class="CCDImage")
    (record,) = datastore.write(CCDData(np.ones((9, 9)), unit="adu"), ref)
    file = tmp_path / "datasets" / record.path
    content = file.read_bytes()
    file.write_bytes(b"junk" * (len(content) // 4))
    with pytest.raises(IntegrityError, match="FITS") as error:
        datastore.read(ref, [record])
    assert str(ref) in str(error.value)
    assert file.as_uri() in str(error.value)
    file.write_bytes(content[:-1])
    with pytest.raises(IntegrityError, match=f"{len(content) - 1} bytes are there"):
        datastore.read(ref, [record])


def test_a_changed_byte_in_a_pack_is_named(tmp_path):
    datastore = make_datastore(tmp_path)
    ref = make_ref()
    (record,) = datastore.pack([(ref, b'{"a":1}')])
    file = tmp_path / "datasets" / record.path
    content = file.read_bytes()
    file.write_bytes(content.replace(b'{"a":1}', b'{"a":2}'))
    with pytest.raises(IntegrityError, match="checksum"):
        datastore.read(ref, [record])
    file.write_bytes(content[: record.offset + 4])
    assert not datastore.exists([record])
    with pytest.raises(IntegrityError, match="4 bytes are there, and 7"):
        datastore.read(ref, [record])
    file.write_bytes(content[:3])
    assert [p for _, p in datastore.verify([record])] == [
        "0 bytes are there, and 7 were recorded"
    ]


def altered_file(datastore, tmp_path, ref, value):
    """Write a dataset, and change one byte of its file; return the record."""
    (record,) = datastore.write(value, ref)
    file = tmp_path / "datasets" / record.path
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    return record


@pytest.mark.parametrize(
    ("storage_class", "value"),
    [
        ("CCDImage", CCDData(np.ones((1440, 1)), unit="adu")),
        ("NumpyArray", np.ones(9)),
    ],
)
def test_altered_bytes_of_equal_size_are_found(tmp_path, storage_class, value):
    """By those who verify always, and by those who read with ``verify``."""
    ref = make_ref("x", storage_class=storage_class)
    trusting = make_datastore(tmp_path)
    record = altered_file(trusting, tmp_path, ref, value)
    assert list(trusting.verify([record])) == []
    ((found, problem),) = trusting.verify([record], content=True)
    assert found == record
    assert "checksum" in problem
    with pytest.raises(IntegrityError, match="checksum"):
        make_datastore(tmp_path, verify=True).read(ref, [record])


def test_one_altered_member_of_a_pack_is_found(tmp_path):
    datastore = make_datastore(tmp_path)
    refs = [make_ref(visit=visit) for visit in range(3)]
    records = datastore.pack([(ref, b'{"a":1}') for ref in refs])
    file = tmp_path / "datasets" / records[0].path
    content = bytearray(file.read_bytes())
    content[records[1].offset] ^= 1
    file.write_bytes(content)
    assert list(datastore.verify(records)) == []
    ((found, _),) = datastore.verify(records, content=True)
    assert found == records[1]


def test_odd_places_are_problems_and_not_raised(tmp_path):
    datastore = make_datastore(tmp_path)
    (record,) = datastore.write(VALUE, make_ref())
    file = tmp_path / "datasets" / record.path
    file.unlink()
    file.symlink_to(file.name)
    ((_, problem),) = datastore.verify([record])
    assert "symbolic links" in problem
    file.unlink()
    file.parent.rmdir()
    file.parent.touch()
    ((_, problem),) = datastore.verify([record])
    assert "Not a directory" in problem


def test_a_formatter_that_meets_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    datastore = make_datastore(tmp_path)
    ref = make_ref("t", storage_class="DataFrame")

    def full(_frame, path, **_options):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(StorageError, match=r"t@.*file://.*No space left"):
        datastore.write(pl.DataFrame({"a": [1]}), ref)
    assert list(datastore.orphans(lambda _: set())) == []
    assert list(tmp_path.rglob(".tmp-*")) == []


def test_orphans_are_the_files_that_no_record_names(tmp_path):
    datastore = make_datastore(tmp_path)
    refs = [make_ref(visit=visit) for visit in range(5)]
    paths = [datastore.write(VALUE, ref)[0].path for ref in refs]
    asked = []

    def in_use(batch):
        asked.extend(batch)
        return set(paths[:3])

    assert sorted(datastore.orphans(in_use)) == sorted(paths[3:])
    assert sorted(asked) == sorted(paths)
    datastore.delete(paths[3:])
    assert list(datastore.orphans(in_use)) == []


def test_abandoned_files_are_found_and_can_be_deleted(tmp_path):
    datastore = make_datastore(tmp_path)
    datastore.write(VALUE, make_ref())
    assert datastore.abandoned() == []
    dead = tmp_path / f"datasets/x/.tmp-{'a' * 32}-0.json"
    dead.parent.mkdir()
    dead.touch()
    os.utime(dead, (0, 0))
    (found,) = datastore.abandoned()
    datastore.delete([found])
    assert datastore.abandoned() == []


def test_a_missing_source_is_named_before_anything_is_done(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"metrics@.*no file"):
        make_datastore(tmp_path).prepare_files(
            [SourceFile(make_ref(), tmp_path / "none.json", "json")], "copy"
        )


def test_a_moved_repository_reads_its_files(tmp_path):
    ref = make_ref()
    records = FileDatastore(FileDatastoreSettings(), str(tmp_path / "a")).write(
        VALUE, ref
    )
    shutil.move(tmp_path / "a", tmp_path / "b")
    datastore = FileDatastore(FileDatastoreSettings(), (tmp_path / "b").as_uri())
    assert datastore.read(ref, records) == VALUE


def test_what_is_to_be_recorded_is_on_the_disk_before(tmp_path, monkeypatch):
    """A put waits for its file and folder; a worker's write leaves it to `persist`."""
    synced = []
    real = os.fsync

    def spy(descriptor):
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        real(descriptor)

    datastore = make_datastore(tmp_path, durability="power")
    datastore.write(VALUE, make_ref(visit=9))  # makes the folders
    monkeypatch.setattr(os, "fsync", spy)
    (record,) = datastore.write(VALUE, make_ref(visit=1))
    assert synced == []
    datastore.persist([record])
    file = tmp_path / "datasets" / record.path
    assert synced == [file, file.parent]
    synced.clear()
    staged = datastore.prepare(VALUE, make_ref(visit=2))
    assert [place.parent for place in synced] == [file.parent]
    synced.clear()
    staged.publish()
    assert synced == [file.parent]
    synced.clear()
    fast = make_datastore(tmp_path, durability="process")
    fast.prepare(VALUE, make_ref(visit=3)).publish()
    fast.persist(fast.write(VALUE, make_ref(visit=4)))
    assert synced == []


def test_archives_are_not_larger_than_the_format_allows(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "MOST_BYTES", 20)
    values = [(make_ref(visit=n), b'{"a": "x"}') for n in range(5)]  # 10 bytes each
    records = make_datastore(tmp_path).pack(values)
    assert [
        len([r for r in records if r.path == path])
        for path in dict.fromkeys(record.path for record in records)
    ] == [2, 2, 1]


def test_a_source_that_has_changed_since_it_was_read_stays(tmp_path, caplog):
    sources = [tmp_path / f"{n}.json" for n in range(3)]
    for source in sources:
        source.write_text('{"a": 1}')
    files = [
        SourceFile(make_ref(visit=n), source, "json")
        for n, source in enumerate(sources)
    ]
    staged = make_datastore(tmp_path).prepare_files(files, "move")
    staged.publish()
    replaced = tmp_path / "new.json"
    replaced.write_text('{"a": 2}')
    replaced.replace(sources[0])
    sources[1].unlink()
    staged.remove_sources(lambda *_: [])
    assert sources[0].read_text() == '{"a": 2}'
    assert not sources[2].exists()
    assert "has changed since it was read" in caplog.text
    assert len(caplog.records) == 1
