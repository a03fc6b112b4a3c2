"""The settings of registries in a database."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from pantler.config.sections import SHARED, RegistrySettings
from pantler.registry.sql.postgresql_location import NO_SECRETS, has_secret


class SqliteSettings(RegistrySettings):
    """Where the SQLite file is, and how carefully it is written."""

    kind: Annotated[str, SHARED] = "sqlite"
    """Name of the registry plugin."""

    location: Annotated[str, SHARED] = "registry.sqlite3"
    """Path of the database: absolute, or relative to the repository's root."""

    journal: Annotated[Literal["delete", "wal"], SHARED] = "delete"
    """Journal of the database, fixed when it is made. ``wal`` lets readers and a writer
    work at once, but fails on network file systems and shuts out readers who may not
    write."""

    durability: Annotated[Literal["process", "power"], SHARED] = "power"
    """What the database survives. ``power``: a power cut, at the cost of waiting for
    the disk. ``process``: the death of a writer; a power cut can damage the whole file.
    Shared, for one careless writer would put the datasets of all at risk."""

    lock_timeout_s: float = Field(60.0, ge=0)
    """How long a change waits while others hold the database's lock; ``.inf`` is for
    ever. Every few seconds a log message says what it waits for."""


class PostgresqlSettings(RegistrySettings):
    """Which database of a PostgreSQL server, and how it is used."""

    kind: Annotated[str, SHARED] = "postgresql"
    """Name of the registry plugin."""

    location: Annotated[str, SHARED] = "postgresql://"
    """URI of the database: ``postgresql://host:port/database?schema=name``, with other
    parameters of libpq if need be, and never with a password."""

    connections: int = Field(32, ge=1)
    """How many connections one process may have: each thread that uses the repository
    has one, until it ends."""

    lock_timeout_s: float = Field(60.0, ge=0)
    """How long a change waits while others hold a lock that it needs; ``.inf`` is for
    ever. Every few seconds a log message says who holds the lock."""

    @field_validator("location")
    @classmethod
    def _refuse_secrets(cls, value: str) -> str:
        if has_secret(value):
            raise PydanticCustomError("secret", NO_SECRETS)
        return value
