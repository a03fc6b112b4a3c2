"""Ingest, build and run on a registry in PostgreSQL, as the demo does it on SQLite."""

from __future__ import annotations

import pytest

from pantler import Butler

PIPELINES = "pantler.science.pipelines"


@pytest.fixture(scope="module")
def repo(postgresql, demo_folder, pantler, tmp_path_factory):
    """The first part of the demo's night again: as far as the combined bias."""
    root = tmp_path_factory.mktemp("postgresql") / "repo"
    with postgresql.database() as name:
        assert pantler("create", root, "--registry", postgresql.uri(name)) == 0
        pantler("register-instrument", root, "demo")
        pantler("ingest-raws", root, demo_folder / "frames", "-t", "symlink")
        pantler("define-visits", root)
        pantler(
            *("register-skymap", root, "demo_sky", "--pixel-scale", 0.4),
            *("--patch-size", 600, "--patch-border", 40),
        )
        status = pantler(
            *("run", root, "-p", f"{PIPELINES}:bias.yaml", "-i", "DemoCam/raw/all"),
            *("--output-run", "DemoCam/calib/bias", "-j", 2),
            *("-d", "exposure.observation_type = 'bias'"),
        )
        assert status == 0
        pantler(
            *("certify-calibrations", root, "DemoCam/calib/bias", "DemoCam/calib"),
            *("bias", "--begin-date", "2025-01-01", "--end-date", "2026-01-01"),
        )
        yield root


def test_the_night_is_the_same_on_both_databases(repo, demo_folder):
    with Butler.open(repo) as here, Butler.open(demo_folder / "repo") as there:
        for element in ("exposure", "visit", "visit_detector_region", "patch"):
            mine, other = (
                butler.query_dimension_records(element).to_polars()
                for butler in (here, there)
            )
            assert mine.height
            assert mine.sort(mine.columns).equals(other.sort(other.columns))
        question = ["visit", "detector", "patch"], "visit.exposure_time > 20"
        mine, other = (
            butler.query_data_ids(question[0], where=question[1]).to_polars()
            for butler in (here, there)
        )
        assert mine.height
        assert mine.sort(mine.columns).equals(other.sort(other.columns))
        for kind, place in (("raw", "DemoCam/raw/all"), ("bias", "DemoCam/calib/bias")):
            refs = [
                {ref.data_id for ref in butler.query_datasets(kind, collections=place)}
                for butler in (here, there)
            ]
            assert refs[0] == refs[1]
            assert refs[0]


def test_what_was_run_can_be_got(repo, demo_folder):
    with (
        Butler.open(repo, collections="DemoCam/calib") as here,
        Butler.open(demo_folder / "repo", collections="DemoCam/calib") as there,
    ):
        raws = here.query_datasets("raw", collections="DemoCam/raw/all")
        exposure = next(iter(raws)).data_id["exposure"]
        bias = here.get("bias", detector=1, exposure=exposure)
        assert (
            bias.data == there.get("bias", detector=1, exposure=exposure).data
        ).all()


def test_the_repository_is_whole(repo, pantler, capsys):
    assert pantler("check", repo) == 0
    assert pantler("config", "show", repo, "--format", "json") == 0
    assert "postgresql://" in capsys.readouterr().out
