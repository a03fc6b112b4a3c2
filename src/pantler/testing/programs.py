"""Servers of one's own, for tests: real, on 127.0.0.1, and gone when they end."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_PATIENCE_S: Final = 60.0
_MOST_FOR_AN_END_S: Final = 3.0


class NoServerError(Exception):
    """There is no server to be started here; the message says what is missing."""


def dying_with_us(signal: str) -> list[str]:
    """Return the words that have a program stop when this process is killed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", signal, "--"] if setpriv else []


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody listens at now."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


class RunningProgram:
    """A program with a folder of its own, while one is within its ``with`` block.

    Parameters
    ----------
    name
        What it is, for messages and the name of the folder.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix=f"pantler-{name}-"))
        self._process: subprocess.Popen[bytes] | None = None

    def start(
        self,
        words: Sequence[str],
        answers: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it, and wait until it answers.

        Raises
        ------
        NoServerError
            If it does not.
        """
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own words
                [*dying_with_us("KILL"), *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=None if environment is None else dict(environment),
            )
        until = time.monotonic() + _PATIENCE_S
        while not answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise NoServerError(f"{self.name} does not start: {self.log()[-2000:]}")
            time.sleep(0.05)

    def log(self) -> str:
        """Return what the program has said."""
        return (self.folder / "log").read_text("utf-8", "replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(_MOST_FOR_AN_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def listens(port: int) -> bool:
    """Whether somebody listens at a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
