"""What holds for all tests."""

import os

import pytest
from hypothesis import Phase, settings

from pantler.testing.postgresql_server import NoServerError, PostgresqlServer

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
