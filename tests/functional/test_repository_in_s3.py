"""A repository whose datasets are in S3: the same commands, and nothing left behind."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import numpy as np
import pytest
import yaml
from astropy.nddata import CCDData

from pantler import Butler
from pantler.butler.repository import Repository
from pantler.errors import ConflictError, DatasetNotFoundError
from pantler.storage.opening import open_storage
from pantler.testing.faulty_proxy import FaultyProxy

PIPELINES = "pantler.science.pipelines"


@pytest.fixture
def repo(s3_root, tmp_path, pantler):
    root = tmp_path / "repo"
    assert pantler("create", root, "--datastore-root", f"{s3_root}/data") == 0
    with Butler.open(root, writeable=True) as butler:
        for name, kind in (("stats", "StructuredDict"), ("frame", "CCDImage")):
            butler.dataset_types.register(name, ["day_obs"], kind)
        butler.dimensions.insert("instrument", [{"name": "Cam"}])
        butler.dimensions.insert(
            "day_obs",
            [{"instrument": "Cam", "id": day} for day in range(20250101, 20250131)],
        )
    return root


def fail_after_a_put(butler):
    with butler.transaction():
        butler.put({}, "stats", day_obs=20250102)
        butler.put({}, "stats", day_obs=20250102)


def objects(s3_root):
    return sorted(open_storage(f"{s3_root}/data").list_files())


def test_datasets_go_in_and_come_out_and_go(repo, s3_root, pantler):
    image = CCDData(np.arange(10_000.0).reshape(100, 100), unit="adu")
    with Butler.open(repo, run="u/run", writeable=True) as butler:
        ref = butler.put({"seeing": 0.7}, "stats", day_obs=20250101)
        frame = butler.put(image, "frame", day_obs=20250101)
        assert butler.get(ref) == {"seeing": 0.7}
        assert butler.uri(ref).startswith(f"{s3_root}/data/u/run/stats/")
        part = butler.get(frame, cutout=(10, 12, 20, 23))
        assert np.array_equal(part.data, image.data[10:12, 20:23])
        with pytest.raises(ConflictError):
            butler.put({}, "stats", day_obs=20250101)
        assert len(objects(s3_root)) == 2
        with pytest.raises(ConflictError):
            fail_after_a_put(butler)
        assert len(objects(s3_root)) == 2
        assert pantler("check", repo, "--deep") == 0
        butler.remove_datasets([ref])
        with pytest.raises(DatasetNotFoundError):
            butler.get(ref)
        assert butler.uri(frame).removeprefix(f"{s3_root}/data/") in objects(s3_root)
    assert pantler("remove-runs", repo, "u/run", "--yes") == 0
    assert objects(s3_root) == []


def test_what_a_killed_writer_left_goes_when_nobody_can_be_writing_it(
    repo, s3_root, pantler
):
    left = "u/run/stats/left"
    open_storage(f"{s3_root}/data").write(left, b"{}")
    assert pantler("check", repo, "--repair") == 0
    assert objects(s3_root) == [left]
    file = repo / "pantler.yaml"
    settings = yaml.safe_load(file.read_text())
    settings["datastore"]["requests"]["grace_s"] = 0
    file.write_text(yaml.safe_dump(settings))
    assert pantler("check", repo, "--repair") == 0
    assert objects(s3_root) == []


def test_a_lost_and_an_altered_object_are_found(repo, s3_root, pantler):
    with Butler.open(repo, run="u/run", writeable=True) as butler:
        days = range(20250101, 20250104)
        refs = [butler.put({"n": day}, "stats", day_obs=day) for day in days]
        paths = [butler.uri(ref).removeprefix(f"{s3_root}/data/") for ref in refs]
        storage = open_storage(f"{s3_root}/data")
        storage.delete(paths[0])
        storage.write(paths[1], storage.read(paths[1]).replace(b"1", b"2", 1))
    with Repository.open(repo) as repository:
        damaged = {d.ref.id: d.problem for d in repository.check(deep=True).damaged}
    assert set(damaged) == {refs[0].id, refs[1].id}
    assert "missing" in damaged[refs[0].id]
    assert "checksum" in damaged[refs[1].id]


def test_a_root_belongs_to_one_repository(repo, s3_root, tmp_path, pantler):
    other = tmp_path / "other"
    with pytest.raises(ConflictError, match="belongs to another repository"):
        pantler("create", other, "--datastore-root", f"{s3_root}/data")
    # Nothing is in the way of another try.
    assert pantler("create", other, "--datastore-root", f"{s3_root}/other") == 0


def test_removals_are_bulk_requests(repo, s3_root, monkeypatch):
    with FaultyProxy(urlsplit(os.environ["AWS_ENDPOINT_URL"]).port) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        with Butler.open(repo, run="u/run", writeable=True) as butler:
            for day in range(20250101, 20250121):
                butler.put({"n": day}, "stats", day_obs=day)
            proxy.count_from_here()
            butler.remove_runs("u/run")
            assert proxy.traffic.requests == 1
        assert objects(s3_root) == []


def test_a_night_is_ingested_and_run(demo_folder, s3_root, tmp_path, pantler):
    """Workers write objects, logs and metadata are packs in the bucket."""
    root = tmp_path / "repo"
    assert pantler("create", root, "--datastore-root", f"{s3_root}/data") == 0
    pantler("register-instrument", root, "demo")
    assert pantler("ingest-raws", root, demo_folder / "frames", "-t", "copy") == 0
    pantler("define-visits", root)
    status = pantler(
        *("run", root, "-p", f"{PIPELINES}:bias.yaml", "-i", "DemoCam/raw/all"),
        *("--output-run", "u/bias", "-j", 2),
        *("-d", "exposure.observation_type = 'bias'"),
    )
    assert status == 0
    with Butler.open(root, collections="u/bias") as here:
        made = list(here.query_datasets("bias"))
        assert made
        with Butler.open(
            demo_folder / "repo", collections="DemoCam/calib/bias"
        ) as there:
            for ref in made:
                same = there.get("bias", ref.data_id)
                assert np.array_equal(here.get(ref).data, same.data)
    assert any(path.endswith(".zip") for path in objects(s3_root))
    assert pantler("check", root, "--deep") == 0
    assert pantler("remove-runs", root, "u/bias", "--yes") == 0
    assert not [path for path in objects(s3_root) if path.startswith("u/bias")]
