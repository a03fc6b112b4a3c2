"""The PostgreSQL registry does what registries do, on a real server."""

from __future__ import annotations

from contextlib import closing

import pytest

from pantler.dimensions.universe import Universe
from pantler.registry.sql.postgresql import PostgresqlRegistry
from pantler.testing.registry import RegistrySuite


@pytest.fixture(scope="module")
def template(postgresql):
    """A database with an empty registry: making its tables takes the most time."""
    with postgresql.database() as name:
        PostgresqlRegistry.create(postgresql.uri(name), Universe.default()).close()
        yield name


@pytest.fixture
def location(postgresql, template):
    """The location of an empty registry."""
    with postgresql.database(template) as name:
        yield postgresql.uri(name)


class TestPostgresqlRegistry(RegistrySuite):
    @pytest.fixture
    def registry(self, location):
        with closing(PostgresqlRegistry.open(location, writeable=True)) as registry:
            yield registry

    @pytest.fixture
    def open_again(self, registry, location):  # noqa: ARG002 - it is made there
        return lambda: PostgresqlRegistry.open(location, writeable=True)
