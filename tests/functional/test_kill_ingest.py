"""An ingest that was killed is tried again, in another way: no frame is ever lost."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.ingest.raws import ingest_raws
from pantler.ingest.registration import register_instrument
from pantler.instruments.demo.camera import DemoCamera
from pantler.instruments.demo.settings import DemoSettings
from pantler.instruments.demo.simulator import simulate

NIGHT = DemoSettings(
    detector_size=64, detector_gap=4, bias_count=1, dark_count=0, flat_count=0,
    dither_count=0, star_count=3,
)  # fmt: skip

# Ingests by symbolic links, and kills itself after so many changes of the file system.
KILLED = """
import os, signal, sys

left = int(sys.argv[3])

def counted(change):
    def then_maybe_die(*args, **more):
        global left
        result = change(*args, **more)
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return then_maybe_die

from pantler.cli.main import main
for name in ("symlink", "link", "rename", "replace"):
    setattr(os, name, counted(getattr(os, name)))
sys.argv = ["pantler", "ingest-raws", sys.argv[1], sys.argv[2], "-t", "symlink"]
main()
"""


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("night"), NIGHT)


@pytest.mark.parametrize("transfer", ["move", "copy"])
@pytest.mark.parametrize("changes", [2, 4, 7])
def test_what_a_killed_ingest_by_links_left_is_not_followed(
    night, tmp_path, changes, transfer
):
    frames = tmp_path / "frames"
    shutil.copytree(night[0].parent, frames)
    expected = {path.name: fits.getdata(path) for path in frames.iterdir()}
    assert len(expected) == 4
    repo = tmp_path / "repo"
    camera = DemoCamera()
    with Repository.create(repo) as repository:
        register_instrument(repository, camera)
    words = [sys.executable, "-c", KILLED, str(repo), str(frames), str(changes)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
    with Repository.open(repo, writeable=True) as repository:
        known = Butler.of(repository).query_datasets("raw", collections=camera.raw_run)
        assert known.count() == 0
        report = ingest_raws(repository, [frames], camera, transfer=transfer)
        assert report.failed == []
        assert len(report.ingested) == 4
        for ref, source in zip(report.refs, report.ingested, strict=True):
            image = Butler.of(repository).get(ref)
            np.testing.assert_array_equal(image.data, expected[source.name])
            place = Path(repository.uri(ref).removeprefix("file://"))
            assert not place.is_symlink()
            assert not (source.exists() and place.samefile(source))
        assert len(list(frames.iterdir())) == (0 if transfer == "move" else 4)
        repository.check(repair=True)
        found = repository.check()
        assert (found.remains, found.damaged) == (0, [])
        for ref in report.refs:
            assert Butler.of(repository).get(ref).shape == (64, 64)
