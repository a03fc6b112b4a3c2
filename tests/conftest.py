"""What holds for all tests."""

import os
from uuid import uuid4

import pytest
from hypothesis import Phase, settings

from pantler.storage.opening import open_storage
from pantler.testing.postgresql_server import PostgresqlServer
from pantler.testing.programs import NoServerError
from pantler.testing.s3_server import s3_server
from pantler.testing.webdav_servers import (
    PASSWORD,
    USER,
    apache_server,
    nginx_server,
)

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("suite", deadline=None, derandomize=False)
# `make mutants`: the same examples each time, none kept from another mutant.
settings.register_profile(
    "mutants",
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
# What fails in CI fails again wherever it is run with this profile.
settings.register_profile(
    "ci", deadline=None, derandomize=True, database=None, print_blob=True
)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "suite")
)


def _served(server):
    """Run a server; without one a test is skipped, but never under CI."""
    try:
        with server() as running:
            yield running
    except NoServerError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgresql():
    """A PostgreSQL server."""
    yield from _served(PostgresqlServer)


@pytest.fixture(scope="session")
def s3_environment():
    """A SeaweedFS server with a bucket: what the environment must hold to reach it."""
    for environment in _served(s3_server):
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            # This server makes a bucket of what is written to it.
            open_storage("s3://pantler-tests").write("made", b"")
        yield environment


@pytest.fixture
def s3_root(s3_environment, monkeypatch):
    """An S3 URI below which nothing is; the environment has the credentials for it."""
    for name, value in s3_environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://pantler-tests/{uuid4().hex}"


@pytest.fixture(scope="session")
def apache():
    """The port of an Apache server that speaks WebDAV."""
    yield from _served(apache_server)


@pytest.fixture(scope="session")
def nginx():
    """The port of an nginx server that speaks WebDAV."""
    yield from _served(nginx_server)


@pytest.fixture
def apache_root(apache, tmp_path, monkeypatch):
    """A WebDAV URI below which nothing is; NETRC holds the password for it."""
    file = tmp_path / "netrc"
    file.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    return f"dav://127.0.0.1:{apache}/{uuid4().hex}"


@pytest.fixture
def nginx_root(nginx):
    """A WebDAV URI below which nothing is."""
    return f"dav://127.0.0.1:{nginx}/{uuid4().hex}"
