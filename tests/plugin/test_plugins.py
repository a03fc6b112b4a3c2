"""A distribution of strangers comes in by the same door as our own plugins."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

SITE = Path(__file__).parent / "site"


@pytest.fixture
def python():
    """Run Python with the fake distribution installed."""
    environment = {**os.environ, "PYTHONPATH": str(SITE)}

    def run(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words],
            env=environment,
            capture_output=True,
            text=True,
            check=check,
        )

    return run


@pytest.fixture
def pantler(python):
    code = "from pantler.cli.main import main; main()"
    return lambda *words, **more: python("-c", code, *map(str, words), **more)


def test_a_command_of_a_plugin_is_listed_and_runs(pantler):
    assert "Say a line to NAME." in pantler("--help").stdout
    assert pantler("recite", "frog").stdout == "An old silent pond, frog.\n"


def test_a_broken_plugin_is_named_with_its_distribution_and_harms_no_other(pantler):
    outcome = pantler("broken", check=False)
    assert outcome.returncode == 8
    assert "pantler_fake.nowhere:broken, from pantler-fake" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    listed = pantler("--help").stdout
    assert "broken" in listed
    assert "query-datasets" in listed


def test_frames_of_a_camera_of_a_plugin_are_ingested_and_read(
    pantler, python, tmp_path
):
    facts = {"PLATE": 7, "EXPTIME": 60.0, "DATE-OBS": "1995-05-01T01:00:00"}
    header = fits.Header(facts)
    frame = tmp_path / "plate.fits"
    fits.writeto(frame, np.full((4, 5), 3, dtype=np.int16), header)
    repo = tmp_path / "repo"
    pantler("create", repo)
    pantler("register-instrument", repo, "pinhole")
    assert "1 ingested" in pantler("ingest-raws", repo, frame).stdout
    code = (
        "import sys; from pantler import Butler;"
        "butler = Butler.open(sys.argv[1], collections='Pinhole/raw/all');"
        "print(butler.get('raw', exposure=7, detector='film').data.sum())"
    )
    assert python("-c", code, str(repo)).stdout.split() == ["60"]


def test_a_type_of_a_plugin_is_stored_and_its_components_are_read(python, tmp_path):
    code = """
import sys
from pantler import Butler, DatasetType
from pantler_fake.haiku import Haiku
butler = Butler.create(sys.argv[1])
butler.dataset_types.register(DatasetType("verse", butler.universe.group(()), "Haiku"))
lines = "An old silent pond", "A frog jumps into the pond", "Splash! Silence again"
pond = Haiku(lines)
ref = butler.put(pond, "verse", run="basho")
assert butler.get(ref) == pond
print(butler.get("verse.first", collections="basho"))
print(butler.uri(ref))
"""
    first, uri = python("-c", code, str(tmp_path / "repo")).stdout.splitlines()
    assert first == "An old silent pond"
    assert uri.endswith(".haiku")
