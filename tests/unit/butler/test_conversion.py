"""Objects are converted as they are put and got."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from astropy.table import Table

from pantler.datasets.dataset_type import DatasetType
from pantler.errors import InvalidInputError, PluginError

KEYS = {"exposure": 2, "detector": 1}


@pytest.fixture
def stars(butler):
    group = butler.universe.group(["exposure", "detector"])
    butler.dataset_types.register(DatasetType("stars", group, "Table"))
    table = Table({"mag": [1.5, 2.5], "name": ["a", "b"]}, meta={"night": 3})
    table["mag"].unit = "mag"
    return butler.put(table, "stars", KEYS)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("DataFrame", pl.DataFrame),
        ("PandasFrame", pd.DataFrame),
        ("ArrowTable", pa.Table),
        ("StructuredArray", np.ndarray),
        ("Table", Table),
    ],
)
def test_get_converts_by_name_ref_and_handle(butler, stars, name, kind):
    asked = {"storage_class": name, "columns": ["mag"], "rows": [("mag", ">", 2)]}
    for found in (
        butler.get("stars", KEYS, **asked),
        butler.get("stars", **KEYS, **asked),
        butler.get(stars, **asked),
        butler.get_deferred("stars", KEYS).get(**asked),
    ):
        assert isinstance(found, kind)
        assert np.asarray(found["mag"]).tolist() == [2.5]


def test_put_converts_and_keeps_units(butler, stars):
    group = butler.universe.group(["exposure", "detector"])
    butler.dataset_types.register(DatasetType("frame", group, "DataFrame"))
    table = butler.get(stars)
    butler.put(table, "frame", KEYS)
    assert butler.get("frame", KEYS).equals(
        butler.get(stars, storage_class="DataFrame")
    )
    assert butler.get("frame", KEYS, storage_class="Table")["mag"].unit == "mag"
    butler.put(pd.DataFrame({"a": [1]}), "stars", {**KEYS, "exposure": 3})
    assert isinstance(butler.get("stars", exposure=3, detector=1), Table)


def test_what_is_not_converted_gets_a_sentence(butler, stars):
    with pytest.raises(
        InvalidInputError, match=r"'CCDImage' and takes a .*not a Table"
    ):
        butler.get(stars, storage_class="CCDImage")
    with pytest.raises(PluginError, match="Did you mean 'DataFrame'"):
        butler.get(stars, storage_class="DataFrames")
    with pytest.raises(InvalidInputError, match="storage_class"):
        butler.get(stars, storage_class=pl.DataFrame)
    with pytest.raises(InvalidInputError, match=r"takes a astropy"):
        butler.put({"a": 1}, "stars", {**KEYS, "exposure": 1})
    with pytest.raises(InvalidInputError, match="'o' holds Python objects"):
        butler.put(pd.DataFrame({"o": [{1}]}), "stars", {**KEYS, "exposure": 1})
