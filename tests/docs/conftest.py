"""The repository that the pages speak of, made once and linked for each page."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from pantler.cli.main import cli
from pantler.instruments.demo.settings import DemoSettings
from pantler.instruments.demo.simulator import simulate

# As many frames as the demo has, of smaller detectors: all data IDs are the same.
NIGHT = DemoSettings(
    detector_size=192, detector_gap=9, star_count=120, dither_arcsec=11
)
RAW, CALIB = "DemoCam/raw/all", "DemoCam/calib"
PIPELINES = "pantler.science.pipelines"


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory):
    """The folder ``demo`` of ``make demo``, small."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # the workers of one session share it
    folder = shared / "docs-demo"
    with (shared / "docs-demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _make_demo(folder)
            (folder / "done").touch()
    return folder


@pytest.fixture
def link_demo(demo_folder):
    """A function that makes a copy of the demo: files linked, the database copied."""

    def link(target: Path) -> None:
        shutil.copytree(demo_folder, target, copy_function=_link_or_copy)

    return link


def _link_or_copy(source, target):
    if Path(source).suffix == ".fits":
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def _make_demo(folder: Path) -> None:
    repo, frames = folder / "repo", folder / "frames"
    simulate(frames, NIGHT)
    commands = [
        ["create", repo],
        ["register-instrument", repo, "demo"],
        ["ingest-raws", repo, frames, "-t", "hardlink"],
        ["define-visits", repo],
        [
            *("register-skymap", repo, "demo_sky", "--pixel-scale", 0.4),
            *("--patch-size", 240, "--patch-border", 30),
        ],
    ]
    for kind in ("bias", "dark", "flat"):
        run = f"{CALIB}/{kind}"
        commands += [
            [
                *(
                    "run",
                    repo,
                    "-p",
                    f"{PIPELINES}:{kind}.yaml",
                    "-i",
                    f"{RAW},{CALIB}",
                ),
                *("--output-run", run, "-d", f"exposure.observation_type = '{kind}'"),
            ],
            [
                *("certify-calibrations", repo, run, CALIB, kind),
                *("--begin-date", "2025-01-01", "--end-date", "2026-01-01"),
            ],
        ]
    commands.append(
        [
            *("run", repo, "-p", f"{PIPELINES}:science.yaml", "-o", "demo"),
            *("-i", f"{RAW},{CALIB},skymaps", "-d", "skymap = 'demo_sky'"),
        ]
    )
    for words in commands:
        status = cli.main([str(word) for word in words], standalone_mode=False)
        assert not status, words
