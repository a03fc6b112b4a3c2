"""Frames wait in memory or in files, and come back as they were."""

from __future__ import annotations

import polars as pl
import pytest

from pantler.registry.sql import spool
from pantler.registry.sql.spool import Spool, in_batches
from pantler.testing.registry_sharing import in_a_fork

FRAMES = [pl.DataFrame({"n": range(start, start + 5)}) for start in (0, 5, 10)]


def test_frames_beyond_the_memory_wait_in_files_that_are_removed(monkeypatch, tmp_path):
    monkeypatch.setattr(spool, "_MOST_BYTES", 60)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Spool() as waiting:
        for frame in FRAMES:
            waiting.add(frame)
        assert len(list(tmp_path.rglob("*.arrow"))) == 2
        assert pl.concat(list(waiting)).equals(pl.concat(FRAMES))
    assert not list(tmp_path.iterdir())


def test_a_forked_child_leaves_the_files_to_its_parent(monkeypatch, tmp_path):
    monkeypatch.setattr(spool, "_MOST_BYTES", 0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Spool() as waiting:
        waiting.add(FRAMES[0])
        assert in_a_fork(lambda: waiting.__exit__(None, None, None)) == 0
        assert len(list(tmp_path.rglob("*.arrow"))) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rows", [1, 4, 5, 7, 100])
@pytest.mark.parametrize(("offset", "limit"), [(0, None), (3, 9), (7, None), (0, 0)])
def test_batches_have_just_so_many_rows(rows, offset, limit):
    end = None if limit is None else offset + limit
    wanted = list(range(15))[offset:end]
    found = list(in_batches(FRAMES, rows, offset=offset, limit=limit))
    assert [n for batch in found for n in batch["n"]] == wanted
    assert all(batch.height == rows for batch in found[:-1])
    assert all(0 < batch.height <= rows for batch in found)
