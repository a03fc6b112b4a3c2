"""The registry in an SQLite file."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Self

import sqlalchemy as sa

from pantler.errors import (
    AccessError,
    ConflictError,
    NotFoundError,
    ReadOnlyError,
    SettingsError,
)
from pantler.registry.sql.database import Database
from pantler.registry.sql.migrations.plan import Migration
from pantler.registry.sql.registry import SqlRegistry, create_schema, read_universe
from pantler.registry.sql.settings import SqliteSettings
from pantler.registry.sql.sqlite_driver import SqliteDriver, copy_database

if TYPE_CHECKING:
    from collections.abc import Callable

    from pantler.config.sections import RegistrySettings
    from pantler.dimensions.universe import Universe

# EXTRA waits for the folder too: a commit that has returned is not undone.
_SYNCHRONOUS: Final = {"process": "OFF", "power": "EXTRA"}


class SqliteRegistry(SqlRegistry):
    """A registry in one file, for one host or a well-behaved network file system.

    Make one with `create` or `open`. Threads may share it: each gets a connection of
    its own. A process that is forked must open it again.
    """

    settings_model: ClassVar[type[RegistrySettings]] = SqliteSettings

    @classmethod
    def create(
        cls,
        location: str | Path,
        universe: Universe,
        *,
        root: str | Path = "",
        settings: SqliteSettings | None = None,
    ) -> Self:
        """Make a new registry and open it for writing.

        Parameters
        ----------
        location
            The path of the file, which must not exist.
        universe
            Its dimensions, for good.
        root
            The folder that a relative path starts from.
        settings
            How it is kept.

        Raises
        ------
        ConflictError
            If the file exists.
        AccessError
            If it cannot be written.
        SettingsError
            If the location is not a path.
        """
        settings = settings or SqliteSettings()
        path = _path(location, root)
        if path.exists():
            raise ConflictError(f"'{path}' exists. Open it, or choose another name.")
        try:
            # Finished under another name, so that nobody sees it half done.
            handle, name = tempfile.mkstemp(".new", f"{path.name}.", path.parent)
            os.close(handle)
            partial = Path(name)
            partial.chmod(0o666 & ~_umask())
        except OSError as error:
            raise AccessError(f"Cannot create '{path}': {error.strerror}.") from error
        try:
            _fill(partial, universe, settings)
            try:
                os.link(partial, path)  # unlike a renaming, it replaces nothing
            except FileExistsError:
                raise ConflictError(f"'{path}' was made by others just now.") from None
            except OSError:  # a file system without links
                partial.rename(path)
        finally:
            partial.unlink(missing_ok=True)
        return cls.open(path, settings=settings, writeable=True)

    @classmethod
    def open(
        cls,
        location: str | Path,
        *,
        root: str | Path = "",
        settings: SqliteSettings | None = None,
        writeable: bool = False,
    ) -> Self:
        """Open a registry; parameters as for `create`.

        Raises
        ------
        NotFoundError
            If there is no such file.
        AccessError
            If it cannot be read, or not written though that was asked.
        SchemaError
            If it is not a registry, or is one of another version.
        SettingsError
            If the location is not a path.
        """
        settings = settings or SqliteSettings()
        path = _path(location, root)
        db = _open(path, settings, writeable=writeable)
        try:
            return cls(db, read_universe(db))
        except BaseException:
            db.close()
            raise

    @classmethod
    def migration(
        cls,
        location: str | Path,
        *,
        root: str | Path = "",
        settings: SqliteSettings | None = None,
        writeable: bool = True,
    ) -> SqliteMigration:
        """Return what leads a registry to the newest version; see `open`."""
        path = _path(location, root)
        db = _open(path, settings or SqliteSettings(), writeable=writeable)
        try:
            return SqliteMigration(db, path)
        except BaseException:
            db.close()
            raise


class SqliteMigration(Migration):
    """What leads one file to a newer version, which is copied first.

    Parameters
    ----------
    db
        The file, opened.
    path
        The file.
    """

    def __init__(self, db: Database, path: Path) -> None:
        super().__init__(db)
        self._path = path

    def back_up(self) -> str:
        """Copy the file as it is at one moment, beside itself; return the copy's path.

        Raises
        ------
        StorageError
            If there is no place for it.
        """
        for number in itertools.count():
            ending = f".{number}" if number else ""
            copy = Path(f"{self._path}.version-{self.current}{ending}")
            if not copy.exists():
                break
        copy_database(self._path, copy)
        return str(copy)

    def run(self, report: Callable[[str, int, int], None]) -> None:
        """Do all steps, and describe the new tables to SQLite."""
        super().run(report)
        with self._db.writing():
            _describe_sizes(self._db)


def _check_rights(path: Path, *, writeable: bool) -> None:
    if not path.exists():
        raise NotFoundError(f"There is no registry at '{path}'.")
    needed, what = (os.W_OK, "written") if writeable else (os.R_OK, "read")
    effective = os.access in os.supports_effective_ids
    if not os.access(path, needed, effective_ids=effective):
        raise AccessError(f"'{path}' cannot be {what} by this user.")


def _path(location: str | Path, root: str | Path) -> Path:
    """Return the path that a location means, relative to a repository's root."""
    if "://" in str(location):
        raise SettingsError(
            f"'{location}' is not the location of an SQLite registry, which is the "
            "path of a file. Choose another kind of registry, or a path."
        )
    return (Path(root) / Path(location).expanduser()).absolute()


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _fill(path: Path, universe: Universe, settings: SqliteSettings) -> None:
    """Make the tables in an empty file."""
    db = _connect(path, settings, writeable=True)
    try:
        db.rows(sa.text(f"PRAGMA journal_mode = {settings.journal}"))
        create_schema(db, universe)
        _describe_sizes(db)
    finally:
        db.close()


