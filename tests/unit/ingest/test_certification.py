"""Calibrations are found by time once they are certified."""

from __future__ import annotations

import pytest

from pantler.datasets.dataset_type import DatasetType
from pantler.dimensions.timespan import Timespan
from pantler.errors import (
    ConflictError,
    DatasetNotFoundError,
    DatasetTypeNotFoundError,
    InvalidInputError,
)
from pantler.ingest.certification import certify_calibrations
from pantler.ingest.raws import ingest_raws


@pytest.fixture
def calibrated(repository, butler, camera, night):
    ingest_raws(repository, night, camera)
    group = butler.universe.group(["instrument", "detector"])
    butler.dataset_types.register(
        DatasetType("level", group, "StructuredDict", is_calibration=True)
    )
    for run, level in (("cal/a", 1), ("cal/b", 2)):
        for detector in range(4):
            butler.put(
                {"level": level}, "level", instrument="DemoCam", detector=detector,
                run=run,
            )  # fmt: skip
    return butler


def test_what_is_certified_is_found_by_the_time_of_an_exposure(repository, calibrated):
    early = Timespan.from_text("2025-01-01", "2025-03-01")
    late = Timespan.from_text("2025-03-01", None)
    assert certify_calibrations(
        repository, "cal/a", "DemoCam/calib", "level", timespan=early
    ) == 4  # fmt: skip
    certify_calibrations(repository, "cal/b", "DemoCam/calib", "level", timespan=late)
    found = calibrated.get(
        "level", instrument="DemoCam", exposure=250301001, detector=2,
        collections="DemoCam/calib",
    )  # fmt: skip
    assert found == {"level": 2}


def test_two_cannot_be_valid_at_a_time(repository, calibrated):
    certify_calibrations(repository, "cal/a", "DemoCam/calib", "level")
    with pytest.raises(ConflictError):
        certify_calibrations(repository, "cal/b", "DemoCam/calib", "level")


def test_the_target_is_made_if_need_be(repository, calibrated):
    assert certify_calibrations(repository, "cal/a", "new/calib", "level") == 4


def test_only_calibrations_can_be_certified(repository, calibrated):
    with pytest.raises(InvalidInputError, match="not one of calibrations"):
        certify_calibrations(repository, "DemoCam/raw/all", "DemoCam/calib", "raw")


def test_nothing_to_certify_is_said(repository, calibrated):
    with pytest.raises(DatasetNotFoundError, match="it holds: raw"):
        certify_calibrations(repository, "DemoCam/raw/all", "DemoCam/calib", "level")


def test_an_unknown_dataset_type_gets_a_hint(repository, calibrated):
    with pytest.raises(DatasetTypeNotFoundError, match="Did you mean 'level'"):
        certify_calibrations(repository, "cal/a", "DemoCam/calib", "levle")
