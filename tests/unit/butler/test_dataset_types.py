"""What users do with dataset types."""

from __future__ import annotations

import pytest

from pantler.datasets.dataset_type import DatasetType
from pantler.errors import (
    ConflictError,
    DatasetTypeNotFoundError,
    DimensionNotFoundError,
    InvalidInputError,
    PluginError,
)


def _names(found):
    return [one.name for one in found]


def test_a_type_is_registered_in_words(butler):
    types = butler.dataset_types
    assert types.register("stars", ["visit"], "DataFrame")
    assert not types.register("stars", "visit", "DataFrame")
    group = butler.universe.group(["visit"])
    assert types.get("stars") == DatasetType("stars", group, "DataFrame")
    assert types.register("none", [], "StructuredDict", is_calibration=True)
    assert types.get("none").is_calibration
    with pytest.raises(ConflictError, match="storage class is 'DataFrame' there"):
        types.register("stars", "visit", "StructuredDict")
    with pytest.raises(InvalidInputError, match="its dimensions and its storage"):
        types.register("more", ["visit"])
    with pytest.raises(DimensionNotFoundError, match="Did you mean 'visit'"):
        types.register("more", ["visits"], "DataFrame")
    with pytest.raises(PluginError, match="DataFram"):
        types.register("more", ["visit"], "DataFram")
    assert types.find("more") is None


def test_types_are_listed_by_names_and_patterns(butler):
    types = butler.dataset_types
    types.register("bias_stack", ["detector"], "StructuredDict")
    assert _names(types.query()) == ["bias", "bias_stack", "raw"]
    assert _names(types.query("b*")) == ["bias", "bias_stack"]
    assert _names(types.query(["raw", "b*", "bias"])) == ["raw", "bias", "bias_stack"]
    assert _names(types.query(["raw.wcs", types.get("bias")])) == ["raw", "bias"]
    assert types.query("x*") == []
    with pytest.raises(DatasetTypeNotFoundError, match="Did you mean 'raw'"):
        types.query(["b*", "rwa"])


def test_what_differs_is_said(butler):
    types = butler.dataset_types
    raw = types.get("raw")
    assert not types.compare(raw)
    other = DatasetType("raw", butler.universe.group(["visit"]), raw.storage_class)
    assert "dimensions" in types.compare(other)
    assert "storage" not in types.compare(other)
    with pytest.raises(DatasetTypeNotFoundError):
        types.compare(DatasetType("row", raw.dimensions, raw.storage_class))


def test_a_type_gets_another_name_and_its_files_are_read(butler):
    butler.dataset_types.rename("raw", "frame")
    ref = butler.find_dataset("frame", exposure=1, detector=1, collections="Cam/raw")
    assert ref is not None
    assert butler.get(ref)["level"] == 101
    assert butler.put({"level": 1}, "frame", exposure=1, detector=1).run == "mine"


def test_only_an_unused_type_is_removed(butler):
    with pytest.raises(ConflictError, match="'Cam/raw'"):
        butler.dataset_types.remove("raw")
    butler.remove_datasets(butler.query_datasets("raw", collections="Cam/raw"))
    butler.dataset_types.remove("raw")
    assert butler.dataset_types.find("raw") is None


def test_a_type_of_an_unknown_storage_class_does_not_take_its_name(butler):
    types = butler.dataset_types
    group = butler.universe.group(["visit"])
    with pytest.raises(PluginError, match="Did you mean 'NumpyArray'"):
        types.register(DatasetType("stack", group, "NumpyArra"))
    assert types.find("stack") is None
    assert types.register(DatasetType("stack", group, "NumpyArray"))
