"""What holds for all tests."""

import os

import pytest
from hypothesis import settings

from pantler.testing.postgresql_server import NoServerError, PostgresqlServer

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def postgresql():
    """A PostgreSQL server; without one a test is skipped, but never under CI."""
    try:
        with PostgresqlServer() as server:
            yield server
    except NoServerError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
