"""Our own datastore runs the suite that plugins run."""

from __future__ import annotations

from uuid import uuid4

import pytest

from pantler.datastores.file import FileDatastore
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
