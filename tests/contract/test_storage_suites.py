"""Our own storage runs the suite that plugins run."""

from __future__ import annotations

import os
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from pantler.storage.local import LocalStorage
from pantler.storage.opening import open_storage
from pantler.storage.request_policy import RequestPolicy
from pantler.testing.faulty_proxy import FaultyProxy
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


MISCHIEF = ("drop", "none", "busy", "none", "cut", "delay", "lose", "broken", "none")
PATIENT = RequestPolicy(first_wait_s=0.01, timeout_s=20)


class TestS3StorageOverABadLine(StorageSuite):
    """Each request fails at most once: then all goes as if nothing had happened."""

    @pytest.fixture
    def storage(self, s3_root, monkeypatch):
        endpoint = urlsplit(os.environ["AWS_ENDPOINT_URL"])
        with FaultyProxy(endpoint.port) as proxy:
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
            proxy.misbehave(*MISCHIEF, once_each=True)
            yield open_storage(s3_root, policy=PATIENT)


class TestWebdavStorageOnApache(StorageSuite):
    @pytest.fixture
    def storage(self, apache_root):
        return open_storage(f"{apache_root}/a b/root")


class TestWebdavStorageOnNginx(StorageSuite):
    @pytest.fixture
    def storage(self, nginx_root):
        return open_storage(f"{nginx_root}/a b/root")
