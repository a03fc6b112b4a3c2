"""Repositories that whole stories run on, made once for all workers."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path

import pytest

from pantler.cli.main import cli


@pytest.fixture(scope="session")
def pantler():
    """Run a command in this process; return its exit code."""

    def run(*words: object) -> int:
        status = cli.main([str(word) for word in words], standalone_mode=False)
        return status if isinstance(status, int) else 0

    return run


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real data; without it a test is skipped, but never under CI."""
    named = os.environ.get("PANTLER_SHARED_DATA")
    root = Path(__file__).parents[2]
    folder = Path(named) if named else root.parent / "shared" / "data"
    if not folder.is_dir():
        message = f"no real frames in '{folder}'; set PANTLER_SHARED_DATA"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def once(tmp_path_factory, worker_id):
    """Return a function that makes a folder, once for all workers of a session."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def make(name: str, fill) -> Path:
        folder = shared / name
        with _locked(shared / f"{name}.lock"):
            done = shared / f"{name}.done"
            if not done.exists():
                fill(folder)
                done.touch()
        return folder

    return make


@contextmanager
def _locked(path: Path):
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def demo_folder(once, pantler):
    """The folder of a demo that ran to its end."""
    return once("demo", lambda folder: pantler("demo", folder))


@pytest.fixture(scope="session")
def m13_repo(once, pantler, shared_data):
    """The repository of the real night, reduced by the commands of the how-to."""

    def reduce(repo: Path) -> None:
        pipelines = "pantler.science.pipelines"
        pantler("create", repo)
        pantler("register-instrument", repo, "arcsat")
        pantler("ingest-raws", repo, shared_data / "arcsat_m13", "-t", "symlink")
        pantler("define-visits", repo)
        pantler(
            *("register-skymap", repo, "m13", "--pixel-scale", 0.66),
            *("--patch-size", 600, "--patch-border", 50),
        )
        for kind in ("bias", "dark", "flat"):
            run = f"ARCSAT/calib/{kind}"
            status = pantler(
                *("run", repo, "-p", f"{pipelines}:{kind}.yaml", "-j", 2),
                *("--instrument", "ARCSAT", "-i", "ARCSAT/raw/all,ARCSAT/calib"),
                *("--output-run", run),
                *("-d", f"exposure.observation_type = '{kind}'"),
            )
            assert status == 0
            pantler(
                *("certify-calibrations", repo, run, "ARCSAT/calib", kind),
                *("--begin-date", "2019-05-01", "--end-date", "2019-05-10"),
            )
        status = pantler(
            *("run", repo, "-p", f"{pipelines}:science.yaml", "-j", 2),
            *("-i", "ARCSAT/raw/all,ARCSAT/calib,skymaps", "-o", "m13"),
            *("--instrument", "ARCSAT"),
        )
        assert status == 0

    return once("m13", reduce)