def _describe_sizes(db: Database) -> None:
    """Write down once what ANALYZE would find in a repository of the usual shape.

    A run has many datasets of a type; otherwise SQLite expects ten, and reads whole
    runs where a few data IDs are wanted. Nobody has to run ANALYZE, and plans do not
    depend on when somebody did.
    """
    db.run(sa.text("ANALYZE sqlite_schema"))
    sizes = sa.table("sqlite_stat1", *map(sa.column, ("tbl", "idx", "stat")))
    names = "dataset", "dataset_uuid", "membership", "calibration"
    db.run(sa.delete(sizes).where(sa.or_(*(sizes.c.tbl == n for n in names))))
    # Rows in all, then for each value of the first, first two, ... columns of the key.
    db.run_many(
        db.prepare(sa.insert(sizes)),
        [
            ("dataset", "dataset", "10000000 100000 10000 1"),
            ("dataset_uuid", "dataset_uuid", "10000000 1"),
            ("membership", "membership", "1000000 100000 10000 1"),
            ("calibration", "calibration", "100000 10000 1000 10 1"),
        ],
    )


def _connect(path: Path, settings: SqliteSettings, *, writeable: bool) -> Database:
    synchronous = _SYNCHRONOUS[settings.durability]
    driver = SqliteDriver(path, writeable=writeable, synchronous=synchronous)
    return Database(driver, writeable=writeable, lock_timeout_s=settings.lock_timeout_s)


def _open(path: Path, settings: SqliteSettings, *, writeable: bool) -> Database:
    """Open a file that is there, with the rights that it takes."""
    _check_rights(path, writeable=writeable)
    try:
        return _connect(path, settings, writeable=writeable)
    except ReadOnlyError:
        return _open_copy(path, settings)


def _open_copy(path: Path, settings: SqliteSettings) -> Database:
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
        folder = Path(tempfile.mkdtemp(prefix="pantler-"))
        try:
            copy = folder / path.name
            before = _state(journal)
            shutil.copyfile(path, copy)
            if before is not None:
                shutil.copyfile(journal, f"{copy}-journal")
            if before == _state(journal):
                _connect(copy, settings, writeable=True).close()  # undoes the change
                db = _connect(copy, settings, writeable=False)
                weakref.finalize(db, _remove, folder, os.getpid())
                return db
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)
    raise ConflictError(f"'{path}' is being repaired by others. Try again.")


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # and not a process forked from it
        shutil.rmtree(folder, ignore_errors=True)


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
