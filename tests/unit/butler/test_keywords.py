"""Keywords mean the same everywhere, and none is ignored."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from pantler.datasets.collection import CollectionType
from pantler.datasets.dataset_type import DatasetType
from pantler.errors import (
    DataIdError,
    InvalidInputError,
)

RAW = {"exposure": 2, "detector": 1}


@pytest.fixture
def table(butler):
    """A dataset of a storage class whose read takes ``columns``."""
    group = butler.universe.group(["exposure", "detector"])
    butler.dataset_types.register(DatasetType("sources", group, "DataFrame"))
    frame = pl.DataFrame({"x": np.arange(3), "y": np.arange(3)})
    return butler.put(frame, "sources", RAW)


def test_parameters_of_a_read_are_keywords_of_butler_and_handle_alike(butler, table):
    wanted = {"columns": ["y"]}
    assert butler.get("sources", RAW, **wanted).columns == ["y"]
    assert butler.get("sources", exposure=2, detector=1, **wanted).columns == ["y"]
    assert butler.get(table, **wanted).columns == ["y"]
    assert butler.get_deferred("sources", RAW).get(**wanted).columns == ["y"]


def test_a_component_is_named_alike_by_butler_and_handle(butler):
    for get in (
        lambda name: butler.get("raw", RAW, component=name),
        lambda name: butler.get(butler.find_dataset("raw", RAW), component=name),
        lambda name: butler.get_deferred("raw", RAW).get(component=name),
    ):
        assert get(None)["level"] == 201
        with pytest.raises(InvalidInputError, match="'wsc'"):
            get("wsc")
    with pytest.raises(InvalidInputError, match="two components"):
        butler.get("raw.a", RAW, component="b")


def test_a_keyword_that_means_nothing_is_refused_by_name(butler, table):
    with pytest.raises(InvalidInputError, match=r"'bogus'.*columns"):
        butler.get(table, bogus=3)
    with pytest.raises(InvalidInputError, match="'bogus'"):
        butler.get("sources", RAW, bogus=3)
    with pytest.raises(InvalidInputError, match="Did you mean 'columns'"):
        butler.get("sources", RAW, column=["x"])
    with pytest.raises(InvalidInputError, match="Did you mean 'exposure'"):
        butler.get("sources", exposur=2, detector=1)
    with pytest.raises(InvalidInputError, match="'bogus'"):
        butler.get_deferred(table, bogus=3)
    with pytest.raises(InvalidInputError, match="'bogus'"):
        butler.get_deferred("sources", RAW, bogus=3)
    with pytest.raises(InvalidInputError, match="handle"):
        butler.get_deferred("sources", RAW, columns=["x"])


def test_what_a_ref_says_already_is_not_said_again(butler, table):
    for more in ({"exposure": 2}, {"collections": "mine"}, {"data_id": RAW}):
        with pytest.raises(InvalidInputError, match="ref"):
            butler.get(table, **more)
        with pytest.raises(InvalidInputError, match="ref"):
            butler.get_deferred(table, **more)
    for more in ({"exposure": 2}, {"run": "other"}, {"data_id": RAW}):
        with pytest.raises(InvalidInputError, match="ref"):
            butler.put(pl.DataFrame({"x": [1]}), table, **more)


def test_put_takes_no_parameters_of_reads(butler, table):
    with pytest.raises(DataIdError, match="columns"):
        butler.put(pl.DataFrame({"x": [1]}), "sources", RAW, columns=["x"])


def test_the_type_of_a_collection_may_be_its_name(butler):
    butler.collections.register(name="best", type="tagged")
    assert butler.collections.get("best").type is CollectionType.TAGGED
    names = {c.name for c in butler.collections.query(types=["RUN"])}
    assert names == {c.name for c in butler.collections.query(types=CollectionType.RUN)}
    assert "Cam/raw" in names
    assert "best" not in names
    (best,) = butler.collections.query(types="tagged")
    assert best.name == "best"
    for call in (
        lambda: butler.collections.query(types=["RUNS"]),
        lambda: butler.collections.register("x", "runs"),
        lambda: butler.collections.query(types=[3]),
    ):
        with pytest.raises(InvalidInputError, match="RUN, TAGGED, CHAINED"):
            call()


def test_one_name_stands_for_a_list_of_one(butler):
    butler.collections.chain("both", "Cam/raw")
    assert butler.collections.get("both").children == ("Cam/raw",)
    (flat,) = butler.collections.flatten("both")
    assert flat.name == "Cam/raw"


def test_without_collections_all_datasets_are_shown_with_their_runs(root, repository):
    from pantler.butler.interface import Butler

    butler = Butler.of(repository)
    butler.put({"level": 1}, "raw", RAW, run="a")
    butler.put({"level": 2}, "raw", RAW, run="b")
    runs = {ref.run for ref in butler.query_datasets("raw", where="exposure = 2")}
    assert runs == {"a", "b", "Cam/raw"}
    rows = butler.query_datasets("raw", exposure=2, detector=1)
    assert rows.count() == 3
    with pytest.raises(InvalidInputError, match="collections"):
        butler.query_datasets("raw", find_first=True)
    named = butler.query_datasets("raw", collections=["b", "a"], exposure=2, detector=1)
    assert [ref.run for ref in named] == ["b"]
    every = butler.query_datasets(
        "raw", collections=["b", "a"], find_first=False, exposure=2, detector=1
    )
    assert sorted(ref.run for ref in every) == ["a", "b"]
    assert butler.query_data_ids("exposure", datasets="raw", exposure=2).count() == 1


def test_a_repository_without_runs_has_no_datasets(tmp_path):
    from pantler.butler.interface import Butler

    with Butler.create(tmp_path / "empty") as butler:
        group = butler.universe.group(["detector"])
        butler.dataset_types.register(DatasetType("x", group, "Text"))
        assert butler.query_datasets("x").count() == 0
        assert list(butler.query_datasets("x")) == []
        assert butler.query_data_ids("detector", datasets="x").count() == 0


def test_no_facet_of_the_registry_is_handed_out(butler):
    for name in ("collections", "dataset_types", "dimensions"):
        module = type(getattr(butler, name)).__module__
        assert module.startswith("pantler.butler."), module
    public = {name for name in vars(butler) if name[0] != "_"}
    assert not public & {"registry", "datastore", "settings", "root"}


def numbered(butler):
    """Give the exposures the numbers within their day."""
    rows = [
        {**record.values, "seq_num": 7}
        for record in butler.query_dimension_records("exposure")
    ]
    butler.dimensions.insert("exposure", rows, on_conflict="replace")


@pytest.mark.parametrize(
    "keys",
    [
        {"day_obs": 20260102, "seq_num": 7},
        {"day_obs": 20260102, "exposure.seq_num": 7},
        {"exposure.day_obs": 20260102, "exposure.seq_num": np.int64(7)},
        {"exposure.obs_id": "obs-2"},
        {"obs_id": "obs-2"},
        {"exposure.exposure": 2, "exposure.physical_filter": "g1"},
    ],
    ids=str,
)
def test_fields_of_an_exposure_name_it_as_in_conditions(butler, keys):
    numbered(butler)
    keys = {**keys, "detector": 1}
    assert butler.get("raw", **keys)["level"] == 201
    assert butler.get("raw", keys)["level"] == 201
    assert butler.get_deferred("raw", **keys).get()["level"] == 201
    ref = butler.find_dataset("raw", **keys)
    assert list(butler.query_datasets("raw", **keys)) == [ref]
    assert list(butler.query().where(keys).datasets("raw")) == [ref]
    assert butler.put({"level": 5}, "raw", **keys).data_id == ref.data_id


def test_a_field_of_two_elements_is_refused_with_what_to_write(butler):
    wanted = "'visit.seq_num' or 'exposure.seq_num'"
    with pytest.raises(DataIdError, match=wanted):
        butler.get("bias", seq_num=7, detector=1, collections="Cam/calib")
    # One that only exposures have says enough.
    found = butler.get("bias", obs_id="obs-2", detector=1, collections="Cam/calib")
    assert found == {"level": 1}


def test_keys_that_say_two_things_are_refused_with_both(butler):
    with pytest.raises(DataIdError, match="'day_obs': 20260103 and 20260102"):
        butler.get("raw", {"exposure.day_obs": 20260103}, day_obs=20260102, detector=1)
    with pytest.raises(DataIdError, match=r"day_obs 20260103 .* have to be 20260102"):
        butler.get("raw", exposure=2, day_obs=20260103, detector=1)
    with pytest.raises(DataIdError, match="Did you mean 'obs_id'"):
        butler.put({}, "raw", obs_di="obs-2", detector=1)


def test_the_parameters_of_a_read_go_before_fields(butler, table):
    # A column of visits is called so, too; the read has the word.
    assert butler.get("sources", RAW, columns=["x"]).columns == ["x"]
    with pytest.raises(DataIdError, match="'name'"):
        butler.get("sources", RAW, name="v2")
