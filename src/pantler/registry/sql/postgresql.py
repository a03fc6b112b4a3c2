"""The registry in a PostgreSQL database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import sqlalchemy as sa

from pantler.errors import (
    AccessError,
    ConflictError,
    NotFoundError,
    PluginError,
    SchemaError,
)
from pantler.registry.sql.database import Database
from pantler.registry.sql.migrations.plan import Migration
from pantler.registry.sql.postgresql_location import parse_location
from pantler.registry.sql.registry import SqlRegistry, create_schema, read_universe
from pantler.registry.sql.settings import PostgresqlSettings

if TYPE_CHECKING:
    from pathlib import Path

    from pantler.config.sections import RegistrySettings
    from pantler.dimensions.universe import Universe
    from pantler.registry.sql.postgresql_location import PostgresqlLocation

_OLDEST: Final = 130000
"""The oldest server, as PostgreSQL counts: 13 lets others than administrators add
btree_gist."""

_EXTENSION: Final = "btree_gist"

_DIVIDED: Final = ("dataset", "dataset_uuid")
_PARTS: Final = 8
"""Parts of a table with a row for each dataset: of 10⁹, each has as many as one table
holds with ease. It cannot be changed later."""

_APART: Final = "calibration_ranges_apart"
"""The constraint that keeps the ranges of validity of one data ID apart."""


class PostgresqlRegistry(SqlRegistry):
    """A registry in one schema of a database, for many hosts and writers.

    Make one with `create` or `open`. Threads may share it: each gets a connection of
    its own. A process that is forked must open it again.
    """

    settings_model: ClassVar[type[RegistrySettings]] = PostgresqlSettings

    @classmethod
    def create(
        cls,
        location: str,
        universe: Universe,
        *,
        root: str | Path = "",  # noqa: ARG003 - the location says all
        settings: PostgresqlSettings | None = None,
    ) -> Self:
        """Make a new registry and open it for writing.

        Parameters
        ----------
        location
            A URI: see `parse_location`. Its schema is made if it is not there.
        universe
            Its dimensions, for good.
        root
            Not used.
        settings
            How it is used.

        Raises
        ------
        ConflictError
            If the schema has tables.
        AccessError
            If the rights to make it are missing; the message says which.
        SettingsError
            If the location is no such URI, or has a password in it.
        """
        settings = settings or PostgresqlSettings()
        db = _connect(parse_location(location), settings, writeable=True)
        try:
            _check_server(db)
            with db.writing():
                db.run(
                    sa.text(db.driver.phrases.lock_catalog)
                )  # two may create it at once
                _make_schema(db, parse_location(location).schema)
                create_schema(db, universe)
                _make_partitions(db)
                _keep_ranges_apart(db)
            return cls(db, universe)
        except BaseException:
            db.close()
            raise

    @classmethod
    def open(
        cls,
        location: str,
        *,
        root: str | Path = "",  # noqa: ARG003 - the location says all
        settings: PostgresqlSettings | None = None,
        writeable: bool = False,
    ) -> Self:
        """Open a registry; parameters as for `create`.

        Raises
        ------
        NotFoundError
            If there is no such database or schema.
        AccessError
            If the server does not let this user in, or not write though that was
            asked.
        StorageError
            If no server answers.
        SchemaError
            If the schema has no registry, or one of another version.
        SettingsError
            If the location is no such URI, or has a password in it.
        """
        settings = settings or PostgresqlSettings()
        parsed = parse_location(location)
        db = _connect(parsed, settings, writeable=writeable)
        try:
            _check_schema(db, parsed, writeable=writeable)
            return cls(db, read_universe(db))
        except BaseException:
            db.close()
            raise

    @classmethod
    def migration(
        cls,
        location: str,
        *,
        root: str | Path = "",  # noqa: ARG003 - the location says all
        settings: PostgresqlSettings | None = None,
        writeable: bool = True,
    ) -> Migration:
        """Return what leads a registry to the newest version; see `open`."""
        parsed = parse_location(location)
        settings = settings or PostgresqlSettings()
        db = _connect(parsed, settings, writeable=writeable)
        try:
            _check_schema(db, parsed, writeable=writeable)
            return Migration(db)
        except BaseException:
            db.close()
            raise


def _connect(
    location: PostgresqlLocation, settings: PostgresqlSettings, *, writeable: bool
) -> Database:
    try:
        from pantler.registry.sql.postgresql_driver import PostgresqlDriver
    except ImportError as error:
        raise PluginError(
            f"'{location.text}' needs psycopg, which is not installed here ({error}). "
            "Try: pip install 'pantler[postgresql]'."
        ) from error
    driver = PostgresqlDriver(
        location, connections=settings.connections, writeable=writeable
    )
    return Database(driver, writeable=writeable, lock_timeout_s=settings.lock_timeout_s)


def _one(db: Database, text: str, **parameters: Any) -> Any:
    rows = db.rows(sa.text(text).bindparams(**parameters))
    return rows[0][0] if rows else None


def _check_server(db: Database) -> None:
    """Refuse a server that cannot hold a registry."""
    version = _one(db, "SELECT current_setting('server_version_num')::bigint")
    if version < _OLDEST:
        raise SchemaError(
            f"The server of '{db.driver.where}' is of PostgreSQL {version // 10000}; "
            f"pantler needs {_OLDEST // 10000} or newer."
        )
    encoding = _one(db, "SELECT current_setting('server_encoding')")
    if encoding != "UTF8":
        raise SchemaError(
            f"The database '{db.driver.where}' keeps text as {encoding}, which cannot "
            "hold all names. Make one with 'createdb --encoding=UTF8 "
            "--template=template0'."
        )


def _check_schema(
    db: Database, location: PostgresqlLocation, *, writeable: bool
) -> None:
    """Refuse a schema that is not there, or that this user cannot use as asked."""
    name = location.schema
    is_there = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = :name"
    if not _one(db, is_there, name=name):
        raise NotFoundError(
            f"There is no registry at '{location.text}': the database has no schema "
            f"'{name}'."
        )
    needed = "usage, create" if writeable else "usage"
    for right in needed.split(", "):
        may = "SELECT has_schema_privilege(CAST(:name AS text), CAST(:right AS text))"
        if not _one(db, may, name=name, right=right):
            if right == "create":
                raise _not_a_writer(db, location)
            raise AccessError(
                f"'{location.text}' cannot be read by this user: that takes the "
                f"right {right.upper()} on schema '{name}'. Ask who administers the "
                f"database: 'GRANT {right.upper()} ON SCHEMA {_quoted(name)} TO …'."
            )


def _not_a_writer(db: Database, location: PostgresqlLocation) -> AccessError:
    """Return the error for a user who may not write, which says how one may.

    The tables belong to a role too: rights on the schema alone would not do.
    """
    find = (
        "SELECT rolname::text, rolsuper::int FROM pg_catalog.pg_namespace "
        "JOIN pg_catalog.pg_roles AS r ON r.oid = nspowner WHERE nspname = :name"
    )
    ((owner, is_super),) = db.rows(sa.text(find).bindparams(name=location.schema))
    role = _quoted(owner)
    how = (
        ", who should give it to a role made for writers"
        if is_super
        else f": 'GRANT {role} TO …', and 'ALTER ROLE … SET role = {role}'"
    )
    return AccessError(
        f"'{location.text}' cannot be changed by this user: that takes membership of "
        f"'{owner}', the role that owns schema '{location.schema}' and its tables. Ask "
        f"who administers the database{how}."
    )


def _make_schema(db: Database, name: str) -> None:
    """Make the schema, unless it is there and empty.

    Raises
    ------
    ConflictError
        If it has tables.
    AccessError
        If it cannot be made.
    """
    where, quoted = db.driver.where, _quoted(name)
    is_there = "SELECT oid::bigint FROM pg_catalog.pg_namespace WHERE nspname = :name"
    if not _one(db, is_there, name=name):
        try:
            with db.writing():
                db.run(sa.text(f"CREATE SCHEMA {_escaped(quoted)}"))
        except AccessError as error:
            raise AccessError(
                f"Schema '{name}' of '{where}' is not there, and this user may not "
                "make it. Ask who administers the database: "
                f"'CREATE SCHEMA {quoted} AUTHORIZATION …'."
            ) from error
    tables = [
        row[0]
        for row in db.rows(
            sa.text(
                "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = :name "
                "ORDER BY tablename"
            ).bindparams(name=name)
        )
    ]
    if {"attribute", "collection", "dataset_type"}.issubset(tables):
        raise ConflictError(
            f"'{where}' has a registry already. Open its repository, or choose another "
            "schema: '…?schema=name'. (If its repository was never finished or is "
            f"gone, and nobody needs it: 'DROP SCHEMA {quoted} CASCADE'.)"
        )
    if tables:
        raise ConflictError(
            f"'{where}' has tables of another program: {', '.join(tables[:5])}. Choose "
            "another schema: '…?schema=name'."
        )


def _make_partitions(db: Database) -> None:
    """Divide the tables that have a row for each dataset: decision 17."""
    for table in _DIVIDED:
        for part in range(_PARTS):
            db.run(
                sa.text(
                    f"CREATE TABLE {table}_part_{part} PARTITION OF {table} "
                    f"FOR VALUES WITH (MODULUS {_PARTS}, REMAINDER {part})"
                )
            )


def _keep_ranges_apart(db: Database) -> None:
    """Have the database refuse that two calibrations be valid at the same time."""
    place = _extension_schema(db)
    operators = ", ".join(
        f"{column} {_quoted(place)}.gist_int8_ops WITH ="
        for column in ("collection_id", "dataset_type_id", "data_id")
    )
    db.run(
        sa.text(
            _escaped(
                f"ALTER TABLE calibration ADD CONSTRAINT {_APART} EXCLUDE USING gist "
                f"({operators}, int8range(begin_ns, end_ns) WITH &&)"
            )
        )
    )


def _extension_schema(db: Database) -> str:
    """Return the schema of the extension, which is added if it is not there."""
    find = (
        "SELECT nspname::text FROM pg_catalog.pg_extension JOIN "
        "pg_catalog.pg_namespace AS n ON n.oid = extnamespace WHERE extname = :name"
    )
    found = _one(db, find, name=_EXTENSION)
    if found is None:
        has = "SELECT 1 FROM pg_catalog.pg_available_extensions WHERE name = :name"
        if not _one(db, has, name=_EXTENSION):
            raise AccessError(
                f"The server of '{db.driver.where}' lacks the extension {_EXTENSION}, "
                "which comes with PostgreSQL. Ask who administers it to install "
                "'postgresql-contrib'."
            )
        try:
            with db.writing():
                db.run(sa.text(f"CREATE EXTENSION {_EXTENSION} SCHEMA public"))
        except AccessError as error:
            raise AccessError(
                f"The database of '{db.driver.where}' needs the extension "
                f"{_EXTENSION}, and this user may not add it. Ask who administers it: "
                f"'CREATE EXTENSION {_EXTENSION}'."
            ) from error
        found = _one(db, find, name=_EXTENSION)
    return str(found)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _escaped(text: str) -> str:
    """Return SQL in which no colon is taken for a parameter."""
    return text.replace(":", "\\:")
