"""Our own datastore runs the suite that plugins run."""

from __future__ import annotations

from uuid import uuid4

import pytest

from pantler.datastores.chained import ChainedDatastore, ChainedDatastoreSettings
from pantler.datastores.file import FileDatastore
from pantler.datastores.memory import MemoryDatastore, MemoryDatastoreSettings
from pantler.datastores.settings import FileDatastoreSettings, RequestSettings
from pantler.testing.datastores import DatastoreSuite

# What no record names is a remain from the first moment, as in a folder.
AT_ONCE = RequestSettings(grace_s=0)


class TestFileDatastore(DatastoreSuite):
    @pytest.fixture
    def datastore(self, tmp_path):
        return FileDatastore(FileDatastoreSettings(), str(tmp_path / "repo"))


class TestFileDatastoreWithTemplates(DatastoreSuite):
    @pytest.fixture
    def datastore(self, tmp_path):
        settings = FileDatastoreSettings(
            root=(tmp_path / "elsewhere").as_uri(),
            durability="power",
            templates={
                "default": "{run}/{day_obs?}/{dataset_type}/{id}",
                "metrics": "{run}/m/{dataset_type}/{instrument}/{visit:08d}_{detector}",
            },
        )
        return FileDatastore(settings, str(tmp_path / "repo"))


class TestFileDatastoreThatTakesImagesApart(DatastoreSuite):
    @pytest.fixture
    def datastore(self, tmp_path):
        settings = FileDatastoreSettings(take_apart=("CCDImage",))
        return FileDatastore(settings, str(tmp_path / "repo"))


def _chain(tmp_path, *members):
    settings = ChainedDatastoreSettings(members=members)
    return ChainedDatastore(settings, str(tmp_path / "repo"))


class TestMemoryDatastore(DatastoreSuite):
    keeps_bytes = False

    @pytest.fixture
    def datastore(self, tmp_path):
        return MemoryDatastore(MemoryDatastoreSettings(), str(tmp_path / "repo"))


class TestChainOfMemoryAndFiles(DatastoreSuite):
    @pytest.fixture
    def datastore(self, tmp_path):
        return _chain(tmp_path, {"kind": "memory"}, {"kind": "file"})


class TestChainOfTwoFolders(DatastoreSuite):
    @pytest.fixture
    def datastore(self, tmp_path):
        return _chain(
            tmp_path,
            {"kind": "file", "take_apart": ["CCDImage"]},
            {"kind": "file", "name": "second", "root": str(tmp_path / "elsewhere")},
        )


@pytest.fixture
def memory_root():
    return f"memory://{uuid4()}/a b"


@pytest.fixture(params=["memory_root", "s3_root"])
def store_root(request):
    return request.getfixturevalue(request.param)


class TestFileDatastoreInAStoreOfObjects(DatastoreSuite):
    @pytest.fixture
    def datastore(self, tmp_path, store_root):
        settings = FileDatastoreSettings(root=store_root, requests=AT_ONCE)
        return FileDatastore(settings, str(tmp_path / "repo"))


class TestFileDatastoreThatTakesImagesApartInAStoreOfObjects(DatastoreSuite):
    @pytest.fixture
    def datastore(self, tmp_path, store_root):
        settings = FileDatastoreSettings(
            root=store_root, requests=AT_ONCE, take_apart=("CCDImage",)
        )
        return FileDatastore(settings, str(tmp_path / "repo"))
