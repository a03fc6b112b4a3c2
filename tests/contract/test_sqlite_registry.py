"""The SQLite registry does what registries do."""

from __future__ import annotations

from contextlib import closing

import pytest

from pantler.dimensions.universe import Universe
from pantler.registry.sql.settings import SqliteSettings
from pantler.registry.sql.sqlite import SqliteRegistry
from pantler.testing.registry import RegistrySuite


@pytest.fixture(
    params=["delete", "wal"],
    scope="module",
)
def settings(request):
    """Return the settings of the registry; nobody cuts the power here."""
    return SqliteSettings(journal=request.param, durability="process")


@pytest.fixture(scope="module")
def empty(settings, tmp_path_factory):
    """Return an empty registry as bytes: making its tables takes the most time."""
    path = tmp_path_factory.mktemp("registry") / "registry.sqlite3"
    universe = Universe.default()
    made = SqliteRegistry.create(path, universe, settings=settings)
    made.close()
    return path.read_bytes()


class TestSqliteRegistry(RegistrySuite):
    @pytest.fixture
    def registry(self, empty, settings, tmp_path):
        path = tmp_path / "registry.sqlite3"
        path.write_bytes(empty)
        with closing(
            SqliteRegistry.open(path, settings=settings, writeable=True)
        ) as registry:
            yield registry

    @pytest.fixture
    def open_again(self, registry, settings, tmp_path):  # noqa: ARG002 - it is made there
        path = tmp_path / "registry.sqlite3"
        return lambda: SqliteRegistry.open(path, settings=settings, writeable=True)
