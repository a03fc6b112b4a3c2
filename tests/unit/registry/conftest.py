"""Registries in PostgreSQL, as several files of tests need them."""

from __future__ import annotations

from contextlib import closing

import pytest

from pantler.dimensions.universe import Universe
from pantler.registry.sql.postgresql import PostgresqlRegistry
from pantler.testing.survey import fill_survey


@pytest.fixture(scope="session")
def surveyed(postgresql):
    """The name of a database with a registry that knows the small survey."""
    with postgresql.database() as name:
        with closing(
            PostgresqlRegistry.create(postgresql.uri(name), Universe.default())
        ) as registry:
            fill_survey(registry)
        yield name


@pytest.fixture
def database(postgresql, surveyed):
    """The name of a database of its own, with a registry of the small survey."""
    with postgresql.database(surveyed) as name:
        yield name


@pytest.fixture
def empty_database(postgresql):
    """The name of a database without anything."""
    with postgresql.database() as name:
        yield name
