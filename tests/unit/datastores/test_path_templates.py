"""Path templates: one path for each dataset, and never outside."""

from __future__ import annotations

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
    assert path == "u/me/calexp/Demo/12/calexp_Demo_12_3"


def test_a_type_without_dimensions_has_a_path():
    dataset_type = make_type(name="summary")
    ref = make_ref(dataset_type)
    assert path_of(default_template(dataset_type), ref) == "u/me/summary/summary"


def test_implied_values_do_not_change_the_default_path():
    plain = {"instrument": "Demo", "visit": 3, "detector": 1}
    implied = {"band": "g", "day_obs": 20300101, "physical_filter": "g1"}
    template = default_template(VISIT)
    full = make_ref(VISIT, **plain, **implied)
    assert path_of(template, make_ref(VISIT, **plain)) == path_of(template, full)


def test_optional_fields_come_and_go_with_their_folder():
    template = "{run}/{day_obs?}/{dataset_type}/{instrument}/{visit:05d}-_{detector}"
    plain = {"instrument": "Demo", "visit": 3, "detector": 1}
    implied = {"band": "g", "day_obs": 20300101, "physical_filter": "g1"}
    assert path_of(template, make_ref(VISIT, **plain)) == ("u/me/calexp/Demo/00003-_1")
    assert path_of(template, make_ref(VISIT, **plain, **implied)) == (
        "u/me/20300101/calexp/Demo/00003-_1"
    )


def test_an_optional_dimension_of_another_type_is_left_out():
    template = "{run}/{dataset_type}/{tract?}/{id}"
    ref = make_ref(VISIT, instrument="Demo", visit=3, detector=1)
    assert path_of(template, ref) == f"u/me/calexp/{ref.id}"


def test_a_missing_implied_value_is_told():
    template = "{run}/{dataset_type}/{day_obs}/{id}"
    ref = make_ref(VISIT, instrument="Demo", visit=3, detector=1)
    with pytest.raises(SettingsError, match=r"'day_obs'.*calexp@.*\{day_obs\?\}"):
        path_of(template, ref)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{run}/{dataset_type}", "does not name detector, instrument, visit"),
        ("{run}/{instrument}/{visit}_{detector}", "does not name dataset_type"),
        ("{dataset_type}/{instrument}/{visit}_{detector}", "does not name run"),
        ("{run}/{dataset_type}/{vist}/{id}", "Did you mean 'visit'"),
        ("{run}/{dataset_type}/{visit}{detector}/{instrument}", "cannot tell"),
        ("{run}/{dataset_type}/{visit}0-{detector}/{instrument}", "cannot tell"),
        ("{run}/{dataset_type}_{instrument}/{visit}_{detector}", "cannot tell"),
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
        "{run}/{dataset_type}/{instrument}/{detector}_{physical_filter}",
        "{run}/{dataset_type}/{physical_filter}_{detector:03d}/{instrument}",
    ],
)
@given(left=flats, right=flats)
def test_different_data_ids_have_different_paths_below_the_root(template, left, right):
    paths = []
    for values in (left, right):
        coordinate = DataCoordinate(FLAT.dimensions, values)
        ref = DatasetRef(FLAT, coordinate, "u/me", make_uuid())
        paths.append(path_of(template, ref))
    assert (paths[0] == paths[1]) == (left == right)
    for path in paths:
        parts = path.split("/")
        assert parts[:3] == ["u", "me", "flat"]
        assert not any(part == "" or part.startswith(".") for part in parts)
        assert path.isascii()


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
