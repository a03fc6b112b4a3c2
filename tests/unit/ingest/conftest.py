"""A small night of the demo camera, and repositories to bring it into."""

from __future__ import annotations

import pytest

from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.ingest.registration import register_instrument
from pantler.instruments.demo.camera import DemoCamera
from pantler.instruments.demo.settings import DemoSettings
from pantler.instruments.demo.simulator import simulate

SETTINGS = DemoSettings(
    detector_size=64, detector_gap=4, bias_count=1, dark_count=1, flat_count=0,
    dither_count=2, star_count=10, dither_arcsec=5,
)  # fmt: skip


@pytest.fixture(scope="session")
def night(tmp_path_factory):
    """4 detectors: a bias, a dark, 2 exposures of the sky in each of 2 bands."""
    return simulate(tmp_path_factory.mktemp("night"), SETTINGS)


@pytest.fixture
def camera():
    return DemoCamera()


@pytest.fixture
def repository(tmp_path, camera):
    with Repository.create(tmp_path / "repository") as opened:
        register_instrument(opened, camera)
        yield opened


@pytest.fixture
def butler(repository):
    return Butler.of(repository)
