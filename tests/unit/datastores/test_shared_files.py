"""Files that hold many datasets, told apart by data IDs."""

from __future__ import annotations

import json

import pytest

from pantler.datasets.storage_class import get_storage_class
from pantler.datastores.file import FileDatastore
from pantler.datastores.interface import SourceFile
from pantler.datastores.layout import find_formatter
from pantler.datastores.settings import FileDatastoreSettings
from pantler.errors import DatasetNotFoundError, IntegrityError, InvalidInputError
from pantler.formatters.interface import SharedFileFormatter
from pantler.testing.datastores import make_ref


class ByDetector(SharedFileFormatter):
    """JSON of all detectors."""

    extension = ".json"

    def read_dataset(self, path, storage_class, data_id, **options):
        assert storage_class.name == "StructuredDict"
        assert not any(options.values())
        try:
            return json.loads(path.read_text())[str(data_id["detector"])]
        except KeyError:
            raise IntegrityError("no such detector") from None


@pytest.fixture
def datastore(tmp_path, monkeypatch):
    find = find_formatter

    def with_ours(name):
        return ByDetector() if name == "by-detector" else find(name)

    for module in ("reading", "reading_many", "writing", "layout"):
        monkeypatch.setattr(f"pantler.datastores.{module}.find_formatter", with_ours)
    return FileDatastore(FileDatastoreSettings(), str(tmp_path / "repo"))


def test_each_dataset_of_a_file_is_read_by_its_data_id(datastore, tmp_path):
    source = tmp_path / "all.json"
    source.write_text(json.dumps({n: {"n": n} for n in range(3)}))
    refs = [make_ref(detector=n) for n in range(4)]
    files = [SourceFile(ref, source, "by-detector") for ref in refs]
    staged = datastore.prepare_files(files, "copy")
    staged.publish()
    assert len({record.path for record in staged.records}) == 1
    records = {record.dataset_id: [record] for record in staged.records}
    got = datastore.read_many(refs, records)
    assert [next(got) for _ in range(3)] == [{"n": 0}, {"n": 1}, {"n": 2}]
    with pytest.raises(IntegrityError, match=r"detector: 3.*no such detector"):
        next(got)


def test_such_a_formatter_writes_nothing_and_reads_nothing_without_a_data_id(tmp_path):
    storage_class = get_storage_class("StructuredDict")
    with pytest.raises(InvalidInputError, match="another formatter"):
        ByDetector().write_file({}, tmp_path / "x", storage_class)
    with pytest.raises(InvalidInputError, match="by its data ID"):
        ByDetector().read_file(tmp_path / "x", storage_class)


def test_one_that_is_gone_leaves_nothing_of_the_others(datastore, tmp_path):
    files = [
        SourceFile(make_ref(detector=n), tmp_path / "none", "json") for n in (1, 2)
    ]
    with pytest.raises(DatasetNotFoundError, match="none"):
        datastore.prepare_files(files, "move")
