"""The example of a package with a command: installed, listed, used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pantler import Butler
from pantler.instruments.demo.settings import DemoSettings
from pantler.instruments.demo.simulator import simulate

EXAMPLE = Path(__file__).parents[2] / "examples" / "ingest-photodiode"


NIGHT = DemoSettings(
    detector_size=64, detector_gap=4, bias_count=1, dark_count=0, flat_count=0,
    dither_count=0, star_count=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def pantler(tmp_path_factory):
    """Run ``pantler`` where the example is installed."""
    site = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target"]
    made = subprocess.run(
        [*pip, str(site), str(EXAMPLE)], capture_output=True, text=True, check=False
    )
    if made.returncode and not os.environ.get("CI"):
        pytest.skip(f"pip cannot install the example: {made.stderr[-200:]}")
    assert made.returncode == 0, made.stderr
    code = "from pantler.cli.main import main; main()"

    def run(*words):
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, words)],
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_the_command_is_listed_with_what_it_does(pantler):
    said = pantler("--help").stdout
    assert "ingest-photodiode" in said
    assert "Store the readings of a photodiode" in said
    assert "-@" in pantler("ingest-photodiode", "--help").stdout


def test_readings_become_datasets_and_what_is_wrong_is_named(pantler, tmp_path):
    repo, frames = tmp_path / "repo", tmp_path / "frames"
    simulate(frames, NIGHT)
    for words in (
        ["create", repo],
        ["register-instrument", repo, "demo"],
        ["ingest-raws", repo, frames, "-t", "symlink"],
    ):
        assert pantler(*words).returncode == 0
    with Butler.open(repo) as butler:
        exposure = next(iter(butler.query_dimension_records("exposure")))
    day_obs, seq_num = exposure["day_obs"], exposure["seq_num"]
    name = f"Photodiode_{day_obs}_{seq_num:06d}.txt"
    good, other, odd, empty = (
        tmp_path / name,
        tmp_path / "Photodiode_19990101_000001.txt",
        tmp_path / "notes.txt",
        tmp_path / "Photodiode_20250530_000009.txt",
    )
    for file in (good, other, odd):
        file.write_text("0.0 1e-9\n0.5 1.5e-9\n")
    empty.write_text("cloudy\n")
    ended = pantler("ingest-photodiode", repo, "DemoCam", good, other, odd, empty)
    assert ended.returncode == 2, ended.stderr
    assert "1 of 4 files are in." in ended.stdout
    assert "notes.txt cannot be used: its name does not end in" in ended.stderr
    assert "19990101_000001.txt cannot be used: " in ended.stderr
    assert "Traceback" not in ended.stderr
    again = pantler("ingest-photodiode", repo, "DemoCam", good)
    assert again.returncode == 0
    assert "is there already" in again.stderr
    with Butler.open(repo, collections="DemoCam/photodiode") as butler:
        table = butler.get(
            "photodiode", instrument="DemoCam", exposure=exposure["exposure"]
        )
    assert table["current"].tolist() == [1e-9, 1.5e-9]
    assert str(table["time"].unit) == "s"
