"""Our own storage runs the suite that plugins run."""

from __future__ import annotations

from uuid import uuid4

import pytest

from pantler.storage.local import LocalStorage
from pantler.storage.opening import open_storage
from pantler.testing.storage import StorageSuite


class TestLocalStorage(StorageSuite):
    @pytest.fixture
    def storage(self, tmp_path):
        return LocalStorage(tmp_path / "root")


class TestMemoryStorage(StorageSuite):
    @pytest.fixture
    def storage(self):
        return open_storage(f"memory://{uuid4()}/a b/root")


class TestLocalStorageThatSurvivesPowerCuts(StorageSuite):
    @pytest.fixture
    def storage(self, tmp_path):
        return open_storage((tmp_path / "a b" / "root").as_uri(), fsync=True)


class TestS3Storage(StorageSuite):
    @pytest.fixture
    def storage(self, s3_root):
        open_storage(s3_root).write("elsewhere", b"not ours")
        return open_storage(f"{s3_root}/a b/root")
