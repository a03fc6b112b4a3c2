"""Our own storage runs the suite that plugins run."""

from __future__ import annotations

import pytest

from pantler.storage.local import LocalStorage
from pantler.storage.opening import open_storage
from pantler.testing.storage import StorageSuite


class TestLocalStorage(StorageSuite):
    @pytest.fixture
    def storage(self, tmp_path):
        return LocalStorage(tmp_path / "root")


class TestLocalStorageThatSurvivesPowerCuts(StorageSuite):
    @pytest.fixture
    def storage(self, tmp_path):
        return open_storage((tmp_path / "a b" / "root").as_uri(), fsync=True)
