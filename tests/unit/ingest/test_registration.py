"""Instruments are registered once, and changed only when asked."""

from __future__ import annotations

from typing import ClassVar

import pytest

from pantler.datasets.collection import CollectionType
from pantler.errors import ConflictError
from pantler.ingest.registration import register_instrument
from pantler.instruments.demo.camera import DemoCamera
from pantler.instruments.instrument import Detector


class ChangedCamera(DemoCamera):
    exposure_max: ClassVar[int] = 7

    def detectors(self):
        return [*super().detectors(), Detector(4, "D20")]


def test_detectors_filters_and_collections_are_there(butler):
    detectors = butler.query_dimension_records("detector").to_polars()
    assert detectors["full_name"].sort().to_list() == ["D00", "D01", "D10", "D11"]
    filters = butler.query_dimension_records("physical_filter").to_polars()
    assert dict(filters.select("physical_filter", "band").rows()) == {
        "demo_g": "g", "demo_r": "r", "none": "none",
    }  # fmt: skip
    assert butler.dataset_types.get("raw").storage_class == "CCDImage"
    assert butler.collections.get("DemoCam/raw/all").type is CollectionType.RUN
    calib = butler.collections.get("DemoCam/calib")
    assert calib.type is CollectionType.CALIBRATION


def test_registering_again_changes_nothing(repository, butler, camera):
    assert register_instrument(repository, camera) == 0


def test_a_changed_camera_needs_update(repository, butler):
    with pytest.raises(ConflictError):
        register_instrument(repository, ChangedCamera())
    assert butler.query_dimension_records("detector").count() == 4
    register_instrument(repository, ChangedCamera(), update=True)
    assert butler.query_dimension_records("detector").count() == 5
    record = butler.query_dimension_records("instrument").to_polars()
    assert record["exposure_max"].to_list() == [7]
