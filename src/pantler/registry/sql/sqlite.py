"""The registry in an SQLite file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from pantler.errors import (
    AccessError,
    ConflictError,
    NotFoundError,
    ReadOnlyError,
    SchemaError,
    StorageError,
)
from pantler.registry.sql.connection import BUSY_S, Backend, Connection, ConstraintError
from pantler.registry.sql.registry import SqlRegistry, create_schema, read_universe
from pantler.registry.sql.settings import SqliteSettings

if TYPE_CHECKING:
    from pantler.config.sections import RegistrySettings
    from pantler.dimensions.universe import Universe

_DEFAULTS: Final = SqliteSettings()
_SYNCHRONOUS: Final = {"process": "OFF", "power": "FULL"}


class SqliteRegistry(SqlRegistry):
    """A registry in one file, for one host or a well-behaved network file system.

    Make one with `create` or `open`. An object belongs to the thread that made it.
    """

    settings_model: ClassVar[type[RegistrySettings]] = SqliteSettings

    @classmethod
    def create(
        cls,
        path: Path | str,
        universe: Universe,
        settings: SqliteSettings = _DEFAULTS,
    ) -> SqliteRegistry:
        """Make a new registry and open it for writing.

        Parameters
        ----------
        path
            The file, which must not exist.
        universe
            Its dimensions, for good.
        settings
            Its journal and durability.

        Raises
        ------
        ConflictError
            If the file exists.
        """
        path = Path(path)
        if path.exists():
            raise ConflictError(f"'{path}' exists. Open it, or choose another name.")
        try:
            # Finished under another name, so that nobody sees it half done.
            partial = path.with_name(f"{path.name}.{os.getpid()}.new")
            partial.touch(exist_ok=False)
        except OSError as error:
            raise AccessError(f"Cannot create '{path}': {error.strerror}.") from error
        try:
            connection = _connect(partial, writeable=True)
            connection.run_text(
                f"PRAGMA synchronous = {_SYNCHRONOUS[settings.durability]}"
            )
            connection.run_text(f"PRAGMA journal_mode = {settings.journal}")
            create_schema(connection, universe, {"durability": settings.durability})
            _describe_sizes(connection)
            connection.close()
            partial.rename(path)
        finally:
            partial.unlink(missing_ok=True)
        return cls.open(path, writeable=True)

    @classmethod
    def open(cls, path: Path | str, *, writeable: bool = False) -> SqliteRegistry:
        """Open a registry.

        Raises
        ------
        NotFoundError
            If there is no such file.
        AccessError
            If it cannot be read, or not written though that was asked.
        SchemaError
            If it is no registry, or one of another version.
        """
        path = Path(path)
        if not path.exists():
            raise NotFoundError(f"There is no registry at '{path}'.")
        needed, what = (os.W_OK, "written") if writeable else (os.R_OK, "read")
        effective = os.access in os.supports_effective_ids
        if not os.access(path, needed, effective_ids=effective):
            raise AccessError(f"'{path}' cannot be {what} by this user.")
        try:
            connection = _connect(path, writeable=writeable)
        except ReadOnlyError:
            connection = _open_copy(path)
        try:
            attributes = read_universe(connection, str(path))
            level = _SYNCHRONOUS[attributes.settings["durability"]]
            connection.run_text(f"PRAGMA synchronous = {level}")
            return cls(connection, attributes.universe)
        except BaseException:
            connection.close()
            raise


def _describe_sizes(connection: Connection) -> None:
    """Tell SQLite once what ANALYZE would find in a repository of the usual shape.

    A run has many datasets of a type; otherwise SQLite expects ten, and reads whole
    runs where a few data IDs are wanted. Nobody has to run ANALYZE, and plans do not
    depend on when somebody did.
    """
    connection.run_text("ANALYZE sqlite_schema")
    sizes = sa.table("sqlite_stat1", *map(sa.column, ("tbl", "idx", "stat")))
    insert = connection.prepare(sa.insert(sizes))
    # Rows in all, then for each value of the first, first two, ... columns of the key.
    connection.run_many(
        insert,
        [
            ("dataset", "dataset", "10000000 100000 10000 1"),
            ("tag", "tag", "1000000 100000 10000 1"),
            ("calibration", "calibration", "100000 10000 1000 10 1"),
        ],
    )


def _open_copy(path: Path) -> Connection:
    """Open the state before a change that a killed writer left unfinished.

    Its journal waits for the next writer to undo the change. Who may only read can
    undo it in a copy, which is true unless a writer came in between.

    Raises
    ------
    ConflictError
        If writers keep coming in between.
    """
    journal = Path(f"{path}-journal")
    for _ in range(10):
        with tempfile.TemporaryDirectory(prefix="pantler-") as folder:
            copy = Path(folder) / path.name
            before = _state(journal)
            shutil.copyfile(path, copy)
            if before is not None:
                shutil.copyfile(journal, f"{copy}-journal")
            if before == _state(journal):
                _connect(copy, writeable=True).close()  # undoes the change
                # An open file lives on when its folder is gone.
                return _connect(copy, writeable=False)
    raise ConflictError(f"'{path}' is being repaired by others. Try again.")


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _connect(path: Path, *, writeable: bool) -> Connection:
    mode = "rw" if writeable else "ro"
    try:
        raw = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode={mode}",
            uri=True,
            isolation_level=None,  # we say BEGIN ourselves
            timeout=0,  # we wait ourselves
            cached_statements=512,
        )
    except sqlite3.Error as error:
        raise _translate(error) from error
    connection = Connection(raw, _BACKEND, writeable=writeable)
    for pragma in (
        "foreign_keys = ON",
        "temp_store = MEMORY",
        "cache_size = -65536",  # KiB
        "secure_delete = OFF",
    ):
        connection.run_text(f"PRAGMA {pragma}")
    connection.run_text("PRAGMA user_version")  # reads the file: is it one of SQLite?
    return connection


def _translate(error: Exception) -> Exception:
    """Return our error for one of the driver's."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_CONSTRAINT"):
        kinds = {"FOREIGNKEY": "foreign", "UNIQUE": "unique", "PRIMARYKEY": "unique"}
        kind = kinds.get(name.rpartition("_")[2], "other")
        return ConstraintError(str(error), kind)  # type: ignore[arg-type]
    code = "_".join(name.split("_")[:2])
    if code in {"SQLITE_BUSY", "SQLITE_LOCKED"}:
        return ConflictError(
            f"The registry was locked by others for {BUSY_S:.0f} s. Try again."
        )
    if name == "SQLITE_READONLY_ROLLBACK":
        return ReadOnlyError(
            "A writer was killed in the midst of a change. Open the registry again."
        )
    if code == "SQLITE_READONLY":
        return ReadOnlyError(f"The registry cannot be changed here: {error}.")
    if code in {"SQLITE_PERM", "SQLITE_AUTH", "SQLITE_CANTOPEN"}:
        return AccessError(f"The registry cannot be opened: {error}.")
    if code == "SQLITE_NOTADB":
        return SchemaError("The file is no registry: it is no SQLite database.")
    if code in {"SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CORRUPT"}:
        return StorageError(f"The registry's file failed: {error}.")
    return error


_BACKEND: Final = Backend(
    dialect=sqlite.dialect(paramstyle="qmark"),
    insert=sqlite.insert,
    freshness="PRAGMA data_version",
    driver_error=sqlite3.Error,
    is_busy=lambda error: getattr(error, "sqlite_errorname", "").startswith(
        ("SQLITE_BUSY", "SQLITE_LOCKED")
    ),
    translate=_translate,
)
