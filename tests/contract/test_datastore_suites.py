"""Our own datastore runs the suite that plugins run."""

from __future__ import annotations

import pytest

from pantler.datastores.file import FileDatastore
from pantler.datastores.settings import FileDatastoreSettings
from pantler.testing.datastores import DatastoreSuite


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
