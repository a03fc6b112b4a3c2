"""The defaults of a butler: checked when it is opened, and used by its queries too."""

from __future__ import annotations

import pytest

from pantler.butler.interface import Butler
from pantler.errors import (
    CollectionNotFoundError,
    ConflictError,
    DataIdError,
    InvalidInputError,
    PantlerError,
)

RAW = {"exposure": 2, "detector": 1}


@pytest.fixture
def opened(repository):
    """Return a function that makes a butler with defaults."""

    def make(**options):
        return Butler.of(repository, **options)

    return make


def test_default_values_narrow_queries(opened):
    butler = opened(
        collections="Cam/raw", defaults={"instrument": "Cam", "detector": 1}
    )
    assert {r.data_id["detector"] for r in butler.query_datasets("raw")} == {1}
    ids = butler.query_data_ids(["exposure", "detector"])
    assert {i["detector"] for i in ids} == {1}
    assert butler.query_dimension_records("detector").count() == 1


def test_what_a_query_says_goes_before_the_defaults(opened):
    butler = opened(collections="Cam/raw", defaults={"detector": 1})
    assert {
        r.data_id["detector"] for r in butler.query_datasets("raw", detector=2)
    } == {2}
    for where in ("detector = 3", "detector.full_name != ''", "NOT (detector = 1)"):
        found = butler.query_datasets("raw", where=where)
        assert 3 in {r.data_id["detector"] for r in found}, where


def test_default_values_of_other_dimensions_do_not_matter(opened):
    butler = opened(collections="Cam/raw", defaults={"detector": 1, "exposure": 2})
    assert butler.query_dimension_records("instrument").count() == 1
    assert butler.query_dimension_records("physical_filter").count() > 0


@pytest.mark.parametrize(
    ("defaults", "hint"),
    [
        ({"instrumnt": "Cam"}, "Did you mean 'instrument'"),
        ({"instrument": "Kam"}, "Kam"),
        ({"instrument": "Cam", "detector": 77}, "77"),
        ({"visit": 1, "exposure": 2}, "contradicts the rest"),
        ({"visit": 1, "band": "r"}, "it would have to be 'g'"),
        ({"detector": 77}, "77"),
        ({"detector": None}, "None"),
        ({"detector": [1, 2]}, "detector"),
    ],
)
def test_default_values_are_checked_when_the_butler_is_opened(root, defaults, hint):
    with pytest.raises(DataIdError, match=hint):
        Butler.open(root, defaults=defaults)


def test_default_collections_are_checked_when_the_butler_is_opened(root):
    with pytest.raises(CollectionNotFoundError, match="Did you mean 'Cam/raw'"):
        Butler.open(root, collections=["Cam/calib", "Cam/rav"])
    with pytest.raises((ConflictError, InvalidInputError), match="CALIBRATION"):
        Butler.open(root, run="Cam/calib", writeable=True)


def test_the_default_run_need_not_be_there_yet(root):
    for collections in ((), "new", ["Cam/raw", "new"]):
        with Butler.open(root, run="new", collections=collections) as butler:
            assert butler.defaults.run == "new"
            assert "new" not in butler.defaults.collections


def test_the_default_run_is_searched_in_its_place_once_it_is_there(opened):
    early = opened(collections=["Cam/raw", "new"], run="new")
    first = opened(collections=["Cam/raw"], run="new")
    other = opened(run="new")
    other.put({"level": 5}, "raw", RAW)
    assert early.defaults.collections == ("Cam/raw", "new")
    assert early.get("raw", RAW)["level"] == 201
    assert first.defaults.collections == ("new", "Cam/raw")
    assert first.get("raw", RAW)["level"] == 5


def test_a_first_put_that_is_rolled_back_leaves_reads_as_they_were(opened):
    butler = opened(collections="Cam/raw", run="new")

    def fail():
        with butler.transaction():
            butler.put({"level": 5}, "raw", RAW)
            assert butler.get("raw", RAW)["level"] == 5
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert butler.defaults.collections == ("Cam/raw",)
    assert butler.get("raw", RAW)["level"] == 201
    butler.put({"level": 6}, "raw", RAW)
    assert butler.get("raw", RAW)["level"] == 6


def test_a_put_that_fails_makes_no_run(opened):
    butler = opened(collections="Cam/raw", run="new")
    with pytest.raises(PantlerError):
        butler.put("text", "raw", RAW)
    with pytest.raises(PantlerError):
        butler.put({}, "raw", exposure=99, detector=1)
    assert butler.collections.query("new") == []


@pytest.fixture
def two_cameras(repository):
    """A second camera, without datasets, and with a detector of its own."""
    insert = repository.registry.dimensions.insert
    insert("instrument", [{"instrument": "Kam"}])
    rows = [{"instrument": "Kam", "detector": n, "full_name": f"K{n}"} for n in (1, 9)]
    insert("detector", rows)


def test_an_instrument_is_inferred_from_the_default_collections(opened, two_cameras):
    butler = opened(collections=["Cam/raw", "Cam/calib"])
    assert butler.get("raw", RAW)["level"] == 201
    assert butler.query_dimension_records("detector").count() == 4
    assert butler.query_data_ids("detector").where("detector = 9").why_empty()
    assert butler.put({}, "raw", RAW, run="new").data_id["instrument"] == "Cam"
    # What is said goes before it.
    assert butler.query_dimension_records("detector", instrument="Kam").count() == 2
    both = butler.query_dimension_records(
        "detector", where="instrument IN ('Cam', 'Kam')"
    )
    assert both.count() == 6
    with pytest.raises(DataIdError, match="77"):
        opened(collections="Cam/raw", defaults={"detector": 77})
    with pytest.raises(DataIdError, match="No detector 9"):
        opened(collections="Cam/raw", defaults={"detector": 9})


def test_nothing_is_inferred_from_collections_of_two_instruments(opened, two_cameras):
    writer = opened(run="kam")
    writer.put({}, "bias", instrument="Kam", detector=9)
    butler = opened(collections=["Cam/raw", "kam"])
    assert butler.query_dimension_records("detector").count() == 6
    with pytest.raises(DataIdError, match="lacks 'instrument'"):
        butler.get("raw", RAW)
    assert opened().query_dimension_records("detector").count() == 6
    assert opened(collections="kam").query_dimension_records("detector").count() == 2


def test_an_instrument_is_inferred_once_there_are_datasets(opened, two_cameras):
    butler = opened(run="kam")
    assert butler.query_dimension_records("detector").count() == 6
    butler.put({}, "bias", instrument="Kam", detector=9)
    assert butler.query_dimension_records("detector").count() == 2
