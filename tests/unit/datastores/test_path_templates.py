"""Path templates: one path for each dataset, and never outside."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantler.datasets.dataset_type import DatasetType
from pantler.datasets.identity import make_uuid
from pantler.datasets.ref import DatasetRef
from pantler.datastores.templates import PathTemplate, default_template, encode_part
from pantler.dimensions.coordinate import DataCoordinate
from pantler.dimensions.universe import Universe
from pantler.errors import SettingsError

UNIVERSE = Universe.default()


def make_type(*dimensions, name="flat"):
    return DatasetType(name, UNIVERSE.group(dimensions), "StructuredDict")


FLAT = make_type("detector", "physical_filter")
VISIT = make_type("visit", "detector", name="calexp")


def make_ref(dataset_type, run="u/me", **data_id):
    coordinate = DataCoordinate.from_mapping(data_id, dataset_type.dimensions)
    return DatasetRef(dataset_type, coordinate, run, make_uuid())


def path_of(text, ref):
    return PathTemplate(text, ref.dataset_type).path(ref)


def test_the_default_is_short_and_says_all():
    ref = make_ref(VISIT, instrument="Demo", visit=3, detector=12)
    path = path_of(default_template(VISIT), ref)
    assert path == f"u/me/calexp/Demo/12/calexp_Demo_12_3_{ref.id}"


def test_a_type_without_dimensions_has_a_path():
    dataset_type = make_type(name="summary")
    ref = make_ref(dataset_type)
    path = path_of(default_template(dataset_type), ref)
    assert path == f"u/me/summary/summary_{ref.id}"


def test_implied_values_do_not_change_the_default_path():
    plain = {"instrument": "Demo", "visit": 3, "detector": 1}
    implied = {"band": "g", "day_obs": 20300101, "physical_filter": "g1"}
    template = default_template(VISIT)
    full = make_ref(VISIT, **plain, **implied)
    bare = dataclasses.replace(make_ref(VISIT, **plain), id=full.id)
    assert path_of(template, bare) == path_of(template, full)


def test_optional_fields_come_and_go_with_their_folder():
    template = "{run}/{day_obs?}/{dataset_type}/{instrument}/{visit:05d}-_{detector}"
    plain = {"instrument": "Demo", "visit": 3, "detector": 1}
    implied = {"band": "g", "day_obs": 20300101, "physical_filter": "g1"}
    bare, full = make_ref(VISIT, **plain), make_ref(VISIT, **plain, **implied)
    assert path_of(template, bare) == f"u/me/calexp/Demo/00003-_1_{bare.id}"
    assert path_of(template, full) == f"u/me/20300101/calexp/Demo/00003-_1_{full.id}"


def test_a_file_name_of_which_nothing_is_left_is_the_uuid():
    ref = make_ref(VISIT, instrument="Demo", visit=3, detector=1)
    assert path_of("{run}/{tract?}", ref) == f"u/me/{ref.id}"


def test_an_optional_dimension_of_another_type_is_left_out():
    template = "{run}/{dataset_type}/{tract?}/{id}"
    ref = make_ref(VISIT, instrument="Demo", visit=3, detector=1)
    assert path_of(template, ref) == f"u/me/calexp/{ref.id}"


def test_a_missing_implied_value_is_named():
    template = "{run}/{dataset_type}/{day_obs}/{id}"
    ref = make_ref(VISIT, instrument="Demo", visit=3, detector=1)
    with pytest.raises(SettingsError, match=r"'day_obs'.*calexp@.*\{day_obs\?\}"):
        path_of(template, ref)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{run}/{dataset_type}/{vist}/{id}", "Did you mean 'visit'"),
        ("{run}/{dataset_type}/{instrument:>9}/{id}", "only integers"),
        ("{run}/{dataset_type}/{visit:.1g}/{id}", "only integers"),
        ("{run:>3}/{id}", "format for 'run'"),
        ("{run}/{visit!r}/{id}", "'!r'"),
        ("{run}/{visit/{id}", "cannot be understood"),
        ("{run}x/{id}", "part of its own"),
        ("{run}/../{id}", "empty or begins with a dot"),
        ("{run}//{id}", "empty or begins with a dot"),
        ("{run}/.tmp-{id}", "begins with a dot"),
        ("{run}/a b/{id}", "'a b'"),
        ("{run}/{id.__class__}", "'id.__class__'"),
        ("", "empty"),
    ],
)
def test_templates_that_cannot_work_are_refused(template, words):
    with pytest.raises(SettingsError, match=words):
        PathTemplate(template, VISIT)


texts = st.text(st.sampled_from("ab_/.%~ Ω0-"), min_size=0, max_size=4)
flats = st.tuples(texts, texts, st.integers(-12, 12))  # in the order of the group


@pytest.mark.parametrize(
    "template",
    [
        default_template(FLAT),
        "{run}/{dataset_type}/{physical_filter}{detector:03d}",
        "{run}/flat/x",
    ],
)
@given(left=flats, right=flats, run=st.sampled_from(["u/me", "u/me/flat", "u"]))
def test_two_datasets_never_share_a_path(template, left, right, run):
    """Whatever the template says, and however runs are nested."""
    paths = set()
    for run_name, values in (("u/me", left), (run, right)):
        coordinate = DataCoordinate(FLAT.dimensions, values)
        ref = DatasetRef(FLAT, coordinate, run_name, make_uuid())
        path = path_of(template, ref)
        paths.add(path)
        parts = path.split("/")
        assert "/".join(parts).startswith(f"{run_name}/flat/")
        assert not any(part == "" or part.startswith(".") for part in parts)
        assert path.isascii()
    assert len(paths) == 2


def test_nested_runs_whose_folders_meet_do_not_share_files():
    """Run 'u/calexp/Demo' of type '1' and run 'u' of type 'calexp' have one folder."""
    group = UNIVERSE.group(["instrument"])
    outer = DatasetType("a", group, "StructuredDict")
    inner = make_type(name="a")
    template = "{run}/{dataset_type}/a"
    refs = [make_ref(outer, run="u", instrument="a"), make_ref(inner, run="u")]
    assert len({path_of(template, ref) for ref in refs}) == 2


@given(st.text(), st.text())
def test_parts_are_encoded_one_to_one(left, right):
    try:
        encoded = encode_part(left), encode_part(right)
    except UnicodeEncodeError:
        return
    assert (encoded[0] == encoded[1]) == (left == right)
    assert encoded[0]
    assert "/" not in encoded[0]
    assert not encoded[0].startswith(".")
