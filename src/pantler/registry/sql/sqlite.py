"""The registry in an SQLite file."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args
from urllib.parse import quote

from sqlalchemy.dialects import sqlite

from pantler.errors import (
    AccessError,
    ConflictError,
    NotFoundError,
    ReadOnlyError,
    SchemaError,
    SettingsError,
    StorageError,
)
from pantler.registry.sql.connection import Backend, Connection, ConstraintError
from pantler.registry.sql.registry import SqlRegistry, create_schema, read_universe

if TYPE_CHECKING:
    from pantler.dimensions.universe import Universe

Journal = Literal["delete", "wal"]
Durability = Literal["process", "power"]

_BUSY_S: Final = 60.0
_SYNCHRONOUS: Final = {"process": "OFF", "power": "FULL"}


class SqliteRegistry(SqlRegistry):
    """A registry in one file, for one host or a well-behaved network file system.

    Make one with `create` or `open`. An object belongs to the thread that made it.
    """

    @classmethod
    def create(
        cls,
        path: Path | str,
        universe: Universe,
        *,
        journal: Journal = "delete",
        durability: Durability = "process",
    ) -> SqliteRegistry:
        """Make a new registry and open it for writing.

        Parameters
        ----------
        path
            The file, which must not exist.
        universe
            Its dimensions, for good.
        journal
            ``delete``: readers need no right to write, on any file system. ``wal``:
            commits are faster and readers never wait, but whoever opens the file
            needs the right to write beside it, and network file systems do not do.
        durability
            ``process``: what was written survives if the process is killed;
            ``power``: also if the machine fails, at the cost of waiting for the disk.

        Raises
        ------
        ConflictError
            If the file exists.
        """
        path = Path(path)
        if journal not in get_args(Journal) or durability not in _SYNCHRONOUS:
            raise SettingsError(
                f"journal='{journal}', durability='{durability}': choose "
                "'delete' or 'wal', and 'process' or 'power'."
            )
        if path.exists():
            raise ConflictError(f"'{path}' exists. Open it, or choose another name.")
        try:
            # Finished under another name, so that nobody sees it half done.
            handle, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
            os.close(handle)
            partial = Path(name)
            partial.chmod(0o666 & ~_umask())
        except OSError as error:
            raise AccessError(f"Cannot create '{path}': {error.strerror}.") from error
        try:
            connection = _connect(partial, writeable=True)
            connection.run_text(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
            connection.run_text(f"PRAGMA journal_mode = {journal}")
            create_schema(connection, universe, {"durability": durability})
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
        needed = os.R_OK | (os.W_OK if writeable else 0)
        if not os.access(path, needed):
            what = "written" if writeable else "read"
            raise AccessError(f"'{path}' cannot be {what} by this user.")
        connection = _connect(path, writeable=writeable)
        try:
            attributes = read_universe(connection, str(path))
            level = _SYNCHRONOUS[attributes.settings["durability"]]
            connection.run_text(f"PRAGMA synchronous = {level}")
            return cls(connection, attributes.universe)
        except BaseException:
            connection.close()
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _connect(path: Path, *, writeable: bool) -> Connection:
    mode = "rw" if writeable else "ro"
    try:
        raw = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode={mode}",
            uri=True,
            isolation_level=None,  # we say BEGIN ourselves
            timeout=_BUSY_S,
            cached_statements=512,
        )
        for pragma in (
            "foreign_keys = ON",
            "temp_store = MEMORY",
            "cache_size = -65536",  # KiB
            "mmap_size = 0",
            "secure_delete = OFF",
        ):
            raw.execute(f"PRAGMA {pragma}")
    except sqlite3.Error as error:
        raise _translate(error) from error
    return Connection(raw, _BACKEND, writeable=writeable)


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
            f"The registry was locked by others for {_BUSY_S:.0f} s. Try again."
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
    translate=_translate,
)
