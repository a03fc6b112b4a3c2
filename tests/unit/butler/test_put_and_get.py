"""Put and get: by ref, by data ID in many spellings, and never over what is there."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from pantler.butler.interface import Butler
from pantler.butler.repository import Repository
from pantler.cli.main import cli
from pantler.datasets.dataset_type import DatasetType
from pantler.errors import (
    CollectionNotFoundError,
    ConflictError,
    DataIdError,
    DatasetNotFoundError,
    DatasetTypeNotFoundError,
    InvalidInputError,
    PantlerError,
    ReadOnlyError,
)
from pantler.testing.datastores import make_image

RAW = {"exposure": 2, "detector": 1}
VALUE = {"detector": 1, "level": 201}


@pytest.mark.parametrize(
    "keys",
    [
        {"instrument": "Cam", "exposure": 2, "detector": 1},
        {"exposure": 2, "detector": 1},
        {"exposure": 2, "detector": "S1"},
        {"exposure": "obs-2", "detector": 1},
        {"exposure.obs_id": "obs-2", "detector.full_name": "S1"},
        {"visit": 2, "exposure": 2, "detector": 1},
    ],
)
def test_a_dataset_is_found_by_any_spelling_of_its_data_id(butler, keys):
    assert butler.get("raw", keys) == VALUE
    assert butler.get_deferred("raw", keys).get() == VALUE


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"exposure": 2}, "detector"),
        ({"exposure": 2, "detector": 77}, "77"),
        ({"exposure": 2, "detecter": 1}, "Did you mean 'detector'?"),
        ({"exposure": 2, "detector": 1, "tract": 99}, "99"),
        ({"exposure": 2, "detector": 1, "exposure.obs_idd": "x"}, "obs_id"),
        ({"exposure": 2, "detector": "S9"}, "S9"),
        ({"instrument": "Can", "exposure": 2, "detector": 1}, "Can"),
        ({"exposure": 2, "detector": 1, "physical_filter": "r1"}, "r1"),
    ],
)
def test_a_wrong_data_id_is_refused_by_name(butler, keys, said):
    for read in (butler.get, butler.get_deferred):
        with pytest.raises((DataIdError, DatasetNotFoundError), match=said):
            read("raw", keys)


@pytest.mark.parametrize("keys", [{"exposure": 2}, {"exposure": 2, "detecter": 1}])
def test_put_refuses_wrong_data_ids_and_leaves_nothing(repository, butler, keys):
    with pytest.raises(DataIdError):
        butler.put({"level": 0}, "raw", keys)
    assert repository.check().remains == 0


def test_what_was_put_is_got_back_by_ref_and_by_data_id(butler):
    ref = butler.put({"level": 1}, "raw", RAW)
    assert (ref.run, butler.exists(ref)) == ("mine", True)
    assert butler.get(ref) == butler.get("raw", RAW) == {"level": 1}
    assert butler.get("raw", RAW, collections="Cam/raw") == VALUE
    assert butler.find_dataset("raw", RAW) == ref


def test_put_over_a_dataset_is_refused_before_its_file_is_touched(repository, butler):
    ref = butler.put({"level": 1}, "raw", RAW)
    with pytest.raises(ConflictError, match="'mine'"):
        butler.put({"level": 2}, "raw", RAW)
    assert butler.get(ref) == {"level": 1}
    report = repository.check()
    assert (report.remains, report.damaged) == (0, [])


def test_an_object_of_another_class_is_refused_and_nothing_is_recorded(butler):
    with pytest.raises(InvalidInputError, match="raw"):
        butler.put("text", "raw", RAW)
    assert butler.find_dataset("raw", RAW, collections="mine") is None


def test_the_default_run_is_made_and_searched_from_the_first_put_on(root):
    options = {"collections": "Cam/raw", "run": "new", "writeable": True}
    with Butler.open(root, **options) as butler:
        assert butler.get("raw", RAW) == VALUE
        butler.put({"level": 1}, "raw", RAW)
        assert butler.get("raw", RAW) == {"level": 1}
        assert butler.defaults.collections == ("new", "Cam/raw")
    with Butler.open(root, **options) as butler:
        assert butler.get("raw", RAW) == {"level": 1}


def test_default_values_of_data_ids_are_used_and_can_be_overruled(root):
    defaults = {"instrument": "Cam", "detector": 1}
    with Butler.open(root, collections="Cam/raw", defaults=defaults) as butler:
        assert butler.get("raw", exposure=2) == VALUE
        assert butler.get("raw", exposure=2, detector=3)["level"] == 203


def test_the_order_of_the_collections_decides(butler):
    butler.put({"level": 1}, "raw", RAW)
    get = butler.get
    assert get("raw", RAW, collections=["mine", "Cam/raw"])["level"] == 1
    assert get("raw", RAW, collections=["Cam/raw", "mine"])["level"] == 201
    butler.collections.chain("both", ["Cam/raw", "mine"])
    assert get("raw", RAW, collections="both")["level"] == 201
    butler.collections.chain("both", ["mine", "Cam/raw"])
    assert get("raw", RAW, collections="both")["level"] == 1


def test_a_tagged_collection_has_what_was_put_into_it(butler):
    butler.collections.register("best", "tagged")
    ref = butler.find_dataset("raw", RAW, collections="Cam/raw")
    butler.collections.associate("best", [ref])
    assert butler.find_dataset("raw", RAW, collections="best") == ref
    assert (
        butler.find_dataset("raw", exposure=1, detector=1, collections="best") is None
    )
    butler.collections.disassociate("best", [ref])
    assert butler.find_dataset("raw", RAW, collections="best") is None


def test_a_calibration_is_found_by_the_time_of_what_is_named(butler):
    get = butler.get
    assert get("bias", exposure=2, detector=3, collections="Cam/calib") == {"level": 3}
    # What is valid for ever needs no time.
    assert get("bias", detector=3, collections="Cam/calib") == {"level": 3}
    assert get("bias", detector=3, collections="Cam/biases") == {"level": 3}
    butler.collections.register("dated", "calibration")
    ref = butler.find_dataset("bias", detector=3, collections="Cam/biases")
    span = butler.dimensions.find("exposure", {"instrument": "Cam", "exposure": 2})
    butler.collections.certify("dated", [ref], span.timespan)
    assert get("bias", exposure=2, detector=3, collections="dated") == {"level": 3}
    for keys in ({}, {"exposure": 1}):
        with pytest.raises(DatasetNotFoundError, match="found by time"):
            get("bias", keys, detector=3, collections="dated")


def test_at_a_time_that_is_not_known_no_calibration_is_valid(butler):
    """As queries and graphs have it, though one may be certified for ever."""
    known = butler.query_dimension_records("exposure", exposure=1).to_polars()
    (row,) = known.drop("timespan_begin", "timespan_end").to_dicts()
    butler.dimensions.insert("exposure", [{**row, "exposure": 77, "obs_id": "77"}])
    keys = {"exposure": 77, "detector": 3}
    both = ["Cam/calib", "Cam/biases"]
    assert butler.find_dataset("bias", keys, collections="Cam/calib") is None
    assert butler.find_dataset("bias", keys, collections=both).run == "Cam/biases"
    found = butler.query_datasets("bias", collections=both, **keys)
    assert [ref.run for ref in found] == ["Cam/biases"]


def test_names_that_are_not_there_get_a_hint(butler):
    with pytest.raises(DatasetTypeNotFoundError, match="Did you mean 'raw'"):
        butler.get("raww", RAW)
    with pytest.raises(CollectionNotFoundError, match="Did you mean 'Cam/raw'"):
        butler.get("raw", RAW, collections="Cam/rav")
    with pytest.raises(InvalidInputError, match="no component 'wsc'"):
        butler.get("raw.wsc", RAW)
    with pytest.raises(DatasetNotFoundError, match="'mine'"):
        butler.get("raw", RAW, collections="mine")


def test_without_collections_or_run_the_call_says_what_to_give(root):
    with Butler.open(root, writeable=True) as butler:
        with pytest.raises(InvalidInputError, match="No collections to search"):
            butler.get("raw", RAW)
        with pytest.raises(InvalidInputError, match="No run to write to"):
            butler.put({}, "raw", RAW)


def test_a_repository_for_reading_writes_nothing(root):
    with Repository.open(root) as repository:
        butler = Butler.of(repository, collections="Cam/raw", run="new")
        assert butler.get("raw", RAW) == VALUE
        group = butler.universe.group(["detector"])
        writes = [
            lambda: butler.put({}, "raw", RAW),
            lambda: butler.ingest([]),
            lambda: repository.check(repair=True),
            lambda: butler.collections.register("new", "run"),
            lambda: butler.collections.chain("new", ["Cam/raw"]),
            lambda: butler.dataset_types.register(DatasetType("x", group, "Text")),
            lambda: butler.dimensions.insert("instrument", [{"instrument": "B"}]),
        ]
        for write in writes:
            with pytest.raises(ReadOnlyError):
                write()
        assert not repository.check().remains


def test_datasets_without_dimensions_are_put_and_got(butler):
    empty = butler.universe.group(())
    butler.dataset_types.register(DatasetType("versions", empty, "StructuredDict"))
    ref = butler.put({"a": "1"}, "versions")
    assert butler.get("versions") == butler.get(ref) == {"a": "1"}


def test_fields_without_prefix_are_those_of_the_rows(butler):
    found = butler.query_dimension_records("exposure", where="exposure_time > 15")
    assert {record["exposure"] for record in found} == {2, 3}
    raws = butler.query_datasets("raw", where="exposure_time > 25")
    assert {ref.data_id["exposure"] for ref in raws} == {3}
    ids = butler.query_data_ids("visit", where="exposure_time < 15")
    assert {data_id["visit"] for data_id in ids} == {1}


def test_queries_take_values_by_name_and_by_dimension(butler):
    found = butler.query_datasets("raw", where="exposure = :one", bind={"one": 2})
    assert found.count() == 4
    assert butler.query_datasets("raw", exposure=2, detector=1).count() == 1


def test_a_run_whose_name_is_not_unicode_is_refused(repository, butler):
    with pytest.raises(InvalidInputError, match="not Unicode"):
        butler.put(VALUE, "raw", RAW, run="\udc80")
    assert repository.check().remains == 0


def test_a_name_that_is_too_long_for_a_file_leaves_nothing_to_warn_of(
    repository, butler, caplog
):
    group = repository.universe.group(["exposure", "detector"])
    butler.dataset_types.register(DatasetType("t" * 250, group, "StructuredDict"))
    with pytest.raises(PantlerError, match="too long"):
        butler.put(VALUE, "t" * 250, RAW)
    assert repository.check().remains == 0
    assert not caplog.records


def _taking_apart(root: Path) -> Path:
    """Have a repository keep the components of images in files of their own."""
    file = root / "pantler.yaml"
    settings = yaml.safe_load(file.read_text()) or {}
    settings.setdefault("datastore", {})["take_apart"] = ["CCDImage"]
    file.write_text(yaml.safe_dump(settings))
    return root


def test_a_dataset_that_is_taken_apart_has_a_uri_for_each_component(root):
    with Butler.open(_taking_apart(root), run="mine", writeable=True) as butler:
        butler.dataset_types.register("calexp", ["exposure", "detector"], "CCDImage")
        ref = butler.put(make_image(), "calexp", exposure=1, detector=1)
        uris = butler.uris(ref)
        assert {"data", "mask"} <= uris.keys()
        assert len(set(uris.values())) == len(uris)
        for component, uri in uris.items():
            assert component in uri
            assert Path(uri.removeprefix("file://")).is_file()
        with pytest.raises(InvalidInputError, match=r"apart into \d files.*data.*uris"):
            butler.uri(ref)


def test_a_dataset_of_one_file_has_one_uri(butler):
    ref = butler.put({"level": 1}, "raw", exposure=1, detector=1)
    assert butler.uris(ref) == {"": butler.uri(ref)}
    butler.remove_datasets(ref)
    for call in (butler.uri, butler.uris):
        with pytest.raises(DatasetNotFoundError, match="is no dataset of this"):
            call(ref)


def test_the_command_shows_all_uris_of_a_dataset(root):
    with Butler.open(_taking_apart(root), run="mine", writeable=True) as butler:
        butler.dataset_types.register("calexp", ["exposure", "detector"], "CCDImage")
        ref = butler.put(make_image(), "calexp", exposure=1, detector=1)
        uris = butler.uris(ref).values()
    words = ["query-datasets", str(root), "calexp", "--show-uri", "--format", "json"]
    said = CliRunner().invoke(cli, words)
    assert all(uri in said.stdout for uri in uris), said.output
