"""What users do with collections: names, chains, members, validity."""

from __future__ import annotations

import polars as pl
import pytest

from pantler.datasets.collection import Collection, CollectionType
from pantler.dimensions.timespan import Timespan
from pantler.errors import (
    CollectionNotFoundError,
    ConflictError,
    DataIdError,
    InvalidInputError,
)


@pytest.fixture
def collections(butler):
    for name in ("u/a", "u/b", "v/c"):
        butler.collections.register(name, doc=f"of {name}")
    butler.collections.chain("u/all", ["u/a", "u/b"])
    return butler.collections


def _names(found):
    return [one.name for one in found]


def test_collections_are_listed_by_names_and_patterns(collections):
    query = collections.query
    assert _names(query("u/*")) == ["u/a", "u/all", "u/b"]
    assert _names(query(["v/c", "u/?", "u/a", "nobody", "x*"])) == ["v/c", "u/a", "u/b"]
    assert _names(query(collections.get("u/b"))) == ["u/b"]
    assert _names(query(["u/*"], types="chained")) == ["u/all"]
    assert _names(query("u/*", types=["RUN", CollectionType.TAGGED])) == ["u/a", "u/b"]
    assert query([]) == []


def test_each_name_and_pattern_has_to_be_there_if_so_asked(collections):
    assert _names(collections.find_all(["v/*", "u/a"], type="run")) == ["v/c", "u/a"]
    assert _names(collections.find_all("u/*", type="RUN")) == ["u/a", "u/b"]
    with pytest.raises(CollectionNotFoundError, match="No collection matches 'x\\*'"):
        collections.find_all(["u/*", "x*"])
    with pytest.raises(CollectionNotFoundError, match="No RUN collection matches"):
        collections.find_all("*all", type="RUN")
    with pytest.raises(CollectionNotFoundError, match="Did you mean 'u/a"):
        collections.find_all("u/aa")
    with pytest.raises(InvalidInputError, match="'u/all' is CHAINED, not RUN"):
        collections.find_all("u/all", type="RUN")


def test_docs_are_given_and_changed(collections):
    assert collections.get("u/a").doc == "of u/a"
    collections.set_doc(collections.get("u/a"), "other words")
    assert collections.get("u/a").doc == "other words"


def test_a_collection_may_stand_for_its_name(collections):
    one, other = collections.get("u/a"), collections.get("v/c")
    collections.prepend("u/all", other)
    collections.extend(collections.get("u/all"), [one])
    assert collections.get("u/all").children == ("v/c", "u/b", "u/a")
    collections.remove_from_chain("u/all", one)
    assert collections.parents(other) == ["u/all"]
    assert collections.parents(one) == []
    assert _names(collections.flatten(collections.get("u/all"))) == ["v/c", "u/b"]
    collections.chain("u/all", one)
    assert collections.get("u/all") == Collection(
        "u/all", CollectionType.CHAINED, "", ("u/a",)
    )


def test_a_new_name_is_that_of_searches_too(butler, collections):
    ref = butler.put({"level": 1}, "raw", run="u/a", exposure=1, detector=1)
    collections.rename("u/a", "w/a")
    found = butler.find_dataset("raw", exposure=1, detector=1, collections="u/all")
    assert found is not None
    assert (found.id, found.run) == (ref.id, "w/a")
    assert butler.get(ref) == {"level": 1}
    assert butler.get(found) == {"level": 1}


def test_several_collections_are_removed_or_none(collections):
    with pytest.raises(ConflictError, match="'u/b' is searched by u/all"):
        collections.remove(["v/c", "u/b"])
    assert _names(collections.query("v/c")) == ["v/c"]
    collections.remove(["u/all", "u/a", collections.get("v/c")])
    assert _names(collections.query(["u/*", "v/*"])) == ["u/b"]


def test_members_are_given_as_results_frames_and_refs(butler, collections):
    raws = butler.query_datasets("raw", collections="Cam/raw", exposure=1)
    collections.register("tag", "TAGGED")
    assert collections.associate("tag", raws) == 4
    (first, *others) = list(raws)
    assert collections.disassociate("tag", first) == 1
    assert collections.disassociate("tag", raws.to_polars()[:0]) == 0
    held = butler.query_datasets("raw", collections="tag")
    assert {ref.id for ref in held} == {ref.id for ref in others}
    assert collections.disassociate("tag", held.to_polars()) == 3
    assert collections.summary("tag").dataset_types == ()


def test_a_summary_says_what_is_there(butler, collections):
    summary = collections.summary("Cam/raw")
    assert summary.dataset_types == ("raw",)
    assert dict(summary.governors) == {"instrument": ("Cam",)}
    butler.remove_datasets(butler.query_datasets("raw", collections="Cam/raw"))
    assert collections.summary(collections.get("Cam/raw")).dataset_types == ()
    assert collections.dataset_types("Cam/raw") == []


@pytest.fixture
def ranges(butler):
    """A function: the ranges of validity in ``calib`` for a detector."""
    butler.collections.register("calib", "CALIBRATION")
    biases = butler.query_datasets("bias", collections="Cam/biases")
    assert butler.collections.certify("calib", biases, Timespan(0, 100)) == 4

    def find(detector):
        found = butler.query_datasets(
            "bias", collections="calib", detector=detector, find_first=False
        ).to_polars()
        return sorted(found.select("timespan_begin", "timespan_end").rows())

    return find


def test_calibrations_are_decertified_for_data_ids_given_in_any_form(butler, ranges):
    decertify = butler.collections.decertify
    span = Timespan(40, 60)
    cut = [(0, 40), (60, 100)]
    assert decertify("calib", "bias", span, data_ids=[{"detector": 0}]) == 1
    assert (ranges(0), ranges(1)) == (cut, [(0, 100)])
    (ref,) = butler.query_datasets("bias", collections="Cam/biases", detector=1)
    assert decertify("calib", "bias", span, data_ids=[ref]) == 1
    found = butler.query_data_ids(["detector"], where="detector = 2")
    assert decertify("calib", "bias", span, data_ids=found) == 1
    frame = pl.DataFrame({"instrument": ["Cam"], "detector": [3]})
    assert decertify("calib", "bias", span, data_ids=frame) == 1
    assert [ranges(d) for d in range(4)] == [cut] * 4
    assert decertify("calib", "bias", data_ids=[ref.data_id]) == 2
    assert decertify("calib", "bias", Timespan(0, 10), data_ids=[]) == 0
    assert decertify("calib", "bias") == 6
    assert ranges(0) == []


def test_data_ids_to_decertify_have_to_make_sense(butler, ranges):
    decertify = butler.collections.decertify
    with pytest.raises(DataIdError, match="77"):
        decertify("calib", "bias", data_ids=[{"detector": 77}])
    with pytest.raises(DataIdError, match="detector"):
        decertify("calib", "bias", data_ids=[{}])
    with pytest.raises(InvalidInputError, match="is no data ID"):
        decertify("calib", "bias", data_ids=[7])
    assert ranges(0) == [(0, 100)]


def test_a_better_calibration_takes_the_place_of_another(butler, ranges):
    new = butler.put({"level": 9}, "bias", detector=0)
    with pytest.raises(ConflictError, match="detector: 0"):
        butler.collections.certify("calib", [new], Timespan(20, 30))
    butler.collections.certify("calib", new, Timespan(20, 30), replace=True)
    assert ranges(0) == [(0, 20), (20, 30), (30, 100)]
    found = butler.find_dataset(
        "bias", detector=0, collections="calib", timespan=Timespan(25, 26)
    )
    assert found == new
